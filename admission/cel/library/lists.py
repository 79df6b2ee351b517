"""Kubernetes list functions: order, sums and positions.

    list.isSorted() -> bool       every element is at most its successor
    list.sum() -> element         of int, uint, double or duration; the sum of nothing is 0
    list.min() -> element         the smallest; an empty list is an error
    list.max() -> element         the largest; an empty list is an error
    list.indexOf(x) -> int        position of the first element equal to x, -1 where there is none
    list.lastIndexOf(x) -> int    position of the last one

Elements are int, uint, double, bool, duration, timestamp, string or bytes (all of one type, unless the list is dyn);
`indexOf` and `lastIndexOf` take anything.

    [1, 2, 2].isSorted()                 // true
    [duration('1m'), duration('1s')].sum()  // duration('61s')
    [3, 1, 2].min()                      // 1
    ['a', 'b', 'b'].lastIndexOf('b')     // 2

In dyn lists elements that have no order among each other count as equal; `sum` of such is `no such overload`. Cost: one
traversal of the list. Always available. Source: apiserver pkg/cel/library/lists.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.ordering import compare, is_comparable
from admission.cel.sizes import traversal_cost, walkable
from admission.cel.types import Type
from admission.cel.values import (
    NANOS,
    CelError,
    Duration,
    Timestamp,
    Uint,
    Value,
    check_int,
    check_uint,
    same,
)

_SUMMABLE = (("int", types.INT), ("uint", types.UINT), ("double", types.DOUBLE), ("duration", types.DURATION))
_COMPARABLE = (
    ("int", types.INT),
    ("uint", types.UINT),
    ("double", types.DOUBLE),
    ("bool", types.BOOL),
    ("duration", types.DURATION),
    ("timestamp", types.TIMESTAMP),
    ("string", types.STRING),
    ("bytes", types.BYTES),
)
_FIRST_SECOND, _LAST_SECOND = -62135596800, 253402300799  # years 0001 to 9999


def _is_sorted(elements: Value) -> bool:
    walkable(len(elements))
    previous: Value = None
    for position, element in enumerate(elements):
        if not is_comparable(element):
            raise CelError("no such overload")
        if position and compare(previous, element) == 1:
            return False
        previous = element
    return True


def _extreme(name: str, replaced_when: int) -> Callable[[Value], Value]:
    def extreme(elements: Value) -> Value:
        walkable(len(elements))
        if not len(elements):
            raise CelError(f"{name} called on empty list")
        best: Value = None
        for position, element in enumerate(elements):
            if not is_comparable(element):
                raise CelError("no such overload")
            if position == 0 or compare(best, element) == replaced_when:
                best = element
        return best

    return extreme


def _sum_from(zero: Value) -> Callable[[Value], Value]:
    def total(elements: Value) -> Value:
        walkable(len(elements))
        accumulated = zero
        for element in elements:
            accumulated = _add(accumulated, element)
        return accumulated

    return total


def _add(a: Value, b: Value) -> Value:
    kind_a, kind_b = type(a), type(b)
    if kind_a is kind_b:
        if kind_a is int:
            return check_int(a + b)
        if kind_a is float:
            return a + b
        if kind_a is Uint:
            return check_uint(int(a) + int(b))
        if kind_a is Duration:
            return Duration(check_int(a.nanos + b.nanos))
    if kind_a is Duration and kind_b is Timestamp:
        a, b = b, a
    if type(a) is Timestamp and type(b) is Duration:
        nanos = a.nanos + b.nanos
        if not _FIRST_SECOND <= nanos // NANOS <= _LAST_SECOND:
            raise CelError("timestamp overflow")
        return Timestamp(nanos)
    raise CelError("no such overload")


def _index_of(elements: Value, wanted: Value) -> int:
    walkable(len(elements))
    for position, element in enumerate(elements):
        if same(element, wanted):
            return position
    return -1


def _last_index_of(elements: Value, wanted: Value) -> int:
    walkable(len(elements))
    found = -1
    for position, element in enumerate(elements):
        if same(element, wanted):
            found = position
    return found


def _traversal(args: Sequence[Value], _: Value) -> int:
    return traversal_cost(args[0])


def _member(id_: str, params: tuple[Type, ...], result: Type, implementation: Callable[..., Value]) -> Overload:
    return Overload(id_, params, result, implementation, member=True, cost=_traversal)


_ZEROS = {"int": 0, "uint": Uint(0), "double": 0.0, "duration": Duration(0)}

LIBRARY = Library(
    "kubernetes.lists",
    functions=(
        Function(
            "isSorted",
            tuple(
                _member(f"list_{name}_is_sorted_bool", (types.list_of(kind),), types.BOOL, _is_sorted)
                for name, kind in _COMPARABLE
            ),
        ),
        Function(
            "sum",
            tuple(
                _member(f"list_{name}_sum_{name}", (types.list_of(kind),), kind, _sum_from(_ZEROS[name]))
                for name, kind in _SUMMABLE
            ),
        ),
        Function(
            "max",
            tuple(
                _member(f"list_{name}_max_{name}", (types.list_of(kind),), kind, _extreme("max", -1))
                for name, kind in _COMPARABLE
            ),
        ),
        Function(
            "min",
            tuple(
                _member(f"list_{name}_min_{name}", (types.list_of(kind),), kind, _extreme("min", 1))
                for name, kind in _COMPARABLE
            ),
        ),
        Function(
            "indexOf",
            (_member("list_a_index_of_int", (types.LIST_A, types.A), types.INT, _index_of),),
        ),
        Function(
            "lastIndexOf",
            (_member("list_a_last_index_of_int", (types.LIST_A, types.A), types.INT, _last_index_of),),
        ),
    ),
    environments=frozenset({"kubernetes", "extended"}),
)
