"""The standard macros: calls that the parser rewrites into other expressions before anybody checks or runs them.

A macro expands exactly as in cel-go (parser/macro.go), node for node and in the same order of ids, because costs, error
texts and error places depend on the shape. `STANDARD_MACROS` are those of the language itself; optional values,
two-variable comprehensions and `cel.bind` bring their own (admission/cel/library/). `existsOne` is not among them: in
cel-go's standard environment only its two-variable form exists (cel/macro.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from admission.cel.ast import (
    ACCUMULATOR,
    Call,
    Comprehension,
    Constant,
    Expr,
    FieldInit,
    Ident,
    ListExpr,
    Literal,
    MacroCall,
    MapEntry,
    MapExpr,
    Select,
    StructExpr,
)
from admission.cel.function import Macro, MacroContext

MacroTable: TypeAlias = Mapping[tuple[str, bool, int | None], Macro]

UNUSED = "#unused"
_OLD_ACCUMULATOR = "__result__"
OVERWRITES = "iteration variable overwrites accumulator variable"


def macro_table(macros: Iterable[Macro]) -> MacroTable:
    """Return the table that the parser looks calls up in: by name, by member or not, by number of arguments."""
    return MappingProxyType({(macro.name, macro.member, macro.arity): macro for macro in macros})


# Builders of nodes. Arguments are made before the node that holds them, which gives cel-go's order of ids.


def literal(context: MacroContext, value: Constant) -> Expr:
    """Return a new constant."""
    return Literal(context.new_id(), value)


def ident(context: MacroContext, name: str) -> Expr:
    """Return a new name."""
    return Ident(context.new_id(), name)


def accumulator(context: MacroContext) -> Expr:
    """Return a new reference to the accumulator of the comprehension being made."""
    return Ident(context.new_id(), ACCUMULATOR)


def call(context: MacroContext, function: str, *args: Expr) -> Expr:
    """Return a new call of a function or an operator."""
    return Call(context.new_id(), function, None, list(args))


def member_call(context: MacroContext, function: str, target: Expr, *args: Expr) -> Expr:
    """Return a new call of a member function."""
    return Call(context.new_id(), function, target, list(args))


def list_of(context: MacroContext, *elements: Expr) -> Expr:
    """Return a new list literal."""
    return ListExpr(context.new_id(), list(elements))


def fold(
    context: MacroContext,
    iter_range: Expr,
    variables: tuple[str, str | None],
    init: Expr,
    condition: Expr,
    step: Expr,
    result: Expr,
    accumulator_name: str = ACCUMULATOR,
) -> Comprehension:
    """Return a new comprehension; `variables` are the one or two iteration variables."""
    first, second = variables
    number = context.new_id()
    return Comprehension(number, iter_range, first, second, accumulator_name, init, condition, step, result)


def bind(context: MacroContext, name: str, make_init: Callable[[], Expr], result: Expr) -> Comprehension:
    """Return the fold over nothing that stands for `let name = init in result` (ext/bindings.go)."""
    empty = list_of(context)
    init = make_init()
    never = literal(context, False)
    step = ident(context, name)
    return fold(context, empty, (UNUSED, None), init, never, step, result, accumulator_name=name)


def copy(context: MacroContext, node: Expr) -> Expr:
    """Return a copy of an expression with fresh ids at the same places, numbered parents first as in cel-go."""
    number = context.new_id(node)
    if isinstance(node, Literal):
        return Literal(number, node.value)
    if isinstance(node, Ident):
        return Ident(number, node.name)
    if isinstance(node, Select):
        return Select(number, copy(context, node.operand), node.field, node.test_only)
    if isinstance(node, Call):
        args = [copy(context, arg) for arg in node.args]
        target = copy(context, node.target) if node.target is not None else None
        return Call(number, node.function, target, args)
    if isinstance(node, ListExpr):
        return ListExpr(number, [copy(context, element) for element in node.elements], node.optional)
    if isinstance(node, MapExpr):
        entries = [
            MapEntry(context.new_id(), copy(context, entry.key), copy(context, entry.value), entry.optional)
            for entry in node.entries
        ]
        return MapExpr(number, entries)
    if isinstance(node, StructExpr):
        fields = [
            FieldInit(context.new_id(), init.field, copy(context, init.value), init.optional) for init in node.fields
        ]
        return StructExpr(number, node.name, fields)
    return Comprehension(
        number,
        copy(context, node.iter_range),
        node.iter_var,
        node.iter_var2,
        node.accu_var,
        copy(context, node.accu_init),
        copy(context, node.loop_condition),
        copy(context, node.loop_step),
        copy(context, node.result),
        node.macro,
    )


def macro_of(node: Expr) -> MacroCall | None:
    """Return the macro call that was expanded into this very node, None where it was written as it is."""
    if isinstance(node, Comprehension):
        return None if node.macro is None or node.macro.name in ("optMap", "optFlatMap") else node.macro
    if isinstance(node, Select):
        return MacroCall("has", None, [Select(node.id, node.operand, node.field)]) if node.test_only else None
    if isinstance(node, Call) and node.function == "_?_:_":
        test, then, _ = node.args
        fold = then.args[0] if isinstance(then, Call) and then.function == "optional.of" and then.args else then
        if isinstance(fold, Comprehension) and fold.macro is not None and isinstance(test, Call):
            return fold.macro if fold.macro.target is not None and test.target is fold.macro.target else None
    return None


def is_accumulator(name: str) -> bool:
    """Return whether an iteration variable of this name would hide the accumulator."""
    return name in (ACCUMULATOR, _OLD_ACCUMULATOR)


def _variable(context: MacroContext, node: Expr, message: str) -> str:
    if not isinstance(node, Ident):
        raise context.fail(node, message)
    if is_accumulator(node.name):
        raise context.fail(node, OVERWRITES)
    return node.name


def _has(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    del target
    operand = args[0]
    if not isinstance(operand, Select):
        raise context.fail(operand, "invalid argument to has() macro")
    return Select(context.new_id(), operand.operand, operand.field, test_only=True)


# The folds of the quantifiers, shared with their two-variable forms.


def fold_all(context: MacroContext, target: Expr, variables: tuple[str, str | None], predicate: Expr) -> Comprehension:
    """Return the fold of `all`: true until the predicate is false; errors give way to a later false."""
    init = literal(context, True)
    condition = call(context, "@not_strictly_false", accumulator(context))
    step = call(context, "_&&_", accumulator(context), predicate)
    return fold(context, target, variables, init, condition, step, accumulator(context))


def fold_exists(
    context: MacroContext, target: Expr, variables: tuple[str, str | None], predicate: Expr
) -> Comprehension:
    """Return the fold of `exists`: false until the predicate is true; errors give way to a later true."""
    init = literal(context, False)
    condition = call(context, "@not_strictly_false", call(context, "!_", accumulator(context)))
    step = call(context, "_||_", accumulator(context), predicate)
    return fold(context, target, variables, init, condition, step, accumulator(context))


def fold_exists_one(
    context: MacroContext, target: Expr, variables: tuple[str, str | None], predicate: Expr
) -> Comprehension:
    """Return the fold of `exists_one`: counts the matches, never stops early."""
    init = literal(context, 0)
    condition = literal(context, True)
    more = call(context, "_+_", accumulator(context), literal(context, 1))
    step = call(context, "_?_:_", predicate, more, accumulator(context))
    result = call(context, "_==_", accumulator(context), literal(context, 1))
    return fold(context, target, variables, init, condition, step, result)


def _all(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    name = _variable(context, args[0], "argument must be a simple name")
    return fold_all(context, _receiver(target), (name, None), args[1])


def _exists(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    name = _variable(context, args[0], "argument must be a simple name")
    return fold_exists(context, _receiver(target), (name, None), args[1])


def _exists_one(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    name = _variable(context, args[0], "argument must be a simple name")
    return fold_exists_one(context, _receiver(target), (name, None), args[1])


def _map(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    name = _variable(context, args[0], "argument is not an identifier")
    predicate = args[1] if len(args) == 3 else None
    init = list_of(context)
    condition = literal(context, True)
    step = call(context, "_+_", accumulator(context), list_of(context, args[-1]))
    if predicate is not None:
        step = call(context, "_?_:_", predicate, step, accumulator(context))
    return fold(context, _receiver(target), (name, None), init, condition, step, accumulator(context))


def _filter(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    name = _variable(context, args[0], "argument is not an identifier")
    init = list_of(context)
    condition = literal(context, True)
    step = call(context, "_+_", accumulator(context), list_of(context, args[0]))
    step = call(context, "_?_:_", args[1], step, accumulator(context))
    return fold(context, _receiver(target), (name, None), init, condition, step, accumulator(context))


def _receiver(target: Expr | None) -> Expr:
    assert target is not None, "a member macro is called with a receiver"  # noqa: S101 - the table is keyed by it
    return target


STANDARD_MACROS: tuple[Macro, ...] = (
    Macro("has", False, 1, _has),
    Macro("all", True, 2, _all),
    Macro("exists", True, 2, _exists),
    Macro("exists_one", True, 2, _exists_one),
    Macro("map", True, 2, _map),
    Macro("map", True, 3, _map),
    Macro("filter", True, 2, _filter),
)
