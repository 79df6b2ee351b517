from __future__ import annotations

from collections.abc import Callable

import pytest

from admission.cel.ast import Expr
from admission.cel.diagnostic import CompileError
from admission.cel.library.bindings import BLOCK, LIBRARY
from admission.cel.macro import MacroTable
from admission.cel.parser import parse

Shape = Callable[[Expr], str]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("cel.bind(a, b, a + a)", "fold(#unused in []; a = b; while False; a; _+_(a, a))"),
        ("cel.block([1, cel.index(0)], cel.index(1))", "cel.@block([1, @index0], @index1)"),
        (
            "[1].map(cel.iterVar(0, 1), cel.iterVar(0, 1))",
            "fold(@it:0:1 in [1]; @result = []; while True; _+_(@result, [@it:0:1]); @result)",
        ),
        ("cel.accuVar(2, 3)", "@ac:2:3"),
        ("other.bind(a, b, c)", "other.bind(a, b, c)"),
        ("other.block([1], 2)", "other.block([1], 2)"),
        ("other.index(0)", "other.index(0)"),
        ("other.iterVar(0, 0)", "other.iterVar(0, 0)"),
        ("bind(a, b, c)", "bind(a, b, c)"),
    ],
)
def test_macros_of_the_namespace_expand_and_others_do_not(
    text: str, tree: str, shape: Shape, all_macros: MacroTable
) -> None:
    assert shape(parse(text, macros=all_macros).expr) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cel.bind(a.b, 1, 2)", "cel.bind() variable names must be simple identifiers"),
        ("cel.block(1, 2)", "cel.block requires the first arg to be a list literal"),
        ("cel.index(-1)", "cel.index requires a single non-negative int constant arg"),
        ("cel.index(1u)", "cel.index requires a single non-negative int constant arg"),
        ("cel.iterVar(0, x)", "cel.iterVar requires two non-negative int constant args"),
        ("cel.accuVar(true, 0)", "cel.accuVar requires two non-negative int constant args"),
    ],
)
def test_misuse_is_reported(text: str, message: str, all_macros: MacroTable) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=all_macros)
    assert [issue.message for issue in caught.value.issues] == [message]


def test_policies_cannot_choose_an_environment_with_blocks() -> None:
    assert BLOCK.environments == {"standard"}
    assert "kubernetes" not in LIBRARY.environments
