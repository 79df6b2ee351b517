"""What the tests of the language share: syntax trees in one line, the macros of every environment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from admission.cel.ast import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
)
from admission.cel.library import bindings, comprehensions, optionals
from admission.cel.macro import STANDARD_MACROS, MacroTable, macro_table

Shape = Callable[[Expr], str]


def _shape(node: Expr) -> str:
    if isinstance(node, Literal):
        return repr(node.value)
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select):
        return f"{'has ' if node.test_only else ''}{_shape(node.operand)}.{node.field}"
    if isinstance(node, Call):
        receiver = "" if node.target is None else f"{_shape(node.target)}."
        return f"{receiver}{node.function}({', '.join(map(_shape, node.args))})"
    if isinstance(node, ListExpr):
        parts = [("?" if at in node.optional else "") + _shape(part) for at, part in enumerate(node.elements)]
        return f"[{', '.join(parts)}]"
    if isinstance(node, MapExpr):
        entries = [f"{'?' if e.optional else ''}{_shape(e.key)}: {_shape(e.value)}" for e in node.entries]
        return f"{{{', '.join(entries)}}}"
    if isinstance(node, StructExpr):
        fields = [f"{'?' if f.optional else ''}{f.field}: {_shape(f.value)}" for f in node.fields]
        return f"{node.name}{{{', '.join(fields)}}}"
    assert isinstance(node, Comprehension)
    variables = node.iter_var if node.iter_var2 is None else f"{node.iter_var}, {node.iter_var2}"
    return (
        f"fold({variables} in {_shape(node.iter_range)}; {node.accu_var} = {_shape(node.accu_init)}; "
        f"while {_shape(node.loop_condition)}; {_shape(node.loop_step)}; {_shape(node.result)})"
    )


@pytest.fixture(scope="session")
def shape() -> Shape:
    """Print a tree in one line: operators as calls, folds with all their parts."""
    return _shape


@pytest.fixture(scope="session")
def kubernetes_macros() -> MacroTable:
    """The macros that policies may use."""
    return macro_table((*STANDARD_MACROS, *optionals.LIBRARY.macros, *comprehensions.LIBRARY.macros))


@pytest.fixture(scope="session")
def all_macros(kubernetes_macros: MacroTable) -> MacroTable:
    """The macros of every environment."""
    return macro_table((*kubernetes_macros.values(), *bindings.LIBRARY.macros, *bindings.BLOCK.macros))
