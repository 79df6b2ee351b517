"""How deep a syntax tree is: cel-go's limit on what its visitor may recurse into, and ours on the tree itself.

Chains (`a.b.c`, `1 + 1 + 1`) nest to the left without any parentheses; macros expand to several levels each. Whoever
reads a tree recursively meets at most MAX_TREE_DEPTH levels. Without recursion itself.
"""

from __future__ import annotations

from typing import Final

from admission.cel.ast import Call, Expr, ListExpr, MapExpr, Select, children
from admission.cel.builder import LimitPassed
from admission.cel.macro import macro_of

MAX_VISITS: Final = 250
MAX_TREE_DEPTH: Final = 750

# parser/parser.go counts selections, indexes, method calls, comparisons, arithmetic and conditionals, but not these
_UNCOUNTED: Final = frozenset(("_&&_", "_||_", "!_", "-_"))


def check_depth(expr: Expr, nodes: int) -> None:
    """Raise LimitPassed where a tree of so many nodes is too deep for cel-go's parser, or too deep once expanded."""
    if nodes > MAX_VISITS and visits(expr) > MAX_VISITS:
        raise LimitPassed("max recursion depth exceeded")
    if nodes > MAX_TREE_DEPTH and tree_depth(expr) > MAX_TREE_DEPTH:
        raise LimitPassed(f"expression recursion limit exceeded: macros expand to more than {MAX_TREE_DEPTH} levels")


def visits(expr: Expr) -> int:
    """Return how deep cel-go's visitor recurses into an expression as it was written, before macros."""
    deepest = 0
    stack = [(expr, 0)]
    while stack:
        node, depth = stack.pop()
        macro = macro_of(node)
        if macro is not None:
            below = macro.args if macro.target is None else [macro.target, *macro.args]
            counted = macro.target is not None
        else:
            below = children(node)
            counted = not isinstance(node, (ListExpr, MapExpr)) and _is_counted(node)
        if counted:
            depth += 1
        deepest = max(deepest, depth)
        stack.extend((child, depth) for child in below)
    return deepest


def tree_depth(expr: Expr) -> int:
    """Return the number of levels of a tree, macros expanded."""
    deepest = 0
    stack = [(expr, 1)]
    while stack:
        node, depth = stack.pop()
        deepest = max(deepest, depth)
        stack.extend((child, depth + 1) for child in children(node))
    return deepest


def _is_counted(node: Expr) -> bool:
    if isinstance(node, Call):
        operator = node.function == "@in" or (node.function.startswith("_") and node.function.endswith(("_", "]")))
        return node.function not in _UNCOUNTED and (operator or node.target is not None)
    return isinstance(node, Select)
