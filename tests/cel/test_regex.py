from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.regex import compile_pattern, known_pattern
from admission.cel.values import CelError


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b+", "abbc", "bb"),
        ("", "abc", ""),
        ("x", "abc", None),
        ("^.$", "日", "日"),
        (".", "\n", None),
        ("(?s).", "\n", "\n"),
        (r"\bé", "é", None),
        (r"\d", "٣", None),
        (r"\pL+", "1äb2", "äb"),
        (r"\p{Letter}", "1ä", "ä"),
        (r"\p{ lower_CASE letter }", "Aä", "ä"),
        (r"\P{ascii}", "aé", "é"),
        (r"[\p{ascii}x]+", "éax", "ax"),
        (r"[^\p{LC}]", "aB1", "1"),
        (r"\p{^greek}", "αa", "a"),
        (r"\B", "aéb", None),
        (r"a\B", "aéab", "a"),
        (r"(?P<year>\d+)", "in 2024", "2024"),
        (r"\Q(?P<é>\C\E", r"(?P<é>\C", r"(?P<é>\C"),
        ("a{1000}", "a" * 1000, "a" * 1000),
    ],
)
def test_a_pattern_finds_what_go_finds(pattern: str, text: str, found: str | None) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.find(text) == found
    assert (compiled.search(text) is not None) is (found is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "limit", "found"),
    [
        ("a", "abab", -1, ["a", "a"]),
        ("a", "abab", 1, ["a"]),
        ("a", "abab", 0, []),
        ("", "日本", -1, ["", "", ""]),
        ("a*", "baac", -1, ["", "aa", ""]),
        ("x*", "", -1, [""]),
        ("^a", "aaa", -1, ["a"]),
        (r"\B", "aé日b", -1, [""]),
        (r"\b", "ab cd", -1, ["", "", "", ""]),
        ("a$", "aba", -1, ["a"]),
    ],
)
def test_all_matches_are_those_of_go(pattern: str, text: str, limit: int, found: list[str]) -> None:
    assert compile_pattern(pattern).find_all(text, limit) == found


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        (")", "unexpected ): `)`"),
        ("(a", "missing closing ): `(a`"),
        ("[a", "missing closing ]: `[a`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,1}?", "invalid repeat count: `{3,1}`"),
        ("a+{1001}", "invalid repeat count: `{1001}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\p", r"invalid character class range: `\p`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?P<é>a)", "invalid named capture: `(?P<é>`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        (r"*\C", "missing argument to repetition operator: `*`"),
    ],
)
def test_errors_are_in_gos_words(pattern: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        compile_pattern(pattern)
    assert str(raised.value) == f"error parsing regexp: {error}"


def test_nothing_is_said_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CelError):
        compile_pattern("(")
    with pytest.raises(CelError):
        compile_pattern("((a{100}){100}){100}")
    assert capfd.readouterr() == ("", "")


def test_what_python_would_backtrack_on_for_ever_is_linear() -> None:
    assert compile_pattern("(a*)*b").search("a" * 100_000) is None


def test_a_large_pattern_gets_the_memory_that_go_gives_it() -> None:
    assert compile_pattern(r"(\pL\pN){400}").find("a1" * 400) is not None


def test_the_way_to_many_matches_can_be_watched() -> None:
    seen: list[int] = []
    assert compile_pattern("a").find_all("a" * 2048, pace=seen.append) == ["a"] * 2048
    assert seen[0] == 3
    assert len(seen) == 2049


def test_half_a_surrogate_pair_is_a_character_that_is_wrong() -> None:
    for text in ("a\ud800b", "a\udc00b"):
        assert compile_pattern("a\ufffdb").search(text) is not None
        assert compile_pattern("^a.b$").find_all(text) == ["a\ufffdb"]
        assert compile_pattern(text).find("a\ufffdb") == "a\ufffdb"


def test_patterns_that_are_computed_are_remembered() -> None:
    assert known_pattern("ab*") is known_pattern("ab*")
    with pytest.raises(CelError):
        known_pattern("(")


@given(st.text(max_size=20))
def test_a_quoted_text_finds_itself(text: str) -> None:
    quoted = re.sub(
        r"([^\w\s])", lambda match: f"\\{match.group()}" if match.group().isascii() else match.group(), text
    )
    assert compile_pattern(quoted).find(text) == text


@given(st.text(alphabet="ab*+?()[]{}|^$\\.,-0123pPLCQEé<>:", max_size=15), st.text(alphabet="abé1", max_size=8))
def test_no_pattern_is_more_than_an_error(pattern: str, text: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except CelError as error:
        assert str(error).startswith("error parsing regexp: ")  # noqa: PT017 - both outcomes are right
        return
    found = compiled.find_all(text)
    assert all(part in text for part in found)
    assert (compiled.search(text) is not None) is bool(found)
