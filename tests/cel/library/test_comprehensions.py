from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.ast import Expr
from admission.cel.diagnostic import CompileError
from admission.cel.library.comprehensions import LIBRARY, insert, merge
from admission.cel.macro import MacroTable
from admission.cel.parser import parse
from admission.cel.values import CelError, KeyedMap, Uint, equal

Shape = Callable[[Expr], str]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            "m.all(k, v, p)",
            "fold(k, v in m; @result = True; while @not_strictly_false(@result); _&&_(@result, p); @result)",
        ),
        (
            "m.exists(k, v, p)",
            "fold(k, v in m; @result = False; while @not_strictly_false(!_(@result)); _||_(@result, p); @result)",
        ),
        (
            "m.existsOne(k, v, p)",
            "fold(k, v in m; @result = 0; while True; _?_:_(p, _+_(@result, 1), @result); _==_(@result, 1))",
        ),
        ("m.transformList(k, v, e)", "fold(k, v in m; @result = []; while True; _+_(@result, [e]); @result)"),
        (
            "m.transformList(k, v, p, e)",
            "fold(k, v in m; @result = []; while True; _?_:_(p, _+_(@result, [e]), @result); @result)",
        ),
        (
            "m.transformMap(k, v, e)",
            "fold(k, v in m; @result = {}; while True; cel.@mapInsert(@result, k, e); @result)",
        ),
        (
            "m.transformMap(k, v, p, e)",
            "fold(k, v in m; @result = {}; while True; _?_:_(p, cel.@mapInsert(@result, k, e), @result); @result)",
        ),
        (
            "m.transformMapEntry(k, v, {v: k})",
            "fold(k, v in m; @result = {}; while True; cel.@mapInsert(@result, {v: k}); @result)",
        ),
        (
            "m.transformMapEntry(k, v, p, e)",
            "fold(k, v in m; @result = {}; while True; _?_:_(p, cel.@mapInsert(@result, e), @result); @result)",
        ),
    ],
)
def test_macros_expand_as_in_cel_go(text: str, tree: str, shape: Shape, kubernetes_macros: MacroTable) -> None:
    assert shape(parse(text, macros=kubernetes_macros).expr) == tree


def test_both_spellings_of_exists_one_are_the_same(shape: Shape, kubernetes_macros: MacroTable) -> None:
    one, other = (parse(f"m.{name}(k, v, p)", macros=kubernetes_macros) for name in ("existsOne", "exists_one"))
    assert shape(one.expr) == shape(other.expr)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("m.all(k, k, true)", 9, "duplicate variable name: k"),
        ("m.all(a.b, v, true)", 7, "argument must be a simple name"),
        ("m.exists(k, 1, true)", 12, "argument must be a simple name"),
        ("m.transformMap(__result__, v, v)", 15, "iteration variable overwrites accumulator variable"),
        ("m.transformList(k, __result__, k)", 19, "iteration variable overwrites accumulator variable"),
    ],
)
def test_misuse_is_reported_at_the_argument(
    text: str, column: int, message: str, kubernetes_macros: MacroTable
) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=kubernetes_macros)
    assert [(issue.column, issue.message) for issue in caught.value.issues] == [(column, message)]


def test_insert_makes_a_new_map() -> None:
    before = {"a": 1}
    assert insert(before, "b", 2) == {"a": 1, "b": 2}
    assert before == {"a": 1}
    assert equal(insert(before, True, 2), KeyedMap([("a", 1), (True, 2)]))


@pytest.mark.parametrize(
    ("mapping", "key", "shown"),
    [({"a": 1}, "a", "a"), ({1: 1}, Uint(1), "1"), ({1: 1}, 1.0, "1"), (KeyedMap([(True, 1)]), True, "true")],
)
def test_a_key_that_is_there_cannot_be_inserted(mapping: Any, key: Any, shown: str) -> None:
    with pytest.raises(CelError) as caught:
        insert(mapping, key, 2)
    assert str(caught.value) == f"insert failed: key {shown} already exists"


def test_a_bool_is_no_number_among_keys() -> None:
    assert equal(insert({1: "one"}, True, "yes"), KeyedMap([(1, "one"), (True, "yes")]))


def test_merge_takes_all_entries_or_fails() -> None:
    assert merge({"a": 1}, {"b": 2, "c": 3}) == {"a": 1, "b": 2, "c": 3}
    assert merge({"a": 1}, {}) == {"a": 1}
    with pytest.raises(CelError, match="insert failed: key a already exists"):
        merge({"a": 1}, {"b": 2, "a": 3})


def test_the_library_is_newer_than_the_oldest_kubernetes() -> None:
    assert LIBRARY.since == "1.32"
