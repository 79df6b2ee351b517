from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.members import Members
from admission.cel.quantity import parse_quantity
from admission.cel.values import Uint, Value, same

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers(0, 2).map(Uint)
    | st.sampled_from([0.0, 1.0, math.nan, 2.0**53, 2**53 + 1])
    | st.sampled_from(["", "1", b"1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("element", "found"),
    [(1.0, True), (Uint(1), True), (True, False), ("1", False), (None, True), ([1.0], True), ([True], False)],
)
def test_membership_is_equality(element: Value, found: bool) -> None:
    assert (element in Members([1, None, [1]])) is found


def test_values_that_cannot_be_compared_are_not_in_it() -> None:
    assert "1" not in Members([parse_quantity("1")])
    assert parse_quantity("1000m") in Members([parse_quantity("1")])
    assert parse_quantity("1") not in Members(["1", None, 1])


@given(st.lists(VALUES, max_size=8), VALUES)
def test_members_agree_with_looking_at_every_one(elements: list[Value], wanted: Value) -> None:
    assert (wanted in Members(elements)) is any(same(wanted, element) for element in elements)
