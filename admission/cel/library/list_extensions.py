"""More list functions (cel-go ext.Lists, version 3).

    list.slice(from, to) -> list          the elements from..to-1; both inside the list
    list.flatten() -> list                list elements replaced by what is in them, one level deep
    list.flatten(depth) -> list           the same, `depth` levels deep
    list.sort() -> list                   ascending; elements all of one comparable type
    list.sortBy(x, key) -> list           ascending by the value of the expression `key` for each element x
    list.distinct() -> list               without later copies; 1, 1u and 1.0 are the same
    list.reverse() -> list                last element first
    lists.range(n) -> list(int)           0 to n-1

    [1, 2, 3, 4].slice(1, 3)              // [2, 3]
    [1, [2, [3]]].flatten()               // [1, 2, [3]]  (mixed lists only as dyn)
    pods.sortBy(p, p.metadata.name)       // pods by name
    lists.range(3).map(i, i * i)          // [0, 1, 4]

Elements that sort as equal keep their order. Cost: 11 plus the length of the result; `flatten` the length times the
depth; `sort`, `sortBy` and `distinct` twice the square of the length (2.1 times for strings and bytes). Since
Kubernetes 1.34. Source: cel-go ext/lists.go.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from admission.cel import macro, types
from admission.cel.ast import Call, Comprehension, Expr, Ident, ListExpr, MacroCall, Select
from admission.cel.function import CostFunction, Function, Implementation, Library, Macro, MacroContext, Overload
from admission.cel.gonames import go_name
from admission.cel.members import Members
from admission.cel.ordering import compare, is_comparable, sort_key
from admission.cel.sizes import CALL, LIST_CREATION, STRING_FACTOR, affordable, size_of, walkable
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    CancelledError,
    CelError,
    Duration,
    Timestamp,
    Uint,
    Value,
    is_nan,
    type_of,
)

_COMPARABLE = (
    types.INT,
    types.UINT,
    types.DOUBLE,
    types.BOOL,
    types.DURATION,
    types.TIMESTAMP,
    types.STRING,
    types.BYTES,
)
_ADDERS = frozenset((int, Uint, float, str, bytes, Duration, Timestamp))
_T = types.type_param("T")
_LIST_T = types.list_of(_T)
_INPUT = "@__sortBy_input__"


def _slice(elements: Value, start: int, end: int) -> Value:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if len(elements) < end:
        raise CelError(f"cannot slice({start}, {end}), list is length {len(elements)}")
    affordable(end - start)
    if type(elements) is list:
        return elements[start:end]
    walkable(end)
    return list(itertools.islice(elements, start, end))


def _flatten(elements: Value, depth: int = 1) -> Value:
    if depth < 0:
        raise CelError("level must be non-negative")
    affordable(len(elements))
    flat: list[Value] = []
    open_lists = [iter(elements)]
    while open_lists:
        for element in open_lists[-1]:
            if len(open_lists) <= depth and type(element) in LIST_CLASSES:
                walkable(len(element))
                open_lists.append(iter(element))
                break
            flat.append(element)
        else:
            open_lists.pop()
            walkable(len(flat))
    return flat


def _flatten_anything(elements: Value, *depth: Value) -> Value:
    """Flatten what is no list of lists as far as can be seen: upstream calls its function with any argument."""
    if depth and type(depth[0]) is not int:
        raise CelError("no such overload")
    if type(elements) not in LIST_CLASSES:
        arguments = ", ".join(type_of(argument).full_name for argument in depth)
        raise CelError(f"no such overload: {type_of(elements).full_name}.flatten({arguments})")
    return _flatten(elements, *depth)


def _sort(elements: Value) -> Value:
    return _sort_by(elements, elements)


def _sort_by(elements: Value, keys: Value) -> Value:
    if len(elements) != len(keys):
        raise CelError(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got "
            f"{len(elements)} and {len(keys)} elements respectively"
        )
    if not len(keys):
        return elements
    first = keys[0]
    if not is_comparable(first):
        raise CelError("list elements must be comparable")
    walkable(len(keys))
    listed = list(keys)
    kind = type(first)
    if any(type(key) is not kind for key in listed):
        raise CelError("list elements must have the same type")
    values = list(elements)
    order = list(range(len(listed)))
    if kind is float and any(map(is_nan, listed)):
        affordable(_square_cost(keys))  # also where dyn makes the call cheap: it takes so long
        _insertion_sort(order, listed)
    else:
        order.sort(key=[sort_key(key) for key in listed].__getitem__)
    return [values[position] for position in order]


def _insertion_sort(order: list[int], keys: list[Value]) -> None:
    """Sort as cel-go does where NaN, which is neither less nor greater, stops an element on its way to the front."""
    for i in range(1, len(order)):
        j = i
        while j > 0 and compare(keys[order[j]], keys[order[j - 1]]) == -1:
            order[j], order[j - 1] = order[j - 1], order[j]
            j -= 1


def _distinct(elements: Value) -> Value:
    if not len(elements):
        return elements
    affordable(_square_cost(elements))
    kept: list[Value] = []
    seen = Members()
    for element in elements:
        if element not in seen:
            seen.add(element)
            kept.append(element)
    return kept


def _reverse(elements: Value) -> Value:
    affordable(len(elements))
    return list(elements)[::-1]


def _range(count: int) -> Value:
    affordable(count)
    return list(range(count))


def _allocation(factor: float, size: int) -> int:
    return int(size * factor) + CALL + LIST_CREATION


def _output_cost(_: Sequence[Value], result: Value) -> int:
    return _allocation(1, size_of(result))


def _flatten_cost(args: Sequence[Value], _: Value) -> int:
    depth = args[1] if len(args) == 2 else 1
    if type(depth) is not int:
        raise CancelledError(f"internal error: interface conversion: ref.Val is {go_name(depth)}, not types.Int")
    return _allocation(float(depth), size_of(args[0]))


def _square_cost(elements: Value) -> int:
    size = len(elements)
    factor = 2.0
    if size and type(elements[0]) in (str, bytes):
        factor += STRING_FACTOR
    return _allocation(factor, size * size)


def _first_square_cost(args: Sequence[Value], _: Value) -> int:
    return _square_cost(_list_to_price(args[0]))


def _keys_square_cost(args: Sequence[Value], _: Value) -> int:
    return _square_cost(_list_to_price(args[1]))


def _list_to_price(value: Value) -> Value:
    """Return the list whose elements the price depends on; upstream stumbles over an error or any other value."""
    if type(value) in LIST_CLASSES:
        return value
    missing = "Contains" if type(value) in _ADDERS else "Add"
    raise CancelledError(
        f"internal error: interface conversion: {go_name(value)} is not traits.Lister: missing method {missing}"
    )


def _sort_by_macro(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    """Rewrite `list.sortBy(x, key)` so that the list is computed once: a fold over nothing that binds it to a name."""
    if not isinstance(target, ListExpr | Select | Ident | Comprehension | Call):
        message = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
        raise context.fail(target, message)
    bound = macro.ident(context, _INPUT)
    keys = _map(context, macro.ident(context, _INPUT), args)
    result = macro.member_call(context, "@sortByAssociatedKeys", macro.ident(context, _INPUT), keys)
    empty = macro.list_of(context)
    never = macro.literal(context, False)
    return macro.fold(context, empty, (macro.UNUSED, None), target, never, bound, result, accumulator_name=_INPUT)


def _map(context: MacroContext, target: Expr, args: list[Expr]) -> Comprehension:
    variable, key = args
    if not isinstance(variable, Ident):
        raise context.fail(variable, "argument is not an identifier")
    if macro.is_accumulator(variable.name):
        raise context.fail(variable, macro.OVERWRITES)
    init = macro.list_of(context)
    condition = macro.literal(context, True)
    step = macro.call(context, "_+_", macro.accumulator(context), macro.list_of(context, key))
    result = macro.accumulator(context)
    mapped = macro.fold(context, target, (variable.name, None), init, condition, step, result)
    mapped.macro = MacroCall("map", target, args)
    return mapped


def _member(
    id_: str, params: tuple[Type, ...], result: Type, implementation: Implementation, cost: CostFunction
) -> Overload:
    return Overload(id_, params, result, implementation, member=True, cost=cost)


LIBRARY = Library(
    "cel.lib.ext.lists",
    priced_by_name=False,
    functions=(
        Function("slice", (_member("list_slice", (_LIST_T, types.INT, types.INT), _LIST_T, _slice, _output_cost),)),
        Function(
            "flatten",
            (
                _member("list_flatten", (types.list_of(_LIST_T),), _LIST_T, _flatten, _flatten_cost),
                _member("list_flatten_int", (types.LIST_DYN, types.INT), types.LIST_DYN, _flatten, _flatten_cost),
            ),
            undeclared=(
                _member("list_flatten", (types.DYN,), types.DYN, _flatten_anything, _flatten_cost),
                _member("list_flatten_int", (types.DYN, types.DYN), types.DYN, _flatten_anything, _flatten_cost),
            ),
        ),
        Function(
            "sort",
            tuple(
                _member(f"list_{t.name}_sort", (types.list_of(t),), types.list_of(t), _sort, _first_square_cost)
                for t in _COMPARABLE
            ),
            undeclared=(_member("list_sort", (types.LIST_DYN,), types.LIST_DYN, _sort, _first_square_cost),),
        ),
        Function(
            "@sortByAssociatedKeys",
            tuple(
                _member(
                    f"list_{t.name}_sortByAssociatedKeys",
                    (_LIST_T, types.list_of(t)),
                    _LIST_T,
                    _sort_by,
                    _keys_square_cost,
                )
                for t in _COMPARABLE
            ),
            undeclared=(
                _member(
                    "list_sortByAssociatedKeys",
                    (types.LIST_DYN, types.LIST_DYN),
                    types.LIST_DYN,
                    _sort_by,
                    _keys_square_cost,
                ),
            ),
        ),
        Function(
            "lists.range",
            (Overload("lists_range", (types.INT,), types.list_of(types.INT), _range, cost=_output_cost),),
        ),
        Function("reverse", (_member("list_reverse", (_LIST_T,), _LIST_T, _reverse, _output_cost),)),
        Function(
            "distinct",
            (_member("list_distinct", (_LIST_T,), _LIST_T, _distinct, _first_square_cost),),
        ),
    ),
    macros=(Macro("sortBy", True, 2, _sort_by_macro),),
    since="1.34",
)
