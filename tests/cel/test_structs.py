"""Values of the object types of mutations, seen through expressions."""

from __future__ import annotations

from typing import Any

import pytest

from admission.cel.activation import Activation
from admission.cel.environment import Environment, environment
from admission.cel.values import CelError
from admission.variables import declare


@pytest.fixture(scope="module")
def env() -> Environment:
    return environment("kubernetes").extend(*declare("map"))


def evaluate(env: Environment, text: str, **variables: Any) -> Any:
    program = env.program(env.compile(text))
    outcomes = []
    for exact in (False, True):
        try:
            outcomes.append(program.evaluate(Activation(dict(variables), exact=exact)))
        except CelError as error:
            outcomes.append(f"error: {error}")
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Object{}.spec", None),
        ("Object{spec: Object.spec{a: 1}}.spec", {"a": 1}),
        ("dyn(Object{a: 1}).a", "error: no such key: a"),
        ("Object{a: 1} == Object{a: 1}", True),
        ("Object{a: 1} == Object{a: 1.0}", False),
        ("Object{a: [1]} == Object{a: [1]}", False),
        ("has(Object{a: 1}.a) && !has(Object{}.a)", True),
        ("JSONPatch{op: 'add'}.path", ""),
        ("JSONPatch{op: 'add'}.value == null", True),
        ("has(JSONPatch{op: 'add'}.op) && !has(JSONPatch{}.op)", True),
        ("JSONPatch{op: dyn(1)}.op", "error: unexpected type int64 for JSONPatchType 'op' field"),
        ("JSONPatch{value: 1} == JSONPatch{value: 1.0}", True),
        ("kubernetes.UserInfo{username: 'a'}.username", "error: unknown type 'kubernetes.UserInfo'"),
    ],
)
def test_objects_and_patches_behave_as_upstreams(env: Environment, text: str, wanted: Any) -> None:
    assert evaluate(env, text) == wanted
