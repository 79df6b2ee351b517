from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.numerals import format_positional, format_shortest, parse_double, parse_integer


@pytest.mark.parametrize(
    ("value", "shortest", "positional"),
    [
        (0.0, "0", "0"),
        (-0.0, "-0", "-0"),
        (1.0, "1", "1"),
        (0.5, "0.5", "0.5"),
        (123456.0, "123456", "123456"),
        (1234567.0, "1.234567e+06", "1234567"),
        (1e20, "1e+20", "100000000000000000000"),
        (1e100, "1e+100", "1" + "0" * 100),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "1e-05", "0.00001"),
        (1.5e-7, "1.5e-07", "0.00000015"),
        (5e-324, "5e-324", "0." + "0" * 323 + "5"),
        (-2.25, "-2.25", "-2.25"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (math.nan, "NaN", "NaN"),
    ],
)
def test_doubles_are_printed_as_go_prints_them(value: float, shortest: str, positional: str) -> None:
    assert format_shortest(value) == shortest
    assert format_positional(value) == positional


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_both_forms_name_the_same_double(value: float) -> None:
    assert parse_double(format_shortest(value)) == value
    assert parse_double(format_positional(value)) == value
    assert "e" not in format_positional(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("+1.", 1.0),
        (".5e1", 5.0),
        ("1_0e1_0", 1e11),
        ("0X_1.8p3", 12.0),
        ("inf", math.inf),
        ("1e-400", 0.0),
    ],
)
def test_doubles_are_read_as_go_reads_them(text: str, value: float) -> None:
    assert parse_double(text) == value


@pytest.mark.parametrize(
    "text", ["", ".", "+", "1e", "_1", "1_", "1_.5", "0x1", "0x.p1", "infin", "+nan", "1f", "1e309"]
)
def test_what_go_does_not_take_for_a_double_is_none(text: str) -> None:
    assert parse_double(text) is None


def test_integers_stay_within_their_range() -> None:
    assert parse_integer("-00128", -128, 127) == -128
    assert parse_integer("128", -128, 127) is None
    assert parse_integer("+1", 0, 9, signed=False) is None
    assert parse_integer("1" * 5_000, 0, 9) is None
    assert parse_integer("1\n", 0, 9) is None
