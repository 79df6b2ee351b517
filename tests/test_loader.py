from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from admission.errors import Issue, LoadError, UsageError
from admission.loader import load_documents, load_policies
from admission.packs import packs

API_VERSION = "admissionregistration.k8s.io/v1"

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: limits
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - expression: |
      object.spec.containers.all(c,
        has(c.resources))
"""
BINDING = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: limits}
spec: {policyName: limits, validationActions: [Deny]}
"""


def _file(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def _refused(*paths: Path | str, strict: bool = True) -> tuple[Issue, ...]:
    with pytest.raises(LoadError) as refused:
        load_policies(paths, strict=strict)
    return refused.value.issues


def _said(issues: tuple[Issue, ...], folder: Path) -> list[str]:
    """Return `file:line:col: message` with paths relative to the folder."""
    return [issue.render().partition("\n")[0].replace(f"{folder}/", "") for issue in issues]


def test_policies_and_bindings_are_loaded_from_files_and_folders(tmp_path: Path) -> None:
    _file(tmp_path, POLICY + "---\n" + BINDING, "a/policy.yaml")
    _file(tmp_path, "kind: Pod\n", "a/resources/pod.yaml")
    _file(tmp_path, "cases: []\n", "a/tests.yaml")
    result = load_policies([tmp_path])
    assert [policy.name for policy in result.policies.policies] == ["limits"]
    assert [binding.name for binding in result.policies.bindings] == ["limits"]
    assert result.issues == ()
    assert result.files == (str(tmp_path / "a/policy.yaml"),)
    assert str(result.policies.policies[0].position) == f"{tmp_path}/a/policy.yaml:1:1"
    assert len(result.compile().validating) == 1


def test_the_version_does_not_depend_on_how_it_was_written(tmp_path: Path) -> None:
    one = load_policies([_file(tmp_path, POLICY + "---\n" + BINDING)])
    as_json = [document.data for document in load_documents([tmp_path])]
    listed = {"apiVersion": "v1", "kind": "List", "items": list(reversed(as_json))}
    two = load_policies([_file(tmp_path, json.dumps(listed), "other/policies.json")])
    assert one.policies.version == two.policies.version
    assert one.policies == two.policies


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = _file(tmp_path, POLICY + "---\n" + BINDING)
    assert load_policies([file, tmp_path]).files == (str(file),)


def test_policies_come_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((POLICY + "---\n" + BINDING).encode())))
    result = load_policies(["-"])
    assert result.files == ("-",)
    assert str(result.policies.bindings[0].position) == "-:14:1"


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    _file(
        tmp_path,
        POLICY.replace("has(c.resources)", "has(c.resources) && foo")
        + "    reason: Unauthorized\n    mesage: x\n"
        + "---\na: b: c\n---\n"
        + BINDING.replace("Deny", "Deny, Warn"),
        "a.yaml",
    )
    _file(tmp_path, "kind: ConfigMap\napiVersion: v1\n---\n- 1\n---\nkind: Pod\n", "b.yaml")
    _file(tmp_path, '{"a": 1,}', "c.json")
    (tmp_path / "d.yaml").write_bytes(b"a: 1\nb: \xff\n")
    group = "admissionregistration.k8s.io"
    refused = f'ValidatingAdmissionPolicy.{group} "limits" is invalid: spec.validations[0]'
    places_and_messages = [
        ("nothing", "cannot be read: No such file or directory"),
        (
            "a.yaml:12:29",
            f"{refused}.expression: Invalid value: compilation failed: ERROR: <input>:2:23: undeclared ref",
        ),
        ("a.yaml:13:13", f'{refused}.reason: Unsupported value: "Unauthorized": supported values: "Forbidden", "Inv'),
        ("a.yaml:14:5", 'strict decoding error: unknown field "spec.validations[0].mesage"'),
        ("a.yaml:16:5", "YAML: mapping values are not allowed in this context"),
        (
            "a.yaml:21:47",
            f'ValidatingAdmissionPolicyBinding.{group} "limits" is invalid: spec.validationActions: Invalid value: ["',
        ),
        ("b.yaml:1:7", "ConfigMap (v1) is no policy"),
        ("b.yaml:4:1", "a Kubernetes object must be a mapping with apiVersion and kind"),
        ("b.yaml:6:1", "apiVersion must be given, as a string"),
        ("c.json:1:9", "JSON: Expecting property name enclosed in double quotes"),
        ("d.yaml:2:1", "not UTF-8: invalid start byte"),
    ]
    for said, (place, message) in zip(
        _said(_refused(tmp_path, tmp_path / "nothing"), tmp_path), places_and_messages, strict=True
    ):
        assert said.startswith(f"{place}: {message}")


