from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.cel.ast import Expr, Ident, Literal
from admission.cel.library import bindings, comprehensions, optionals
from admission.cel.macro import STANDARD_MACROS, MacroTable, macro_table
from admission.cel.parser import parse
from admission.cel.unparse import constant_text, unparse

Shape = Callable[[Expr], str]


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c - d",
        "(a + b) * c",
        "a - (b - c)",
        "a && b || c && d",
        "a && (b || c)",
        "a ? b : c",
        "a ? (b ? c : d) : (e ? f : g)",
        "a == (b == c)",
        "!a && !(b || c)",
        "-a.b == -(a[0])",
        "(a + b).c.d(e, f)[g]",
        "a.?b[?c].orValue(d)",
        "[a, ?b, [c]]",
        '{"a": 1, ?b: c}',
        "pkg.Type{a: 1, ?b: c}",
        "a.`b-c`.`in`",
        ".a.b(.c)",
        "x in [1, 2u, 0.5, -3, true, null]",
        "has(a.b.c) && l.all(x, x > 0)",
        "l.map(x, x > 1, x * 2).filter(y, y in z).exists_one(v, v)",
        "m.all(k, v, k == v) && m.transformMap(k, v, k > 1, v).exists(k, v, v)",
        "o.?a.optMap(x, x + 1)",
        "cel.bind(a, b.c, a + a)",
        '(f(a, b)) ? "x" : b"\\141"',
    ],
)
def test_the_usual_spelling_comes_back_as_it_was(text: str, all_macros: MacroTable) -> None:
    assert unparse(parse(text, macros=all_macros, escaped_identifiers=True).expr) == text


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("((a))+(b)", "a + b"),
        (r"'a\x41\n' == r'\n'", r'"aA\n" == "\\n"'),
        ("a&&(b&&c)", "a && b && c"),
        ("(a ? b : c) ? d : e", "(a ? b : c) ? d : e"),
        ("[1,]", "[1]"),
        ("0x10 + 0xFFu", "16 + 255u"),
        ("1e3 + 1e6 + 1.5E-7 + .5", "1000.0 + 1e+06 + 1.5e-07 + 0.5"),
        ("!!!a", "!a"),
    ],
)
def test_one_spelling_for_all(text: str, spelled: str) -> None:
    assert unparse(parse(text, macros={}).expr) == spelled


@pytest.mark.parametrize(
    "text", ["-(-a)", "-(1)", "-(-1)", "-(1.a)", "-(1[a])", "(-a).b", "(!a).b()", "(-a)[0]", "-1.a()"]
)
def test_signs_are_not_read_back_as_something_else(text: str, shape: Shape) -> None:
    expr = parse(text, macros={}).expr
    assert shape(parse(unparse(expr), macros={}).expr) == shape(expr)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (123456.0, "123456.0"),
        (1234567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e21, "1e+21"),
        (-0.0, "-0.0"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        ("a\u00a0\t\x00é🐱", '"a\\u00a0\\t\\x00é🐱"'),
        (b"\x00a\xff", 'b"\\000\\141\\377"'),
    ],
)
def test_constants_are_spelled_as_go_spells_them(value: float | str | bytes, text: str) -> None:
    assert constant_text(value) == text


def test_lines_end_at_the_first_logical_operator_behind_a_column() -> None:
    expr = parse("aaaaaaaa && bbbbbbbb && c + d || eeeeeeee", macros={}).expr
    assert unparse(expr, wrap_column=14) == "aaaaaaaa && bbbbbbbb &&\nc + d || eeeeeeee"
    assert unparse(expr) == "aaaaaaaa && bbbbbbbb && c + d || eeeeeeee"


def test_a_fold_that_no_macro_made_has_no_text() -> None:
    expr = parse("[1].map(x, x)", macros=macro_table(STANDARD_MACROS)).expr
    expr.macro = None  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="no macro"):
        unparse(expr)


def test_the_deepest_trees_can_be_written() -> None:
    text = "[" * 249 + "a" + "]" * 249
    assert unparse(parse(text, macros={}).expr) == text


MACROS = macro_table(
    (*STANDARD_MACROS, *optionals.LIBRARY.macros, *comprehensions.LIBRARY.macros, *bindings.LIBRARY.macros)
)
NAMES = st.sampled_from(["a", "b", "ccc", "x1", "_y"])
LEAVES = st.one_of(
    NAMES,
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.integers(0, 2**64 - 1).map(lambda number: f"{number}u"),
    st.floats(allow_nan=False, allow_infinity=False).map(constant_text),
    st.text(st.characters(codec="utf-8"), max_size=8).map(constant_text),
    st.binary(max_size=8).map(constant_text),
    st.sampled_from(["true", "false", "null"]),
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from([*"+-*/%<>", "==", "!=", "<=", ">=", "&&", "||", "in"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(" ".join),
        inner.map(lambda a: f"({a})"),
        st.tuples(st.sampled_from(["!", "-", "!!", "--"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) ? ({p[1]}) : {p[2]}"),
        st.tuples(inner, NAMES).map(lambda p: f"({p[0]}).{p[1]}"),
        st.tuples(inner, NAMES).map(lambda p: f"({p[0]}).?{p[1]}"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[?{p[1]}]"),
        st.tuples(inner, NAMES).map(lambda p: f"has(({p[0]}).{p[1]})"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(st.tuples(inner, inner), max_size=2).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}, ?{key}: {value}" for key, value in pairs) + "}"
        ),
        st.tuples(NAMES, inner).map(lambda p: f"pkg.T{{{p[0]}: {p[1]}, ?o: {p[1]}}}"),
        st.tuples(NAMES, st.lists(inner, max_size=3)).map(lambda p: f"{p[0]}({', '.join(p[1])})"),
        st.tuples(inner, NAMES, st.lists(inner, max_size=2)).map(lambda p: f"({p[0]}).{p[1]}({', '.join(p[2])})"),
        st.tuples(inner, st.sampled_from(["all", "exists", "exists_one", "map", "filter", "optMap"]), inner).map(
            lambda p: f"({p[0]}).{p[1]}(v, {p[2]})"
        ),
        st.tuples(inner, st.sampled_from(["all", "transformList", "transformMap"]), inner).map(
            lambda p: f"({p[0]}).{p[1]}(k, v, {p[2]})"
        ),
        st.tuples(inner, inner).map(lambda p: f"cel.bind(v, {p[0]}, {p[1]})"),
    )


EXPRESSIONS = st.recursive(LEAVES, larger, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_what_is_written_reads_back_the_same(text: str) -> None:
    expr = parse(text, macros=MACROS).expr
    written = unparse(expr)
    assert unparse(parse(written, macros=MACROS).expr) == written


def test_recorded_expressions_keep_their_tree(shared: Path, all_macros: MacroTable, shape: Shape) -> None:
    for file in sorted((shared / "kubernetes-cel").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if case["phase"] != "compile":
                expr = parse(case["expr"], macros=all_macros).expr
                assert shape(parse(unparse(expr), macros=all_macros).expr) == shape(expr), case["expr"]


def test_names_and_literals_alone() -> None:
    assert unparse(Ident(1, ".a")) == ".a"
    assert unparse(Literal(1, None)) == "null"
