"""What one evaluation knows and may spend: variables, budgets, and variables that are expressions themselves.

A `Budget` is the account of one (policy, binding, param) evaluation, a `Meter` the account of one expression in it.
The API server's cost decides what it would say; our own pace (steps of real work) bounds our time. The clock is not
read here: `check` is called every PACE steps and raises when the deadline has passed.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from admission.cel import types
from admission.cel.values import CancelledError, CelError, Opaque, Value

PER_CALL_LIMIT = 1_000_000  # apiserver pkg/apis/cel/config.go PerCallLimit
RUNTIME_BUDGET = 10_000_000  # apiserver pkg/apis/cel/config.go RuntimeCELCostBudget
PACE = 1_000
MARK = 20_000  # the bound that compiled code may add before the clock is looked at: well below a millisecond of work


class Overrun(Exception):  # noqa: N818 - a signal, not a fault
    """Compiled code met its provable cost bound: the whole evaluation must be repeated with exact counting."""


class Budget:
    """The cost and the steps of one evaluation of a policy.

    `spent` is the exact cost of the expressions that were evaluated exactly, `bound` an upper bound of the cost of
    those that ran as compiled code; `limit` is the API server's budget for the whole evaluation.
    """

    __slots__ = ("_check", "_next_check", "bound", "limit", "mark", "per_call", "spent", "steps")

    def __init__(
        self, limit: int = RUNTIME_BUDGET, per_call: int = PER_CALL_LIMIT, check: Callable[[], None] | None = None
    ) -> None:
        self.limit = limit
        self.per_call = per_call
        self.spent = 0
        self.bound = 0
        self.mark = min(per_call, MARK)
        self.steps = 0
        self._check = check
        self._next_check = PACE

    @property
    def exhausted(self) -> bool:
        """Whether more was spent than the whole evaluation may cost."""
        return self.spent > self.limit

    def pace(self, steps: int) -> None:
        """Count real work (loop rounds, copied or compared elements); look at the clock every PACE steps."""
        self.steps += steps
        if self.steps >= self._next_check:
            self._next_check = self.steps + PACE
            if self._check is not None:
                self._check()

    def renew(self, check: Callable[[], None] | None) -> None:
        """Begin another evaluation: nothing is spent and nothing bound."""
        self._check = check
        self.spent = 0
        self.bound = 0
        self.mark = min(self.per_call, MARK)

    def grow(self, cost: int, steps: int) -> None:
        """Add to the bound what compiled code is about to do at most; Overrun where that could reach a limit."""
        self.bound += cost
        if self.bound > self.mark:
            self.reach()
        self.pace(steps)

    def reach(self) -> None:
        """Look at limit and clock when the bound has passed `mark`; compiled code calls it only then."""
        if self.bound > self.per_call:
            raise Overrun
        self.mark = min(self.per_call, self.bound + MARK)
        if self._check is not None:
            self._check()


class Meter:
    """The exact cost of one expression."""

    __slots__ = ("budget", "cost")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.cost = 0

    def charge(self, cost: int) -> None:
        """Add cost; CancelledError beyond the limit of one expression."""
        self.cost += cost
        if self.cost > self.budget.per_call:
            raise CancelledError


class Activation:
    """The variables of an evaluation, by name, with its budget.

    `exact` evaluations use the interpreter only and count every unit of cost.
    """

    __slots__ = ("__weakref__", "budget", "exact", "variables")

    def __init__(self, variables: dict[str, Value], budget: Budget | None = None, *, exact: bool = False) -> None:
        self.variables = variables
        self.budget = budget if budget is not None else Budget()
        self.exact = exact


class Evaluable(Protocol):
    """A program, as far as variables need it."""

    def evaluate(self, activation: Activation) -> Value:
        """Return the value; CelError where evaluation ends in one."""
        ...

    def trace(self, activation: Activation, root: Value = None) -> Any:
        """Return the Trace of one evaluation."""
        ...


_ESCAPED = re.compile("__[^_]+__")


def _looks_escaped(name: str) -> bool:
    return "__" in name and _ESCAPED.search(name) is not None


class LazyVariables(Opaque):
    """The value of `variables`: each one evaluated when it is first asked for, once in an activation.

    An error stays the error of that variable, in the words of apiserver pkg/admission/plugin/cel/composition.go.
    `programs` holds a Program, or the text of the compile error of a variable that does not compile. Names that look
    escaped (`a__dash__b`) are not found, and walking it gives the values: both as upstream (pkg/cel/lazy).
    """

    __slots__ = ("_activation", "_programs", "_values")
    cel_type = types.struct("kubernetes.variables")

    def __init__(self, programs: Mapping[str, Evaluable | str], activation: Activation) -> None:
        self._programs = programs
        # an activation holds its lazy variables: a strong reference back would leave every object to the collector
        self._activation = weakref.ref(activation)
        self._values: dict[str, Value | _Failure] = {}

    @property
    def cost_size(self) -> int:  # type: ignore[override]  # read only, as sizes are
        """The number of variables."""
        return len(self._programs)

    def comparable(self, other: object) -> bool:
        """Return whether the other one is `variables` too."""
        return isinstance(other, LazyVariables)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LazyVariables):
            raise CelError("no such overload")
        return self is other

    __hash__ = object.__hash__

    def __contains__(self, name: str) -> bool:
        return name in self._programs and not _looks_escaped(name)

    def __iter__(self) -> Iterator[Value]:
        return map(self.__getitem__, self._programs)

    def __getitem__(self, name: str) -> Value:
        """Return the variable's value; CelError where it fails, KeyError where there is none of that name."""
        try:
            value = self._values[name]
        except KeyError:
            value = self._values[name] = self._evaluate(name)
        if type(value) is _Failure:
            raise CelError(value.text)
        return value

    def trace(self, name: str, root: Value) -> Any:
        """Return the Trace of how the variable got its value; None where it does not compile."""
        program = self._programs.get(name)
        activation = self._activation()
        if program is None or isinstance(program, str) or activation is None:
            return None
        return program.trace(activation, root)

    def _evaluate(self, name: str) -> Value | _Failure:
        program = self._programs[name]
        if _looks_escaped(name):
            raise KeyError(name)
        if isinstance(program, str):
            return _Failure(f'composited variable "{name}" fails to compile: {program}')
        activation = self._activation()
        if activation is None:
            return _Failure(f'composited variable "{name}" fails to evaluate: the evaluation is over')
        try:
            return program.evaluate(activation)
        except CelError as error:
            return _Failure(f'composited variable "{name}" fails to evaluate: {error}')


class _Failure:
    """The error of a variable; only its text, since an exception would keep the frames it passed through."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text
