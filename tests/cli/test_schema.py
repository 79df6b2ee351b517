"""`admission schema` end to end."""

from __future__ import annotations

import json

import pytest

from admission.cli.app import run
from admission.kinds import KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_schema_of_a_kind_is_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", kind], {}) == 0
    assert json.loads(capsys.readouterr().out)["title"] == kind
    assert run(["schema", kind.lower()], {}) == 0


def test_without_a_kind_all_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"], {}) == 0
    assert list(json.loads(capsys.readouterr().out)["definitions"]) == list(KINDS)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("PolicyExemptions", "error: no kind 'PolicyExemptions'; did you mean PolicyExemption?\n"),
        ("Pod", "error: no kind 'Pod'; there are ValidatingAdmissionPolicy, "),
    ],
)
def test_an_unknown_kind_is_a_wrong_usage(kind: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", kind], {}) == 2
    assert capsys.readouterr().err.startswith(said)
