from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.dispatch import dispatcher
from admission.cel.library.lists import LIBRARY
from admission.cel.values import CelError, ConcatList, Duration, Uint, Value

Evaluate = Callable[..., Any]


def call(name: str, *args: Value) -> Value:
    """Call a function of the library with run-time dispatch."""
    (function,) = (function for function in LIBRARY.functions if function.name == name)
    return dispatcher(function, (), len(args), by_name=True).call(args, lambda _: None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2, 2].isSorted()", True),
        ("[2, 1].isSorted()", False),
        ("[].isSorted()", True),
        ("['a', 'B'].isSorted()", False),
        ("[false, true].isSorted()", True),
        ("[1.0, double('NaN'), 0.5].isSorted()", True),
        ("[dyn(1), dyn('a'), dyn(0)].isSorted()", True),
        ("[1, 3].sum()", 4),
        ("[1u, 3u].sum()", Uint(4)),
        ("[1.5, 2.0].sum()", 3.5),
        ("[duration('1m'), duration('1s')].sum()", Duration(61_000_000_000)),
        ("[].sum()", 0),
        ("[3, 1, 2].min()", 1),
        ("['b', 'a'].max()", "b"),
        ("[dyn(1), dyn('a')].min()", 1),
        ("[dyn(2), dyn(1.5)].min()", 1.5),
        ("[1, 2, 2, 3].indexOf(2)", 1),
        ("[1, 2, 2, 3].lastIndexOf(2)", 2),
        ("[1, 2].indexOf(9)", -1),
        ("[dyn(1)].indexOf(1.0)", 0),
        ("[true].indexOf(true)", 0),
        ("[dyn(1)].indexOf(true)", -1),
        ("([1] + [2, 3] + [2]).lastIndexOf(2)", 3),
    ],
)
def test_lists_are_summed_ordered_and_searched(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value
    assert type(evaluate(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[].min()", "min called on empty list"),
        ("dyn([]).max()", "max called on empty list"),
        ("[9223372036854775807, 1].sum()", "integer overflow"),
        ("[18446744073709551615u, 1u].sum()", "unsigned integer overflow"),
        ("[dyn(1), dyn('a')].sum()", "no such overload"),
        ("[dyn({}), dyn(1)].min()", "no such overload: min(list)"),
        ("dyn(1).isSorted()", "no such overload: isSorted(int)"),
    ],
)
def test_errors_are_those_of_the_api_server(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("[1, 2, 3].sum()", 3),
        ("['short', 'short'].min()", 0),
        ("['0123456789', '01234567890123456789'].isSorted()", 3),
        ("['éééééééééé'].indexOf('a')", 2),
        ("[{'a': 1}, {'b': 2}].indexOf({})", 2),
    ],
)
def test_the_cost_is_one_traversal(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost


def test_a_list_that_only_concatenation_made_long_is_refused_at_once() -> None:
    endless: list[Value] | ConcatList = [1]
    for _ in range(60):
        endless = ConcatList(endless, endless)
    for name, args in (("isSorted", ()), ("sum", ()), ("max", ()), ("indexOf", (2,)), ("lastIndexOf", (2,))):
        with pytest.raises(CelError, match="too long to be walked"):
            call(name, endless, *args)


@given(st.lists(st.integers(-(2**40), 2**40)))
def test_integers_agree_with_python(numbers: list[int]) -> None:
    assert call("isSorted", numbers) is (numbers == sorted(numbers))
    assert call("sum", numbers) == sum(numbers)
    if numbers:
        assert call("min", numbers) == min(numbers)
        assert call("max", numbers) == max(numbers)
        assert call("indexOf", numbers, numbers[-1]) == numbers.index(numbers[-1])
        assert call("lastIndexOf", numbers, numbers[0]) == len(numbers) - 1 - numbers[::-1].index(numbers[0])
