"""Types, references and errors of checked expressions, over declarations of our own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.ast import Call, Comprehension, Ident, Select, StructExpr
from admission.cel.checker import TOO_LARGE, CheckedAst, Declarations, Reference, check
from admission.cel.diagnostic import CompileError
from admission.cel.function import Function, Overload
from admission.cel.library.comprehensions import LIBRARY as COMPREHENSIONS
from admission.cel.library.optionals import LIBRARY as OPTIONALS
from admission.cel.macro import STANDARD_MACROS, macro_table
from admission.cel.messages import FIELDS, WELL_KNOWN
from admission.cel.parser import parse
from admission.cel.types import A, B, Type, list_of, map_of, optional_of, struct, type_of_type
from admission.cel.values import MISSING

MACROS = macro_table([*STANDARD_MACROS, *OPTIONALS.macros, *COMPREHENSIONS.macros])
OPTIONAL_A = optional_of(A)


def signature(name: str, *params: Type, result: Type, member: bool = False) -> Overload:
    return Overload(name, params, result, lambda *args: args, member=member)


def functions(*all_functions: tuple[str, tuple[Overload, ...]]) -> dict[str, Function]:
    return {name: Function(name, overloads) for name, overloads in all_functions}


FUNCTIONS = functions(
    ("_&&_", (signature("logical_and", types.BOOL, types.BOOL, result=types.BOOL),)),
    ("_||_", (signature("logical_or", types.BOOL, types.BOOL, result=types.BOOL),)),
    ("!_", (signature("logical_not", types.BOOL, result=types.BOOL),)),
    ("_?_:_", (signature("conditional", types.BOOL, A, A, result=A),)),
    ("_==_", (signature("equals", A, A, result=types.BOOL),)),
    ("@not_strictly_false", (signature("not_strictly_false", types.BOOL, result=types.BOOL),)),
    ("@in", (signature("in_list", A, list_of(A), result=types.BOOL),)),
    (
        "_[_]",
        (
            signature("index_list", list_of(A), types.INT, result=A),
            signature("index_map", map_of(A, B), A, result=B),
            signature("list_optindex_index_int", optional_of(list_of(A)), types.INT, result=OPTIONAL_A),
        ),
    ),
    (
        "_+_",
        (
            signature("add_int64", types.INT, types.INT, result=types.INT),
            signature("add_string", types.STRING, types.STRING, result=types.STRING),
            signature("add_list", list_of(A), list_of(A), result=list_of(A)),
        ),
    ),
    ("_>_", (signature("greater_int64", types.INT, types.INT, result=types.BOOL),)),
    ("dyn", (signature("to_dyn", A, result=types.DYN),)),
    ("type", (signature("type", A, result=type_of_type(A)),)),
    (
        "size",
        (
            signature("size_list", list_of(A), result=types.INT),
            signature("list_size", list_of(A), result=types.INT, member=True),
        ),
    ),
    ("startsWith", (signature("starts_with", types.STRING, types.STRING, result=types.BOOL, member=True),)),
    ("math.greatest", (signature("math_greatest", types.INT, types.INT, result=types.INT),)),
    ("optional.of", (signature("optional_of", A, result=OPTIONAL_A),)),
    ("optional.none", (signature("optional_none", result=OPTIONAL_A),)),
    ("hasValue", (signature("optional_hasValue", OPTIONAL_A, result=types.BOOL, member=True),)),
    ("value", (signature("optional_value", OPTIONAL_A, result=A, member=True),)),
    ("orValue", (signature("optional_orValue_value", OPTIONAL_A, A, result=A, member=True),)),
    ("team.size", (signature("team_size", types.INT, result=types.STRING),)),
)  # fmt: skip

VARIABLES = {
    "x": types.INT,
    "d": types.DYN,
    "names": list_of(types.STRING),
    "labels": map_of(types.STRING, types.STRING),
    "request": struct("kubernetes.Request"),
    "authorizer": types.AUTHORIZER,
    "authorizer.requestResource": types.RESOURCE_CHECK,
    "team.member": types.STRING,
    "maybe": optional_of(struct("kubernetes.Request")),
}

STRUCTS = {
    "kubernetes.Request": {"name": types.STRING, "kind": struct("kubernetes.Kind"), "options": types.DYN},
    "kubernetes.Kind": {"group": types.STRING},
    "team.Card": {"owner": types.STRING, "count": types.wrapper(types.INT)},
}


class Small:
    """Declarations over the tables above; `Open` and `Open.*` take any field."""

    def __init__(self, container: str = "", *, strict: bool = False) -> None:
        self.container = container
        self.strict = strict

    def find_ident(self, name: str) -> tuple[Type, Any] | None:
        if name in VARIABLES:
            return VARIABLES[name], MISSING
        if name == "team.LIMIT":
            return types.INT, 63
        named = {"int": types.INT, "string": types.STRING, **WELL_KNOWN}.get(name)
        return None if named is None else (type_of_type(named), named)

    def find_function(self, name: str) -> Function | None:
        return FUNCTIONS.get(name)

    def find_struct(self, name: str) -> Type | None:
        if name in WELL_KNOWN:
            return WELL_KNOWN[name]
        return struct(name) if name in STRUCTS or name == "Open" or name.startswith("Open.") else None

    def find_field(self, struct: str, field: str) -> Type | None:
        if struct == "Open" or struct.startswith("Open."):
            return types.DYN
        return {**FIELDS, **STRUCTS}.get(struct, {}).get(field)

    def remark(self, name: str) -> str | None:
        return "exists since Kubernetes 1.99" if name == "later" else None


def checked(text: str, declarations: Declarations | None = None) -> CheckedAst:
    return check(parse(text, macros=MACROS), declarations or Small())


def result(text: str, declarations: Declarations | None = None) -> str:
    return str(checked(text, declarations).result_type)


def errors(text: str, declarations: Declarations | None = None) -> list[tuple[int, str]]:
    with pytest.raises(CompileError) as raised:
        checked(text, declarations)
    return [(issue.column, issue.message) for issue in raised.value.issues]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", "null"),
        ("true", "bool"),
        ("1", "int"),
        ("1u", "uint"),
        ("1.0", "double"),
        ("'a'", "string"),
        ("b'a'", "bytes"),
        ("[]", "list(dyn)"),
        ("{}", "map(dyn, dyn)"),
        ("[1, 2]", "list(int)"),
        ("[1, 'a']", "list(dyn)"),
        ("[null, google.protobuf.Int64Value{value: 1}]", "list(wrapper(int))"),
        ("[[], [1]]", "list(list(int))"),
        ("{'a': 1, 'b': 'x'}", "map(string, dyn)"),
        ("[?optional.of(1)]", "list(int)"),
        ("[?d, 1]", "list(dyn)"),
        ("{?'a': optional.of(1)}", "map(string, int)"),
        ("x == 1 ? 'a' : 'b'", "string"),
        ("x == 1 ? 'a' : d", "dyn"),
        ("d.a.b.c", "dyn"),
        ("d.a + 'x'", "string"),
        ("d.a + d.b", "dyn"),
        ("names[0]", "string"),
        ("names + []", "list(string)"),
        ("labels.team", "string"),
        ("labels['team']", "string"),
        ("has(labels.team)", "bool"),
        ("request.kind.group", "string"),
        ("request.options.anything", "dyn"),
        ("request.?kind.group", "optional_type(string)"),
        ("request.?kind.?group", "optional_type(string)"),
        ("maybe.name", "optional_type(string)"),
        ("maybe.name.orValue('')", "string"),
        ("has(maybe.name)", "bool"),
        ("optional.none()", "optional_type(dyn)"),
        ("type(1)", "type(int)"),
        ("type(type(1))", "type(type(int))"),
        ("int", "type(int)"),
        ("type(google.protobuf.Timestamp)", "type(type(timestamp))"),
        ("google.protobuf.Int32Value{value: 1}", "wrapper(int)"),
        ("google.protobuf.Struct{}", "map(string, dyn)"),
        ("google.protobuf.Value{}", "dyn"),
        ("team.Card{owner: 'a', count: null}", "team.Card"),
        ("team.Card{?owner: optional.of('a')}.count", "wrapper(int)"),
        ("Open.spec{a: 1}.b", "dyn"),
        ("math.greatest(1, 2)", "int"),
        ("names.size()", "int"),
        ("names.map(n, n.startsWith('a'))", "list(bool)"),
        ("names.filter(n, n == 'a')", "list(string)"),
        ("names.exists_one(n, n == 'a')", "bool"),
        ("labels.all(k, labels[k] == k)", "bool"),
        ("labels.map(k, {k: labels[k]})", "list(map(string, string))"),
        ("[].map(x, x.y)", "list(dyn)"),
        ("d.map(x, x)", "list(dyn)"),
        ("d.all(i, v, i > 0 && v.ok)", "bool"),
        ("names.exists(i, n, i > 0 && n == 'a')", "bool"),
        ("optional.of('a').optMap(v, v.startsWith('a'))", "optional_type(bool)"),
        ("[1].map(x, [x])", "list(list(int))"),
    ],
)
def test_every_expression_has_a_static_type(text: str, expected: str) -> None:
    assert result(text) == expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("y", 0, "undeclared reference to 'y' (in container '')"),
        ("f(1)", 1, "undeclared reference to 'f' (in container '')"),
        ("names.f(1)", 7, "undeclared reference to 'f' (in container '')"),
        ("Nope{}", 4, "undeclared reference to 'Nope' (in container '')"),
        ("later()", 5, "undeclared reference to 'later' (in container ''): exists since Kubernetes 1.99"),
        ("1 + 'a'", 2, "found no matching overload for '_+_' applied to '(int, string)'"),
        ("names.startsWith('a')", 16, "found no matching overload for 'startsWith' applied to 'list(string).(string)'"),
        ("[] + 1", 3, "found no matching overload for '_+_' applied to '(list(dyn), int)'"),
        ("1 && true", 0, "expected type 'bool' but found 'int'"),
        ("request.uid", 7, "undefined field 'uid'"),
        ("has(request.uid)", 3, "undefined field 'uid'"),
        ("request.?uid", 7, "undefined field 'uid'"),
        ("'a'.b", 3, "type 'string' does not support field selection"),
        ("authorizer.path", 10, "unexpected failed resolution of 'kubernetes.authorization.Authorizer'"),
        (
            "x.all(i, true)",
            0,
            "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("[1].all(i, 'a')", 11, "expected type 'bool' but found 'string'"),
        ("[?1]", 2, "expected type 'optional_type(int)' but found 'int'"),
        ("{?'a': 1}", 7, "expected type 'optional_type(int)' but found 'int'"),
        ("int{}", 3, "'int' is not a message type"),
        ("team.Card{owner: 1}", 15, "expected type of field 'owner' is 'string' but provided type is 'int'"),
        ("team.Card{other: 1}", 15, "undefined field 'other'"),
        ("team.Card{?owner: 'a'}", 18, "expected type 'optional_type(string)' but found 'string'"),
        (
            "google.protobuf.Int32Value{value: 'a'}",
            32,
            "expected type of field 'value' is 'int' but provided type is 'string'",
        ),
    ],
)  # fmt: skip
def test_errors_have_the_words_and_the_place_that_cel_go_gives_them(text: str, column: int, message: str) -> None:
    assert (column, message) in errors(text)


def test_all_errors_are_reported_by_position() -> None:
    assert [column for column, _ in errors("y == 1 && 1 + 'a' == z")] == [0, 12, 21]


def test_the_error_names_the_line() -> None:
    with pytest.raises(CompileError) as raised:
        checked("x == 1\n  && y")
    assert (
        str(raised.value) == "ERROR: <input>:2:6: undeclared reference to 'y' (in container '')\n |   && y\n | .....^"
    )


def test_at_most_a_hundred_errors_are_kept() -> None:
    assert len(errors("[" + ", ".join(f"v{number}" for number in range(150)) + "]")) == 100


def test_a_selection_that_is_one_name_becomes_an_identifier() -> None:
    ast = checked("authorizer.requestResource == null")
    assert isinstance(ast.expr, Call)
    name = ast.expr.args[0]
    assert isinstance(name, Ident)
    assert name.name == "authorizer.requestResource"
    assert ast.references[name.id] == Reference("authorizer.requestResource")
    assert ast.types[name.id] == types.RESOURCE_CHECK


def test_the_longest_name_wins_and_the_rest_is_selected() -> None:
    ast = checked("google.protobuf.Timestamp == d.x")
    assert isinstance(ast.expr, Call)
    assert isinstance(ast.expr.args[0], Ident)
    assert ast.references[ast.expr.args[0].id].value == types.TIMESTAMP
    assert isinstance(ast.expr.args[1], Select)


def test_a_namespaced_call_loses_its_target() -> None:
    ast = checked("math.greatest(1, 2)")
    assert isinstance(ast.expr, Call)
    assert (ast.expr.function, ast.expr.target, len(ast.expr.args)) == ("math.greatest", None, 2)
    assert ast.references[ast.expr.id].overloads == ("math_greatest",)


def test_the_parsed_expression_is_left_as_it_was() -> None:
    parsed = parse("[1].all(i, math.greatest(i, 2) == x && authorizer.requestResource == null)", macros=MACROS)
    first = check(parsed, Small())
    second = check(parsed, Small())
    assert first.types == second.types
    assert first.references == second.references
    assert isinstance(parsed.expr, Comprehension)
    assert first.expr is not parsed.expr
    with pytest.raises(CompileError):
        check(parsed, Without("authorizer.requestResource"))


class Without(Small):
    """The same declarations but one variable."""

    def __init__(self, missing: str) -> None:
        super().__init__()
        self.missing = missing

    def find_ident(self, name: str) -> tuple[Type, Any] | None:
        return None if name == self.missing else super().find_ident(name)


def test_what_a_macro_was_is_rewritten_with_its_expansion() -> None:
    ast = checked("names.all(n, math.greatest(1, 2) == 2)")
    assert isinstance(ast.expr, Comprehension)
    assert ast.expr.macro is not None
    body = ast.expr.macro.args[1]
    assert isinstance(body, Call)
    called = body.args[0]
    assert isinstance(called, Call)
    assert (called.function, called.target) == ("math.greatest", None)


def test_all_overloads_that_may_apply_are_candidates() -> None:
    ast = checked("d + d")
    assert ast.references[ast.expr.id].overloads == ("add_int64", "add_string", "add_list")
    assert ast.result_type == types.DYN


def test_names_are_looked_up_from_the_innermost_container_outwards() -> None:
    assert result("member", Small("team.a.b")) == "string"
    assert result("size(1)", Small("team")) == "string"
    assert result("LIMIT", Small("team")) == "int"
    card = checked("Card{owner: member}", Small("team")).expr
    assert isinstance(card, StructExpr)
    assert card.name == "team.Card"
    assert errors("nope", Small("team.a")) == [(0, "undeclared reference to 'nope' (in container 'team.a')")]


def test_a_leading_dot_means_the_global_name() -> None:
    assert result("[1].map(x, .x)", Small("team")) == "list(int)"
    ast = checked("['a'].map(x, .x)")
    assert ast.result_type == list_of(types.INT)
    assert Reference(".x") in ast.references.values()
    assert errors(".member", Small("team")) == [(1, "undeclared reference to '.member' (in container 'team')")]


def test_a_loop_variable_hides_qualified_names_that_begin_with_it() -> None:
    assert errors("[1].map(authorizer, authorizer.requestResource)") == [
        (30, "type 'int' does not support field selection")
    ]
    assert result("[1].map(authorizer, .authorizer.requestResource)") == "list(kubernetes.authorization.ResourceCheck)"


def test_constants_carry_their_value() -> None:
    ast = checked("team.LIMIT")
    assert ast.references[ast.expr.id].value == 63


def test_null_gives_way_where_the_specification_counts_and_takes_over_in_cel_go() -> None:
    for text in ("[optional.of(1), null]", "[null, optional.of(1)]"):
        assert result(text, Small(strict=True)) == "list(optional_type(int))"
    assert result("[optional.of(1), null]") == "list(null)"
    assert result("[null, optional.of(1)]") == "list(optional_type(int))"
    assert result("[null, null]", Small(strict=True)) == "list(null)"


@pytest.mark.parametrize(
    "text",
    [
        "[1]" + f".map(x, {'[' * 60}x{']' * 60})" * 5,
        "[1]" + f".map(x, {'[' * 130}x{']' * 130})" * 2,
        "[1]" + ".map(x, {x: x})" * 60,
        "[1]" + ".map(x, [optional.of(x)])" * 200,
        "[]" + ".map(x, [[[x]], []])" * 100,
    ],
)
def test_huge_types_are_an_error_that_exhausts_neither_stack_nor_time(text: str) -> None:
    assert {message for _, message in errors(text)} == {TOO_LARGE}


def test_literals_nested_as_deep_as_the_parser_allows_have_a_type() -> None:
    assert result("[" * 240 + "]" * 240) == "list(" * 240 + "dyn" + ")" * 240


def test_long_chains_are_checked_without_recursion() -> None:
    assert result("x" + " + x" * 240) == "int"
    assert result("d" + ".a" * 240) == "dyn"
    assert result(" && ".join(["x == 1"] * 500)) == "bool"


names = st.sampled_from(["x", "d", "names", "labels", "request", "maybe", "1", "'a'", "[]", "{}", "null", "int", "y"])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} == {})".format, inner, inner),
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("({}).name".format, inner),
        st.builds("({}).?name".format, inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("[{}, ?{}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("({}).map(x, {})".format, inner, inner),
        st.builds("({}).all(x, {})".format, inner, inner),
        st.builds("({}).exists(x, d, {})".format, inner, inner),
        st.builds("optional.of({}).orValue({})".format, inner, inner),
        st.builds("team.Card{{owner: {}}}".format, inner),
    )


@given(st.recursive(names, compound, max_leaves=12))
def test_an_expression_is_either_typed_throughout_or_refused_with_places(text: str) -> None:
    try:
        ast = checked(text)
    except CompileError as error:
        issues = error.issues
    else:
        issues = ()
        assert ast.result_type == ast.types[ast.expr.id]
        assert all(types.parameters_in(t) == () for t in ast.types.values())
        return
    assert issues
    assert all(0 <= issue.offset <= len(text) for issue in issues)
