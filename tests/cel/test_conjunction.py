"""Several expressions as one function: true only where each of them is, and never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from admission.cel import types
from admission.cel.activation import Activation, Budget, Overrun
from admission.cel.conjunction import Clause, Holds, compile_conjunction
from admission.cel.environment import environment

VARIABLES = {
    "containers": "object.spec.containers + object.spec.?initContainers.orValue([])",
    "images": "variables.containers.map(c, c.image)",
    "windows": "object.spec.?os.?name.orValue('') == 'windows'",
    "broken": "object.nope.nope",
}


def conjunction(*texts: str) -> Holds | None:
    env = environment("kubernetes").extend({"object": types.DYN, "variables": types.DYN, "authorizer": types.DYN})
    programs = {name: env.program(env.compile(text)) for name, text in VARIABLES.items()}
    conditions = [env.program(env.compile(text)) for text in texts]
    return compile_conjunction([Clause(conditions, programs)], unsupported=frozenset({"authorizer"}))


def pod(*images: str, init: tuple[str, ...] = (), **spec: Any) -> dict[str, Any]:
    made = {"containers": [{"image": image} for image in images], **spec}
    if init:
        made["initContainers"] = [{"image": image} for image in init]
    return {"spec": made}


def holds(made: Holds | None, value: Any) -> bool:
    assert made is not None
    return made(Activation({"object": value}))


def test_all_conditions_must_hold() -> None:
    made = conjunction("variables.containers.size() == 2", "variables.images.all(i, i.startsWith('a'))")
    assert holds(made, pod("a1", init=("a2",)))
    assert not holds(made, pod("a1"))
    assert not holds(made, pod("a1", init=("b",)))


def test_a_variable_first_used_in_a_branch_is_evaluated_in_the_other_one_too() -> None:
    made = conjunction(
        "variables.windows ? variables.images.size() == 1 : variables.images.size() == 2",
        "variables.images.all(i, i != '')",
    )
    assert holds(made, pod("a", os={"name": "windows"}))
    assert holds(made, pod("a", "b"))
    assert not holds(made, pod("a"))


def test_a_variable_that_is_not_needed_is_not_evaluated() -> None:
    made = conjunction("variables.windows || !has(object.spec.x) || variables.broken == 1")
    assert holds(made, pod("a"))


def test_a_variable_inside_a_loop_is_the_same_in_every_round() -> None:
    made = conjunction("object.spec.containers.all(c, c.image in variables.images && !variables.windows)")
    assert holds(made, pod("a", "b", "c", "d", "e", "f"))


def test_errors_are_raised_and_never_taken_for_an_answer() -> None:
    with pytest.raises(Exception, match="nope"):
        holds(conjunction("variables.broken == 1"), pod("a"))


def test_a_loop_variable_may_be_called_variables() -> None:
    assert holds(conjunction("[{'x': 1}].all(variables, variables.x == 1)"), pod())


@pytest.mark.parametrize("text", ["authorizer.x == 1", "has(variables.x)", "variables.unknown == 1", "variables == 1"])
def test_what_it_cannot_say_it_leaves_alone(text: str) -> None:
    assert conjunction(text) is None


def test_its_cost_is_bounded_as_that_of_single_expressions() -> None:
    made = conjunction("object.l.all(x, object.l.all(y, x + y >= 0))")
    assert made is not None
    with pytest.raises(Overrun):
        made(Activation({"object": {"l": list(range(2000))}}, Budget()))


def test_clauses_share_what_they_say_in_the_same_words_and_nothing_else() -> None:
    env = environment("kubernetes").extend({"object": types.DYN, "variables": types.DYN})

    def clause(variable: str, *texts: str) -> Clause:
        variables = {
            "limit": env.program(env.compile(variable)),
            "big": env.program(env.compile("variables.limit > 5")),
        }
        return Clause([env.program(env.compile(text)) for text in texts], variables)

    clauses = [clause("1", "object.n > variables.limit", "!variables.big"), clause("10", "object.n > variables.limit")]
    made = compile_conjunction(clauses, unsupported=frozenset())
    assert not holds(made, {"n": 5})
    assert holds(made, {"n": 11})
