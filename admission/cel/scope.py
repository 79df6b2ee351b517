"""Where the exact evaluator looks names up, and what a comprehension builds while it runs."""

from __future__ import annotations

from typing import Any, Protocol

from admission.cel import values
from admission.cel.activation import Activation, Meter
from admission.cel.trace import Trace
from admission.cel.values import MISSING, CelError, Value


class Node(Protocol):
    """A planned expression."""

    id: int

    def eval(self, scope: Scope) -> Value:
        """Return the value; CelError where evaluation ends in one."""
        ...


class FoldNames(Protocol):
    """What a scope needs to know of its comprehension."""

    accu_var: str
    accu_init: Node
    iter_var: str
    iter_var2: str | None
    grows: bool


class Scope:
    """The root of an evaluation: the activation's variables."""

    __slots__ = ("meter", "trace", "variables")

    def __init__(self, activation: Activation, meter: Meter, trace: Trace | None = None) -> None:
        self.variables = activation.variables
        self.meter = meter
        self.trace = trace

    def find(self, name: str) -> Value:
        """Return the variable's value; CelError `no such attribute(s)` where it is not bound."""
        value = self.variables.get(name, MISSING)
        if value is MISSING and name.startswith("."):
            value = self.variables.get(name[1:], MISSING)
        if value is MISSING:
            raise CelError(f"no such attribute(s): {name.removeprefix('.')}")
        return value

    def is_local(self, name: str) -> bool:  # noqa: ARG002
        """Return whether the name is that of an iteration variable or an accumulator."""
        return False


class FoldScope(Scope):
    """The scope of one comprehension: iteration variables and the accumulator, evaluated when first asked for."""

    __slots__ = ("accu", "accu_error", "fold", "initialized", "parent", "var1", "var2", "visible")

    def __init__(self, fold: FoldNames, parent: Scope) -> None:
        self.meter = parent.meter
        self.trace = parent.trace
        self.parent = parent
        self.fold = fold
        self.accu: Value = None
        self.accu_error: str | None = None  # its text: an exception would keep the frames it passed through
        self.initialized = False
        self.visible = True
        self.var1: Value = None
        self.var2: Value = None

    def find(self, name: str) -> Value:
        """Return an iteration variable, the accumulator, or what the enclosing scope has."""
        scope: Scope = self
        while isinstance(scope, FoldScope):
            fold = scope.fold
            if name == fold.accu_var:
                return scope.accumulator()
            if scope.visible:
                if name == fold.iter_var:
                    return scope.var1
                if name == fold.iter_var2:
                    return scope.var2
            scope = scope.parent
        return scope.find(name)

    def is_local(self, name: str) -> bool:
        """Return whether the name is that of an iteration variable or an accumulator."""
        fold = self.fold
        return name in (fold.accu_var, fold.iter_var, fold.iter_var2) or self.parent.is_local(name)

    def accumulator(self) -> Value:
        """Return the accumulator's value, or raise the error that it became."""
        if not self.initialized:
            self.initialized = True
            try:
                accu = self.fold.accu_init.eval(self.parent)
                self.accu = growing(accu) if self.fold.grows else accu
            except CelError as error:
                self.accu_error = str(error)
        if self.accu_error is not None:
            raise CelError(self.accu_error)
        return self.accu


class BlockScope(Scope):
    """The scope of a `cel.block`: `@index0`, `@index1`, ... evaluated when first asked for."""

    __slots__ = ("entries", "parent", "results")

    def __init__(self, entries: list[Node], parent: Scope) -> None:
        self.meter = parent.meter
        self.trace = parent.trace
        self.parent = parent
        self.entries = entries
        self.results: dict[int, Value] = {}

    def find(self, name: str) -> Value:
        """Return an entry of the block, or what the enclosing scope has."""
        if not name.startswith("@index"):
            return self.parent.find(name)
        index = int(name.removeprefix("@index"))
        if index not in self.results:
            self.results[index] = self.entries[index].eval(self)
        return self.results[index]


class GrowingList(list[Any]):
    """The accumulator of `map` and `filter`: `+` appends in place, as nobody else can see it."""

    __slots__ = ()


class GrowingMap(dict[Any, Any]):
    """The accumulator of `transformMap`, by the identity of the key: entries are inserted in place."""

    __slots__ = ()


def growing(value: Value) -> Value:
    """Return an empty list or map as one that grows in place, everything else as it is."""
    if type(value) is list and not value:
        return GrowingList()
    if type(value) is dict and not value:
        return GrowingMap()
    return value


def frozen(value: Value) -> Value:
    """Return what grew as an ordinary list or map."""
    if type(value) is GrowingList:
        return list(value)
    if type(value) is GrowingMap:
        return values.make_map(value.values())
    return value
