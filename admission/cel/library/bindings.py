"""Names for values inside one expression (cel-go ext.Bindings).

    cel.bind(name, init, expr)                expr, in which `name` is the value of init; a macro

    cel.bind(big, object.spec.containers.filter(c, c.image.contains('cuda')), big.size() > 1 && big.size() < 9)

The value is computed at most once, and only if it is used. kube-apiserver does not offer this; `extended` does.

`BLOCK` belongs to the conformance suite alone: optimisers of other implementations rewrite expressions into
`cel.block([e0, e1, ...], expr)`, where `cel.index(n)` is the value of the n-th entry, and `cel.iterVar(depth, n)` and
`cel.accuVar(depth, n)` are generated variable names. Source: cel-go ext/bindings.go and its conformance tests.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.ast import Expr, Ident, ListExpr, Literal
from admission.cel.function import Function, Library, Macro, MacroContext, MacroExpander, Overload
from admission.cel.macro import bind, call, ident
from admission.cel.values import MISSING, CelError, Uint, Value

BLOCK_FUNCTION = "cel.@block"
LARGEST_BLOCK = 32


def _is_cel(target: Expr | None) -> bool:
    return isinstance(target, Ident) and target.name == "cel"


def _bind(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if not _is_cel(target):
        return None
    name = args[0]
    if not isinstance(name, Ident):
        raise context.fail(name, "cel.bind() variable names must be simple identifiers")
    return bind(context, name.name, lambda: args[1], args[2])


def _block(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if not _is_cel(target):
        return None
    if not isinstance(args[0], ListExpr):
        raise context.fail(args[0], "cel.block requires the first arg to be a list literal")
    return call(context, BLOCK_FUNCTION, *args)


def _natural(node: Expr) -> int | None:
    if isinstance(node, Literal) and isinstance(node.value, int) and not isinstance(node.value, (bool, Uint)):
        return node.value if node.value >= 0 else None
    return None


def _index(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
    if not _is_cel(target):
        return None
    number = _natural(args[0])
    if number is None:
        raise context.fail(args[0], "cel.index requires a single non-negative int constant arg")
    return ident(context, f"@index{number}")


def _generated(function: str, prefix: str) -> MacroExpander:
    def expand(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
        if not _is_cel(target):
            return None
        depth, number = _natural(args[0]), _natural(args[1])
        if depth is None or number is None:
            wrong = args[0] if depth is None else args[1]
            raise context.fail(wrong, f"{function} requires two non-negative int constant args")
        return ident(context, f"{prefix}:{depth}:{number}")

    return expand


def _built_in(*_: Value) -> Value:
    """Stand for `cel.@block`, whose entries the evaluators compute when they are asked for."""
    raise CelError("no such overload")


_T = types.type_param("T")

LIBRARY = Library(
    "cel.lib.ext.cel.bindings",
    macros=(Macro("bind", True, 3, _bind),),
    environments=frozenset({"extended", "standard"}),
)

BLOCK = Library(
    "cel.lib.ext.cel.block",
    functions=(Function(BLOCK_FUNCTION, (Overload("cel_block_list", (types.LIST_DYN, _T), _T, _built_in),)),),
    macros=(
        Macro("block", True, 2, _block),
        Macro("index", True, 1, _index),
        Macro("iterVar", True, 2, _generated("cel.iterVar", "@it")),
        Macro("accuVar", True, 2, _generated("cel.accuVar", "@ac")),
    ),
    constants=tuple((f"@index{index}", types.DYN, MISSING) for index in range(LARGEST_BLOCK)),
    environments=frozenset({"standard"}),
)
