from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.library.standard.conversions import LIBRARY
from admission.cel.values import INT_MAX, INT_MIN, UINT_MAX, CelError, Duration, Timestamp, Uint

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((f"bool('{word}')", True) for word in ("1", "t", "T", "true", "TRUE", "True")),
        *((f"bool('{word}')", False) for word in ("0", "f", "F", "false", "FALSE", "False")),
        ("bytes('é')", b"\xc3\xa9"),
        ("double('1_000.5')", 1000.5),
        ("double('0x1p-2')", 0.25),
        ("double('Infinity')", math.inf),
        ("double('-inf')", -math.inf),
        ("double(3u)", 3.0),
        ("duration('1h1m1.5s')", Duration(3661_500_000_000)),
        ("int('-0012')", -12),
        ("int(-3.9)", -3),
        ("int(5u)", 5),
        ("int(duration('1us'))", 1000),
        ("int(timestamp('1969-12-31T23:59:59.5Z'))", -1),
        ("string(true)", "true"),
        ("string(b'\\303\\251')", "é"),
        ("string(100000.0)", "100000"),
        ("string(1000000.0)", "1e+06"),
        ("string(1e21)", "1e+21"),
        ("string(0.00001)", "1e-05"),
        ("string(-0.0)", "-0"),
        ("string(1.0)", "1"),
        ("string(double('NaN'))", "NaN"),
        ("string(double('inf'))", "+Inf"),
        ("string(-double('inf'))", "-Inf"),
        ("string(duration('1h30m'))", "5400s"),
        ("string(duration('-1.5ms'))", "-0.0015s"),
        ("string(18446744073709551615u)", "18446744073709551615"),
        ("string(timestamp('2024-01-02T03:04:05.600Z'))", "2024-01-02T03:04:05.6Z"),
        ("string(timestamp('2024-01-02T03:04:05+05:30'))", "2024-01-02T03:04:05+05:30"),
        ("timestamp(1)", Timestamp(10**9)),
        ("timestamp('2024-01-02T03:04:05,25Z') == timestamp('2024-01-02T03:04:05.25Z')", True),
        ("uint(3.9)", Uint(3)),
        ("uint('7')", Uint(7)),
        ("type(1)", types.INT),
        ("type(type(1))", types.TYPE),
        ("type([1]) == list && type({}) == map && type(null) == null_type", True),
        ("dyn([1])", [1]),
    ],
)
def test_conversions_give_what_go_gives(evaluate: Evaluate, text: str, value: object) -> None:
    result = evaluate(text)
    assert result == value
    assert type(result) is type(value)


FAILED = "type conversion error from '{}' to '{}'"


@pytest.mark.parametrize(
    ("overload", "arg", "error"),
    [
        ("string_to_bool", "yes", FAILED.format("string", "bool")),
        ("string_to_int64", "", FAILED.format("string", "int")),
        ("string_to_int64", "1_000", FAILED.format("string", "int")),
        ("string_to_int64", "٣", FAILED.format("string", "int")),
        ("string_to_int64", "9223372036854775808", FAILED.format("string", "int")),
        ("string_to_int64", "9" * 10_000, FAILED.format("string", "int")),
        ("string_to_uint64", "-1", FAILED.format("string", "uint")),
        ("string_to_uint64", "+1", FAILED.format("string", "uint")),
        ("string_to_double", "1e400", FAILED.format("string", "double")),
        ("string_to_double", "0x1p99999", FAILED.format("string", "double")),
        ("string_to_double", "1__0", FAILED.format("string", "double")),
        ("string_to_double", "+nan", FAILED.format("string", "double")),
        ("string_to_double", " 1", FAILED.format("string", "double")),
        ("string_to_duration", "1", FAILED.format("string", "google.protobuf.Duration")),
        ("int64_to_duration", 1, FAILED.format("int", "google.protobuf.Duration")),
        ("string_to_timestamp", "2024-02-30T00:00:00Z", FAILED.format("string", "google.protobuf.Timestamp")),
        ("string_to_timestamp", "0000-01-01T00:00:00Z", "timestamp overflow"),
        ("int64_to_timestamp", 253402300800, "timestamp overflow"),
        ("double_to_int64", 2.0**63, "integer overflow"),
        ("double_to_int64", -(2.0**63), "integer overflow"),
        ("double_to_int64", math.nan, "integer overflow"),
        ("double_to_uint64", -0.5, "unsigned integer overflow"),
        ("double_to_uint64", 2.0**64, "unsigned integer overflow"),
        ("int64_to_uint64", -1, "unsigned integer overflow"),
        ("uint64_to_int64", Uint(UINT_MAX), "integer overflow"),
        ("bytes_to_string", b"\xff", "invalid UTF-8 in bytes, cannot convert to string"),
    ],
)
def test_what_cannot_be_converted_is_said_as_cel_go_says_it(overload: str, arg: object, error: str) -> None:
    with pytest.raises(CelError) as raised:
        call(overload, arg)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("int(x)", "no such overload: int(list)"),
        ("string(x)", "no such overload: string(list)"),
        ("duration(n)", "type conversion error from 'int' to 'google.protobuf.Duration'"),
    ],
)
def test_values_without_a_conversion_have_no_overload(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        evaluate(text, x=[1], n=1)
    assert str(raised.value) == error


@pytest.mark.parametrize("text", ["int('x') == 1 || true", "uint(-1) == 1u || true"])
def test_a_constant_that_cannot_be_converted_refuses_the_program(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CelError, match="program instantiation failed"):
        evaluate(text)


@given(st.integers(INT_MIN, INT_MAX))
def test_an_int_survives_its_text(value: int) -> None:
    assert call("string_to_int64", call("int64_to_string", value)) == value


@given(st.floats(allow_nan=False))
def test_a_double_survives_its_text(value: float) -> None:
    assert call("string_to_double", call("double_to_string", value)) == value


@given(st.text())
def test_text_survives_its_bytes(text: str) -> None:
    assert call("bytes_to_string", call("string_to_bytes", text)) == text


@given(st.text(max_size=30))
def test_no_text_breaks_a_conversion(text: str) -> None:
    for overload in OVERLOADS.values():
        if overload.params == (types.STRING,):
            try:
                overload.implementation(text)
            except CelError:
                continue


@pytest.mark.parametrize(("text", "cost"), [("bytes(s)", 2), ("string(bytes(s))", 4), ("string(i)", 2), ("int(i)", 2)])
def test_only_bytes_and_strings_cost_their_length(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text, s="x" * 20, i=10**12) == cost
