from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('1Gi').isLessThan(quantity('1G'))", False),
        ("quantity('200M').compareTo(quantity('0.2G'))", 0),
        ("quantity('50M').compareTo(quantity('50Mi'))", -1),
        ("quantity('0.5') == quantity('500m')", True),
        ("quantity('0.5') != quantity('501m')", True),
        ("quantity('50k').add(20) == quantity('50020')", True),
        ("quantity('50k').sub(quantity('20k')) == quantity('30k')", True),
        ("quantity('50k').asInteger()", 50_000),
        ("quantity('1000m').isInteger()", False),
        ("quantity('1.5k').asApproximateFloat()", 1500.0),
        ("sign(quantity('-1m'))", -1),
        ("isQuantity('1.5Gi')", True),
        ("isQuantity('1.5GI')", False),
    ],
)
def test_quantities_are_compared_and_added(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantity('10K')", "unable to parse quantity's suffix"),
        ("quantity('1000m').asInteger()", "cannot convert value to integer"),
        ("quantity('2') == quantity('1').add(1)", "no such overload"),
        ("quantity('1') == dyn(1)", "no such overload"),
        ("dyn(quantity('1')) == '1'", "no such overload"),
        ("quantity('1').add(dyn('1'))", "no such overload: add(kubernetes.Quantity, string)"),
    ],
)
def test_errors_are_those_of_the_api_server(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[quantity('2')] == [quantity('1').add(5)]", True),
        ("quantity('2') in [quantity('1').add(1)]", False),
        ("quantity('1').add(1) in [quantity('2')]", True),
        ("quantity('2') != quantity('1').add(1)", True),
        ("dyn(1) == dyn(quantity('1'))", False),
        ("quantity('1') == dyn(null)", False),
    ],
)
def test_inside_lists_what_cannot_be_compared_counts_as_equal(evaluate: Evaluate, text: str, value: bool) -> None:
    assert evaluate(text) is value


@pytest.mark.parametrize("text", ["quantity(1)", "quantity('1').sign()", "string(quantity('1'))", "quantity('1') < 2"])
def test_what_does_not_exist_does_not_compile(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CompileError):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("quantity('1')", 1),
        ("isQuantity('12345678901')", 2),
        ("quantity('1').add(quantity('2'))", 3),
        ("quantity('1') == quantity('1')", 3),
        ("quantity('1') != quantity('1')", 3),
    ],
)
def test_costs_are_those_of_the_api_server(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost
