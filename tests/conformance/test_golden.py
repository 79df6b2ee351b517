"""The 62 golden policies: what kube-apiserver 1.36.2 answered, and what we answer.

What does not pass yet is listed by name and must fail: a fix cannot go unnoticed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.recorded import golden_differences, golden_rejection

FOLDER: Final = Path(__file__).resolve().parent.parent / "assets" / "golden"
FILES: Final = sorted(FOLDER.glob("*.json"))

NOT_YET: Final[dict[str, str]] = {}
"""Golden files that do not pass yet, each with the reason."""


def _cases() -> list[object]:
    return [
        pytest.param(
            path,
            id=path.stem,
            marks=[pytest.mark.xfail(strict=True, reason=NOT_YET[path.stem])] if path.stem in NOT_YET else [],
        )
        for path in FILES
    ]


def test_all_golden_policies_are_here() -> None:
    assert len(FILES) == 62
    assert set(NOT_YET) <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", _cases())
def test_the_answers_are_those_of_the_api_server(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    assert (golden_rejection(case) if "rejected" in case else golden_differences(case)) == []
