from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.library.standard.operators import LIBRARY
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    CelError,
    ConcatList,
    Duration,
    Timestamp,
    Uint,
)

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}
INTS = st.integers(INT_MIN, INT_MAX)


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("-7 / -2", 3),
        ("7 % -2", 1),
        ("-7 % 2", -1),
        ("9u / 2u", Uint(4)),
        ("9u % 2u", Uint(1)),
        ("0.1 + 0.2", 0.30000000000000004),
        ("1.0 / 0.0", math.inf),
        ("-1.0 / 0.0", -math.inf),
        ("1.0 / -0.0", -math.inf),
        ("1e308 * 10.0", math.inf),
        ("'a' + 'b'", "ab"),
        ("b'a' + b'b'", b"ab"),
        ("'a' < 'b' && b'a' < b'b' && false < true", True),
        ("duration('1m') - duration('1s')", Duration(59 * 10**9)),
        ("duration('1s') + timestamp(0) == timestamp(1)", True),
        ("timestamp(1) - duration('1s') == timestamp(0)", True),
        ("timestamp(1) - timestamp(0)", Duration(10**9)),
        ("duration('1s') < duration('2s') && timestamp(1) >= timestamp(1)", True),
        ("-(5)", -5),
        ("-(0.5)", -0.5),
        ("-dyn(duration('1s'))", Duration(-(10**9))),
    ],
)
def test_operators_compute_as_go_does(evaluate: Evaluate, text: str, value: object) -> None:
    result = evaluate(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 / 0", "division by zero"),
        ("1u / 0u", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("1u % 0u", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("-9223372036854775808 - 1", "integer overflow"),
        ("-9223372036854775808 / -1", "integer overflow"),
        ("-9223372036854775808 % -1", "integer overflow"),
        ("-(-9223372036854775808)", "integer overflow"),
        ("9223372036854775807 * 2", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("18446744073709551615u + 1u", "unsigned integer overflow"),
        ("18446744073709551615u * 2u", "unsigned integer overflow"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"),
        ("timestamp('9999-12-31T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')", "integer overflow"),
        ("double('NaN') < 1.0", "NaN values cannot be ordered"),
        ("dyn(double('NaN')) < dyn('a')", "NaN values cannot be ordered"),
        ("dyn(1) + 1u", "no such overload"),
        ("dyn('a') < 1", "no such overload"),
        ("dyn(null) < 1", "no such overload: _<_"),
        ("-dyn('a')", "no such overload"),
        ("-dyn(1u)", "no such overload: -_"),
        ("dyn(1) in dyn(2)", "no such overload"),
        ("!dyn(1)", "no such overload"),
        ("[1][1]", "index out of bounds: 1"),
        ("{'a': 1}['b']", "no such key: b"),
    ],
)
def test_operators_fail_with_the_words_of_cel_go(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        evaluate(text)
    assert str(raised.value) == error


def test_a_nan_out_of_nothing_is_no_number(evaluate: Evaluate) -> None:
    assert math.isnan(evaluate("0.0 / 0.0"))
    assert evaluate("double('NaN') == double('NaN')") is False


@pytest.mark.parametrize("text", ["1 + 1.0", "1 + 'a'", "1u - 1", "'a' - 'b'", "-1u", "1 == 'a'", "-duration('1s')"])
def test_operands_that_can_never_fit_do_not_compile(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CompileError):
        evaluate(text)


@pytest.mark.parametrize(
    "text", ["1 < 1.5", "2u > 1", "1.0 <= 1u", "9223372036854775807 >= 9223372036854775808.0", "-1 < 0u"]
)
def test_numbers_are_ordered_across_their_types(evaluate: Evaluate, text: str) -> None:
    assert evaluate(text) is True


@given(INTS, INTS)
def test_division_and_remainder_fit_together(a: int, b: int) -> None:
    if b == 0 or (a, b) == (INT_MIN, -1):
        for overload in ("divide_int64", "modulo_int64"):
            with pytest.raises(CelError, match=r"by zero|integer overflow"):
                call(overload, a, b)
        return
    quotient, rest = call("divide_int64", a, b), call("modulo_int64", a, b)
    assert quotient * b + rest == a
    assert abs(rest) < abs(b)
    assert rest == 0 or (rest < 0) == (a < 0)


@given(INTS, INTS)
def test_arithmetic_is_exact_or_an_error(a: int, b: int) -> None:
    for overload, exact in (("add_int64", a + b), ("subtract_int64", a - b), ("multiply_int64", a * b)):
        if INT_MIN <= exact <= INT_MAX:
            assert call(overload, a, b) == exact
        else:
            with pytest.raises(CelError, match="integer overflow"):
                call(overload, a, b)


@given(st.floats(), st.floats())
def test_doubles_divide_as_the_standard_says(a: float, b: float) -> None:
    result = call("divide_double", a, b)
    if b != 0:
        expected = a / b
        assert result == expected or (math.isnan(result) and math.isnan(expected))
    elif a == 0 or math.isnan(a):
        assert math.isnan(result)
    else:
        assert math.isinf(result)
        assert math.copysign(1, result) == math.copysign(1, a) * math.copysign(1, b)


def test_lists_are_joined_without_copying() -> None:
    left, right = [1], [2, 3]
    joined = call("add_list", left, right)
    assert isinstance(joined, ConcatList)
    assert list(joined) == [1, 2, 3]
    assert call("add_list", [], right) is right
    assert call("add_list", left, []) is left


def test_membership_tells_true_from_one(evaluate: Evaluate) -> None:
    assert evaluate("x in [1, 2]", x=True) is False
    assert evaluate("x in l", x=1, l=[True, "1"]) is False
    assert evaluate("x in l", x=1, l=[1.0]) is True
    assert evaluate("'a' in l", l=["b", "a"]) is True
    assert evaluate("x in {1: 2}", x=1.0) is True
    assert evaluate("x in {1: 2}", x=True) is False
    assert evaluate("x in {1: 2}", x=[1]) is False


def test_a_list_that_costs_more_than_an_expression_may_is_not_walked() -> None:
    endless: Any = [0]
    for _ in range(50):
        endless = call("add_list", endless, endless)
    with pytest.raises(CelError, match="operation cancelled: actual cost limit exceeded"):
        call("in_list", "a", endless)


def test_times_keep_the_zone_they_were_written_with() -> None:
    later = call("add_timestamp_duration", Timestamp(0, 7200), Duration(5))
    assert (later.nanos, later.offset) == (5, 7200)


def test_the_largest_numbers_are_still_numbers(evaluate: Evaluate) -> None:
    assert evaluate(f"{UINT_MAX}u - {UINT_MAX}u") == Uint(0)
    assert evaluate("dyn(9007199254740993) == 9007199254740992.0") is True


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("s == 'abcdefghijk'", 3),
        ("string(s) + string(s)", 8),
        ("string(s) < string(s)", 6),
        ("string(s) in ['a', 'b', string(s)]", 17),
        ("s + s", 3),
        ("s in l", 3),
        ("1 + 2", 1),
        ("b'0123456789a' + b''", 2),
    ],
)
def test_operators_cost_what_they_walk_where_the_types_are_known(
    cost_of: Callable[..., int], text: str, cost: int
) -> None:
    assert cost_of(text, s="x" * 20, l=["a", "b", "c"]) == cost
