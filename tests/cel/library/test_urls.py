from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("url('HTTPS://example.com:80/a b?k=1&k=2#f').getScheme()", "https"),
        ("url('https://example.com:80/').getHost()", "example.com:80"),
        ("url('https://example.com:80/').getHostname()", "example.com"),
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("url('https://[::1]:80/').getPort()", "80"),
        ("url('/path').getHost()", ""),
        ("url('https://example.com/with space/').getEscapedPath()", "/with%20space/"),
        ("url('https://example.com').getEscapedPath()", ""),
        ("url('/?k=1&k=2&l').getQuery()", {"k": ["1", "2"], "l": [""]}),
        ("url('/?a=%ff').getQuery()", {"a": ["\ufffd"]}),
        ("isURL('https://a:b:c/')", False),
        ("isURL('/absolute')", True),
        ("isURL('../relative')", False),
        ("url('http://A/') == url('http://A/')", True),
        ("url('http://a/%41') == url('http://a/A')", False),
    ],
)
def test_urls_are_taken_apart(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url('../a')", 'URL parse error during conversion from string: parse "../a": invalid URI for request'),
        ("url('/#%zz')", 'URL parse error during conversion from string: parse "/#%zz": invalid URL escape "%zz"'),
        ("url('/') == dyn('/')", "no such overload"),
    ],
)
def test_errors_are_those_of_the_api_server(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cost"),
    [("url('https://example.com/')", 2), ("isURL('https://example.com/')", 1), ("url('/').getHost()", 2)],
)
def test_costs_are_those_of_the_api_server(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost
