from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.values import CelError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("size('héllo😀')", 6),
        ("'héllo'.size()", 5),
        ("b'h\\303\\251'.size()", 3),
        ("size([1, 2]) + size({1: 2})", 3),
        ("'abc'.contains('')", True),
        ("'abc'.contains('bd')", False),
        ("'abc'.startsWith('ab') && 'abc'.endsWith('bc') && !'abc'.startsWith('b')", True),
        ("'a-b'.matches('^[a-z](-[a-z])*$')", True),
        ("matches('hello', 'ell')", True),
        ("'é'.matches('^.$')", True),
        ("'a\\nb'.matches('a.b')", False),
    ],
)
def test_text_is_counted_in_code_points(evaluate: Evaluate, text: str, value: object) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("n.contains('a')", "no such overload"),
        ("s.startsWith(n)", "no such overload"),
        ("n.endsWith(s)", "no such overload"),
        ("n.matches(s)", "no such overload: matches"),
        ("n.matches('a')", "no such overload"),
        ("size(n)", "no such overload: size"),
        ("d.size()", "no such overload"),
        ("s.matches('a' + '**')", "error parsing regexp: invalid nested repetition operator: `**`"),
    ],
)
def test_misfits_are_said_as_cel_go_says_them(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        evaluate(text, n=1, s="a", d=evaluate("duration('1s')"))
    assert str(raised.value) == error


def test_a_constant_pattern_that_is_none_does_not_compile(evaluate: Evaluate) -> None:
    with pytest.raises(CompileError, match="invalid matches argument"):
        evaluate("'a'.matches(')')")


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("s.contains('abc')", 3),
        ("s.matches('abcde')", 7),
        ("matches(s, 'abcde')", 2),
        ("s.startsWith('a')", 3),
        ("s.endsWith('a')", 3),
        ("size(s)", 2),
    ],
)
def test_walking_over_text_has_its_price(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text, s="x" * 20) == cost
