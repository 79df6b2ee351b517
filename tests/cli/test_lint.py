"""`admission lint` end to end: files in, issues and exit codes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from admission.cli.app import run

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: probe
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
    - expression: object.spec.hostNetwork == true
      reason: Invalid
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: probe
spec:
  policyName: probe
  validationActions: [Deny]
"""


def lint(folder: Path, text: str, *options: str) -> int:
    (folder / "policy.yaml").write_text(text, "utf-8")
    return run(["lint", str(folder / "policy.yaml"), *options], {})


def test_what_is_fine_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, POLICY) == 0
    assert capsys.readouterr().out == "nothing to say\n"


def test_what_the_api_server_would_refuse_ends_with_2_in_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint(tmp_path, POLICY.replace("reason: Invalid", "reason: Teapot")) == 2
    assert capsys.readouterr().out == (
        f'{tmp_path}/policy.yaml:11:15: ValidatingAdmissionPolicy.admissionregistration.k8s.io "probe" is invalid: '
        'spec.validations[0].reason: Unsupported value: "Teapot": '
        'supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"\n'
        "   11 |       reason: Teapot\n"
        "                      ^^^^^^\n"
        "\n"
        "1 error\n"
    )


def test_what_does_not_compile_is_shown_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, POLICY.replace("object.spec", "objet.spec")) == 2
    shown = capsys.readouterr().out
    assert f"{tmp_path}/policy.yaml:10:19: " in shown
    assert "undeclared reference to 'objet'" in shown
    assert "   10 |     - expression: objet.spec.hostNetwork == true\n                          ^\n" in shown
    assert "  = help: did you mean 'object'?" in shown


@pytest.mark.parametrize("options", [(), ("--exact",)])
def test_what_the_schema_does_not_have_is_a_warning(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lint(tmp_path, POLICY.replace("hostNetwork", "hostNetwrk"), *options) == 0
    shown = capsys.readouterr().out
    assert "policy.yaml:10:30: warning: undefined field 'hostNetwrk' (for v1 Pod)" in shown
    assert shown.endswith("\n1 warning\n")


def test_custom_resources_are_known_from_their_definitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "toys.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Toy", "plural": "toys", "singular": "toy"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                        }
                    },
                }
            ],
        },
    }
    (tmp_path / "definition.json").write_text(json.dumps(definition), "utf-8")
    text = POLICY.replace('[""]', "[example.com]").replace("[pods]", "[toys]")
    assert lint(tmp_path, text, "--resources", str(tmp_path / "definition.json")) == 0
    assert "undefined field 'hostNetwork' (for example.com/v1 Toy)" in capsys.readouterr().out


def test_every_fault_of_every_file_is_one_entry_of_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = POLICY.replace("reason: Invalid", "reason: Teapot").replace("policyName: probe", "policyName: prob")
    assert lint(tmp_path, text, "-o", "json") == 2
    entries = json.loads(capsys.readouterr().out)
    assert [(one["line"], one["column"], one["severity"], one["id"]) for one in entries] == [
        (4, 9, "warning", "binding"),
        (11, 15, "error", "creation"),
        (18, 15, "warning", "binding"),
    ]
    assert entries[1]["field"] == "spec.validations[0].reason"
    assert entries[2]["help"] == "did you mean `probe`?"


@pytest.mark.parametrize("text", ["a: [", "kind: Pod\napiVersion: v1\n", "{}"])
def test_what_is_no_policy_ends_with_2(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, text) == 2
    assert "policy.yaml:" in capsys.readouterr().out


def test_functions_that_a_version_does_not_have_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = POLICY.replace("object.spec.hostNetwork == true", "isSemver('1.0.0')")
    assert lint(tmp_path, text) == 0
    assert lint(tmp_path, text, "--kubernetes-version", "1.32") == 2
    assert "isSemver" in capsys.readouterr().out
