from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.documents.scalars import Scalar, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("y", True),
        ("On", True),
        ("NO", False),
        ("n", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("010", 8),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("+12", 12),
        ("-0", 0),
        ("1.0", 1),
        ("1.5", 1.5),
        ("1e3", 1000),
        (".5", 0.5),
        ("1e21", 1e21),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 9223372036854775808.0),
        ("12:30:45", "12:30:45"),
        ("2001-01-01", "2001-01-01"),
        ("1e400", "1e400"),
        ("_1", "_1"),
        ("1.2.3", "1.2.3"),
        ("5m", "5m"),
        ("nan", "nan"),
        ("-", "-"),
    ],
)
def test_a_plain_scalar_is_what_kubectl_sends(text: str, value: Scalar) -> None:
    found = resolve(text)
    assert (type(found), found) == (type(value), value)


def test_not_a_number_and_infinity_are_recognised_as_such() -> None:
    assert math.isnan(_number(".nan"))
    assert math.isinf(_number("-.Inf"))


def _number(text: str) -> float:
    value = resolve(text)
    assert isinstance(value, float)
    return value


@given(st.text(alphabet="0123456789+-._eExXoObBaAyYnN~ ", max_size=30))
def test_every_text_is_some_scalar_within_the_bounds_of_json(text: str) -> None:
    value = resolve(text)
    if isinstance(value, int):
        assert -(2**63) <= value < 2**63


def test_a_number_of_a_million_digits_stays_a_string() -> None:
    text = "9" * 1_000_000
    assert resolve(text) == text
