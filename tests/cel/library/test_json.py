from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.library.json import LIBRARY
from admission.cel.values import INT_MAX, INT_MIN, CelError

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}
ENCODE = OVERLOADS["json_encode_dyn"].implementation
DECODE = OVERLOADS["json_decode_string"].implementation


def test_what_an_annotation_holds_can_be_looked_into(evaluate: Evaluate) -> None:
    pod = {"metadata": {"annotations": {"example.com/limits": '{"cpu": 2, "names": ["a"]}'}}}
    text = "json.decode(object.metadata.annotations['example.com/limits']).cpu < 4"
    assert evaluate(text, env="extended", object=pod) is True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"b": [1, 2.5, -0.0], "a": null}', {"b": [1, 2.5, -0.0], "a": None}),
        ("9223372036854775807", INT_MAX),
        ("9223372036854775808", 9223372036854775808.0),
        ("[18446744073709551616, {}]", [18446744073709551616.0, {}]),
        ('"\\ud83d\\ude00"', "😀"),
        ("true", True),
    ],
)
def test_whole_numbers_are_ints_unless_they_are_too_large(text: str, value: object) -> None:
    decoded = DECODE(text)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize("text", ["", "{", "NaN", "{'a': 1}", "[1,]", '"\\ud800"', "[" * 100_000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(CelError, match=r"^json\.decode: "):
        DECODE(text)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("{'b': [1, 2u, 2.5], 'a': null}", '{"a":null,"b":[1,2,2.5]}'),
        ("'é\"\\n'", '"é\\"\\n"'),
        ("b'hello'", '"aGVsbG8="'),
        ("duration('90s')", '"90s"'),
        ("timestamp('2024-01-02T03:04:05.5+01:00')", '"2024-01-02T03:04:05.5+01:00"'),
        ("[true, false, [], {}]", "[true,false,[],{}]"),
        ("1.0", "1.0"),
    ],
)
def test_values_have_one_text(evaluate: Evaluate, text: str, encoded: str) -> None:
    assert evaluate("json.encode(x)", env="extended", x=evaluate(text, env="standard")) == encoded


@pytest.mark.parametrize("text", ["double('NaN')", "int", "optional.of(1)", "{1: 2}", "[[double('inf')]]"])
def test_what_json_cannot_hold_is_an_error(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CelError, match=r"^json\.encode: "):
        evaluate(f"json.encode({text})", env="extended")


def test_a_broken_string_is_an_error() -> None:
    with pytest.raises(CelError, match="no valid Unicode"):
        ENCODE("\ud800")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INT_MIN, INT_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_a_value_survives_its_text(value: object) -> None:
    assert DECODE(ENCODE(value)) == value
    assert DECODE(json.dumps(value)) == value


def test_json_is_ours_alone(evaluate: Evaluate) -> None:
    for env in ("kubernetes", "standard"):
        with pytest.raises(CompileError, match="undeclared reference"):
            evaluate("json.encode(1)", env=env)
