from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.macro import MacroTable
from admission.cel.parser import parse

RECORDED = Path(__file__).parent.parent / "assets" / "cel" / "syntax.jsonl"


def wrong() -> list[tuple[str, str]]:
    cases = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return [(case["expr"], case["error"]) for case in cases if "error" in case]


def error_of(text: str, macros: MacroTable | None = None) -> str:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=macros or {})
    return str(caught.value)


def messages_of(text: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        parse(text, macros={})
    return [issue.message.removeprefix("Syntax error: ") for issue in caught.value.issues]


@pytest.mark.parametrize(("text", "error"), wrong())
def test_errors_are_told_as_cel_go_tells_them(text: str, error: str, kubernetes_macros: MacroTable) -> None:
    assert error_of(text, kubernetes_macros) == error


OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("f(a", ["missing ')' at '<EOF>'"]),
        ("a b c", ["mismatched input 'b' expecting <EOF>"]),
        ("a b", ["extraneous input 'b' expecting <EOF>"]),
        ("a +", [f"mismatched input '<EOF>' expecting {OPERAND}"]),
        ("a.in.b", ["no viable alternative at input '.in'"]),
        ("a.true", ["mismatched input 'true' expecting IDENTIFIER"]),
        ("a.\n 1", ["no viable alternative at input '.\\n 1'"]),
        ("[a b]", ["extraneous input 'b' expecting {']', ','}"]),
        ("a @ b", ["token recognition error at: '@'", "extraneous input 'b' expecting <EOF>"]),
    ],
)
def test_every_kind_of_syntax_error(text: str, messages: list[str]) -> None:
    assert messages_of(text) == messages


def test_what_could_still_be_read_is_judged_too() -> None:
    assert error_of("if a then b").startswith("ERROR: <input>:1:1: reserved identifier: if\n")


def test_skipped_text_is_no_part_of_a_message() -> None:
    assert messages_of("a.# 1")[-1] == "no viable alternative at input '. 1'"


def test_after_a_hundred_errors_nothing_more_is_looked_for() -> None:
    error = error_of("@" * 5000)
    assert error.count("token recognition error") == 100
    assert error.endswith("\n1 more errors were truncated")


def test_after_thirty_recoveries_nothing_more_is_looked_for() -> None:
    assert messages_of("(a " * 40)[-1] == "error recovery attempt limit exceeded: 30"


def test_a_long_skip_ends_the_search() -> None:
    assert "error recovery token lookahead limit exceeded: 256" in messages_of("a.b(1 2 " + "c " * 300)


@pytest.mark.parametrize(
    "piece", ["(", "[", "{", "f(", ") ", "a ", "a.", "? ", ", ", "@", "'", "!(a ", "1 + ( b c ", "-"]
)
def test_wrong_texts_of_any_length_are_answered_soon(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.perf_counter()
    error_of(text)
    assert time.perf_counter() - started < 5
