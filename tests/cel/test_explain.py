"""Explanations: every sub-expression that was evaluated, once a round, with span and value."""

from __future__ import annotations

from typing import Any

from admission.cel import types
from admission.cel.activation import Activation
from admission.cel.environment import environment
from admission.cel.explain import Explained, explain


def explained(text: str, value: Any = None) -> Explained:
    env = environment("kubernetes").extend({"object": types.DYN})
    program = env.program(env.compile(text))
    return explain(program.trace(Activation({"object": value})), program.checked.source)


def test_spans_are_those_of_the_text() -> None:
    tree = explained("object.a + 1 > 2", {"a": 1})
    for step in (tree, *tree.children):
        assert tree.text[slice(*step.span)] == step.text


def test_what_macros_generate_is_left_out_and_rounds_are_numbered() -> None:
    tree = explained("object.l.all(x, x > 0)", {"l": [1, 0]})
    assert [(child.text, child.round, child.value) for child in tree.children] == [
        ("object.l", None, [1, 0]),
        ("x > 0", 0, True),
        ("x > 0", 1, False),
    ]


def test_what_was_not_needed_does_not_appear() -> None:
    tree = explained("true || object.nope")
    assert "object.nope" not in [child.text for child in tree.children]


def test_an_error_is_shown_where_it_happened_even_if_it_was_absorbed() -> None:
    tree = explained("object.nope || true", {})
    assert tree.value is True
    assert [child.error for child in tree.children if child.text == "object.nope"] == ["no such key: nope"]


def test_the_tree_is_plain_json() -> None:
    tree = explained("object.a == 1u", {"a": 1}).as_json()
    assert tree["value"] is True
    assert tree["children"][0] == {
        "text": "object.a",
        "span": [0, 8],
        "value": 1,
    }
