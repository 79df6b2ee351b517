from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.values import CelError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sets.contains([], [])", True),
        ("sets.contains([], [1])", False),
        ("sets.contains([1, 2, 3], [2, 2])", True),
        ("sets.contains([dyn(1), dyn(2.0), dyn(3u)], [dyn(1.0), dyn(2u), dyn(3)])", True),
        ("sets.contains([dyn(true)], [dyn(1)])", False),
        ("sets.contains([[1], [2, 3]], [[2, 3]])", True),
        ("sets.equivalent([1], [1, 1])", True),
        ("sets.equivalent([1, 2], [1])", False),
        ("sets.intersects([1], [])", False),
        ("sets.intersects(['a', 'b'], ['b', 'c'])", True),
        ("sets.contains([double('NaN')], [double('NaN')])", False),
        ("sets.contains([dyn(9007199254740993)], [dyn(9007199254740992.0)])", True),
        ("sets.contains([quantity('1')], [quantity('1000m')])", True),
    ],
)
def test_lists_are_compared_as_sets(evaluate: Evaluate, text: str, value: bool) -> None:
    assert evaluate(text) is value


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("sets.contains([1, 2, 3], [1, 2])", 7),
        ("sets.intersects([1, 2, 3], [1, 2])", 7),
        ("sets.equivalent([1, 2, 3], [1, 2])", 13),
    ],
)
def test_the_cost_is_the_product_of_the_lengths(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost


def test_what_costs_more_than_an_expression_may_is_not_even_begun(evaluate: Evaluate) -> None:
    many = [{"a": position} for position in range(2_000)]
    with pytest.raises(CelError, match="actual cost limit exceeded"):
        evaluate("sets.contains(many, many)", many=many)
