"""Whole policies and single patches against the recorded outcomes, every line of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.conformance.recorded import lines, policy_case_differences, single_patch_differences

NOT_YET_VALIDATING: Final[frozenset[str]] = frozenset()
"""Recorded validating cases that are known not to pass; one that passes fails the test."""

NOT_YET_MUTATING: Final[frozenset[str]] = frozenset()
"""Recorded mutating cases that are known not to pass; one that passes fails the test."""


def _failures(path: Path, *, mutating: bool) -> dict[str, list[str]]:
    found = {case["name"]: policy_case_differences(case, mutating=mutating) for case in lines(path)}
    return {name: differing for name, differing in found.items() if differing}


def test_every_recorded_validating_policy(assets: Path) -> None:
    failures = _failures(assets / "kubernetes-policies" / "validating.jsonl", mutating=False)
    assert {name: found for name, found in failures.items() if name not in NOT_YET_VALIDATING} == {}
    assert set(failures) == NOT_YET_VALIDATING


def test_every_recorded_mutating_policy(assets: Path) -> None:
    failures = _failures(assets / "kubernetes-policies" / "mutating.jsonl", mutating=True)
    assert {name: found for name, found in failures.items() if name not in NOT_YET_MUTATING} == {}
    assert set(failures) == NOT_YET_MUTATING


def test_every_recorded_patch(shared: Path) -> None:
    cases = lines(shared / "kubernetes-policies" / "patches.jsonl")
    found = {case["src"]: single_patch_differences(case) for case in cases}
    assert {name: differing for name, differing in found.items() if differing} == {}
