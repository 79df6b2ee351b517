from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.dispatch import dispatcher
from admission.cel.library.list_extensions import LIBRARY
from admission.cel.values import CelError, ConcatList, Value

Evaluate = Callable[..., Any]


def call(name: str, *args: Value) -> Value:
    """Call a function of the library with run-time dispatch."""
    (function,) = (function for function in LIBRARY.functions if function.name == name)
    return dispatcher(function, (), len(args), by_name=False).call(args, lambda _: None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2, 3, 4].slice(1, 3)", [2, 3]),
        ("[1, 2].slice(2, 2)", []),
        ("([1] + [2] + [3]).slice(1, 3)", [2, 3]),
        ("[[1], [2, 3], []].flatten()", [1, 2, 3]),
        ("[[[1]], [[2, 3]]].flatten()", [[1], [2, 3]]),
        ("[[[1]], [[2, 3]]].flatten(2)", [1, 2, 3]),
        ("[[1]].flatten(0)", [[1]]),
        ("dyn([1, 2]).flatten()", [1, 2]),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("['b', 'a'].sort()", ["a", "b"]),
        ("[true, false].sort()", [False, True]),
        ("[3, 1, 2].sortBy(x, -x)", [3, 2, 1]),
        ("[{'n': 'b', 'v': '1'}, {'n': 'a', 'v': '2'}].sortBy(e, e.n).map(e, e.v)", ["2", "1"]),
        ("[1, 2, 1, 3, 2].distinct()", [1, 2, 3]),
        ("[dyn(1), dyn(1.0), dyn(1u), dyn(true), dyn('1')].distinct().size()", 3),
        ("[[1], [1], [2]].distinct()", [[1], [2]]),
        ("[1, 2, 3].reverse()", [3, 2, 1]),
        ("([1] + [2]).reverse()", [2, 1]),
        ("lists.range(3)", [0, 1, 2]),
        ("lists.range(-1)", []),
        ("lists.range(3).map(i, i * i)", [0, 1, 4]),
    ],
)
def test_lists_are_cut_flattened_and_sorted(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


def test_elements_with_equal_keys_keep_their_order(evaluate: Evaluate) -> None:
    pairs = [{"key": position % 3, "place": position} for position in range(40)]
    places = evaluate("pairs.sortBy(p, p.key).map(p, p.place)", pairs=pairs)
    assert places == [place for rest in range(3) for place in range(rest, 40, 3)]


def test_nan_stays_where_sorting_leaves_it(evaluate: Evaluate) -> None:
    assert evaluate("string([3.0, double('NaN'), 1.0, 2.0].sort()[0])") == "3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2].slice(-1, 1)", "cannot slice(-1, 1), negative indexes not supported"),
        ("[1, 2].slice(2, 1)", "cannot slice(2, 1), start index must be less than or equal to end index"),
        ("[1, 2].slice(0, 3)", "cannot slice(0, 3), list is length 2"),
        ("[[1]].flatten(-1)", "level must be non-negative"),
        ("dyn({}).flatten()", "no such overload: map(dyn, dyn).flatten()"),
        ("dyn('a').flatten(1)", "no such overload: string.flatten(int)"),
        ("[dyn(1), dyn('a')].sort()", "list elements must have the same type"),
        ("dyn([[1]]).sort()", "list elements must be comparable"),
        ("dyn(1).sort()", "no such overload: sort"),
        ("[1].sortBy(x, dyn({}))", "list elements must be comparable"),
        ("lists.range(2000000).size()", "operation cancelled: actual cost limit exceeded"),
    ],
)
def test_errors_are_those_of_cel_go(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dyn({}).missing.distinct() == [] || true",
            "internal error: interface conversion: *types.Err is not traits.Lister: missing method Add",
        ),
        (
            "dyn('a').distinct() == [] || true",
            "internal error: interface conversion: types.String is not traits.Lister: missing method Contains",
        ),
        (
            "[[1]].flatten(dyn('1')) == [] || true",
            "internal error: interface conversion: ref.Val is types.String, not types.Int",
        ),
    ],
)
def test_what_upstream_cannot_price_ends_the_whole_expression(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


def test_sort_by_wants_a_name_for_its_elements(evaluate: Evaluate) -> None:
    with pytest.raises(CompileError, match="argument is not an identifier"):
        evaluate("[1].sortBy(1, 2)")
    with pytest.raises(CompileError, match="sortBy can only be applied to a list, identifier"):
        evaluate("'abc'.sortBy(x, x)")


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("[1, 2, 3].slice(0, 2)", 13),
        ("[1, 2, 3].reverse()", 14),
        ("[[1], [2]].flatten()", 13),
        ("[[1], [2]].flatten(3)", 17),
        ("lists.range(5)", 16),
        ("[1, 2, 3].distinct()", 29),
        ("['a', 'b'].sort()", 19),
        ("[].sort()", 11),
        ("[3, 1, 2].sortBy(x, -x)", 74),
    ],
)
def test_costs_are_those_of_cel_go(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost


def test_deep_and_endless_lists_end() -> None:
    deep: list[Value] = []
    for _ in range(50_000):
        deep = [deep]
    assert call("flatten", deep, 2**40) == []
    endless: list[Value] | ConcatList = [[1]]
    for _ in range(60):
        endless = ConcatList(endless, endless)
    for name, args in (
        ("flatten", ()),
        ("sort", ()),
        ("distinct", ()),
        ("reverse", ()),
        ("slice", (0, 2**50)),
    ):
        with pytest.raises(CelError):
            call(name, endless, *args)


@given(st.lists(st.one_of(st.integers(-5, 5), st.text("ab", max_size=2), st.booleans(), st.none()), max_size=30))
def test_distinct_keeps_the_first_of_each(elements: list[Value]) -> None:
    kept = call("distinct", elements)
    seen = {(type(element), element) for element in elements}
    assert len(kept) == len(seen)
    assert {(type(element), element) for element in kept} == seen


@given(st.lists(st.integers() | st.lists(st.integers(), max_size=3), max_size=20))
def test_flatten_opens_one_level(elements: list[Value]) -> None:
    wanted = [part for element in elements for part in (element if isinstance(element, list) else [element])]
    assert call("flatten", elements) == wanted
