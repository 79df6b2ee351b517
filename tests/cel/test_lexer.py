from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.lexer import tokenize


def tokens(text: str) -> list[tuple[str, str]]:
    lexemes = tokenize(text)
    return list(zip(lexemes.kinds, lexemes.texts, strict=True))[:-1]


def test_operators_and_keywords_are_their_own_kind() -> None:
    text = "== != <= >= < > && || [ ] { } ( ) . , - ! ? : + * / % in true false null"
    assert tokens(text) == [(part, part) for part in text.split()]


def test_the_longest_token_wins() -> None:
    assert tokens("a<=b") == [("name", "a"), ("<=", "<="), ("name", "b")]
    assert tokens("truest in_ nullx") == [("name", "truest"), ("name", "in_"), ("name", "nullx")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [("int", "1")]),
        ("0x1F", [("int", "0x1F")]),
        ("1u 0xAU", [("uint", "1u"), ("uint", "0xAU")]),
        ("1.5 .5 1e3 1.5E-3", [("float", "1.5"), ("float", ".5"), ("float", "1e3"), ("float", "1.5E-3")]),
        ("1.a", [("int", "1"), (".", "."), ("name", "a")]),
        ("1..2", [("int", "1"), (".", "."), ("float", ".2")]),
        ("0x 0xu", [("int", "0"), ("name", "x"), ("int", "0"), ("name", "xu")]),
        ("1e 1e+", [("int", "1"), ("name", "e"), ("int", "1"), ("name", "e"), ("+", "+")]),
        ("1.5u", [("float", "1.5"), ("name", "u")]),
    ],
)
def test_numbers(text: str, expected: list[tuple[str, str]]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'a'", "plain string"),
        ('""', "plain string"),
        (r"'a\n'", "string"),
        ("'''a'b\n'''", "string"),
        ('"""a"b"""', "string"),
        ("''''''", "string"),
        (r"r'\'", "string"),
        (r'R"""a"b"""', "string"),
        ("b'a'", "bytes"),
        (r"bR'\'", "bytes"),
        (r'Br"""\"""', "bytes"),
        ("`a-b/c.d e`", "quoted name"),
    ],
)
def test_strings_of_every_kind_are_one_token(text: str, kind: str) -> None:
    assert tokens(text) == [(kind, text)]


def test_a_string_ends_at_its_first_closing_quotes() -> None:
    assert tokens("'a''b'") == [("plain string", "'a'"), ("plain string", "'b'")]
    assert tokens("'''a''''b'") == [("string", "'''a'''"), ("plain string", "'b'")]
    assert tokens(r"'a\'b'") == [("string", r"'a\'b'")]


def test_a_prefix_that_is_none_is_a_name() -> None:
    assert tokens("rb'x'") == [("name", "rb"), ("plain string", "'x'")]
    assert tokens("br + b + r") == [("name", "br"), ("+", "+"), ("name", "b"), ("+", "+"), ("name", "r")]


def test_space_and_comments_separate_and_vanish() -> None:
    assert tokens("a\t\r\n\f// to the end\n+b//") == [("name", "a"), ("+", "+"), ("name", "b")]


def test_offsets_count_code_points() -> None:
    lexemes = tokenize("'é🐱' + a")
    assert lexemes.starts == [0, 5, 7, 8]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a @ b", [(2, "@")]),
        ("a & b", [(2, "& ")]),
        ("a = b", [(2, "= ")]),
        ("a |", [(2, "|")]),
        ("é", [(0, "é")]),
        ("'abc", [(0, "'abc")]),
        ("'a\nb'", [(0, "'a\n"), (4, "'")]),
        (r"'\z' ", [(0, r"'\z"), (3, "' ")]),
        (r"'\u12' ", [(0, r"'\u12'")]),
        (r"'\4'", [(0, r"'\4"), (3, "'")]),
        ("``", [(0, "``")]),
        ("`a@b`", [(0, "`a@"), (4, "`")]),
        ('"""a', [(2, '"a')]),
    ],
)
def test_text_that_is_no_token_is_given_with_the_character_that_broke_it(
    text: str, faults: list[tuple[int, str]]
) -> None:
    assert tokenize(text).faults == faults


def test_an_unfinished_prefixed_string_leaves_the_prefix_as_a_name() -> None:
    lexemes = tokenize("b'x")
    assert lexemes.texts == ["b", ""]
    assert lexemes.faults == [(1, "'x")]


@given(st.text(alphabet=st.sampled_from("ab01xu.'\"\\rRbB`/ \n&|=<>!?()[]{}@é"), max_size=60))
def test_any_text_is_cut_into_pieces_in_order(text: str) -> None:
    lexemes = tokenize(text)
    pieces = [*zip(lexemes.starts, lexemes.texts, strict=True), *lexemes.faults]
    end = 0
    for start, piece in sorted(pieces):
        assert start >= end
        assert text[start : start + len(piece)] == piece
        end = start + len(piece)
    assert lexemes.kinds[-1] == "end"


@pytest.mark.parametrize("piece", ["'", '"""', "'''a", r"\\", "a ", " ", "1", "//", "r'", "`", "&"])
def test_time_is_linear_in_the_text(piece: str) -> None:
    started = time.perf_counter()
    tokenize(piece * (100_000 // len(piece)))
    assert time.perf_counter() - started < 2
