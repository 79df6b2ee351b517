"""Expressions with what the API server's own environment answered: running the recorded cases."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

from admission.cel.encoding import decode_value
from admission.cel_cases import CaseRunner
from tests.conformance.cel_spec import Tally, same

COSTS_OF_MAP_ORDER: Final = frozenset({"cel-spec/tests/simple/macros2:all/map_key"})
"""Cases whose recorded cost depends on the order in which Go happened to walk a map; their values are compared."""


def run_file(path: Path, runner: CaseRunner | None = None, *, costs: bool = True) -> Tally:
    """Run every line of one file; costs are compared too where they were recorded."""
    runner = runner or CaseRunner()
    tally = Tally(path.name)
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        failure = compare(case, runner.answer(case), costs=costs)
        if failure is None:
            tally.passed += 1
        else:
            tally.failures.append(f"{case['src']}: {case['expr']}: {failure}")
    return tally


def compare(case: dict[str, Any], answer: dict[str, Any], *, costs: bool = True) -> str | None:
    """Return None where the answer is the recorded one, otherwise the difference."""
    phase = case["phase"]
    if answer["phase"] != phase:
        return f"{answer['phase']} {answer.get('error', answer.get('value'))!r}, wanted {phase} {wanted_text(case)!r}"
    if case.get("error"):
        wanted = wanted_text(case)
        if str(answer.get("error")).partition("\n")[0] != wanted.partition("\n")[0]:
            return f"error {answer.get('error')!r}, wanted {wanted!r}"
        return None
    if "error" in answer:
        return f"error {answer['error']!r}"
    if phase == "value" and not same_encoded(answer["value"], case["expect"]):
        return f"{answer['value']!r}, wanted {case['expect']!r}"
    if "type" in case and answer["type"] != case["type"]:
        return f"type {answer['type']}, wanted {case['type']}"
    if costs and "cost" in case and case["src"] not in COSTS_OF_MAP_ORDER and answer["cost"] != case["cost"]:
        return f"cost {answer['cost']}, wanted {case['cost']}"
    return None


def wanted_text(case: dict[str, Any]) -> str:
    """Return the recorded error as we print it."""
    text = str(case.get("error") or case.get("expect"))
    if text.startswith("PROGRAM "):
        return "program instantiation failed: " + text.removeprefix("PROGRAM ")
    return text


def same_encoded(got: Any, wanted: Any) -> bool:
    """Whether two encoded values are the same; what has no decoder is compared as JSON."""
    try:
        return same(decode_value(got), decode_value(wanted))
    except (ValueError, KeyError):
        return bool(got == wanted) or (isinstance(got, float) and math.isnan(got))
