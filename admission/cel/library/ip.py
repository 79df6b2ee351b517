"""IP addresses.

    ip(string) -> net.IP                 an error for what is no address
    isIP(string) -> bool
    ip.isCanonical(string) -> bool       whether it is written as it would be printed; an error for what is no address
    string(net.IP) -> string             the canonical form
    a.family() -> int                    4 or 6
    a.isUnspecified() -> bool            0.0.0.0 or ::
    a.isLoopback() -> bool               127.0.0.0/8 or ::1
    a.isLinkLocalMulticast() -> bool     224.0.0.0/24 or ff?2::/16
    a.isLinkLocalUnicast() -> bool       169.254.0.0/16 or fe80::/10
    a.isGlobalUnicast() -> bool          none of these, no multicast, not 255.255.255.255; private networks are global

    ip('2001:DB8::1') == ip('2001:db8:0::1')   // true
    ip.isCanonical('2001:DB8::1')              // false

Refused: zones (fe80::1%eth0), IPv4 in IPv6 (::ffff:1.2.3.4), leading zeros (10.0.0.01). Cost: a tenth of the string for
the first two, two tenths for isCanonical, else 1. Since Kubernetes 1.30. Source: apiserver pkg/cel/library/ip.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.netaddress import Ip, parse_ip
from admission.cel.sizes import double_string_cost, first_string_cost, size_of
from admission.cel.values import CelError, Value


def _is_ip(text: str) -> bool:
    try:
        parse_ip(text)
    except CelError:
        return False
    return True


def _is_canonical(text: str) -> bool:
    return str(parse_ip(text)) == text


def _canonical_cost(args: Sequence[Value], _: Value) -> int:
    return double_string_cost(size_of(args[0]))


def _test(name: str, id_: str, implementation: Callable[[Ip], bool]) -> Function:
    return Function(name, (Overload(id_, (types.IP,), types.BOOL, implementation, member=True),))


LIBRARY = Library(
    "kubernetes.net.ip",
    functions=(
        Function("ip", (Overload("string_to_ip", (types.STRING,), types.IP, parse_ip, cost=first_string_cost),)),
        Function("isIP", (Overload("is_ip", (types.STRING,), types.BOOL, _is_ip, cost=first_string_cost),)),
        Function(
            "ip.isCanonical",
            (Overload("ip_is_canonical", (types.STRING,), types.BOOL, _is_canonical, cost=_canonical_cost),),
        ),
        Function("string", (Overload("ip_to_string", (types.IP,), types.STRING, str),)),
        Function("family", (Overload("ip_family", (types.IP,), types.INT, lambda a: a.family, member=True),)),
        _test("isUnspecified", "ip_is_unspecified", lambda a: a.is_unspecified),
        _test("isLoopback", "ip_is_loopback", lambda a: a.is_loopback),
        _test("isLinkLocalMulticast", "ip_is_link_local_multicast", lambda a: a.is_link_local_multicast),
        _test("isLinkLocalUnicast", "ip_is_link_local_unicast", lambda a: a.is_link_local_unicast),
        _test("isGlobalUnicast", "ip_is_global_unicast", lambda a: a.is_global_unicast),
    ),
    constants=(("net.IP", types.type_of_type(types.IP), types.IP),),
    since="1.30",
)
