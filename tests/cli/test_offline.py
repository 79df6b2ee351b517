"""What `admission check` says of policies before it judges by them: types, versions, and never for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from admission.cli.app import run

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: probe}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
    - {apiGroups: [shop.dev], apiVersions: [v1], operations: [CREATE], resources: [carts]}
  validations:
  - expression: EXPRESSION
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: probe}
spec: {policyName: probe, validationActions: [Deny]}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec: {containers: [{name: a, image: nginx}]}
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.dev}
spec:
  group: shop.dev
  scope: Namespaced
  names: {kind: Cart, plural: carts}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {containers: {type: string}}}}
"""


def check(folder: Path, expression: str, *options: str) -> int:
    (folder / "policy.yaml").write_text(POLICY.replace("EXPRESSION", expression), encoding="utf-8")
    (folder / "pod.yaml").write_text(POD, encoding="utf-8")
    (folder / "crd.yaml").write_text(CRD, encoding="utf-8")
    return run(["check", "--policies", str(folder / "policy.yaml"), *options, str(folder / "pod.yaml")], {})


def test_a_misspelt_field_is_warned_of_with_its_place_and_a_suggestion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, "size(object.spec.?containrs.orValue([])) == 0") == 0, "it warns, and judges all the same"
    said = capsys.readouterr().err
    assert f"{tmp_path}/policy.yaml:10:" in said
    assert "undefined field 'containrs' (for v1 Pod)" in said
    assert "did you mean 'containers'?" in said
    assert "^" in said


def test_custom_resources_are_known_by_their_definitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fits = "has(object.spec.containers) && dyn(object.spec.containers) != ''"
    assert check(tmp_path, fits, "--resources", str(tmp_path / "crd.yaml")) == 0
    assert "warning" not in capsys.readouterr().err
    check(tmp_path, "object.spec.containers.all(c, c.image != '')", "--resources", str(tmp_path / "crd.yaml"))
    assert "(for shop.dev/v1 Cart)" in capsys.readouterr().err


def test_quiet_is_quiet_about_types_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, "size(object.spec.?containrs.orValue([])) == 0", "--quiet")
    assert "containrs" not in capsys.readouterr().err


def test_policies_are_held_to_the_version_of_the_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = '"[1].exists(i, v, v == 1)"'
    assert check(tmp_path, newer) == 0
    assert check(tmp_path, newer, "--kubernetes-version", "1.31") == 2
    assert "exists since Kubernetes 1.32" in capsys.readouterr().err


def test_evaluation_has_an_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("admission.cli.offline.TIMEOUT_SECONDS", -1.0)
    endless = '"lists.range(900).all(x, lists.range(900).all(y, x + y >= 0))"'
    assert check(tmp_path, endless) == 1
    said = capsys.readouterr().out
    assert "the deadline of the request passed" in said
    assert "lists.range(900)" in said
