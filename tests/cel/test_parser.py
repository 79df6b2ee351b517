from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from admission.cel.ast import (
    Ast,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    SourceInfo,
    StructExpr,
    children,
)
from admission.cel.diagnostic import CompileError
from admission.cel.macro import MacroTable
from admission.cel.parser import parse
from admission.cel.values import Uint

Shape = Callable[[Expr], str]

RECORDED = Path(__file__).parent.parent / "assets" / "cel" / "syntax.jsonl"


def recorded(key: str) -> list[tuple[str, str]]:
    cases = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return [(case["expr"], case[key]) for case in cases if key in case]


def dump(node: Expr, source: SourceInfo) -> str:
    """Print a tree with ids and offsets, in the form of the recording (cel-go 0.27)."""

    def at(number: int) -> str:
        return f"#{number}@{source.offsets[number]}"

    def each(nodes: list[Expr]) -> str:
        return "".join(f" {dump(part, source)}" for part in nodes)

    if isinstance(node, Literal):
        return f"(lit{at(node.id)} {constant(node.value)})"
    if isinstance(node, Ident):
        return f"(id{at(node.id)} {node.name})"
    if isinstance(node, Select):
        return f"(sel{at(node.id)} {str(node.test_only).lower()} {dump(node.operand, source)} {node.field})"
    if isinstance(node, Call):
        target = "" if node.target is None else f" target={dump(node.target, source)}"
        return f"(call{at(node.id)} {node.function}{target}{each(node.args)})"
    if isinstance(node, ListExpr):
        return f"(list{at(node.id)} [{' '.join(map(str, sorted(node.optional)))}]{each(node.elements)})"
    if isinstance(node, MapExpr):
        entries = [
            f" ({at(e.id)} {str(e.optional).lower()} {dump(e.key, source)} {dump(e.value, source)})"
            for e in node.entries
        ]
        return f"(map{at(node.id)}{''.join(entries)})"
    if isinstance(node, StructExpr):
        fields = [f" ({at(f.id)} {str(f.optional).lower()} {f.field} {dump(f.value, source)})" for f in node.fields]
        return f"(struct{at(node.id)} {node.name}{''.join(fields)})"
    assert isinstance(node, Comprehension)
    variables = f"{node.iter_var},{node.iter_var2 or ''},{node.accu_var}"
    return f"(comp{at(node.id)} {variables}{each(children(node))})"


def constant(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"B{str(value).lower()}"
    if isinstance(value, Uint):
        return f"u{int(value)}"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, float):
        return f"d{value!r}"
    if isinstance(value, str):
        return "s" + json.dumps([ord(char) for char in value], separators=(",", ":"))
    return f"b{value.hex()}"


def nodes(expr: Expr) -> Iterator[Expr]:
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))


@pytest.mark.parametrize(("text", "tree"), recorded("tree"))
def test_trees_ids_and_places_are_those_of_cel_go(text: str, tree: str, kubernetes_macros: MacroTable) -> None:
    ast = parse(text, macros=kubernetes_macros)
    assert dump(ast.expr, ast.source) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", "_+_(a, _*_(b, c))"),
        ("a - b - c", "_-_(_-_(a, b), c)"),
        ("a == b == c", "_==_(_==_(a, b), c)"),
        ("a < b + 1 && c in d || e", "_||_(_&&_(_<_(a, _+_(b, 1)), @in(c, d)), e)"),
        ("a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"),
        ("(a + b) * c", "_*_(_+_(a, b), c)"),
        ("!a.b", "!_(a.b)"),
        ("-a.b[0]", "-_(_[_](a.b, 0))"),
        ("a.b(1).c[?d].?e", "_?._(_[?_](a.b(1).c, d), 'e')"),
        ("[1, ?a,]", "[1, ?a]"),
        ("{'a': 1, ?b: c,}", "{'a': 1, ?b: c}"),
        ("a.b.C{d: 1, ?e: f}.d", "a.b.C{d: 1, ?e: f}.d"),
        (".a.b", ".a.b"),
        (".f(.g)", ".f(.g)"),
        ("[,]", "[]"),
        ("M{,}", "M{}"),
        ("as.if{in2: 1}", "as.if{in2: 1}"),
        ("a.namespace.for", "a.namespace.for"),
    ],
)
def test_precedence_and_forms(text: str, tree: str, shape: Shape) -> None:
    assert shape(parse(text, macros={}).expr) == tree


def test_chains_of_and_and_or_are_balanced(shape: Shape) -> None:
    assert shape(parse("a && b && c && d", macros={}).expr) == "_&&_(_&&_(a, b), _&&_(c, d))"
    assert shape(parse("a || b || c", macros={}).expr) == "_||_(_||_(a, b), c)"


