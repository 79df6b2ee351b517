"""Objects that expressions make, as the API server holds and prints them."""

from __future__ import annotations

from typing import Any

import pytest

from admission.cel.activation import Activation
from admission.cel.values import StructValue
from admission.compiler import ExpressionCompiler, Scope
from admission.object_values import (
    Foreign,
    NoElements,
    Originals,
    UnwritableError,
    check_type_names,
    go_syntax,
    go_text,
    go_type,
    to_native,
)
from admission.policy import Expression

DOCUMENT: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"a": "b"}},
    "spec": {"deep": [{"x": [1, {"y": None}]}], "none": None},
}
COMPILER = ExpressionCompiler()


def made(text: str) -> StructValue:
    program = COMPILER.compile(Expression(text), Scope(mutation=True)).program
    assert program is not None
    value = program.evaluate(Activation({"object": DOCUMENT}))
    assert isinstance(value, StructValue)
    return value


def native(field: str) -> Any:
    return to_native(made(f"Object{{f: {field}}}"), Originals(DOCUMENT))["f"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a'", "a"),
        ("1.5", 1.5),
        ("true", True),
        ("Object.f{a: Object.f.a{b: [Object.f.a.b{c: 1}]}}", {"a": {"b": [{"c": 1}]}}),
        ("[Object.f{a: 1}]", [{"a": 1}]),
        ("{'k': Object.f{a: {'l': ['m']}}}", {"k": {"a": {"l": Foreign}}}),
        ("['a'] + ['b']", ["a", "b"]),
        ("[1, 2].map(i, i * 2)", [2, 4]),
        ("{'a': 1}.transformMap(k, v, v + 1)", {"a": 2}),
        ("type(1)", "int"),
        ("optional.of('a')", "a"),
        ("optional.of(['a'])", ["a"]),
        ("optional.none()", None),
        ("object.spec", DOCUMENT["spec"]),
        ("[object.spec.deep]", [DOCUMENT["spec"]["deep"]]),
    ],
)
def test_what_becomes_json(text: str, value: Any) -> None:
    found = native(text)
    if isinstance(value, dict) and isinstance(value.get("k"), dict):
        assert isinstance(found["k"]["a"]["l"], Foreign)
    else:
        assert found == value


def test_parts_of_the_objects_that_an_expression_sees_are_taken_as_they_are() -> None:
    assert native("object.spec") is DOCUMENT["spec"]
    assert native("{'a': object.spec.deep}")["a"] is DOCUMENT["spec"]["deep"]


def test_a_list_without_elements_is_one_that_json_has_null_for() -> None:
    assert isinstance(native("[]"), NoElements)
    assert isinstance(native("[?optional.none()]"), NoElements)


@pytest.mark.parametrize(
    ("text", "type_name", "shown", "syntax"),
    [
        ("null", "structpb.NullValue", "NULL_VALUE", "0"),
        ("object.spec.none", "structpb.NullValue", "NULL_VALUE", "0"),
        ("5u", "uint64", "5", "0x5"),
        ("b'ab'", "[]uint8", "[97 98]", "[]uint8{0x61, 0x62}"),
        ("duration('90s')", "time.Duration", "1m30s", "90000000000"),
        (
            "timestamp('2020-01-02T03:04:05.5Z')",
            "time.Time",
            "2020-01-02 03:04:05.5 +0000 UTC",
            "time.Date(2020, time.January, 2, 3, 4, 5, 500000000, time.UTC)",
        ),
        ("quantity('1Gi')", "*resource.Quantity", "1Gi", "1Gi"),
        ("url('https://a/b')", "*url.URL", "https://a/b", "https://a/b"),
        ("ip('::1')", "netip.Addr", "::1", "::1"),
        ("cidr('10.0.0.0/8')", "netip.Prefix", "10.0.0.0/8", "10.0.0.0/8"),
        ("semver('1.2.3')", "semver.Version", "1.2.3", "1.2.3"),
    ],
)
def test_what_is_no_json_is_carried_along(text: str, type_name: str, shown: str, syntax: str) -> None:
    found = native(text)
    assert isinstance(found, Foreign)
    assert (found.go_type, found.text, found.syntax) == (type_name, shown, syntax)
    assert (go_type(found), go_text([found]), go_syntax({"k": found})) == (
        type_name,
        f"[{shown}]",
        f'map[string]interface {{}}{{"k":{syntax}}}',
    )