def test_an_issue_shows_the_line_and_a_caret(tmp_path: Path) -> None:
    _, issue = _refused(_file(tmp_path, POLICY.replace("has(c.resources)", "foo")))
    assert issue.render().split("\n")[1:] == ["   12 |         foo)", "                ^"]


def test_an_expression_on_one_line_is_quoted_as_the_api_server_does(tmp_path: Path) -> None:
    text = POLICY.replace("|\n      object.spec.containers.all(c,\n        has(c.resources))", "1 + 'x'")
    _, issue = _refused(_file(tmp_path, text))
    assert issue.message == (
        'ValidatingAdmissionPolicy.admissionregistration.k8s.io "limits" is invalid: spec.validations[0].expression: '
        "Invalid value: \"1 + 'x'\": compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' "
        "applied to '(int, string)'"
    )
    assert (issue.position is not None and issue.position.column, issue.id) == (19, "expression")


@pytest.mark.parametrize(
    ("text", "message", "help_text"),
    [
        ("apiVersion: v1\nkind: Namespace\n", "Namespace (v1) is no policy", "--resources"),
        (
            f"apiVersion: {API_VERSION}\nkind: ValidatingAdmisionPolicy\n",
            f"ValidatingAdmisionPolicy ({API_VERSION}) is no policy",
            "did you mean `ValidatingAdmissionPolicy`?",
        ),
        (
            "apiVersion: admissionregistration.k8s.io/v2\nkind: MutatingAdmissionPolicy\n",
            "MutatingAdmissionPolicy has no apiVersion admissionregistration.k8s.io/v2",
            "write admissionregistration.k8s.io/v1 or",
        ),
        (
            f"apiVersion: {API_VERSION}\nkind: ValidatingWebhookConfiguration\n",
            f"ValidatingWebhookConfiguration ({API_VERSION}) is no policy",
            "",
        ),
    ],
)
def test_other_kinds_are_refused_and_the_way_is_shown(tmp_path: Path, text: str, message: str, help_text: str) -> None:
    [issue] = _refused(_file(tmp_path, text), strict=False)
    assert issue.message == message
    assert help_text in issue.help


def test_a_stored_policy_may_be_one_that_the_api_server_would_refuse(tmp_path: Path) -> None:
    text = POLICY.replace("has(c.resources)", "foo") + "    reason: Unauthorized\n    unknown: 1\n---\n" + BINDING
    result = load_policies([_file(tmp_path, text)], strict=False)
    [policy] = result.compile().validating
    assert policy.policy.validations[0].reason == "Unauthorized"
    assert "undeclared reference to 'foo'" in policy.validations[0].error
    assert [issue.id for issue in result.issues] == ["expression", "creation", "schema"]


@pytest.mark.parametrize(
    "text",
    ["a: b: c", POLICY.replace("limits", "5"), POLICY.replace("name: limits", "generateName: a-"), "- 1", "kind: x"],
)
def test_no_api_server_could_have_stored_these(tmp_path: Path, text: str) -> None:
    assert _refused(_file(tmp_path, text), strict=False)


def test_the_faults_of_an_object_with_a_wrong_type_are_told_all_the_same(tmp_path: Path) -> None:
    text = POLICY.replace("has(c.resources)", "foo") + "    message: 5\n  variables: {}\n"
    assert [issue.message.partition(": ")[2] for issue in _refused(_file(tmp_path, text)) if issue.id == "schema"] == [
        "must be a string, but is an integer",
        "must be a list, but is an object",
    ]
    assert any(issue.id == "expression" for issue in _refused(tmp_path))


def test_a_policy_that_is_defined_twice_is_refused(tmp_path: Path) -> None:
    issues = _refused(_file(tmp_path, POLICY + "---\n" + POLICY + "---\n" + BINDING))
    assert _said(issues, tmp_path) == [
        'policy.yaml:17:3: ValidatingAdmissionPolicy "limits" is defined twice; the first is at policy.yaml:1:1'
    ]