@pytest.mark.parametrize(
    ("text", "tree"),
    [("--1", "1"), ("---1", "-_(1)"), ("-1", "-1"), ("- 1", "-1"), ("-(1)", "-_(1)"), ("!!a", "a"), ("!!!a", "!_(a)")],
)
def test_signs_come_in_pairs_and_one_minus_belongs_to_its_number(text: str, tree: str, shape: Shape) -> None:
    assert shape(parse(text, macros={}).expr) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("-0x8000000000000000", -(2**63)),
        ("18446744073709551615u", Uint(2**64 - 1)),
        ("0xffU", Uint(255)),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("-1e-400", -0.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("'a' // comment", "a"),
        (r"r'\n'", r"\n"),
        (r"b'\377'", b"\xff"),
        ("0" * 5000 + "7", 7),
    ],
)
def test_constants(text: str, value: object) -> None:
    expr = parse(text, macros={}).expr
    assert isinstance(expr, Literal)
    assert expr.value == value
    assert type(expr.value) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9223372036854775808", "invalid int literal"),
        ("9" * 5000, "invalid int literal"),
        ("18446744073709551616u", "invalid uint literal"),
        ("1e400", "invalid double literal"),
        (r"'\ud800'", "invalid unicode code point"),
        (r"b'\u0041'", "unable to unescape string"),
        ("as", "reserved identifier: as"),
        ("if(true)", "reserved identifier: if"),
        ("{}.`a`", "unsupported syntax: '`'"),
        ("has(a)", "invalid argument to has() macro"),
    ],
)
def test_faults_of_meaning(text: str, message: str, kubernetes_macros: MacroTable) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=kubernetes_macros)
    assert [issue.message for issue in caught.value.issues] == [message]


def test_all_faults_of_meaning_are_told_at_once(kubernetes_macros: MacroTable) -> None:
    with pytest.raises(CompileError) as caught:
        parse("has(a) && if && 1e400 > 0", macros=kubernetes_macros)
    assert [(issue.column, issue.message) for issue in caught.value.issues] == [
        (4, "invalid argument to has() macro"),
        (10, "reserved identifier: if"),
        (16, "invalid double literal"),
    ]


def test_fields_in_back_quotes_are_an_option(shape: Shape) -> None:
    assert shape(parse("a.`b-c`", macros={}, escaped_identifiers=True).expr) == "a.b-c"
    assert shape(parse("M{`b/c`: 1}", macros={}, escaped_identifiers=True).expr) == "M{b/c: 1}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.?b", "unsupported syntax '.?'"),
        ("a[?0]", "unsupported syntax '[?'"),
        ("[?a]", "unsupported syntax '?'"),
        ("{?a: b}", "unsupported syntax '?'"),
        ("M{?a: b}", "unsupported syntax '?'"),
    ],
)
def test_optional_syntax_can_be_switched_off(text: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros={}, optional_syntax=False)
    assert [issue.message for issue in caught.value.issues] == [message]


def test_a_macro_without_its_number_of_arguments_is_a_call(kubernetes_macros: MacroTable, shape: Shape) -> None:
    assert shape(parse("a.all(x)", macros=kubernetes_macros).expr) == "a.all(x)"
    assert shape(parse("all(x, y)", macros=kubernetes_macros).expr) == "all(x, y)"
    assert shape(parse(".has(a.b)", macros=kubernetes_macros).expr) == ".has(a.b)"


def test_spans_cover_the_whole_subexpression() -> None:
    text = " (a + b) * -f(c.d [ 0 ]) && g "
    ast = parse(text, macros={})
    spans = {text[slice(*ast.source.spans[node.id])] for node in nodes(ast.expr)}
    whole = "(a + b) * -f(c.d [ 0 ]) && g"
    product = "(a + b) * -f(c.d [ 0 ])"
    assert spans == {
        "a",
        "b",
        "c",
        "0",
        "g",
        "c.d",
        "a + b",
        "c.d [ 0 ]",
        "f(c.d [ 0 ])",
        "-f(c.d [ 0 ])",
        product,
        whole,
    }


def test_lone_surrogates_are_read_as_go_reads_them() -> None:
    expr = parse("'\ud800'", macros={}).expr
    assert isinstance(expr, Literal)
    assert expr.value == "\ufffd"


# Limits.


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(CompileError) as caught:
        parse("a" * 100_001, macros={})
    assert str(caught.value) == (
        "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000"
    )
    parse("a" * 100_000, macros={})


NESTED = [("(", ")"), ("[", "]"), ("!(", ")"), ("-(", ")"), ("f(", ")"), ("a.f(", ")"), ("a[", "]"), ("{1:", "}")]
NESTED += [("M{a:", "}"), ("a?b:", ""), ("a?(", "):c"), ("[a].map(x, ", ")"), ("b == (", ")"), ("1 + (", ")")]


