from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.pruning import EVERY, Pick, Steps, parse_path, without

DOCUMENT: dict[str, Any] = {
    "metadata": {"labels": {"a.b/c": "x", "d": "y"}},
    "spec": {"containers": [{"name": "app", "image": "a"}, {"name": "proxy", "image": "b"}], "hostNetwork": True},
}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("spec", ("spec",)),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ("spec.containers[*].image", ("spec", "containers", EVERY, "image")),
        ("spec.containers[name=proxy]", ("spec", "containers", Pick("name", "proxy"))),
        ('spec.containers[name="proxy"]', ("spec", "containers", Pick("name", "proxy"))),
        ("metadata.labels[a.b/c]", ("metadata", "labels", "a.b/c")),
    ],
)
def test_a_path_is_written_as_findings_print_it(text: str, steps: Steps) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["", ".", "spec.", ".spec", "spec..x", "spec[", "spec]", "spec[]", "a b", "a=b", "*"])
def test_what_is_no_path_has_no_steps(text: str) -> None:
    assert parse_path(text) is None


@pytest.mark.parametrize(
    ("path", "containers"),
    [
        ("spec.containers[0]", [{"name": "proxy", "image": "b"}]),
        ("spec.containers[name=proxy]", [{"name": "app", "image": "a"}]),
        ("spec.containers[*]", []),
        ("spec.containers[*].image", [{"name": "app"}, {"name": "proxy"}]),
        ("spec.containers[7]", DOCUMENT["spec"]["containers"]),
        ("spec.containers.image", DOCUMENT["spec"]["containers"]),
    ],
)
def test_what_stands_at_a_path_is_left_out(path: str, containers: list[Any]) -> None:
    steps = parse_path(path)
    assert steps is not None
    assert without(DOCUMENT, [steps])["spec"] == {"containers": containers, "hostNetwork": True}


def test_keys_with_dots_can_be_named() -> None:
    steps = parse_path("metadata.labels[a.b/c]")
    assert steps is not None
    assert without(DOCUMENT, [steps])["metadata"] == {"labels": {"d": "y"}}


@given(st.lists(st.lists(st.sampled_from(["spec", "containers", 0, EVERY, Pick("name", "app")])).map(tuple)))
def test_the_document_itself_never_changes(paths: list[Steps]) -> None:
    before = copy.deepcopy(DOCUMENT)
    without(DOCUMENT, paths)
    assert before == DOCUMENT