def test_policies_and_bindings_without_each_other_are_warned_of(tmp_path: Path) -> None:
    text = POLICY + "---\n" + BINDING.replace("policyName: limits", "policyName: limit")
    result = load_policies([_file(tmp_path, text)])
    assert [(issue.message, issue.severity, issue.help) for issue in result.issues] == [
        ('policy "limits" does nothing: no binding names it', "warning", "add a ValidatingAdmissionPolicyBinding"),
        (
            'binding "limits" does nothing: there is no ValidatingAdmissionPolicy "limit"',
            "warning",
            "did you mean `limits`?",
        ),
    ]


def test_a_folder_without_files_and_an_unknown_pack_are_no_policies(tmp_path: Path) -> None:
    [issue] = _refused(tmp_path)
    assert issue.message == f"{tmp_path}: no file with the ending .yaml, .yml, .json in this folder"
    with pytest.raises(UsageError, match="is no bundled policy"):
        load_policies(["builtin:no-such-pack"])


def test_every_bundled_pack_loads_without_a_word() -> None:
    for pack in packs():
        assert load_policies([f"builtin:{pack}"]).issues == (), pack


def test_manifests_are_documents_with_lists_taken_apart(tmp_path: Path) -> None:
    text = "kind: List\napiVersion: v1\nitems:\n- {kind: A, apiVersion: v1}\n- {kind: B, apiVersion: v1}\n"
    documents = load_documents([_file(tmp_path, text + "---\nkind: C\napiVersion: v1\n")])
    assert [(one.data["kind"], one.position_of(("kind",)).line) for one in documents] == [("A", 4), ("B", 5), ("C", 7)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "a Kubernetes object must be a mapping with apiVersion and kind"),
        ("kind: A\n", "apiVersion must be given, as a string"),
        ("apiVersion: v1\nkind: 1\n", "kind must be given, as a string"),
        ("apiVersion: v1\nkind: A\nmetadata: []\n", "metadata must be a mapping"),
        ("apiVersion: v1\nkind: A\nkind: B\n", 'key "kind" occurs twice in the same mapping'),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LoadError) as refused:
        load_documents([_file(tmp_path, text)])
    assert [issue.message for issue in refused.value.issues] == [message]


def test_every_recorded_policy_loads_and_the_rejected_one_is_refused_with_that_text(
    assets: Path, tmp_path: Path
) -> None:
    refused: dict[str, str] = {}
    for file in sorted((assets / "golden").glob("*.json")):
        case: dict[str, Any] = json.loads(file.read_text("utf-8"))
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [case["policy"], case["binding"]]})
        path = _file(tmp_path, text, file.name)
        try:
            assert len(load_policies([path]).policies.policies) == 1
        except LoadError as error:
            refused[file.stem] = "\n".join(issue.message for issue in error.issues)
            assert refused[file.stem] == case.get("rejected", {}).get("message"), file.name
    assert list(refused) == ["vap-reason-unauthorized"]


def test_a_misspelt_name_in_an_expression_is_helped(tmp_path: Path) -> None:
    text = POLICY.replace("has(c.resources)", "c.image.contians('x')") + "---\n" + BINDING
    [issue] = _refused(_file(tmp_path, text))
    assert issue.help == "did you mean 'contains'?"


def test_an_empty_path_is_not_the_working_directory() -> None:
    with pytest.raises(UsageError, match="a path to load from is empty"):
        load_policies([""])
    with pytest.raises(UsageError, match="a path to load from is empty"):
        load_documents([""])


def test_a_file_of_endless_length_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admission.loader.MAX_FILE", 1024 * 1024)
    [issue] = _refused(_file(tmp_path, "#" * (1024 * 1024 + 1)))
    assert issue.message.endswith("larger than 1 MiB")


def test_text_may_be_utf_16_as_yaml_allows(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(POLICY + "---\n" + BINDING, "utf-16")
    assert len(load_policies([file]).policies.policies) == 1


EXEMPTION = """\
apiVersion: admission.dev/v1alpha1
kind: PolicyExemption
metadata: {name: legacy, namespace: shop}
spec:
  policyRefs:
    - name: probe
      validations: [0]
  reason: moved next quarter
  owner: team-shop
  expiresAt: 2026-12-31T00:00:00Z
"""
"""In YAML this time is a timestamp without quotes; Kubernetes reads it as text."""
BEFORE, AFTER = 1_790_000_000.0, 1_800_000_000.0


def _probe(**annotations: str) -> str:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "probe", "annotations": annotations},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                ]
            },
            "validations": [{"expression": "true"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "probe"},
        "spec": {"policyName": "probe", "validationActions": ["Deny"]},
    }
    return f"{json.dumps(policy)}\n---\n{json.dumps(binding)}\n"


