from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.ordering import compare, is_comparable, sort_key
from admission.cel.values import Duration, Timestamp, Uint, Value


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (1, 2),
        (1, 1.5),
        (0.5, Uint(1)),
        (-1, Uint(0)),
        (2**63 - 1, Uint(2**63)),
        (False, True),
        ("a", "b"),
        ("Z", "a"),
        ("\uffff", "😀"),
        (b"a", b"aa"),
        (Duration(-1), Duration(0)),
        (Timestamp(0), Timestamp(1)),
        (-math.inf, -(2**63)),
    ],
)
def test_values_are_ordered(smaller: Value, larger: Value) -> None:
    assert compare(smaller, larger) == -1
    assert compare(larger, smaller) == 1
    assert compare(smaller, smaller) == 0


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, "a"), (True, 1), (math.nan, 1.0), (1, math.nan), (None, None), ([], []), (Duration(1), Timestamp(1))],
)
def test_others_have_no_order(left: Value, right: Value) -> None:
    assert compare(left, right) is None


def test_a_number_that_no_double_can_hold_is_rounded_to_compare_it_with_one() -> None:
    assert compare(2**53 + 1, float(2**53)) == 0
    assert compare(2**53 + 1, 2**53) == 1


def test_only_scalars_are_comparable() -> None:
    assert all(map(is_comparable, (1, Uint(1), 1.0, True, "", b"", Duration(0), Timestamp(0))))
    assert not any(map(is_comparable, (None, [], {}, object)))


@given(st.lists(st.integers()) | st.lists(st.text()) | st.lists(st.binary()) | st.lists(st.booleans()))
def test_sorting_by_key_is_sorting_by_comparison(values: list[Value]) -> None:
    ordered = sorted(values, key=sort_key)
    assert all(compare(a, b) in (-1, 0) for a, b in pairwise(ordered))
