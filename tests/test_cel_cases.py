"""Cases end: what takes too long is an error of its own, and the next one is answered."""

from __future__ import annotations

from admission.cel_cases import CaseRunner
from admission.errors import DeadlineError


def _late() -> None:
    raise DeadlineError("not evaluated within a blink")


def test_a_case_that_takes_too_long_is_an_error_at_run_time() -> None:
    runner = CaseRunner(begin=lambda: _late)
    text = "object.findAll('a[^c]*c|a').size() > 0"
    answer = runner.answer({"expr": text, "env": "vap", "vars": {"object": "ab" * 50_000}})
    assert (answer["error"], answer["phase"]) == ("not evaluated within a blink", "runtime")
    assert runner.answer({"expr": "1 + 1"})["value"] == 2
