"""Putting values into well-known messages: only what protobuf takes, numbers as JSON has them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.protojson import json_value, scalar
from admission.cel.values import NONE, CelError, Duration, Optional_, Timestamp, Uint, make_map


def test_a_field_takes_its_own_type_even_from_inside_of_an_optional() -> None:
    assert scalar(1, int, "int64") == 1
    assert scalar(Optional_("a"), str, "string") == "a"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "type conversion error from bool to 'int64'"),
        (Uint(1), "unsupported type conversion from 'uint' to int64"),
        (1.5, "type conversion error from Double to 'int64'"),
        ("a", "unsupported native conversion from string to 'int64'"),
        (b"a", "type conversion error from Bytes to 'int64'"),
        (None, "type conversion error from 'null_type' to 'int64'"),
        ([1], "type conversion error from list to 'int64'"),
        ({"a": 1}, "type conversion error from map to 'int64'"),
        (Duration(0), "type conversion error from 'Duration' to 'int64'"),
        (types.INT, "type conversion not supported for 'type'"),
        (NONE, "optional.none() dereference"),
    ],
)
def test_another_type_is_refused_in_its_own_words(value: Any, message: str) -> None:
    with pytest.raises(CelError) as caught:
        scalar(value, int, "int64")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, 1.0),
        (Uint(1), 1.0),
        (2**53 - 1, float(2**53 - 1)),
        (2**53, "9007199254740992"),
        (-(2**53) - 1, "-9007199254740993"),
        (b"a", "YQ=="),
        (Duration(1_500_000_000), "1.5s"),
        (Timestamp(0), "1970-01-01T00:00:00Z"),
        ([1, {"a": [None, True]}], [1.0, {"a": [None, True]}]),
        (Optional_([1]), [1.0]),
    ],
)
def test_values_become_what_json_has_for_them(value: Any, wanted: Any) -> None:
    made = json_value(value)
    assert made == wanted
    assert type(made) is type(wanted)


def test_keys_of_json_objects_are_strings() -> None:
    with pytest.raises(CelError, match="unsupported type conversion from 'int' to string"):
        json_value(make_map([(1, 2)]))


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_json_already_stays(value: Any) -> None:
    assert json_value(value) == value


def test_depth_is_bounded_by_an_error_and_not_by_the_stack() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(CelError, match="nested too deep"):
        json_value(deep)


def test_nan_stays_nan() -> None:
    assert math.isnan(json_value([math.nan])[0])
