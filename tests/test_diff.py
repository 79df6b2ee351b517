"""Patches between two objects: they turn one into the other and touch nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.diff import diff, same
from admission.jsonpatch import apply

Json = Any


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}]),
        ({"a": 0}, {"a": False}, [{"op": "replace", "path": "/a", "value": False}]),
        ({"a": None}, {}, [{"op": "remove", "path": "/a"}]),
        ({}, {"a/b~c": 1}, [{"op": "add", "path": "/a~1b~0c", "value": 1}]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [{"op": "replace", "path": "/a/c", "value": 3}]),
        ({"a": {}}, {"a": []}, [{"op": "replace", "path": "/a", "value": []}]),
        ({"l": [1, 2, 3]}, {"l": [0, 1, 2, 3]}, [{"op": "add", "path": "/l/0", "value": 0}]),
        ({"l": [1, 2, 3]}, {"l": [1, 2, 3, 4]}, [{"op": "add", "path": "/l/3", "value": 4}]),
        ({"l": [1, 2, 3]}, {"l": [1, 3]}, [{"op": "remove", "path": "/l/1"}]),
        ({"l": [1, 2, 3]}, {"l": [1, 9, 3]}, [{"op": "replace", "path": "/l/1", "value": 9}]),
        (
            {"l": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]},
            {"l": [{"name": "x"}, {"name": "a", "v": 2}, {"name": "b", "v": 1}]},
            [
                {"op": "add", "path": "/l/0", "value": {"name": "x"}},
                {"op": "replace", "path": "/l/1/v", "value": 2},
            ],
        ),
        (
            {"l": [{"name": "a"}, {"name": "b"}]},
            {"l": [{"name": "c"}, {"name": "b"}]},
            [{"op": "remove", "path": "/l/0"}, {"op": "add", "path": "/l/0", "value": {"name": "c"}}],
        ),
        (
            {"l": [{"name": "a", "e": [{"name": "x"}]}]},
            {"l": [{"name": "a", "e": [{"name": "x"}, {"name": "y"}]}]},
            [{"op": "add", "path": "/l/0/e/1", "value": {"name": "y"}}],
        ),
    ],
)
def test_operations(before: dict[str, Json], after: dict[str, Json], expected: list[dict[str, Json]]) -> None:
    assert diff(before, after) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b/~"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "a", "b", "~/"]), inner, max_size=4)
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "l"]), json_values, max_size=3)


def without_equal_values(operations: list[dict[str, Json]], before: dict[str, Json]) -> bool:
    """Whether no operation writes what stands there already."""
    current: Json = before
    for operation in operations:
        patched = apply(current, [operation])
        if same(patched, current):
            return False
        current = patched
    return True


@given(objects, objects)
def test_a_patch_turns_one_into_the_other_and_every_operation_changes_something(
    before: dict[str, Json], after: dict[str, Json]
) -> None:
    kept = copy.deepcopy((before, after))
    operations = diff(before, after)
    assert same(apply(before, operations), after)
    assert (operations == []) is same(before, after)
    assert without_equal_values(operations, before)
    assert (before, after) == kept


@given(st.lists(json_values, max_size=8), json_values, st.integers(0, 8))
def test_one_insertion_into_a_list_is_one_operation(items: list[Json], item: Json, index: int) -> None:
    after = [*items[:index], item, *items[index:]]
    operations = diff({"l": items}, {"l": after})
    assert [operation["op"] for operation in operations] == ["add"]


@given(objects)
def test_nothing_changed_is_no_patch(value: dict[str, Json]) -> None:
    assert diff(value, copy.deepcopy(value)) == []


def test_long_lists_take_no_long_time() -> None:
    before = {"l": list(range(5_000))}
    after = {"l": list(range(5_000, 0, -1))}
    assert same(apply(before, diff(before, after)), after)


@given(json_values, json_values)
def test_sameness_is_symmetric_and_true_is_not_one(left: Json, right: Json) -> None:
    assert same(left, right) is same(right, left)
    assert same(left, copy.deepcopy(left))
    assert not same(True, 1)
