"""Comprehensions with two variables: index and element, or key and value (cel-go ext.TwoVarComprehensions).

    range.all(k, v, test) -> bool                     no pair fails the test
    range.exists(k, v, test) -> bool                  some pair passes it
    range.existsOne(k, v, test) -> bool               exactly one does; also spelled exists_one
    range.transformList(k, v, [filter,] expr)         the list of expr for every pair (that passes the filter)
    range.transformMap(k, v, [filter,] expr)          a map from the same keys (indexes) to expr
    range.transformMapEntry(k, v, [filter,] {..})     the union of the map literals

    object.metadata.labels.all(key, value, key.startsWith('app') && value != '')
    object.spec.containers.transformMap(i, c, c.name)               // {0: 'web', 1: 'log'}
    [1, 2].transformMapEntry(i, v, {v: i})                          // {1: 0, 2: 1}; a key twice is an error

All are macros. Since Kubernetes 1.32. Source: cel-go ext/comprehensions.go.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.ast import Comprehension, Expr, Ident, MapExpr
from admission.cel.function import Function, Library, Macro, MacroContext, Overload
from admission.cel.macro import (
    OVERWRITES,
    accumulator,
    call,
    fold,
    fold_all,
    fold_exists,
    fold_exists_one,
    ident,
    is_accumulator,
    list_of,
    literal,
)
from admission.cel.printing import show
from admission.cel.values import MISSING, CelError, Value, find, items, make_map

MAP_INSERT = "cel.@mapInsert"


def insert(mapping: Value, key: Value, value: Value) -> Value:
    """Return the map with one more entry; CelError where the key is there already, as whatever number type."""
    _check_new(mapping, key)
    return make_map([*items(mapping), (key, value)])


def merge(mapping: Value, entries: Value) -> Value:
    """Return the map with all entries of the other; CelError where a key is there already."""
    for key in entries:
        _check_new(mapping, key)
    return make_map([*items(mapping), *items(entries)])


def _check_new(mapping: Value, key: Value) -> None:
    if find(mapping, key) is not MISSING:
        raise CelError(f"insert failed: key {show(key)} already exists")


def _variables(context: MacroContext, args: list[Expr]) -> tuple[str, str]:
    names = []
    for node in args[:2]:
        if not isinstance(node, Ident):
            raise context.fail(node, "argument must be a simple name")
        names.append(node.name)
    first, second = names
    if first == second:
        raise context.fail(args[1], f"duplicate variable name: {first}")
    for node, name in zip(args, names, strict=False):
        if is_accumulator(name):
            raise context.fail(node, OVERWRITES)
    return first, second


def _all(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    return target and fold_all(context, target, _variables(context, args), args[2])


def _exists(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    return target and fold_exists(context, target, _variables(context, args), args[2])


def _exists_one(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    return target and fold_exists_one(context, target, _variables(context, args), args[2])


def _transform(
    context: MacroContext, target: Expr, variables: tuple[str, str], args: list[Expr], step: Expr, *, to_map: bool
) -> Comprehension:
    """Return the fold whose step is taken where the filter, if there is one, is true."""
    if len(args) == 4:
        step = call(context, "_?_:_", args[2], step, accumulator(context))
    empty: Expr = MapExpr(context.new_id(), []) if to_map else list_of(context)
    always = literal(context, True)
    return fold(context, target, variables, empty, always, step, accumulator(context))


def _transform_list(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if target is None:
        return None
    names = _variables(context, args)
    step = call(context, "_+_", accumulator(context), list_of(context, args[-1]))
    return _transform(context, target, names, args, step, to_map=False)


def _transform_map(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if target is None:
        return None
    names = _variables(context, args)
    step = call(context, MAP_INSERT, accumulator(context), ident(context, names[0]), args[-1])
    return _transform(context, target, names, args, step, to_map=True)


def _transform_map_entry(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if target is None:
        return None
    names = _variables(context, args)
    step = call(context, MAP_INSERT, accumulator(context), args[-1])
    return _transform(context, target, names, args, step, to_map=True)


_KEY = types.type_param("K")
_VALUE = types.type_param("V")
_MAP = types.map_of(_KEY, _VALUE)

LIBRARY = Library(
    "cel.lib.ext.comprev2",
    functions=(
        Function(
            MAP_INSERT,
            (
                Overload("@mapInsert_map_key_value", (_MAP, _KEY, _VALUE), _MAP, insert),
                Overload("@mapInsert_map_map", (_MAP, _MAP), _MAP, merge),
            ),
        ),
    ),
    macros=(
        Macro("all", True, 3, _all),
        Macro("exists", True, 3, _exists),
        Macro("existsOne", True, 3, _exists_one),
        Macro("exists_one", True, 3, _exists_one),
        Macro("transformList", True, 3, _transform_list),
        Macro("transformList", True, 4, _transform_list),
        Macro("transformMap", True, 3, _transform_map),
        Macro("transformMap", True, 4, _transform_map),
        Macro("transformMapEntry", True, 3, _transform_map_entry),
        Macro("transformMapEntry", True, 4, _transform_map_entry),
    ),
    since="1.32",
)
