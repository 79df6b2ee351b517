"""IP networks in CIDR notation.

    cidr(string) -> net.CIDR             an error for what is no network
    isCIDR(string) -> bool
    string(net.CIDR) -> string
    n.containsIP(net.IP or string) -> bool
    n.containsCIDR(net.CIDR or string) -> bool
    n.ip() -> net.IP                     the address as written
    n.masked() -> net.CIDR               the network with all bits beyond the prefix zero
    n.prefixLength() -> int

    cidr('10.0.0.0/8').containsIP('10.1.2.3')           // true
    cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')      // true
    cidr('192.168.0.1/16').masked() == cidr('192.168.0.0/16')   // true; such host bits are allowed

Refused: IPv4 in IPv6, zones, leading zeros. A containsIP string that is no address is `no such overload`. Cost: a tenth
of the string for the first two; containsIP two tenths of the prefix' bytes, containsCIDR one more tenth and 1, both
plus a tenth of a string; else 1. Since Kubernetes 1.30. Source: apiserver pkg/cel/library/cidr.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.netaddress import Cidr, Ip, parse_cidr, parse_ip
from admission.cel.sizes import first_string_cost, size_of, string_cost
from admission.cel.values import CelError, Value


def _is_cidr(text: str) -> bool:
    try:
        parse_cidr(text)
    except CelError:
        return False
    return True


def _contains_ip_text(network: Cidr, text: str) -> bool:
    try:
        address = parse_ip(text)
    except CelError:
        raise CelError("no such overload") from None
    return network.contains_ip(address)


def _contains_cidr_text(network: Cidr, text: str) -> bool:
    return network.contains_cidr(parse_cidr(text))


def _contains_ip_cost(args: Sequence[Value], _: Value) -> int:
    return string_cost(2 * size_of(args[0]))


def _contains_ip_text_cost(args: Sequence[Value], result: Value) -> int:
    return _contains_ip_cost(args, result) + string_cost(size_of(args[1]))


def _contains_cidr_cost(args: Sequence[Value], _: Value) -> int:
    size = size_of(args[0])
    return string_cost(2 * size) + string_cost(size) + 1


def _contains_cidr_text_cost(args: Sequence[Value], result: Value) -> int:
    return _contains_cidr_cost(args, result) + string_cost(size_of(args[1]))


_N, _STRING, _BOOL = types.CIDR, types.STRING, types.BOOL

LIBRARY = Library(
    "kubernetes.net.cidr",
    functions=(
        Function("cidr", (Overload("string_to_cidr", (_STRING,), _N, parse_cidr, cost=first_string_cost),)),
        Function("isCIDR", (Overload("is_cidr", (_STRING,), _BOOL, _is_cidr, cost=first_string_cost),)),
        Function("string", (Overload("cidr_to_string", (_N,), _STRING, str),)),
        Function(
            "containsIP",
            (
                Overload(
                    "cidr_contains_ip_string",
                    (_N, _STRING),
                    _BOOL,
                    _contains_ip_text,
                    member=True,
                    cost=_contains_ip_text_cost,
                ),
                Overload(
                    "cidr_contains_ip_ip",
                    (_N, types.IP),
                    _BOOL,
                    Cidr.contains_ip,
                    member=True,
                    cost=_contains_ip_cost,
                ),
            ),
        ),
        Function(
            "containsCIDR",
            (
                Overload(
                    "cidr_contains_cidr_string",
                    (_N, _STRING),
                    _BOOL,
                    _contains_cidr_text,
                    member=True,
                    cost=_contains_cidr_text_cost,
                ),
                Overload(
                    "cidr_contains_cidr",
                    (_N, _N),
                    _BOOL,
                    Cidr.contains_cidr,
                    member=True,
                    cost=_contains_cidr_cost,
                ),
            ),
        ),
        Function("ip", (Overload("cidr_ip", (_N,), types.IP, lambda n: Ip(n.prefix.address), member=True),)),
        Function("masked", (Overload("cidr_masked", (_N,), _N, lambda n: Cidr(n.prefix.masked()), member=True),)),
        Function(
            "prefixLength", (Overload("cidr_prefix_length", (_N,), types.INT, lambda n: n.prefix.length, member=True),)
        ),
    ),
    constants=(("net.CIDR", types.type_of_type(types.CIDR), types.CIDR),),
    since="1.30",
)
