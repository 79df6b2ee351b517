"""Random well-typed expressions mean the same to compiled code, to the exact interpreter and to cel-python."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.activation import Activation
from admission.cel.environment import environment
from admission.cel.second_opinion import evaluate
from admission.cel.values import CelError
from admission.errors import InputError

ENVIRONMENT = {"i": types.INT, "s": types.STRING, "b": types.BOOL, "l": types.list_of(types.INT)}
WORDS = st.sampled_from(["", "a", "ab", "b", "ba"])
NUMBERS = st.integers(-5, 5)


@st.composite
def typed(draw: st.DrawFn, kind: str, depth: int) -> str:
    """An expression of a type ("int", "string", "bool" or "list" of ints) that needs no conversion."""
    if depth == 0:
        leaf = {
            "int": st.one_of(NUMBERS.map(lambda number: f"({number})"), st.just("i")),
            "string": st.one_of(WORDS.map(lambda word: f"'{word}'"), st.just("s")),
            "bool": st.sampled_from(["true", "false", "b"]),
            "list": st.one_of(st.lists(NUMBERS, min_size=1, max_size=3).map(str), st.just("l")),
        }
        return draw(leaf[kind])

    def sub(wanted: str) -> str:
        return draw(typed(wanted, depth - 1))

    forms = {
        "int": lambda: [
            f"({sub('int')} + {sub('int')})", f"({sub('int')} - {sub('int')})", f"({sub('int')} * {sub('int')})",
            f"size({sub('string')})", f"size({sub('list')})", f"({sub('bool')} ? {sub('int')} : {sub('int')})",
            f"{sub('list')}[0]",
        ],
        "string": lambda: [
            f"({sub('string')} + {sub('string')})", f"({sub('bool')} ? {sub('string')} : {sub('string')})",
        ],
        "bool": lambda: [
            f"({sub('int')} < {sub('int')})", f"({sub('int')} == {sub('int')})",
            f"({sub('string')} != {sub('string')})",
            f"{sub('string')}.contains({sub('string')})", f"{sub('string')}.startsWith({sub('string')})",
            f"({sub('bool')} && {sub('bool')})", f"({sub('bool')} || {sub('bool')})", f"!{sub('bool')}",
            f"({sub('int')} in {sub('list')})", f"{sub('list')}.all(x, x > {sub('int')})",
            f"{sub('list')}.exists(x, x == {sub('int')})", f"{sub('list')}.exists_one(x, x >= {sub('int')})",
        ],
        "list": lambda: [
            f"({sub('list')} + {sub('list')})", f"{sub('list')}.map(x, x + {sub('int')})",
            f"{sub('list')}.filter(x, x < {sub('int')})",
        ],
    }  # fmt: skip
    return draw(st.sampled_from(forms[kind]()))


VARIABLES = st.fixed_dictionaries({"i": NUMBERS, "s": WORDS, "b": st.booleans(), "l": st.lists(NUMBERS, max_size=3)})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.sampled_from(["int", "string", "bool", "list"]).flatmap(lambda kind: typed(kind, 2)), VARIABLES)
def test_all_three_agree(text: str, variables: dict[str, Any]) -> None:
    env = environment("kubernetes").extend(ENVIRONMENT)
    program = env.program(env.compile(text))
    outcomes = []
    for exact in (False, True):
        try:
            value = program.evaluate(Activation(dict(variables), exact=exact))
            outcomes.append(list(value) if program.result_type.name == "list" else value)
        except CelError as error:
            outcomes.append(f"error: {error}")
    assert outcomes[0] == outcomes[1]
    depth = sys.getrecursionlimit()
    try:
        other = evaluate(text, variables)
    except InputError:
        assume(False)
    finally:
        sys.setrecursionlimit(depth)  # cel-python sets one of its own
    assert outcomes[0] == other
