"""`admission review` end to end: the answers that the server would send."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from admission.cli.app import run

REVIEWS = Path(__file__).parent.parent / "assets" / "reviews"
POD = REVIEWS / "validating-create-pods-admin.json"
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
    - expression: EXPRESSION
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: probe
spec:
  policyName: probe
  validationActions: [Deny]
"""


def policy(folder: Path, expression: str) -> str:
    file = folder / "policy.yaml"
    file.write_text(POLICY.replace("EXPRESSION", expression), "utf-8")
    return str(file)


def answers(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_recorded_review_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(REVIEWS.glob("*.json"))
    assert run(["review", "-p", "builtin:pod-security", *map(str, files)], {}) in (0, 1)
    out = capsys.readouterr().out
    uids = [json.loads(file.read_text("utf-8"))["request"]["uid"] for file in files]
    assert [answer["response"]["uid"] for answer in answers(out)] == uids
    assert all(answer["kind"] == "AdmissionReview" for answer in answers(out))


def test_a_denial_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "-p", policy(tmp_path, "'false'"), str(POD)], {}) == 1
    [answer] = answers(capsys.readouterr().out)
    assert answer["apiVersion"] == "admission.k8s.io/v1"
    assert answer["response"]["allowed"] is False
    assert answer["response"]["status"]["code"] == 422
    assert answer["response"]["status"]["message"].startswith("ValidatingAdmissionPolicy 'probe' with binding 'probe' ")


def test_an_allowed_request_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "-p", policy(tmp_path, "'true'"), str(POD)], {}) == 0
    [answer] = answers(capsys.readouterr().out)
    assert answer["response"] == {"uid": "d6a766e8-fbf8-4dde-8d09-95d81ac34855", "allowed": True}


def test_a_stored_policy_that_does_not_compile_is_an_error_of_its_expression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = policy(tmp_path, "object.spec.")
    assert run(["review", "-p", file, str(POD)], {}) == 1
    out, err = capsys.readouterr()
    [answer] = answers(out)
    assert "compilation error: compilation failed: ERROR: <input>:1:" in answer["response"]["status"]["message"]
    assert err.startswith(f"{file}:10:")
    assert "^" in err


def test_a_file_that_is_no_policy_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.yaml").write_text("kind: [", "utf-8")
    assert run(["review", "-p", str(tmp_path), str(POD)], {}) == 2
    assert capsys.readouterr().out == ""


def test_standard_input_is_a_review(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POD.read_bytes())))
    assert run(["review", "-p", policy(tmp_path, "'true'"), "-"], {}) == 0
    assert len(answers(capsys.readouterr().out)) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}']
)
def test_what_is_no_review_ends_with_2_and_the_others_are_answered(
    body: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_bytes(body)
    assert run(["review", "-p", policy(tmp_path, "'true'"), str(bad), str(POD)], {}) == 2
    out, err = capsys.readouterr()
    assert len(answers(out)) == 1
    assert f"{bad}: " in err


def test_a_review_that_cannot_be_judged_is_denied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    review = json.loads(POD.read_bytes())
    review["request"]["operation"] = "RENAME"
    bad.write_text(json.dumps(review), "utf-8")
    assert run(["review", "-p", policy(tmp_path, "'true'"), str(bad)], {}) == 1
    [answer] = answers(capsys.readouterr().out)
    assert answer["response"]["allowed"] is False
    assert answer["response"]["status"]["code"] == 422


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "-p", policy(tmp_path, "'true'"), "nothing.json"], {}) == 2
    assert "nothing.json: cannot be read" in capsys.readouterr().err


def test_mutating_gives_a_patch_and_validating_none(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["review", "-p", "builtin:mutating/seccomp-default", "--phase"]
    assert run([*arguments, "mutate", str(POD)], {}) == 0
    [mutated] = answers(capsys.readouterr().out)
    assert mutated["response"]["patchType"] == "JSONPatch"
    assert run([*arguments, "both", str(POD)], {}) == 0
    [both] = answers(capsys.readouterr().out)
    assert both["response"]["patch"] == mutated["response"]["patch"]
    assert run([*arguments, "validate", str(POD)], {}) == 0
    [validated] = answers(capsys.readouterr().out)
    assert "patch" not in validated["response"]


def test_what_was_mutated_is_what_is_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demanding = policy(tmp_path, "object.spec.securityContext.?runAsNonRoot.orValue(false) == true")
    arguments = ["review", "-p", demanding, "-p", "builtin:mutating/seccomp-default", str(POD)]
    assert run([*arguments, "--phase", "validate"], {}) == 1
    assert run([*arguments, "--phase", "both"], {}) == 0
    assert len(answers(capsys.readouterr().out)) == 2


def test_a_stored_policy_with_a_function_the_version_lacks_fails_as_that_version_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy(tmp_path, "isSemver('1.0.0')")
    assert run(["review", "-p", path, str(POD)], {}) == 0
    assert run(["review", "-p", path, "--kubernetes-version", "1.32", str(POD)], {}) == 1
    assert "exists since Kubernetes 1.33" in capsys.readouterr().out
