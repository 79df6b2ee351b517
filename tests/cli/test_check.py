"""`admission check` end to end: files in, text and exit codes out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from admission.cli.app import run

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: probe
  annotations:
    admission.dev/severity: high
    admission.dev/remedy: do otherwise
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE], resources: ["*"]}
  validations:
    - expression: EXPRESSION
      message: not like this
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: probe-binding
spec:
  policyName: probe
  validationActions: [ACTION]
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  hostNetwork: true
  containers:
    - name: app
      image: nginx
"""
NOTE = "note: namespace 'default' is in no resource given; assuming one with just its name label\n"


class Place:
    """A folder with a policy and manifests, and the command that looks at them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def write(self, name: str, text: str) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return str(file)

    def policy(self, expression: str, action: str = "Deny") -> str:
        return self.write(
            "policy.yaml", POLICY.replace("EXPRESSION", f"|-\n        {expression}").replace("ACTION", action)
        )

    def check(self, *arguments: str) -> int:
        code = run(["check", "--policies", str(self.folder / "policy.yaml"), *arguments], {})
        self.out, self.err = self._capsys.readouterr()
        return code

    def documents(self) -> list[dict[str, Any]]:
        loaded: list[dict[str, Any]] = json.loads(self.out)
        return loaded


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    made = Place(tmp_path, capsys)
    made.policy("!object.spec.?hostNetwork.orValue(false)")
    return made


def test_a_denied_manifest_ends_with_1_and_its_line(place: Place) -> None:
    file = place.write("pod.yaml", POD)
    assert place.check(file) == 1
    assert place.out.splitlines()[:-1] == [
        f"{file}:6:3: Pod default/web  denied by probe",
        "  |",
        "4 |   name: web",
        "5 | spec:",
        "6 |   hostNetwork: true",
        "  |   ^^^^^^^^^^^^^^^^^ not like this",
        "  = help: do otherwise".rjust(23),
        "",
    ]
    assert place.out.splitlines()[-1].startswith("1 file, 1 resource, 1 policy: 1 denied in ")
    assert place.err == NOTE


def test_a_clean_run_prints_one_line(place: Place) -> None:
    assert place.check(place.write("pod.yaml", POD.replace("true", "false"))) == 0
    assert len(place.out.splitlines()) == 1
    assert place.out.startswith("1 file, 1 resource, 1 policy: 1 fine in ")


def test_quiet_prints_only_findings(place: Place) -> None:
    assert place.check("-q", place.write("fine.yaml", POD.replace("true", "false"))) == 0
    assert place.out == ""
    assert place.check("-q", place.write("pod.yaml", POD)) == 1
    assert "1 resource" not in place.out


@pytest.mark.parametrize(("action", "verb"), [("Warn", "warned"), ("Audit", "audited")])
def test_what_does_not_deny_ends_with_0(place: Place, action: str, verb: str) -> None:
    place.policy("false", action)
    assert place.check(place.write("pod.yaml", POD)) == 0
    assert f"{verb} by probe" in place.out


def test_json_is_one_document_and_nothing_else(place: Place) -> None:
    file = place.write("pod.yaml", "\n---\n" + POD)
    assert place.check("--output", "json", file) == 1
    [entry] = place.documents()
    assert (entry["file"], entry["line"], entry["allowed"], entry["patch"]) == (file, 3, False, [])
    assert entry["resource"] == {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "web"}
    assert entry["findings"] == [
        {
            "policy": "probe",
            "binding": "probe-binding",
            "param": None,
            "index": 0,
            "outcome": "FAIL",
            "actions": ["Deny"],
            "message": "not like this",
            "path": "spec.hostNetwork",
            "line": 8,
            "column": 3,
            "severity": "high",
            "exemption": None,
        }
    ]
    assert "1 resource" in place.err


def test_a_namespace_lies_in_no_namespace(place: Place) -> None:
    file = place.write("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    place.check("--output", "json", file)
    assert place.documents()[0]["resource"] == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "namespace": "",
        "name": "shop",
    }


def test_folders_lists_and_standard_input_are_manifests(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write("manifests/a.yaml", POD + "---\n" + POD)
    place.write("manifests/deep/b.json", json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}}))
    items = [{"apiVersion": "v1", "kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "Secret"}]
    place.write("manifests/list.yaml", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    place.policy("true")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POD.encode())))
    assert place.check("-o", "json", str(place.folder / "manifests"), "-") == 0
    assert [entry["resource"]["kind"] for entry in place.documents()] == ["Pod"] * 3 + ["ConfigMap", "Secret", "Pod"]
    assert place.documents()[-1]["file"] == "-"
    assert place.err.splitlines()[-1].startswith("4 files, 6 resources, 1 policy: 6 fine in ")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "bad.yaml:"), ("a: b", "apiVersion must be given"), ("- 1", "must be a mapping"), ("{", "bad.yaml:")],
)
def test_unreadable_input_ends_with_2(place: Place, text: str, said: str) -> None:
    assert place.check(place.write("bad.yaml", text)) == 2
    assert said in place.err
    assert place.out == ""


def test_a_file_that_is_not_there_ends_with_2(place: Place) -> None:
    assert place.check(str(place.folder / "nothing.yaml")) == 2
    assert "nothing.yaml" in place.err


def test_a_policy_that_the_api_server_would_refuse_ends_with_2(place: Place) -> None:
    policy = place.policy("object.spec.")
    assert place.check(place.write("pod.yaml", POD)) == 2
    assert place.err.startswith(f"{policy}:14:")
    assert "Syntax error" in place.err
    assert "^" in place.err


def test_every_fault_of_every_policy_is_said_in_one_go(place: Place) -> None:
    place.policy("1 +")
    other = place.write("other.yaml", POLICY.replace("EXPRESSION", "nonsense").replace("ACTION", "Nothing"))
    assert place.check("--policies", other, place.write("pod.yaml", POD)) == 2
    assert "undeclared reference to 'nonsense'" in place.err
    assert "Nothing" in place.err
    assert f"{place.folder / 'policy.yaml'}:14:" in place.err


def test_the_request_is_a_create_with_dry_run_by_the_user_of_checks(place: Place) -> None:
    place.policy(
        "request.operation == 'CREATE' && request.dryRun && request.namespace == 'default' && oldObject == null && "
        "request.userInfo.username == 'admission:check' && request.userInfo.groups == ['system:authenticated']"
    )
    assert place.check(place.write("pod.yaml", POD)) == 0


def test_namespace_user_and_groups_can_be_given(place: Place) -> None:
    place.policy(
        "request.namespace == 'shop' && object.metadata.namespace == 'shop' && "
        "request.userInfo.username == 'ada' && request.userInfo.groups == ['a', 'b']"
    )
    file = place.write("pod.yaml", POD)
    assert place.check("-n", "shop", "--as", "ada", "--as-group", "a", "--as-group", "b", file) == 0


def test_the_namespace_of_the_manifest_wins(place: Place) -> None:
    place.policy("request.namespace == 'own'")
    assert (
        place.check("-n", "shop", place.write("pod.yaml", POD.replace("name: web", "name: web\n  namespace: own"))) == 0
    )


def test_objects_have_the_defaults_of_the_api_server(place: Place) -> None:
    place.policy("object.spec.restartPolicy == 'Always'")
    assert place.check(place.write("pod.yaml", POD)) == 0
    assert place.check("--no-defaults", place.write("pod.yaml", POD)) == 1
    assert "no such key: restartPolicy" in place.out


def test_resources_stand_for_the_cluster(place: Place) -> None:
    place.policy("namespaceObject.metadata.labels['team'] == 'shop'")
    known = place.write(
        "resources.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {team: shop}}}"
    )
    assert place.check("--resources", known, place.write("pod.yaml", POD)) == 0
    assert place.err == ""


def test_a_namespace_that_nobody_gave_is_plain_and_said_once(place: Place) -> None:
    place.policy("namespaceObject.metadata.labels == {'kubernetes.io/metadata.name': 'default'}")
    assert place.check(place.write("pod.yaml", POD + "---\n" + POD)) == 0
    assert place.err == NOTE


def test_that_there_are_no_policies_is_told(place: Place) -> None:
    place.write("policy.yaml", "")
    namespace = place.write("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    for arguments, code in (((), 0), (("--strict-facts",), 2)):
        assert place.check(*arguments, namespace) == code
        assert "no policy was found in what was given" in place.err


def test_strict_facts_make_it_an_error(place: Place) -> None:
    assert place.check("--strict-facts", place.write("pod.yaml", POD)) == 2
    assert place.err == "error: namespace 'default' is in no resource given\n"
    assert place.out.splitlines()[1] == '   = namespaces "default" not found'
    assert place.check("--strict-facts", "-o", "json", str(place.folder / "pod.yaml")) == 2
    assert [finding["message"] for finding in place.documents()[0]["findings"]] == ['namespaces "default" not found']


def test_the_authorizer_answers_from_a_file(place: Place) -> None:
    place.policy("authorizer.group('').resource('pods').check('create').allowed()")
    file = place.write("pod.yaml", POD)
    rules = place.write("authz.yaml", "- {verb: create, group: '', resource: pods}")
    assert place.check("--authz", rules, file) == 0
    assert place.check("--authz", place.write("none.json", "[]"), file) == 1
    assert place.check(file) == 1
    assert "no answer from the authorizer" in place.out


@pytest.mark.parametrize("text", ["3", "- {verb: 3}", "- {verbs: create}", "[", "a: 1\n---\nb: 1\n"])
def test_rules_that_are_none_end_with_2(place: Place, text: str) -> None:
    assert place.check("--authz", place.write("authz.yaml", text), place.write("pod.yaml", POD)) == 2
    assert "authz.yaml" in place.err


def test_custom_resources_are_known_by_their_definition(place: Place) -> None:
    place.policy("request.resource.resource == 'postgresdbs' && !has(request.namespace)")
    definition = place.write(
        "definition.yaml",
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
        "metadata: {name: postgresdbs.example.com}, spec: {group: example.com, scope: Cluster, "
        "names: {kind: PostgresDB, plural: postgresdbs}, versions: [{name: v1, served: true, storage: true}]}}",
    )
    custom = place.write("db.yaml", "{apiVersion: example.com/v1, kind: PostgresDB, metadata: {name: db}}")
    assert place.check("-r", definition, custom) == 0
    assert place.err == ""
    assert place.check(custom) == 1
    assert "example.com/v1 PostgresDB is in no resource given" in place.err


def test_findings_in_templates_point_into_them(place: Place) -> None:
    place.write(
        "policy.yaml",
        POLICY.replace("EXPRESSION", "'!object.spec.?hostNetwork.orValue(false)'")
        .replace("ACTION", "Deny")
        .replace("admission.dev/severity: high", 'admission.dev/pod-templates: "true"')
        .replace('resources: ["*"]', "resources: [pods]"),
    )
    file = place.write(
        "deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec:\n  template:\n    spec:\n      hostNetwork: true\n",
    )
    assert place.check(file) == 1
    assert place.out.startswith(f"{file}:7:7: Deployment default/web  denied by probe\n")


def test_a_message_that_holds_a_secret_is_masked(place: Place) -> None:
    text = POLICY.replace("message: not like this", "messageExpression: \"'it is ' + object.stringData.password\"")
    place.write("policy.yaml", text.replace("EXPRESSION", "'false'").replace("ACTION", "Deny"))
    secret = place.write(
        "secret.yaml", "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {password: canary-one}}"
    )
    assert place.check(secret) == 1
    assert "it is ***" in place.out
    assert place.check("-o", "json", secret) == 1
    assert "it is ***" in place.out
    assert "canary-one" not in place.out + place.err


EXEMPTION = """\
apiVersion: admission.dev/v1alpha1
kind: PolicyExemption
metadata:
  name: legacy
spec:
  policyRefs: [{name: probe}]
  reason: moves next quarter
  owner: team-shop
"""


@pytest.mark.parametrize("option", ["--policies", "--resources"])
def test_who_is_let_off_is_allowed_and_named(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path, capsys)
    policy, pod = place.policy("!object.spec.hostNetwork"), place.write("pod.yaml", POD)
    exemption = place.write("exemption.yaml", EXEMPTION)
    assert run(["check", "--policies", policy, option, exemption, pod], {}) == 0
    shown = capsys.readouterr().out
    assert f"{pod}:6:3: Pod default/web  let off from probe by exemption legacy\n" in shown
    assert "not like this" in shown
    assert "1 fine" in shown
