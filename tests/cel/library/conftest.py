"""What the tests of the libraries share: evaluating an expression in both ways, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel import types
from admission.cel.activation import Activation, Budget
from admission.cel.environment import Environment, environment
from admission.cel.values import equal, is_nan

Evaluate = Callable[..., Any]


class Environments(dict[str, Environment]):
    """The environments by name, made when they are asked for."""

    def __missing__(self, name: str) -> Environment:
        made = self[name] = environment(name)
        return made


@pytest.fixture(scope="session")
def environments() -> Environments:
    """Every environment, made once."""
    return Environments()


@pytest.fixture(scope="session")
def evaluate(environments: Environments) -> Evaluate:
    """Evaluate `(text, env="kubernetes", **variables)`, compiled and exact, which must agree; raises CelError."""

    def run(text: str, /, env: str = "kubernetes", **variables: Any) -> Any:
        known = environments[env].extend(dict.fromkeys(variables, types.DYN))
        program = known.program(known.compile(text))
        value = program.evaluate(Activation(variables))
        exact = program.evaluate_exact(Activation(variables))
        assert type(value) is type(exact)
        assert equal(value, exact) or is_nan(value)
        return value

    return run


@pytest.fixture(scope="session")
def cost_of(environments: Environments) -> Callable[..., int]:
    """Return the exact cost of `(text, **variables)` in the API server's environment."""

    def run(text: str, /, **variables: Any) -> int:
        known = environments["kubernetes"].extend(dict.fromkeys(variables, types.DYN))
        budget = Budget()
        known.program(known.compile(text)).evaluate_exact(Activation(variables, budget))
        return budget.spent

    return run
