from __future__ import annotations

import pytest

from admission.cel.netaddress import parse_cidr, parse_ip
from admission.cel.sizes import (
    PER_CALL_LIMIT,
    affordable,
    double_string_cost,
    regex_cost,
    size_of,
    string_cost,
    traversal_cost,
    walkable,
)
from admission.cel.values import CelError, ConcatList, KeyedMap, Value


def test_sizes_are_what_upstream_counts() -> None:
    assert size_of("é😀") == 2
    assert size_of(b"\xff\xff") == 2
    assert size_of([1, 2]) == size_of(ConcatList([1], [2])) == 2
    assert size_of({"a": 1}) == size_of(KeyedMap([(True, 1)])) == 1
    assert size_of(7) == size_of(None) == size_of(CelError("no such key: a")) == 1
    assert [size_of(parse_ip(text)) for text in ("1.2.3.4", "::1")] == [4, 16]
    assert [size_of(parse_cidr(text)) for text in ("::/0", "10.0.0.0/9")] == [0, 2]


def test_costs_are_rounded_up() -> None:
    assert [string_cost(size) for size in (0, 1, 10, 11, 30)] == [0, 1, 1, 2, 3]
    assert [double_string_cost(size) for size in (0, 1, 5, 6)] == [0, 1, 1, 2]
    assert regex_cost(0, 4) == 1
    assert regex_cost(9, 5) == 2


@pytest.mark.parametrize(
    ("value", "cost"),
    [
        (1, 1),
        ("short", 0),
        ("0123456789", 1),
        ("é" * 5, 1),
        (b"0123456789", 1),
        ([1, [2, 3], "a"], 3),
        ({"0123456789": 1, "b": [1, 2]}, 4),
        ([], 0),
        (None, 1),
    ],
)
def test_a_traversal_visits_every_leaf(value: Value, cost: int) -> None:
    assert traversal_cost(value) == cost


def test_a_traversal_ends_where_no_expression_could_pay_for_more() -> None:
    deep: Value = 1
    for level in range(20_000):
        deep = [deep] if level % 2 else {"a": deep}
    assert traversal_cost(deep) == 1
    endless: list[Value] | ConcatList = [1]
    for _ in range(60):
        endless = ConcatList(endless, endless)
    assert traversal_cost(endless) == PER_CALL_LIMIT + 1


def test_work_that_cannot_be_paid_for_is_refused() -> None:
    affordable(PER_CALL_LIMIT)
    with pytest.raises(CelError, match="operation cancelled: actual cost limit exceeded"):
        affordable(PER_CALL_LIMIT + 1)
    walkable(10)
    with pytest.raises(CelError, match="a list of 1000000000 elements is too long"):
        walkable(10**9)
