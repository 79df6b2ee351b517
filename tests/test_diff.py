"""Patches of what really changed: applied, they give the new object, and they touch nothing that stayed the same."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.diff import diff
from admission.jsonpatch import apply

Json = Any

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2, width=16) | st.text("ab~/", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("ab~/0-", max_size=2), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(["spec", "metadata", "a/b", "~"]), VALUES, max_size=4)
NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcdef")}, optional={"image": st.sampled_from("xy")}),
    unique_by=lambda item: item["name"],
    max_size=6,
)


def text(value: Json) -> str:
    """Return what tells two JSON values apart, 1 and 1.0 being one."""
    return json.dumps(value, sort_keys=True).replace(".0", "")


def strictly_applied(document: Json, operations: list[dict[str, Json]]) -> Json:
    """Apply a patch as RFC 6902 has it: what is replaced or removed must be there."""
    document = copy.deepcopy(document)
    for operation in operations:
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        parent = document
        for step in way:
            parent = parent[int(step)] if isinstance(parent, list) else parent[step]
        if isinstance(parent, list):
            place = int(last)
            assert 0 <= place < len(parent) + (operation["op"] == "add")
            if operation["op"] == "add":
                parent.insert(place, operation["value"])
            elif operation["op"] == "replace":
                parent[place] = operation["value"]
            else:
                del parent[place]
            continue
        assert operation["op"] == "add" or last in parent
        if operation["op"] == "remove":
            del parent[last]
        else:
            parent[last] = operation["value"]
    return document


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}]),
        ({"a": None}, {}, [{"op": "remove", "path": "/a"}]),
        ({}, {"a/b~c": None}, [{"op": "add", "path": "/a~1b~0c", "value": None}]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [{"op": "replace", "path": "/a/c", "value": 3}]),
        ({"l": [1, 2, 3]}, {"l": [0, 1, 2, 3]}, [{"op": "add", "path": "/l/0", "value": 0}]),
        ({"l": [1, 2, 3]}, {"l": [1, 3]}, [{"op": "remove", "path": "/l/1"}]),
        ({"l": [1, 2, 3]}, {"l": [1, 9, 3]}, [{"op": "replace", "path": "/l/1", "value": 9}]),
        ({"l": []}, {"l": {}}, [{"op": "replace", "path": "/l", "value": {}}]),
        (
            {"l": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]},
            {"l": [{"name": "x"}, {"name": "a", "v": 2}, {"name": "b", "v": 1}]},
            [
                {"op": "add", "path": "/l/0", "value": {"name": "x"}},
                {"op": "replace", "path": "/l/1/v", "value": 2},
            ],
        ),
        (
            {"l": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
            {"l": [{"name": "a"}, {"name": "c", "v": 1}]},
            [{"op": "remove", "path": "/l/1"}, {"op": "add", "path": "/l/1/v", "value": 1}],
        ),
    ],
)
def test_only_what_changed_is_touched(before: Json, after: Json, operations: list[dict[str, Json]]) -> None:
    assert diff(before, after) == operations


@given(OBJECTS, OBJECTS)
def test_the_patch_gives_the_new_object(before: dict[str, Json], after: dict[str, Json]) -> None:
    operations = diff(before, after)
    assert text(strictly_applied(before, operations)) == text(after)
    assert text(apply(before, operations)) == text(after)
    assert bool(operations) is (text(before) != text(after))


@given(NAMED, NAMED)
def test_lists_of_named_things_are_patched_by_name(olds: list[Json], news: list[Json]) -> None:
    operations = diff({"l": olds}, {"l": news})
    assert strictly_applied({"l": olds}, operations) == {"l": news}
    if [item["name"] for item in olds] == [item["name"] for item in news]:
        assert all(operation["path"].count("/") == 3 for operation in operations)


@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_no_more_elements_are_touched_than_must_be(olds: list[int], news: list[int]) -> None:
    longest = [[0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for i, old in enumerate(olds):
        for j, new in enumerate(news):
            longest[i + 1][j + 1] = longest[i][j] + 1 if old == new else max(longest[i][j + 1], longest[i + 1][j])
    kept = longest[-1][-1]
    operations = diff({"l": olds}, {"l": news})
    taken = sum(operation["op"] != "add" for operation in operations)
    given_ = sum(operation["op"] != "remove" for operation in operations)
    assert (taken, given_) == (len(olds) - kept, len(news) - kept)


@given(st.lists(VALUES, max_size=8), VALUES, st.integers(0, 8))
def test_one_element_put_in_or_taken_out_is_one_operation(elements: list[Json], extra: Json, place: int) -> None:
    longer = [*elements[:place], extra, *elements[place:]]
    (added,) = diff({"l": elements}, {"l": longer})
    assert added["op"] == "add"
    (removed,) = diff({"l": longer}, {"l": elements})
    assert removed["op"] == "remove"


def test_nothing_is_changed_in_place() -> None:
    before, after = {"a": [{"name": "x", "l": [1]}]}, {"a": [{"name": "x", "l": [1, 2]}], "b": {}}
    copies = copy.deepcopy((before, after))
    diff(before, after)
    assert (before, after) == copies


def nested(leaf: int, depth: int) -> dict[str, Json]:
    """Return lists and maps in each other."""
    value: Json = leaf
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return {"a": value}


def test_depth_is_no_danger() -> None:
    before, after = nested(1, 10_000), nested(2, 10_000)
    (operation,) = diff(before, after)
    assert operation["op"] == "replace"
    assert diff(apply(before, [operation]), after) == []


@pytest.mark.parametrize(
    ("olds", "news"),
    [
        ([place % 2 for place in range(2_000)], [place // 2 % 2 for place in range(2_000)]),
        ([0] * 5_000, [1, *[0] * 4_998, 1]),
        (list(range(100_000)), list(range(100_000, 0, -1))),
        ([{"name": str(place)} for place in range(2_000)], [{"name": str(-place)} for place in range(2_000)]),
    ],
)
def test_hostile_lists_end_soon(olds: list[Json], news: list[Json]) -> None:
    start = time.perf_counter()
    operations = diff({"l": olds}, {"l": news})
    assert time.perf_counter() - start < 10
    assert len(operations) <= len(olds) + len(news)
