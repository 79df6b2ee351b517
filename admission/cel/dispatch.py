"""Choosing the overload of a call by the run-time types of its arguments, with cel-go's errors where none fits.

cel-go binds a function in one of two ways, and the error says which: a *singleton* asks the first argument to do it
("no such overload", without types), all others try their overloads in order ("no such overload: f(int, string)").
Source: cel-go common/decls/decls.go (Bindings, matchesRuntimeSignature), interpreter/interpretable.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from admission.cel import values
from admission.cel.function import CostFunction, Function, Overload
from admission.cel.types import Kind, Type
from admission.cel.values import CelError, Optional_, StructValue, Uint, Value

Accepts: TypeAlias = Callable[[Value], bool]

# common/stdlib/standard.go: functions bound once, for all their overloads
SINGLETONS = frozenset(
    ("_+_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "_[_]")
) | frozenset(("@in", "in", "_in_", "size", "type", "dyn", "matches", "sort", "@sortByAssociatedKeys"))
# functions that look at their arguments themselves, whatever these are
PLAIN = frozenset(("!_", "@in", "in", "_in_", "contains", "endsWith", "startsWith"))
# functions of two arguments that upstream binds as if of any number
VARIADIC = frozenset(("format",))
_RECEIVERS = frozenset((str, values.Duration, values.Timestamp))  # values that answer for functions they do not have

_COSTLY = 100  # units of cost, characters or elements that count as a step of work
_SIZED = frozenset((str, bytes, list))
_CLASSES: dict[Kind, tuple[type, ...]] = {
    Kind.NULL: (type(None),),
    Kind.BOOL: (bool,),
    Kind.INT: (int,),
    Kind.UINT: (Uint,),
    Kind.DOUBLE: (float,),
    Kind.STRING: (str,),
    Kind.BYTES: (bytes,),
    Kind.DURATION: (values.Duration,),
    Kind.TIMESTAMP: (values.Timestamp,),
    Kind.TYPE: (Type,),
}


def accepts(declared: Type) -> Accepts:
    """Return the test whether a value may be given where `declared` is asked for (of lists, the first element)."""
    kind = declared.kind
    if kind in (Kind.DYN, Kind.TYPE_PARAM, Kind.ANY, Kind.ERROR):
        return lambda _: True
    if kind in _CLASSES:
        (only,) = _CLASSES[kind]
        return lambda value: type(value) is only
    if kind is Kind.WRAPPER:
        inner = accepts(declared.params[0])
        return lambda value: value is None or inner(value)
    if kind is Kind.LIST:
        element = accepts(declared.params[0])

        def accepts_list(value: Value) -> bool:
            return type(value) in values.LIST_CLASSES and (len(value) == 0 or element(value[0]))

        return accepts_list
    if kind is Kind.MAP:
        key_type, value_type = accepts(declared.params[0]), accepts(declared.params[1])

        def accepts_map(value: Value) -> bool:
            if type(value) not in values.MAP_CLASSES:
                return False
            if len(value) == 0:
                return True
            key = next(iter(value))
            return key_type(key) and value_type(values.find(value, key))

        return accepts_map
    name = declared.name
    if name == "optional_type":
        return lambda value: type(value) is Optional_
    return lambda value: isinstance(value, values.Opaque) and value.cel_type.name == name


def type_name(value: Value) -> str:
    """Return the name of a value's run-time type as error messages print it."""
    if isinstance(value, StructValue):
        return value.cel_type.name
    return values.type_of(value).name


def work(args: Sequence[Value], result: Value, price: int) -> int:
    """Return how many steps of real work a call was at most: not every walk over a long text has its price."""
    steps = 1 + price // _COSTLY
    for value in (*args, result):
        if type(value) in _SIZED:
            steps += len(value) // _COSTLY
    return steps


@dataclass(frozen=True, slots=True)
class Candidate:
    """An overload with the tests of its parameters."""

    overload: Overload
    tests: tuple[Accepts, ...]

    def fits(self, args: Sequence[Value]) -> bool:
        """Return whether the arguments have the declared number and kinds."""
        return len(args) == len(self.tests) and all(test(arg) for test, arg in zip(self.tests, args, strict=True))


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One function with the candidates of one call; a `plain` one never names types in its errors.

    `lazy` calls evaluate no further argument once one failed: cel-go chooses among several overloads with a function of
    any number of arguments, where one of exactly two arguments evaluates both.
    """

    name: str
    candidates: tuple[Candidate, ...]
    cost: CostFunction | None
    singleton: bool
    plain: bool = False
    lazy: bool = False

    def call(self, args: Sequence[Value], pace: Callable[[int], None]) -> Value:
        """Call the first candidate that fits; CelError `no such overload...` where none does.

        `pace` is told of steps of work inside of the call, and raises where there is no time left for them.
        """
        for candidate in self.candidates:
            if candidate.fits(args):
                overload = candidate.overload
                if overload.paced:
                    return overload.implementation(*args, pace)
                return overload.implementation(*args)
        raise self.no_such_overload(args)

    def no_such_overload(self, args: Sequence[Value]) -> CelError:
        """Return the error cel-go gives for these arguments."""
        if self.plain:
            return CelError("no such overload")
        if self.singleton:
            first = args[0]
            known = type(first) in _RECEIVERS or any(c.tests and c.tests[0](first) for c in self.candidates)
            known = known or (self.name == "-_" and type(first) is bool)
            return CelError("no such overload" if known else f"no such overload: {self.name}")
        return CelError(f"no such overload: {self.name}({', '.join(type_name(arg) for arg in args)})")


def dispatcher(function: Function, overload_ids: Sequence[str], arity: int, *, by_name: bool) -> Dispatcher:
    """Return the dispatcher of a call with `arity` arguments (receiver included).

    `overload_ids` are the checker's candidates, empty for unchecked calls. Cost follows the one resolved overload. An
    unresolved call of a `by_name` function (one that the API server prices by name) costs what the last overload does:
    all are priced alike, but for one or two that cost extra where they are resolved, and those are not the last.
    """
    singleton = function.name in SINGLETONS
    chosen = [o for o in (*function.overloads, *function.undeclared) if len(o.params) == arity]
    if len(overload_ids) == 1 and not singleton:
        chosen = [o for o in chosen if o.id == overload_ids[0]]
    candidates = tuple(Candidate(o, tuple(accepts(p) for p in o.params)) for o in chosen)
    cost: CostFunction | None = None
    resolved = [o for o in function.overloads if o.id in overload_ids]
    if len(resolved) == 1:
        cost = resolved[0].cost
    elif by_name and candidates:
        cost = [overload for overload in function.overloads if len(overload.params) == arity][-1].cost
    lazy = not singleton and len(overload_ids) != 1 and len(function.overloads) > 1
    lazy = lazy or function.name in VARIADIC
    return Dispatcher(function.name, candidates, cost, singleton, plain=function.name in PLAIN, lazy=lazy)
