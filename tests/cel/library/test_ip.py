from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ip('2001:DB8::1') == ip('2001:db8:0::1')", True),
        ("ip('1.2.3.4') == ip('1.2.3.5')", False),
        ("type(ip('::1')) == net.IP", True),
        ("string(ip('2001:DB8::1'))", "2001:db8::1"),
        ("isIP('1.2.3.4')", True),
        ("isIP('1.2.3.04')", False),
        ("isIP('::ffff:1.2.3.4')", False),
        ("isIP('fe80::1%eth0')", False),
        ("ip.isCanonical('2001:db8::1')", True),
        ("ip.isCanonical('2001:DB8::1')", False),
        ("ip('1.2.3.4').family()", 4),
        ("ip('::1').family()", 6),
        ("ip('0.0.0.0').isUnspecified()", True),
        ("ip('::').isUnspecified()", True),
        ("ip('127.9.9.9').isLoopback()", True),
        ("ip('::1').isLoopback()", True),
        ("ip('::2').isLoopback()", False),
        ("ip('224.0.0.1').isLinkLocalMulticast()", True),
        ("ip('224.0.1.1').isLinkLocalMulticast()", False),
        ("ip('ff12::1').isLinkLocalMulticast()", True),
        ("ip('ff01::1').isLinkLocalMulticast()", False),
        ("ip('169.254.1.1').isLinkLocalUnicast()", True),
        ("ip('febf::1').isLinkLocalUnicast()", True),
        ("ip('fec0::1').isLinkLocalUnicast()", False),
        ("ip('10.0.0.1').isGlobalUnicast()", True),
        ("ip('fd00::1').isGlobalUnicast()", True),
        ("ip('255.255.255.255').isGlobalUnicast()", False),
        ("ip('230.0.0.1').isGlobalUnicast()", False),
        ("ip('fe80::1').isGlobalUnicast()", False),
    ],
)
def test_addresses_say_what_they_are(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ip('1.2.3')",
            'IP Address "1.2.3" parse error during conversion from string: ParseAddr("1.2.3"): IPv4 address too short',
        ),
        ("ip('fe80::1%eth0')", 'IP address "fe80::1%eth0" with zone value is not allowed'),
        ("ip('::ffff:1.2.3.4')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
        ("ip('1.2.3.4') == dyn(cidr('1.2.3.4/8'))", "no such overload"),
        ("dyn(ip('1.2.3.4')) == '1.2.3.4'", "no such overload"),
    ],
)
def test_errors_are_those_of_the_api_server(evaluate: Evaluate, text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        evaluate(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("ip('1.2.3.4')", 1),
        ("ip.isCanonical('1.2.3.4')", 2),
        ("ip('::1') == ip('::2')", 3),
        ("ip('::1') != ip('::2')", 4),
        ("ip('1.2.3.4').family()", 2),
    ],
)
def test_costs_are_those_of_the_api_server(cost_of: Callable[..., int], text: str, cost: int) -> None:
    assert cost_of(text) == cost
