from __future__ import annotations

from collections.abc import Callable

import pytest

from admission.cel.ast import Comprehension, Expr
from admission.cel.diagnostic import CompileError
from admission.cel.macro import MacroTable, macro_of
from admission.cel.parser import parse

Shape = Callable[[Expr], str]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("has(a.b.c)", "has a.b.c"),
        (
            "l.all(x, x > 0)",
            "fold(x in l; @result = True; while @not_strictly_false(@result); _&&_(@result, _>_(x, 0)); @result)",
        ),
        (
            "l.exists(x, x)",
            "fold(x in l; @result = False; while @not_strictly_false(!_(@result)); _||_(@result, x); @result)",
        ),
        (
            "l.exists_one(x, x)",
            "fold(x in l; @result = 0; while True; _?_:_(x, _+_(@result, 1), @result); _==_(@result, 1))",
        ),
        ("l.map(x, f(x))", "fold(x in l; @result = []; while True; _+_(@result, [f(x)]); @result)"),
        (
            "l.map(x, x > 1, f(x))",
            "fold(x in l; @result = []; while True; _?_:_(_>_(x, 1), _+_(@result, [f(x)]), @result); @result)",
        ),
        ("l.filter(x, p)", "fold(x in l; @result = []; while True; _?_:_(p, _+_(@result, [x]), @result); @result)"),
    ],
)
def test_macros_expand_as_in_cel_go(text: str, tree: str, shape: Shape, kubernetes_macros: MacroTable) -> None:
    assert shape(parse(text, macros=kubernetes_macros).expr) == tree


def test_one_variable_exists_one_in_camel_case_is_no_macro(shape: Shape, kubernetes_macros: MacroTable) -> None:
    assert shape(parse("l.existsOne(x, x)", macros=kubernetes_macros).expr) == "l.existsOne(x, x)"


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("l.all(x.y, true)", 7, "argument must be a simple name"),
        ("l.exists(1, true)", 9, "argument must be a simple name"),
        ("l.exists_one(f(x), true)", 14, "argument must be a simple name"),
        ("l.map(x.y, true)", 7, "argument is not an identifier"),
        ("l.filter(1, true)", 9, "argument is not an identifier"),
        ("l.all(__result__, true)", 6, "iteration variable overwrites accumulator variable"),
        ("l.map(__result__, true)", 6, "iteration variable overwrites accumulator variable"),
        ("has(a)", 4, "invalid argument to has() macro"),
        ("has(a[0])", 5, "invalid argument to has() macro"),
        ("has(a.?b)", 5, "invalid argument to has() macro"),
    ],
)
def test_misused_macros_are_reported_at_the_argument(
    text: str, column: int, message: str, kubernetes_macros: MacroTable
) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=kubernetes_macros)
    assert [(issue.column, issue.message) for issue in caught.value.issues] == [(column, message)]


def test_a_fold_remembers_the_macro_it_was(kubernetes_macros: MacroTable, shape: Shape) -> None:
    expr = parse("a.b.filter(x, x > 1)", macros=kubernetes_macros).expr
    assert isinstance(expr, Comprehension)
    assert expr.macro is not None
    assert expr.macro.name == "filter"
    assert expr.macro.target is expr.iter_range
    assert [shape(arg) for arg in expr.macro.args] == ["x", "_>_(x, 1)"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("has(a.b)", "has"), ("l.all(x, x)", "all"), ("o.optMap(x, x)", "optMap"), ("o.optFlatMap(x, x)", "optFlatMap")],
)
def test_an_expansion_is_known_as_the_macro_it_was(text: str, name: str, kubernetes_macros: MacroTable) -> None:
    macro = macro_of(parse(text, macros=kubernetes_macros).expr)
    assert macro is not None
    assert macro.name == name


@pytest.mark.parametrize("text", ["a.b", "f(a)", "a ? b : c", "o.hasValue() ? o.value() : o", "[a]", "a"])
def test_what_was_written_out_is_no_macro(text: str, kubernetes_macros: MacroTable) -> None:
    assert macro_of(parse(text, macros=kubernetes_macros).expr) is None
