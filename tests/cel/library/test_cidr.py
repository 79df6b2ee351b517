from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("cidr('10.0.0.0/8').containsIP(ip('11.1.2.3'))", False),
        ("cidr('10.0.0.0/8').containsIP('::1')", False),
        ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", True),
        ("cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))", False),
        ("cidr('0.0.0.0/0').containsCIDR('::/0')", False),
        ("cidr('192.168.0.1/16').masked() == cidr('192.168.0.0/16')", True),
        ("cidr('192.168.0.1/16') == cidr('192.168.0.0/16')", False),
        ("cidr('192.168.0.1/16').ip() == ip('192.168.0.1')", True),
        ("cidr('::1/128').prefixLength()", 128),
        ("string(cidr('2001:DB8::/32'))", "2001:db8::/32"),
        ("isCIDR('1.2.3.4/8')", True),
        ("isCIDR('1.2.3.4')", False),
        ("isCIDR('::ffff:1.2.3.4/100')", False),
        ("type(cidr('::/0')) == net.CIDR", True),
    ],
)
def test_networks_contain_addresses_and_networks(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


PREFIX = "network address parse error during conversion from string: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cidr('1.2.3.4')", f"{PREFIX}{PREFIX}netip.ParsePrefix(\"1.2.3.4\"): no '/'"),
        ("cidr('::ffff:1.2.3.4/99')", f'{PREFIX}IPv4-mapped IPv6 address "::ffff:1.2.3.4/99" is not allowed'),
        ("cidr('::/0').containsIP('x')", "no such overload"),
        ("cidr('::/0').containsCIDR('x')", f"{PREFIX}{PREFIX}netip.ParsePrefix(\"x\"): no '/'"),
    ],
)
def test_errors_are_those_of_the_api_server(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("cidr('192.168.0.0/24')", 2),
        ("cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", 5),
        ("cidr('192.168.0.0/24').containsIP('192.168.0.1')", 5),
        ("cidr('192.168.0.0/24').containsCIDR('192.168.0.0/25')", 7),
        ("cidr('2001:db8::/128').containsIP('::1')", 7),
        ("cidr('::/0') != cidr('::/0')", 2),
    ],
)
def test_costs_are_those_of_the_api_server(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost
