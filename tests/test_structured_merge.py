"""Merging: what is overwritten, united, kept, and in which order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from admission.diff import diff
from admission.structured_merge import merge
from tests.merging import configurations, live_specs, spec_type

SPEC = spec_type()


def named(*names: str, **fields: Any) -> list[Any]:
    return [{"name": name, **fields} for name in names]


def names(items: list[Any]) -> str:
    return "".join(item["name"] for item in items)


@pytest.mark.parametrize(
    ("live", "configuration", "merged"),
    [
        ({"text": "a", "number": 1}, {"text": "b"}, {"text": "b", "number": 1}),
        ({"text": "a"}, {"text": None}, {"text": None}),
        ({"labels": {"a": "1"}}, {"labels": {"b": "2"}}, {"labels": {"a": "1", "b": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {}}, {"labels": {"a": "1"}}),
        ({"labels": {"a": "1"}}, {"labels": None}, {"labels": {"a": "1"}}),
        ({}, {"labels": {}}, {"labels": {}}),
        ({}, {"set": None}, {"set": None}),
        ({"set": ["a"]}, {"set": None}, {"set": ["a"]}),
        ({"set": ["a", "b"]}, {"set": ["c", "a"]}, {"set": ["c", "a", "b"]}),
        ({"either": "a"}, {"either": 1}, {"either": 1}),
        ({"inner": {"text": "a"}}, {"inner": {}}, {"inner": {"text": "a"}}),
        ({"free": {"a": {"b": 1}}}, {"free": {"a": {"c": 2}}}, {"free": {"a": {"b": 1, "c": 2}}}),
        ({"free": {"a": 1}}, {"free": {"a": {"c": 2}}}, {"free": {"a": {"c": 2}}}),
        (
            {"items": [{"name": "a", "size": 1}, {"name": "b"}]},
            {"items": [{"name": "a", "notes": {}}]},
            {"items": [{"name": "a", "size": 1, "notes": {}}, {"name": "b"}]},
        ),
        (
            {"items": [{"name": "a", "port": 80, "size": 1}]},
            {"items": [{"name": "a", "size": 2}]},
            {"items": [{"name": "a", "port": 80, "size": 2}]},
        ),
        (
            {"items": [{"name": "a", "port": 81}]},
            {"items": [{"name": "a"}]},
            {"items": [{"name": "a", "port": 81}, {"name": "a"}]},
        ),
        ({"unknown": 1, "text": "a"}, {"text": "b"}, {"unknown": 1, "text": "b"}),
    ],
)
def test_merging(live: Any, configuration: Any, merged: Any) -> None:
    assert merge(SPEC, live, configuration) == merged


@pytest.mark.parametrize(
    ("live", "configuration", "merged"),
    [
        ("ab", "c", "abc"),
        ("ab", "a", "ab"),
        ("ab", "ca", "cab"),
        ("ab", "cb", "acb"),
        ("abc", "ca", "bca"),
        ("abcd", "dxb", "acdxb"),
        ("", "ba", "ba"),
    ],
)
def test_elements_of_both_are_in_the_order_of_the_configuration(live: str, configuration: str, merged: str) -> None:
    assert names(merge(SPEC, {"items": named(*live)}, {"items": named(*configuration)})["items"]) == merged


def test_elements_with_the_same_key_are_replaced_by_the_one_of_the_configuration() -> None:
    live = {"items": [*named("a", size=1), *named("a", size=2), *named("b", size=3)]}
    assert merge(SPEC, live, {"items": named("a")}) == {"items": [*named("a"), *named("b", size=3)]}
    assert merge(SPEC, live, {"text": "x"})["items"] is live["items"]


@given(live_specs, configurations)
def test_merging_twice_is_merging_once(live: Any, configuration: Any) -> None:
    once = merge(SPEC, live, configuration)
    assert merge(SPEC, once, configuration) == once


@given(live_specs)
def test_an_empty_configuration_changes_nothing(live: Any) -> None:
    assert merge(SPEC, live, {}) == live
    assert merge(SPEC, {"inner": {}, **live}, {"inner": {}}) == {"inner": {}, **live}


@given(live_specs, configurations)
def test_neither_side_is_changed_and_nothing_is_removed(live: Any, configuration: Any) -> None:
    before = copy.deepcopy((live, configuration))
    merged = merge(SPEC, live, configuration)
    assert (live, configuration) == before
    assert {*live, *configuration} == set(merged)
    for field in ("text", "number", "flag", "either"):
        assert merged.get(field) == configuration.get(field, live.get(field))
    assert {**live.get("labels", {}), **configuration.get("labels", {})} == (merged.get("labels") or {})
    assert {*live.get("set", ()), *configuration.get("set", ())} == {*(merged.get("set") or ())}


@given(live_specs, configurations)
def test_what_the_configuration_does_not_name_is_shared(live: Any, configuration: Any) -> None:
    merged = merge(SPEC, live, configuration)
    assert all(merged[field] is live[field] for field in live if field not in configuration)


@given(live_specs, configurations)
def test_no_operation_touches_what_is_equal_on_both_sides(live: Any, configuration: Any) -> None:
    merged = merge(SPEC, live, configuration)
    equal = {field for field in merged if field in live and live[field] == merged[field]}
    assert {operation["path"].split("/")[1] for operation in diff(live, merged)} & equal == set()
