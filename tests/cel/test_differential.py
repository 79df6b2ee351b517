"""Expressions with what the API server's own CEL made of them: values, types, errors and cost, to the last unit.

tests/assets/cel/differential.jsonl holds expressions of ours; the answers were given by k8s.io/apiserver v0.36.2 with
cel-go v0.27.0. Fields are those of `admission cel --cases`, and the answer: `phase` with `value` or `error`, `type` and
`cost`. Most lines are there because the two once differed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from admission.cel.activation import Overrun
from admission.cel.diagnostic import CompileError
from admission.cel.encoding import encode_value
from admission.cel.plan import ProgramError
from admission.cel.values import CelError
from admission.cel_cases import CaseRunner, Prepared

CASES: Final = Path(__file__).parents[1] / "assets" / "cel" / "differential.jsonl"


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def names(case: dict[str, Any]) -> str:
    text = " ".join(str(case["expr"]).split())
    return f"{case['env']}: {text[:60]}"


@pytest.fixture(scope="module")
def runner() -> CaseRunner:
    return CaseRunner()


def typed(value: Any) -> Any:
    """Make 1, 1.0 and true different, and the order of entries with keys that are no strings indifferent."""
    if isinstance(value, dict):
        if value.keys() == {"$map"}:
            return {"$map": sorted(json.dumps(typed(entry), sort_keys=True) for entry in value["$map"])}
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return [type(value).__name__, repr(value)]


@pytest.mark.parametrize("case", cases(), ids=names)
def test_the_answer_is_the_api_servers(runner: CaseRunner, case: dict[str, Any]) -> None:
    answer = runner.answer(case)
    assert answer["phase"] == case["phase"], answer
    if case["phase"] == "value":
        assert typed(answer["value"]) == typed(case["value"])
        assert answer["type"] == case["type"]
    else:
        assert answer["error"].partition("\n |")[0] == case["error"]
    if "cost" in case:
        assert answer["cost"] == case["cost"]


@pytest.mark.parametrize("case", [case for case in cases() if case["phase"] != "compile"], ids=names)
def test_compiled_code_and_interpreter_agree(runner: CaseRunner, case: dict[str, Any]) -> None:
    try:
        prepared = runner.prepare(case)
    except (CompileError, ProgramError) as error:
        pytest.fail(f"does not compile: {error}")
    try:
        fast = outcome(prepared, exact=False)
    except Overrun:
        return
    assert fast == outcome(prepared, exact=True)


def outcome(prepared: Prepared, *, exact: bool) -> Any:
    try:
        return typed(encode_value(prepared.program.evaluate(prepared.activation(exact=exact))))
    except CelError as error:
        return str(error)
