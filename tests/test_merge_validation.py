"""Whether values are of merge types, and which of their parts are one piece."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from admission.merge_validation import STRICT, Tolerance, atomic_paths, faults, joined
from admission.object_values import Foreign, NoElements
from tests.merging import configurations, live_specs, spec_type

SPEC = spec_type()
UINT = Foreign("uint64", "5", "0x5", 5)


def said(value: Any, tolerance: Tolerance = STRICT) -> str | None:
    found = faults(SPEC, value, tolerance)
    return joined(found) if found else None


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"text": "a", "number": 1.5, "flag": True, "either": "a"},
        {"text": None, "labels": None, "items": None},
        {"either": {"a": [1]}},
        {"set": NoElements(), "items": []},
        {"labels": {"a": "b"}, "free": {"a": {"b": [{}]}}},
        {"items": [{"name": "a"}, {"name": "a", "port": 81}]},
        {"piece": {"text": "a"}, "list": ["a", "a"]},
    ],
)
def test_what_fits_has_no_faults(value: Any) -> None:
    assert said(value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("a", "expected map, got &{a}"),
        ({"nope": 1}, ".nope: field not declared in schema"),
        ({"number": "1"}, ".number: expected numeric (int or float), got string"),
        ({"number": True}, ".number: expected numeric (int or float), got bool"),
        ({"number": UINT}, ".number: expected numeric (int or float), got uint64"),
        ({"number": [1]}, ".number: expected numeric (int or float), got []interface {}"),
        ({"text": 5}, ".text: expected string, got &value.valueUnstructured{Value:5}"),
        ({"text": UINT}, ".text: expected string, got &value.valueUnstructured{Value:0x5}"),
        ({"flag": "a"}, ".flag: expected boolean, got &{a}"),
        ({"labels": {"a": 1}}, ".labels.a: expected string, got &value.valueUnstructured{Value:1}"),
        ({"labels": ["a"]}, ".labels: expected map, got &{[a]}"),
        ({"set": "a"}, ".set: expected list, got &{a}"),
        ({"set": ["a", "a"]}, '.set: duplicate entries for key [="a"]'),
        ({"set": [{}]}, ".set: element 0: associative list without keys has an element that's a map type"),
        ({"list": ["a", 1]}, ".list[1]: expected string, got &value.valueUnstructured{Value:1}"),
        ({"items": [{"name": "a"}, {"name": "a"}]}, '.items: duplicate entries for key [name="a",port=80]'),
        (
            {"items": [{"name": "a", "size": "x"}]},
            '.items[name="a",port=80].size: expected numeric (int or float), got string',
        ),
        ({"items": [None]}, ".items: element 0: associative list with keys may not have a null element"),
    ],
)
def test_faults_are_in_the_words_of_the_api_server(value: Any, fault: str) -> None:
    assert said(value) == fault


def test_several_faults_are_a_list() -> None:
    assert said({"number": "a", "flag": 1}) == (
        "errors:\n  .number: expected numeric (int or float), got string\n  .flag: expected boolean, got &{1}"
    )


def test_what_is_let_pass() -> None:
    twice, unknown = {"set": ["a", "a"]}, {"nope": {"a": [1]}, "inner": {"nope": 1}}
    assert said(twice, Tolerance(duplicates=True)) is None
    assert said(unknown, Tolerance(undeclared=True)) is None
    assert said({**unknown, "number": "a"}, Tolerance(undeclared=True)) is not None


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"text": "a", "labels": {"a": "b"}, "set": ["a"], "items": [{"name": "a"}]}, []),
        ({"list": []}, [".list"]),
        ({"list": ["a"], "piece": {}}, [".list", ".piece"]),
        ({"either": ["a"]}, [".either"]),
        ({"free": {"a": ["b"]}}, []),
        ({"piece": None, "list": None}, []),
    ],
)
def test_pieces_are_named_by_their_paths(value: Any, paths: list[str]) -> None:
    assert list(atomic_paths(SPEC, value)) == paths


@given(configurations)
def test_configurations_fit_and_have_no_pieces(value: Any) -> None:
    assert said(value) is None
    assert list(atomic_paths(SPEC, value)) == []


@given(live_specs)
def test_what_stands_in_a_cluster_may_have_duplicates(value: Any) -> None:
    assert said(value, Tolerance(duplicates=True)) is None
