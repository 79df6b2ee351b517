"""IP addresses as the CEL project's own suite has them, where that differs from Kubernetes.

    ip(string) -> net.IP, isIP(string) -> bool, ip.isCanonical(string) -> bool

`ip('::ffff:c0a8:1')`, an IPv4 address written as an IPv6 one in hexadecimal, is the IPv4 address here; Kubernetes
refuses it. Everything else of addresses and networks is as in ip.py and cidr.py. For the `standard` environment only:
no policy can choose it. Source: cel-spec tests/simple/testdata/network_ext.textproto.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.netaddress import Ip, parse_ip
from admission.cel.values import CelError


def _ip(text: str) -> Ip:
    return parse_ip(text, unmap=True)


def _is_ip(text: str) -> bool:
    try:
        _ip(text)
    except CelError:
        return False
    return True


def _is_canonical(text: str) -> bool:
    return str(_ip(text)) == text


LIBRARY = Library(
    "cel.lib.ext.network",
    functions=(
        Function("ip", (Overload("string_to_ip", (types.STRING,), types.IP, _ip),)),
        Function("isIP", (Overload("is_ip", (types.STRING,), types.BOOL, _is_ip),)),
        Function("ip.isCanonical", (Overload("ip_is_canonical", (types.STRING,), types.BOOL, _is_canonical),)),
    ),
    environments=frozenset({"standard"}),
)