@pytest.mark.parametrize(
    ("text", "type_name", "shown", "syntax"),
    [
        ("[dyn('a'), dyn(b'a'), dyn(5u)]", "[]ref.Val", "[a [97] 5]", '[]ref.Val{"a", types.Bytes{0x61}, 0x5}'),
        (
            "{'b': dyn(1), 'a': dyn(true)}",
            "map[ref.Val]ref.Val",
            "map[a:true b:1]",
            'map[ref.Val]ref.Val{"a":true, "b":1}',
        ),
        ("[duration('1s')]", "[]ref.Val", "[1s]", "[]ref.Val{types.Duration{Duration:1000000000}}"),
    ],
)
def test_lists_and_maps_are_converted_one_level_deep(text: str, type_name: str, shown: str, syntax: str) -> None:
    (found,) = native(f"[dyn({text})]")
    assert isinstance(found, Foreign)
    assert (found.go_type, found.text, found.syntax) == (type_name, shown, syntax)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{1: 'a'}", r"map key '\x01' is of type types.Int, not string"),
        ("{39: 'a'}", r"map key '\'' is of type types.Int, not string"),
        ("{34u: 'a'}", "map key '\"' is of type types.Uint, not string"),
        ("{true: 'a'}", "map key %!q(types.Bool=true) is of type types.Bool, not string"),
    ],
)
def test_keys_are_strings(text: str, fault: str) -> None:
    with pytest.raises(UnwritableError) as caught:
        native(text)
    assert str(caught.value) == f'fail to convert field "f": {fault}'


def test_a_bad_key_further_down_is_a_value_like_any_other() -> None:
    found = native("Object.f{a: {true: 1}}")
    assert isinstance(found, Foreign)
    assert found.go_type == "*types.Err"
    assert found.text.startswith('fail to convert field "a"')


@pytest.mark.parametrize(
    ("value", "shown", "syntax"),
    [
        (None, "<nil>", "interface {}(nil)"),
        (True, "true", "true"),
        (1e6, "1e+06", "1e+06"),
        ("a b", "a b", '"a b"'),
        ([1, "a", None], "[1 a <nil>]", '[]interface {}{1, "a", interface {}(nil)}'),
        ({"b": [], "a": {}}, "map[a:map[] b:[]]", None),
        (NoElements(), "[]", "[]interface {}(nil)"),
    ],
)
def test_json_is_printed_as_go_prints_it(value: Any, shown: str, syntax: str | None) -> None:
    assert go_text(value) == shown
    if syntax is not None:
        assert go_syntax(value) == syntax


def test_types_of_json() -> None:
    values: list[Any] = [True, "a", 1, 1.5, None, [], {}]
    names = ["bool", "string", "int64", "float64", "<nil>", "[]interface {}", "map[string]interface {}"]
    assert list(map(go_type, values)) == names


def test_type_names_name_their_places() -> None:
    check_type_names(made("Object{a: Object.a{b: [Object.a.b{}], c: {'k': Object.a.c{}}}}"), Originals(DOCUMENT))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("Object{a: Object.b{}}", [("Object.b", "Object.a")]),
        ("Object{a: [dyn(Object.a{}), dyn(Object.b{})]}", [("Object.b", "Object.a")]),
        ("Object{a: {'k': Object.a.k{}}}", [("Object.a.k", "Object.a")]),
        ("Object{a: optional.of([Object.b{}])}", [("Object.b", "Object.a")]),
        ("Object{a: Object.b{c: Object.b.c{}}}", [("Object.b", "Object.a"), ("Object.b.c", "Object.a.c")]),
    ],
)
def test_type_names_that_name_another_place(text: str, faults: list[tuple[str, str]]) -> None:
    with pytest.raises(UnwritableError) as caught:
        check_type_names(made(text), Originals(DOCUMENT))
    lines = [
        f'unexpected type name "{name}", expected "{place}", which matches field name path from root Object type'
        for name, place in faults
    ]
    assert str(caught.value) == "type mismatch: " + "\n".join(lines)