@pytest.mark.parametrize(("opening", "closing"), NESTED)
def test_ten_thousand_levels_of_nesting_are_a_clear_error(
    opening: str, closing: str, kubernetes_macros: MacroTable
) -> None:
    levels = min(10_000, 99_000 // len(opening + closing))
    with pytest.raises(CompileError) as caught:
        parse(opening * levels + "a" + closing * levels, macros=kubernetes_macros)
    assert str(caught.value) == "ERROR: <input>:-1:0: expression recursion limit exceeded: 250"


@pytest.mark.parametrize(("opening", "closing"), NESTED[:-2])
def test_two_hundred_levels_are_fine_where_they_are_for_cel_go(opening: str, closing: str) -> None:
    parse(opening * 200 + "a" + closing * 200, macros={})


@pytest.mark.parametrize(("opening", "closing"), [("b == (", ")"), ("1 + (", ")")])
def test_right_sides_of_operators_count_twice(opening: str, closing: str) -> None:
    parse(opening * 124 + "a" + closing * 124, macros={})
    with pytest.raises(CompileError, match="expression recursion limit exceeded: 250"):
        parse(opening * 125 + "a" + closing * 125, macros={})


@pytest.mark.parametrize("link", [".b", "[0]", ".f()", " + 1", " * 1", " == a", " - 1"])
def test_long_chains_are_refused_where_cel_go_refuses_them(link: str) -> None:
    parse("a" + link * 250, macros={})
    for length in (251, 10_000):
        with pytest.raises(CompileError) as caught:
            parse("a" + link * length, macros={})
        assert str(caught.value) == "ERROR: <input>:-1:0: max recursion depth exceeded"


@pytest.mark.parametrize("link", [" && a", " || a"])
def test_chains_of_and_and_or_may_be_as_long_as_they_like(link: str) -> None:
    parse("a" + link * 15_000, macros={})


def test_ten_thousand_signs_are_fine(shape: Shape) -> None:
    assert shape(parse("!" * 10_001 + "a", macros={}).expr) == "!_(a)"
    assert shape(parse("-" * 10_000 + "a", macros={}).expr) == "a"


def test_macros_cannot_make_the_tree_too_deep_for_its_readers(kubernetes_macros: MacroTable) -> None:
    levels = 240
    with pytest.raises(CompileError, match="macros expand to more than 750 levels"):
        parse("[1].map(x, true, " * levels + "1" + ")" * levels, macros=kubernetes_macros)


def test_macros_cannot_make_the_tree_too_large(kubernetes_macros: MacroTable) -> None:
    with pytest.raises(CompileError, match="macros expand it to more than 200000 nodes"):
        parse("optional.of(1)" + ".optMap(x, x)" * 60, macros=kubernetes_macros)


# Whatever is thrown at it.

SOUP = [
    *"()[]{}.,?:!-+*/%<>",
    "==",
    "&&",
    "||",
    " in ",
    "a",
    "b",
    "1",
    "1u",
    "1.5",
    "'s'",
    "has",
    "all",
    "true",
    "if",
    "`a`",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(SOUP), max_size=30).map("".join))
@example("{?a}")
@example("has(.")
def test_any_sequence_of_tokens_is_parsed_or_refused_with_an_issue_in_the_text(text: str) -> None:
    _refused_or_parsed(text)


@settings(max_examples=200)
@given(st.text(max_size=80))
@example("\ud800'\ud800")
@example("\x00")
def test_any_text_is_parsed_or_refused_with_an_issue_in_the_text(text: str) -> None:
    _refused_or_parsed(text)


def _attempt(text: str, macros: MacroTable, *, escaped: bool = True) -> Ast | CompileError:
    try:
        return parse(text, macros=macros, escaped_identifiers=escaped)
    except CompileError as error:
        return error


def _refused_or_parsed(text: str) -> None:
    result = _attempt(text, {})
    if isinstance(result, CompileError):
        assert result.issues
        assert all(issue.offset <= len(text) for issue in result.issues)
        assert str(result).startswith("ERROR: <input>:")


def test_every_expression_of_the_kubernetes_suite_parses_or_fails_as_recorded(
    shared: Path, kubernetes_macros: MacroTable
) -> None:
    count = 0
    for file in sorted((shared / "kubernetes-cel").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            full = (case.get("error_full") or "").removeprefix("compilation failed: ")
            result = _attempt(case["expr"], kubernetes_macros, escaped=False)
            if isinstance(result, CompileError):
                assert case["phase"] == "compile", case
                assert str(result) == full, case
                assert result.issues[0].message == case["error"], case
            else:
                assert "Syntax error" not in full, case
            count += 1
    assert count > 2500


def test_every_expression_of_the_conformance_suite_parses(shared: Path, all_macros: MacroTable) -> None:
    for file in sorted((shared / "cel-conformance").glob("*.json")):
        for section in json.loads(file.read_text(encoding="utf-8"))["section"]:
            for case in section["test"]:
                if "evalError" not in case:
                    parse(case["expr"], macros=all_macros, escaped_identifiers=True)


def test_negative_zero_and_infinity_are_told_apart() -> None:
    expr = parse("-0.0", macros={}).expr
    assert isinstance(expr, Literal)
    assert isinstance(expr.value, float)
    assert math.copysign(1, expr.value) == -1