def _exempting(folder: Path, exemption: str, **annotations: str) -> Path:
    (folder / "policy.yaml").write_text(_probe(**annotations), "utf-8")
    (folder / "exemption.yaml").write_text(exemption, "utf-8")
    return folder


def test_exemptions_are_loaded_beside_policies_and_from_resources(tmp_path: Path) -> None:
    folder = _exempting(tmp_path, EXEMPTION)
    documents = load_documents([folder / "exemption.yaml"])
    for loaded in (
        load_policies([folder], now=BEFORE),
        load_policies([folder / "policy.yaml"], resources=documents, now=BEFORE),
        load_policies([folder], resources=documents, now=BEFORE),
    ):
        assert loaded.issues == ()
        [exemption] = loaded.policies.exemptions
        assert (exemption.full_name, exemption.owner) == ("shop/legacy", "team-shop")
        assert exemption.expires_at == 1_798_675_200.0
        assert len(loaded.compile().exemptions) == 1


def test_an_exemption_changes_the_version_of_the_policies(tmp_path: Path) -> None:
    folder = _exempting(tmp_path, EXEMPTION)
    with_it, without = (load_policies([path], now=BEFORE).policies for path in (folder, folder / "policy.yaml"))
    assert with_it.version != without.version


@pytest.mark.parametrize(
    ("exemption", "annotations", "line", "message"),
    [
        (EXEMPTION, {}, 10, 'exemption "shop/legacy" is over and lets nobody off'),
        (
            EXEMPTION.replace("2026", "2036").replace("probe", "prob"),
            {},
            6,
            'exemption "shop/legacy" lets nobody off: there is no validating policy "prob"',
        ),
        (
            EXEMPTION.replace("2026", "2036"),
            {"admission.dev/exemptable": "false"},
            6,
            'exemption "shop/legacy" lets nobody off: policy "probe" is not exemptable',
        ),
        (
            EXEMPTION.replace("2026", "2036").replace("[0]", "[1]"),
            {},
            7,
            'exemption "shop/legacy" names a validation that policy "probe" does not have',
        ),
    ],
)
def test_an_exemption_that_lets_nobody_off_is_a_warning(
    exemption: str, annotations: dict[str, str], line: int, message: str, tmp_path: Path
) -> None:
    [issue] = load_policies([_exempting(tmp_path, exemption, **annotations)], now=AFTER).issues
    assert (issue.message, issue.severity) == (message, "warning")
    assert issue.position is not None
    assert (Path(issue.position.file).name, issue.position.line) == ("exemption.yaml", line)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  reason: moved next quarter\n", "", 4, "spec.reason: Required value: say why somebody is let off"),
        ("owner: team-shop", "owner: ' '", 9, "spec.owner: Required value: say who answers for it"),
        ("[0]", "[]", 7, "spec.policyRefs[0].validations: Required value: must contain at least one index"),
        ("[0]", "[-1]", 7, "spec.policyRefs[0].validations[0]: Invalid value: -1: must be greater than or equal to 0"),
        ("[0]", "[0, 0]", 7, 'spec.policyRefs[0].validations[1]: Duplicate value: "0"'),
        ("2026-12-31T00:00:00Z", "tomorrow", 10, 'spec.expiresAt: Invalid value: "tomorrow": must be a time'),
        ("  owner", "  onwer: x\n  owner", 9, 'strict decoding error: unknown field "spec.onwer"'),
        ("  owner", "  paths: [a b]\n  owner", 9, 'spec.paths[0]: Invalid value: "a b": must be a path'),
        ("  owner", "  paths: []\n  owner", 9, "spec.paths: Required value"),
        ("namespace: shop", "namespace: Shop", 3, 'metadata.namespace: Invalid value: "Shop"'),
        ("v1alpha1", "v1", 1, "PolicyExemption has no apiVersion admission.dev/v1"),
        (
            "  owner",
            "  matchConditions: [{name: a, expression: objekt == null}]\n  owner",
            9,
            "undeclared reference to 'objekt'",
        ),
    ],
)
def test_a_fault_of_an_exemption_is_refused_with_its_place(
    old: str, new: str, line: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(LoadError) as caught:
        load_policies([_exempting(tmp_path, EXEMPTION.replace(old, new))], now=BEFORE)
    [issue] = [issue for issue in caught.value.issues if issue.severity == "error"]
    assert message in issue.message
    assert issue.position is not None
    assert issue.position.line == line
