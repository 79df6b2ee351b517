"""Optional values: something, or nothing, without an error in between (cel-go cel.OptionalTypes).

    object.?spec.?replicas                    optional.of(value) where the field is there, else optional.none()
    list[?0]  map[?key]                       the same for an element and a key
    [a, ?b]  {?k: b}  Type{?field: b}         left out where b is optional.none()
    optional.of(x)  optional.none()           the two kinds of optional
    optional.ofNonZeroValue(x)                optional.none() for null, false, 0, '', [], {}, an empty object
    o.hasValue() -> bool    o.value() -> T    value() of nothing is an error
    o.or(other) -> optional                   other where o is nothing; other is evaluated only then
    o.orValue(default) -> T                   the same with a plain value
    o.optMap(x, expr) -> optional             expr of the value inside, wrapped again; a macro
    o.optFlatMap(x, expr) -> optional         the same where expr is an optional itself; a macro
    list.first()  list.last() -> optional     since Kubernetes 1.33
    optional.unwrap(list)  list.unwrapOpt()   the values that are there, since Kubernetes 1.33

    object.metadata.?labels['team'].orValue('none')
    object.spec.?replicas.optMap(r, r > 3).orValue(false)

Once a selection is optional, those behind it are too. Every call costs 1. Source: cel-go cel/library.go.
"""

from __future__ import annotations

from collections.abc import Callable

from admission.cel import types
from admission.cel.ast import Expr, Ident, MacroCall
from admission.cel.function import Function, Library, Macro, MacroContext, Overload
from admission.cel.macro import bind, call, copy, member_call
from admission.cel.printing import show
from admission.cel.types import optional_of
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    NANOS,
    NONE,
    CelError,
    Duration,
    Optional_,
    PatchValue,
    StructValue,
    Timestamp,
    Value,
)

_K = types.type_param("K")
_V = types.type_param("V")
_OPTIONAL = optional_of(_V)
_LIST = types.list_of(_V)
_MAP = types.map_of(_K, _V)

_YEAR_ONE = -62_135_596_800 * NANOS
_PLAIN_CLASSES = (bool, int, float, str, bytes, *LIST_CLASSES, *MAP_CLASSES)


def is_zero(value: Value) -> bool:
    """Return whether a value is the default of its type; values that have none are not (IsZeroValue of each type)."""
    if value is None:
        return True
    if isinstance(value, _PLAIN_CLASSES):
        return value == 0 if isinstance(value, (int, float)) else len(value) == 0
    if isinstance(value, Duration):
        return value.nanos == 0
    if isinstance(value, Timestamp):
        return value.nanos == _YEAR_ONE
    return isinstance(value, StructValue) and not isinstance(value, PatchValue) and not value.fields


def _of_non_zero(value: Value) -> Value:
    return NONE if is_zero(value) else Optional_(value)


def _none() -> Value:
    return NONE


def _value(optional: Value) -> Value:
    return optional.value


def _has_value(optional: Value) -> bool:
    return bool(optional.present)


def _or(optional: Value, other: Value) -> Value:
    return optional if optional.present else other


def _or_value(optional: Value, default: Value) -> Value:
    return optional.value if optional.present else default


def _first(elements: Value) -> Value:
    return Optional_(elements[0]) if len(elements) else NONE


def _last(elements: Value) -> Value:
    return Optional_(elements[len(elements) - 1]) if len(elements) else NONE


def _unwrap(elements: Value) -> Value:
    found = []
    for element in elements:
        if not isinstance(element, Optional_):
            raise CelError(f"value {show(element)} is not optional")
        if element.present:
            found.append(element.value)
    return found


def _built_in(*_: Value) -> Value:
    """Stand for the operators that the evaluators know by name (`.?`, `[?`, `[` on an optional)."""
    raise CelError("no such overload")


def _bound_name(context: MacroContext, macro: str, node: Expr) -> str:
    if not isinstance(node, Ident):
        raise context.fail(node, f"{macro}() variable name must be a simple identifier")
    return node.name


def _opt_map(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    return _expand(context, "optMap", target, args, lambda fold: call(context, "optional.of", fold))


def _opt_flat_map(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    return _expand(context, "optFlatMap", target, args, lambda fold: fold)


def _expand(
    context: MacroContext, macro: str, target: Expr | None, args: list[Expr], wrap: Callable[[Expr], Expr]
) -> Expr | None:
    """Return `target.hasValue() ? wrap(let x = target.value() in expr) : optional.none()`; the target stands twice."""
    name = _bound_name(context, macro, args[0])
    if target is None:
        return None
    test = member_call(context, "hasValue", target)
    # The empty range comes first in cel-go's numbering, so the value is made where `bind` asks for it.
    fold = bind(context, name, lambda: member_call(context, "value", copy(context, target)), args[1])
    fold.macro = MacroCall(macro, target, args)
    then = wrap(fold)
    return call(context, "_?_:_", test, then, call(context, "optional.none"))


def _global(name: str, overload: Overload, since: str | None = None) -> Function:
    return Function(name, (overload,), since)


LIBRARY = Library(
    "cel.lib.optional",
    functions=(
        _global("optional.of", Overload("optional_of", (_V,), _OPTIONAL, Optional_)),
        _global("optional.ofNonZeroValue", Overload("optional_ofNonZeroValue", (_V,), _OPTIONAL, _of_non_zero)),
        _global("optional.none", Overload("optional_none", (), _OPTIONAL, _none)),
        _global("value", Overload("optional_value", (_OPTIONAL,), _V, _value, member=True)),
        _global("hasValue", Overload("optional_hasValue", (_OPTIONAL,), types.BOOL, _has_value, member=True)),
        _global("or", Overload("optional_or_optional", (_OPTIONAL, _OPTIONAL), _OPTIONAL, _or, member=True)),
        _global("orValue", Overload("optional_orValue_value", (_OPTIONAL, _V), _V, _or_value, member=True)),
        _global("_?._", Overload("select_optional_field", (types.DYN, types.STRING), _OPTIONAL, _built_in)),
        Function(
            "_[?_]",
            (
                Overload("list_optindex_optional_int", (_LIST, types.INT), _OPTIONAL, _built_in),
                Overload("optional_list_optindex_optional_int", (optional_of(_LIST), types.INT), _OPTIONAL, _built_in),
                Overload("map_optindex_optional_value", (_MAP, _K), _OPTIONAL, _built_in),
                Overload("optional_map_optindex_optional_value", (optional_of(_MAP), _K), _OPTIONAL, _built_in),
            ),
        ),
        Function(
            "_[_]",
            (
                Overload("optional_list_index_int", (optional_of(_LIST), types.INT), _OPTIONAL, _built_in),
                Overload("optional_map_index_value", (optional_of(_MAP), _K), _OPTIONAL, _built_in),
            ),
        ),
        _global("last", Overload("list_last", (_LIST,), _OPTIONAL, _last, member=True), "1.33"),
        _global("first", Overload("list_first", (_LIST,), _OPTIONAL, _first, member=True), "1.33"),
        _global("optional.unwrap", Overload("optional_unwrap", (types.list_of(_OPTIONAL),), _LIST, _unwrap), "1.33"),
        _global(
            "unwrapOpt",
            Overload("optional_unwrapOpt", (types.list_of(_OPTIONAL),), _LIST, _unwrap, member=True),
            "1.33",
        ),
    ),
    macros=(Macro("optMap", True, 2, _opt_map), Macro("optFlatMap", True, 2, _opt_flat_map)),
    constants=(("optional_type", types.type_of_type(types.opaque("optional_type")), types.optional_of(types.DYN)),),
)
