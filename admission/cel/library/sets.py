"""Lists seen as sets (cel-go ext.Sets).

    sets.contains(a, b) -> bool      every element of b is in a
    sets.equivalent(a, b) -> bool    each contains the other
    sets.intersects(a, b) -> bool    at least one element is in both

    sets.contains(['a', 'b'], ['b'])           // true
    sets.equivalent([1], [1, 1])               // true: how often does not matter
    sets.intersects([1, 2], [])                // false

Elements are compared as `==` does, numbers by value. Cost: 1 plus the product of the lengths, for `equivalent` twice
the product. Since Kubernetes 1.29. Source: cel-go ext/sets.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admission.cel import types
from admission.cel.function import CostFunction, Function, Library, Overload
from admission.cel.members import Members
from admission.cel.sizes import CALL, affordable, size_of, walkable
from admission.cel.values import Value

_LIST_T = types.list_of(types.type_param("T"))


def _affordable_product(a: Value, b: Value) -> None:
    walkable(len(a))
    walkable(len(b))
    affordable(len(a) * len(b))


def _contains(whole: Value, part: Value) -> bool:
    _affordable_product(whole, part)
    members = Members(whole)
    return all(element in members for element in part)


def _equivalent(a: Value, b: Value) -> bool:
    return _contains(a, b) and _contains(b, a)


def _intersects(a: Value, b: Value) -> bool:
    _affordable_product(a, b)
    members = Members(b)
    return any(element in members for element in a)


def _product_cost(factor: int) -> CostFunction:
    def cost(args: Sequence[Value], _: Value) -> int:
        return CALL + size_of(args[0]) * size_of(args[1]) * factor

    return cost


def _relation(name: str, implementation: Callable[[Value, Value], bool], factor: int) -> Function:
    overload_id = f"list_sets_{name}_list"
    overload = Overload(overload_id, (_LIST_T, _LIST_T), types.BOOL, implementation, cost=_product_cost(factor))
    return Function(f"sets.{name}", (overload,))


LIBRARY = Library(
    "cel.lib.ext.sets",
    functions=(
        _relation("contains", _contains, 1),
        _relation("equivalent", _equivalent, 2),
        _relation("intersects", _intersects, 1),
    ),
    since="1.29",
    priced_by_name=False,
)
