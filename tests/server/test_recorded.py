from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from admission.server.loading import load_engine
from tests.server.serving import Running, serving

ROOT = Path(__file__).resolve().parent.parent.parent
REVIEWS = sorted((ROOT / "tests" / "assets" / "reviews").glob("*.json"))
PRIVILEGED = json.loads((ROOT / "examples" / "privileged-pod-review.json").read_text())


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the bundled policies."""
    from admission_certs.__main__ import main

    folder = tmp_path_factory.mktemp("certificates")
    assert main(["bootstrap", "--dir", str(folder), "--dns", "localhost", "127.0.0.1"]) == 0
    with serving(
        folder, load=load_engine, policies_from=("builtin:",), resources=(str(ROOT / "examples" / "namespaces.yaml"),)
    ) as running:
        yield running


def test_there_are_58_recorded_reviews() -> None:
    assert len(REVIEWS) == 58


@pytest.mark.parametrize("path", REVIEWS, ids=lambda path: path.stem)
@pytest.mark.parametrize("endpoint", ["/mutate", "/validate"])
def test_every_recorded_review_gets_a_valid_answer(bundled: Running, path: Path, endpoint: str) -> None:
    body = path.read_bytes()
    request = json.loads(body)["request"]
    answer = bundled.answer(body, endpoint)
    assert answer["uid"] == request["uid"]
    assert isinstance(answer["allowed"], bool)
    assert set(answer) <= {"uid", "allowed", "status", "auditAnnotations", "warnings", "patch", "patchType"}
    if not answer["allowed"]:
        assert 400 <= answer["status"]["code"] < 500
        assert answer["status"]["message"]
    assert ("patch" in answer) == ("patchType" in answer)
    assert endpoint == "/mutate" or "patch" not in answer
    assert not any("/" in key for key in answer.get("auditAnnotations", {}))


def test_a_privileged_pod_is_denied_with_every_reason(bundled: Running) -> None:
    answer = bundled.answer(PRIVILEGED)
    assert answer["allowed"] is False
    causes = answer["status"]["details"]["causes"]
    assert len(causes) >= 2
    assert all(cause["field"].startswith("spec.") for cause in causes)
    assert any("privileged" in cause["message"] for cause in causes)
