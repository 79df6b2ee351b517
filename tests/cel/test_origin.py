"""The path of a finding: which field of the object decided."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from admission.cel import types
from admission.cel.activation import Activation, LazyVariables
from admission.cel.environment import environment
from admission.cel.origin import deciding_path, render_path
from admission.cel.trace import Trace

POD: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "web", "tier": "x"}},
    "spec": {
        "hostNetwork": True,
        "containers": [
            {"name": "a", "image": "nginx@sha256:1", "securityContext": {"privileged": False}},
            {
                "name": "b",
                "image": "nginx:latest",
                "securityContext": {"privileged": True, "capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}},
            },
        ],
        "initContainers": [{"name": "i", "image": "x:latest"}],
    },
}
ALL = "(object.spec.containers + object.spec.?initContainers.orValue([]))"


def path_of(text: str, **variables: str) -> str | None:
    env = environment("kubernetes").extend({"object": types.DYN, "variables": types.DYN})
    programs = {name: env.program(env.compile(source)) for name, source in variables.items()}
    activation = Activation({"object": POD})
    activation.variables["variables"] = LazyVariables(programs, activation)
    path = deciding_path(env.program(env.compile(text)).trace(activation, POD))
    return None if path is None else render_path(path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("object.spec.hostNetwork != true", "spec.hostNetwork"),
        ("!object.spec.hostNetwork", "spec.hostNetwork"),
        ("!has(object.spec.hostNetwork) || object.spec.hostNetwork == false", "spec.hostNetwork"),
        ("has(object.spec.hostPID)", "spec.hostPID"),
        ("has(object.spec.securityContext) && has(object.spec.securityContext.x)", "spec.securityContext"),
        (
            "object.spec.containers.all(c, !has(c.securityContext) || c.securityContext.privileged == false)",
            "spec.containers[1].securityContext.privileged",
        ),
        ("object.spec.containers.all(c, has(c.resources))", "spec.containers[0].resources"),
        ("!object.spec.containers.exists(c, c.image.endsWith(':latest'))", "spec.containers[1].image"),
        (f"{ALL}.all(c, !c.image.startsWith('x'))", "spec.initContainers[0].image"),
        (
            "object.spec.containers.all(c, c.?securityContext.?capabilities.?add.orValue([]).all(a, a == 'CHOWN'))",
            "spec.containers[1].securityContext.capabilities.add[1]",
        ),
        (
            "object.spec.containers.filter(c, c.image.endsWith(':latest')).size() == 0",
            "spec.containers[1]",
        ),
        ("object.spec.containers[1].?securityContext.?privileged.orValue(false) == false",
         "spec.containers[1].securityContext.privileged"),
        ("object.metadata.labels['app.kubernetes.io/name'] == 'db'", "metadata.labels[app.kubernetes.io/name]"),
        ("object.metadata.labels.all(k, k.startsWith('app'))", "metadata.labels.tier"),
        ("object.spec.hostNetwork ? object.metadata.name == 'db' : true", "metadata.name"),
        ("1 == 2", None),
    ],
)  # fmt: skip
def test_the_deepest_field_of_the_deciding_operand_is_named(text: str, wanted: str | None) -> None:
    assert path_of(text) == wanted


def test_lists_that_variables_hold_keep_where_their_elements_came_from() -> None:
    assert path_of("variables.all.all(c, !c.image.startsWith('x'))", all=ALL) == "spec.initContainers[0].image"
    bad = "object.spec.containers.filter(c, c.image.endsWith(':latest'))"
    assert path_of("variables.bad.size() == 0", bad=bad) == "spec.containers[1]"


def test_a_boolean_variable_is_followed_to_what_it_read() -> None:
    assert path_of("!variables.shared", shared="object.spec.hostNetwork == true") == "spec.hostNetwork"


def test_errors_name_the_field_that_was_missing() -> None:
    assert path_of("object.spec.containers.all(c, c.resources.limits.memory != '')") == "spec.containers[0].resources"


def test_knowing_places_takes_no_memory_by_the_square_of_the_depth() -> None:
    leaves: list[Any] = [{} for _ in range(1_000)]
    root: Any = leaves
    for _ in range(4_000):
        root = [root]
    tracemalloc.start()
    trace = Trace(root)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trace.path_of(leaves[999]) == (*(0 for _ in range(4_000)), 999)
    assert peak < 4_000_000
