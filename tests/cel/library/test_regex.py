from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.plan import ProgramError
from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'abc 123'.find('[0-9]+')", "123"),
        ("'abc'.find('[0-9]+')", ""),
        ("'日本語'.find('本.')", "本語"),
        ("'123 abc 456'.findAll('[0-9]+')", ["123", "456"]),
        ("'123 abc 456'.findAll('[0-9]+', 1)", ["123"]),
        ("'123 abc 456'.findAll('[0-9]+', 0)", []),
        ("'123 abc 456'.findAll('[0-9]+', -5)", ["123", "456"]),
        ("'aXbXc'.findAll('x*')", ["", "", "", "", "", ""]),
        ("'baac'.findAll('a*')", ["", "aa", ""]),
        ("'a1b2'.findAll('([a-z])([0-9])')", ["a1", "b2"]),
    ],
)
def test_matches_are_found(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


def test_a_constant_pattern_that_is_none_is_refused_before_anything_runs(evaluate: Evaluate) -> None:
    with pytest.raises(ProgramError) as caught:
        evaluate("'a'.find('(')")
    assert str(caught.value) == "program instantiation failed: error parsing regexp: missing closing ): `(`"


def test_a_computed_pattern_that_is_none_is_an_error(evaluate: Evaluate) -> None:
    with pytest.raises(CelError) as caught:
        evaluate("'a'.findAll(pattern)", pattern="[")
    assert str(caught.value) == "Illegal regex: error parsing regexp: missing closing ]: `[`"


@pytest.mark.parametrize(
    ("text", "cost"),
    [("'0123456789'.find('abcd')", 2), ("''.find('abcde')", 2), ("'0123456789'.findAll('abcd', 1)", 2)],
)
def test_the_cost_grows_with_text_and_pattern(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost
