from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.library.math import LIBRARY
from admission.cel.values import INT_MAX, INT_MIN, UINT_MAX, CelError, Uint

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("math.greatest(1)", 1),
        ("math.greatest(dyn(1), dyn(2u))", Uint(2)),
        ("math.greatest([1, 5, 3])", 5),
        ("math.least(3, -1, 2)", -1),
        ("math.least(1u, 2u)", Uint(1)),
        ("math.least(1, 1.0)", 1),
        ("math.ceil(1.2)", 2.0),
        ("math.ceil(-0.5)", -0.0),
        ("math.floor(-1.2)", -2.0),
        ("math.round(2.5)", 3.0),
        ("math.round(-1.5)", -2.0),
        ("math.round(0.49999999999999994)", 0.0),
        ("math.trunc(-1.9)", -1.0),
        ("math.ceil(double('inf'))", math.inf),
        ("math.isInf(-1.0 / 0.0)", True),
        ("math.isNaN(0.0 / 0.0)", True),
        ("math.isFinite(1.0)", True),
        ("math.abs(-1)", 1),
        ("math.abs(-1.5)", 1.5),
        ("math.abs(1u)", Uint(1)),
        ("math.sign(-7)", -1),
        ("math.sign(0u)", Uint(0)),
        ("math.sign(-0.0)", 0.0),
        ("math.sqrt(81)", 9.0),
        ("math.sqrt(2.25)", 1.5),
        ("math.bitAnd(3u, 2u)", Uint(2)),
        ("math.bitAnd(-1, 5)", 5),
        ("math.bitOr(1, -8)", -7),
        ("math.bitXor(3u, 5u)", Uint(6)),
        ("math.bitNot(1)", -2),
        ("math.bitNot(0u)", Uint(UINT_MAX)),
        ("math.bitShiftLeft(1, 63)", INT_MIN),
        ("math.bitShiftLeft(1, 64)", 0),
        ("math.bitShiftLeft(1u, 63)", Uint(2**63)),
        ("math.bitShiftRight(-1, 60)", 15),
        ("math.bitShiftRight(-1, 0)", -1),
        ("math.bitShiftRight(1024u, 200)", Uint(0)),
    ],
)
def test_mathematics(evaluate: Evaluate, text: str, value: object) -> None:
    for env in ("extended", "standard"):
        result = evaluate(text, env=env)
        assert result == value
        assert type(result) is type(value)


def test_three_numbers_of_different_types_are_a_mixed_list(evaluate: Evaluate) -> None:
    assert evaluate("math.greatest(1, 2u, 2.5)", env="standard") == 2.5
    with pytest.raises(CompileError, match="expected type 'int' but found 'uint'"):
        evaluate("math.greatest(1, 2u, 2.5)", env="extended")


def test_roots_and_rounding_of_what_has_none(evaluate: Evaluate) -> None:
    assert math.isnan(evaluate("math.sqrt(-1)", env="extended"))
    assert math.isnan(evaluate("math.round(0.0 / 0.0)", env="extended"))
    assert math.isnan(evaluate("math.sign(0.0 / 0.0)", env="extended"))
    assert math.copysign(1, evaluate("math.ceil(-0.5)", env="extended")) == -1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("math.abs(-9223372036854775808)", "integer overflow"),
        ("math.bitShiftLeft(1, -1)", "math.bitShiftLeft() negative offset: -1"),
        ("math.bitShiftRight(1u, -1)", "math.bitShiftRight() negative offset: -1"),
        ("math.greatest(0.0 / 0.0, 1)", "NaN values cannot be ordered: math.@max"),
        ("math.least(0.0 / 0.0, 1.0, 2.0)", "no such overload: math.@min"),
        ("math.least(x)", "math.@min(list) argument must not be empty"),
        ("math.greatest(y)", "no such overload: math.@max"),
        ("math.ceil(z)", "no such overload: math.ceil(int)"),
    ],
)
def test_errors_are_those_of_cel_go(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        evaluate(text, env="extended", x=[], y=[1, "a"], z=1)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("math.least()", r"math\.least\(\) requires at least one argument"),
        ("math.greatest('a')", r"math\.greatest\(\) invalid single argument value"),
        ("math.greatest([])", r"math\.greatest\(\) invalid single argument value"),
        ("math.least(['a'])", r"math\.least\(\) invalid single argument value"),
        ("math.least(1, 'a')", r"math\.least\(\) simple literal arguments must be numeric"),
        ("math.least(1, 2, {})", r"math\.least\(\) simple literal arguments must be numeric"),
        ("x.least(1)", "undeclared reference to 'least'"),
    ],
)
def test_the_macros_refuse_what_is_no_number(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CompileError, match=error):
        evaluate(text, env="extended", x=1)


def test_the_api_server_has_no_mathematics(evaluate: Evaluate) -> None:
    with pytest.raises(CompileError, match="undeclared reference"):
        evaluate("math.abs(-1)")


@given(st.integers(INT_MIN, INT_MAX), st.integers(0, 70))
def test_shifts_are_those_of_64_bits(value: int, bits: int) -> None:
    left, right = call("math_bitShiftLeft_int_int", value, bits), call("math_bitShiftRight_int_int", value, bits)
    assert INT_MIN <= left <= INT_MAX
    assert left % 2**64 == (value << bits) % 2**64 or bits >= 64
    assert right % 2**64 == (value % 2**64) >> bits


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_goes_to_the_nearest(value: float) -> None:
    rounded = call("math_round_double", value)
    assert rounded == int(rounded)
    assert abs(rounded - value) <= 0.5
