from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.library.strings import LIBRARY, STRICT
from admission.cel.values import INT_MAX, CelError, ConcatList

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}
STRICT_OVERLOADS = {overload.id: overload for function in STRICT.functions for overload in function.overloads}


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'tacocat'.charAt(3)", "o"),
        ("'tacocat'.charAt(7)", ""),
        ("'©αT'.charAt(1)", "α"),
        ("'tacocat'.indexOf('')", 0),
        ("'tacocat'.indexOf('', 99)", 99),
        ("'tacocat'.indexOf('ac')", 1),
        ("'tacocat'.indexOf('a', 3)", 5),
        ("'tacocat'.indexOf('a', 7)", -1),
        ("'tacocat'.indexOf('a', 99)", -1),
        ("'ta©o©αT'.indexOf('©', 3)", 4),
        ("'tacocat'.lastIndexOf('')", 7),
        ("'tacocat'.lastIndexOf('', 3)", 3),
        ("'tacocat'.lastIndexOf('at')", 5),
        ("'tacocat'.lastIndexOf('a', 4)", 1),
        ("'tacocat'.lastIndexOf('tacocat', 3)", 0),
        ("'tacocat'.lastIndexOf('a', 7)", -1),
        ("'é'.lastIndexOf('ab')", -1),
        ("'TacoCÆt'.lowerAscii()", "tacocÆt"),
        ("'tacoCæt'.upperAscii()", "TACOCæT"),
        ("'12 days 12 hours'.replace('12', '22')", "22 days 22 hours"),
        ("'12 days 12 hours'.replace('12', '22', 1)", "22 days 12 hours"),
        ("'12 days 12 hours'.replace('12', '22', 0)", "12 days 12 hours"),
        ("'abc'.replace('', '-')", "-a-b-c-"),
        ("'abc'.replace('', '-', 2)", "-a-bc"),
        ("'hello world'.split(' ')", ["hello", "world"]),
        ("'a b c'.split(' ', 0)", []),
        ("'a b c'.split(' ', 1)", ["a b c"]),
        ("'a b c'.split(' ', 2)", ["a", "b c"]),
        ("'a b c'.split(' ', -1)", ["a", "b", "c"]),
        ("'añb'.split('')", ["a", "ñ", "b"]),
        ("'añb'.split('', 2)", ["a", "ñb"]),
        ("''.split('')", []),
        ("''.split(',')", [""]),
        ("''.split('', 1)", []),
        ("'tacocat'.substring(4)", "cat"),
        ("'tacocat'.substring(7)", ""),
        ("'ta©o©αT'.substring(2, 6)", "©o©α"),
        ("'tacocat'.substring(3, 3)", ""),
        ("' \\t\\u00a0\\u2003x\\u200b\\u3000'.trim()", "x\u200b"),
        ("'\\u001cx'.trim()", "\x1cx"),
        ("['x', 'y'].join()", "xy"),
        ("['x', 'y'].join('-')", "x-y"),
        ("[].join('-')", ""),
        ("strings.quote('a\\tb\"\\\\é')", '"a\\tb\\"\\\\é"'),
        ("strings.quote('\\a\\b\\f\\n\\r\\v')", '"\\a\\b\\f\\n\\r\\v"'),
    ],
)
def test_positions_and_parts_are_counted_in_code_points(evaluate: Evaluate, text: str, value: object) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("'tacocat'.charAt(30)", "index out of range: 30"),
        ("'tacocat'.charAt(-1)", "index out of range: -1"),
        ("'tacocat'.indexOf('a', -1)", "index out of range: -1"),
        ("'tacocat'.lastIndexOf('a', -1)", "index out of range: -1"),
        ("'tacocat'.substring(40)", "index out of range: 40"),
        ("'tacocat'.substring(-1)", "index out of range: -1"),
        ("'tacocat'.substring(1, 50)", "index out of range: 50"),
        ("'tacocat'.substring(49, 50)", "index out of range: 49"),
        ("'tacocat'.substring(4, 3)", "invalid substring range. start: 4, end: 3"),
        ("mixed.join()", "join: invalid input: 1.5"),
        ("numbers.join()", "no such overload: join(list)"),
        ("n.trim()", "no such overload: trim(int)"),
        ("s.replace(s, n)", "no such overload: replace(string, string, int)"),
    ],
)
def test_errors_are_those_of_cel_go(evaluate: Evaluate, text: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        evaluate(text, mixed=["a", 1.5], numbers=[1, 2], n=1, s="a")
    assert str(raised.value) == error


@given(st.text(), st.integers(), st.integers())
def test_substring_is_a_slice(text: str, start: int, end: int) -> None:
    if 0 <= start <= end <= len(text):
        assert call("string_substring_int_int", text, start, end) == text[start:end]
    else:
        with pytest.raises(CelError):
            call("string_substring_int_int", text, start, end)


@given(st.text(alphabet="ab"), st.text(alphabet="ab", min_size=1, max_size=3), st.integers(0, 12))
def test_places_are_where_the_part_stands(text: str, part: str, start: int) -> None:
    places = [place for place in range(len(text)) if text.startswith(part, place)]
    assert call("string_index_of_string", text, part) == min(places, default=-1)
    assert call("string_last_index_of_string", text, part) == max(places, default=-1)
    assert call("string_index_of_string_int", text, part, start) == min(
        (place for place in places if place >= start), default=-1
    )
    if start < len(text):
        assert call("string_last_index_of_string_int", text, part, start) == max(
            (place for place in places if place <= start), default=-1
        )


@given(st.text(alphabet="ab,"), st.text(alphabet=",a", min_size=1, max_size=2))
def test_splitting_and_joining_undo_each_other(text: str, separator: str) -> None:
    assert call("list_join_string", call("string_split_string", text, separator), separator) == text


@given(st.text(alphabet="abcé", max_size=300), st.text(alphabet="ab", min_size=1, max_size=2), st.integers(0, 300))
def test_the_last_place_in_a_long_text_is_found_alike(text: str, part: str, start: int) -> None:
    padded = text + "x" * 20_000
    assert call("string_last_index_of_string", padded, part) == call("string_last_index_of_string", text, part)
    if start < len(text):
        assert call("string_last_index_of_string_int", padded, part, start) == padded.rfind(part, 0, start + len(part))


def test_a_search_backwards_is_linear() -> None:
    assert call("string_last_index_of_string", "a" * 2_000_000, "b" + "a" * 1_000_000) == -1


def test_a_text_that_would_not_fit_the_memory_is_not_made() -> None:
    text = "a" * 100_000
    with pytest.raises(CelError, match="replace would make a text longer than"):
        call("string_replace_string_string", text, "", text)
    assert call("string_replace_string_string_int", text, "", text, 1) == text + text
    with pytest.raises(CelError, match="actual cost limit exceeded"):
        call("list_join", [text] * 100)
    endless: Any = [""]
    for _ in range(40):
        endless = ConcatList(endless, endless)
    with pytest.raises(CelError, match="too long to be walked"):
        call("list_join", endless)


def test_counts_may_be_as_large_as_an_int() -> None:
    assert call("string_replace_string_string_int", "aa", "a", "b", INT_MAX) == "bb"
    assert call("string_split_string_int", "a,a", ",", INT_MAX) == ["a", "a"]
    assert call("string_index_of_string_int", "a", "a", INT_MAX) == -1


@pytest.mark.parametrize("text", ["'a'.reverse()", "'a'.charAt('0')", "'a'.split(1)", "[1].join()", "quote('a')"])
def test_what_the_api_server_does_not_have_does_not_compile(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CompileError):
        evaluate(text)


def test_reverse_exists_outside_of_the_api_server(evaluate: Evaluate) -> None:
    assert evaluate("'gums©'.reverse()", env="extended") == "©smug"
    assert evaluate("[1, 2].reverse()", env="extended") == [2, 1]
    assert evaluate("'ab'.reverse()", env="standard") == "ba"


def test_the_standard_environment_refuses_places_beyond_the_end() -> None:
    for overload in ("string_index_of_string_int", "string_last_index_of_string_int"):
        strict = STRICT_OVERLOADS[overload].implementation
        assert strict("tacocat", "a", 7) == -1
        with pytest.raises(CelError, match="index out of range: 30"):
            strict("tacocat", "a", 30)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("s.lowerAscii()", 3),
        ("s.substring(1)", 3),
        ("s.trim()", 3),
        ("s.charAt(0)", 2),
        ("s.indexOf('y')", 3),
        ("'éééééééééé'.indexOf('a')", 2),
        ("s.replace('a', 'b')", 5),
        ("s.split('x')", 5),
        ("l.join('-')", 2),
        ("strings.quote(s)", 3),
    ],
)
def test_text_has_the_price_of_the_api_server(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text, s="x" * 20, l=["a", "b", "c"]) == cost
