"""The values net.IP and net.CIDR: addresses and networks that Kubernetes' libraries let in.

Source: apiserver pkg/cel/ip.go, cidr.go and the parse functions of pkg/cel/library/ip.go, cidr.go.
"""

from __future__ import annotations

from collections.abc import Hashable

from admission.cel import types
from admission.cel.netip import Address, AddressError, Prefix, parse_address, parse_prefix
from admission.cel.quoting import quote
from admission.cel.values import CelError, Opaque

_IPV4_BROADCAST = 0xFFFFFFFF


class Ip(Opaque):
    """An IP address without a zone that is no IPv4 address in IPv6's clothes."""

    __slots__ = ("address",)
    cel_type = types.IP
    unit_equality = True

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def cost_size(self) -> int:  # type: ignore[override]  # read only, as sizes are
        """The number of bytes."""
        return self.address.bits // 8

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ip):
            raise CelError("no such overload")
        return self.address == other.address

    def __hash__(self) -> int:
        return hash((Ip, self.address))

    def as_key(self) -> Hashable:
        """Return class and value."""
        return (Ip, self.address)

    def comparable(self, other: object) -> bool:
        """Return whether the other one is an address too."""
        return isinstance(other, Ip)

    def __str__(self) -> str:
        return str(self.address)

    def __repr__(self) -> str:
        return f"ip({str(self)!r})"

    @property
    def family(self) -> int:
        """4 or 6."""
        return 4 if self.address.bits == 32 else 6

    @property
    def is_unspecified(self) -> bool:
        """Whether all bits are zero."""
        return self.address.number == 0

    @property
    def is_loopback(self) -> bool:
        """Whether it is in 127.0.0.0/8, or ::1."""
        return self._leading(8) == 127 if self.family == 4 else self.address.number == 1

    @property
    def is_multicast(self) -> bool:
        """Whether it is in 224.0.0.0/4 or ff00::/8."""
        return self._leading(4) == 0xE if self.family == 4 else self._leading(8) == 0xFF

    @property
    def is_link_local_multicast(self) -> bool:
        """Whether it is in 224.0.0.0/24, or in ff00::/8 with link-local scope."""
        if self.family == 4:
            return self._leading(24) == 224 << 16
        return self._leading(16) & 0xFF0F == 0xFF02

    @property
    def is_link_local_unicast(self) -> bool:
        """Whether it is in 169.254.0.0/16 or fe80::/10."""
        return self._leading(16) == 169 << 8 | 254 if self.family == 4 else self._leading(10) == 0xFE80 >> 6

    @property
    def is_global_unicast(self) -> bool:
        """Whether it is a unicast address of more than the link; private networks count."""
        if self.family == 4 and self.address.number == _IPV4_BROADCAST:
            return False
        return not (self.is_unspecified or self.is_loopback or self.is_multicast or self.is_link_local_unicast)

    def _leading(self, bits: int) -> int:
        return self.address.number >> (self.address.bits - bits)


class Cidr(Opaque):
    """An IP network; bits beyond the prefix may be set."""

    __slots__ = ("prefix",)
    cel_type = types.CIDR
    unit_equality = True

    def __init__(self, prefix: Prefix) -> None:
        self.prefix = prefix

    @property
    def cost_size(self) -> int:  # type: ignore[override]  # read only, as sizes are
        """The number of bytes that the prefix takes."""
        return -(-self.prefix.length // 8)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cidr):
            raise CelError("no such overload")
        return self.prefix == other.prefix

    def __hash__(self) -> int:
        return hash((Cidr, self.prefix))

    def as_key(self) -> Hashable:
        """Return class and value."""
        return (Cidr, self.prefix)

    def comparable(self, other: object) -> bool:
        """Return whether the other one is a network too."""
        return isinstance(other, Cidr)

    def __str__(self) -> str:
        return str(self.prefix)

    def __repr__(self) -> str:
        return f"cidr({str(self)!r})"

    def contains_ip(self, ip: Ip) -> bool:
        """Return whether the address is in the network."""
        return self.prefix.contains(ip.address)

    def contains_cidr(self, other: Cidr) -> bool:
        """Return whether all of the other network is in this one."""
        return self.prefix.overlaps(other.prefix) and self.prefix.length <= other.prefix.length


def parse_ip(text: str, *, unmap: bool = False) -> Ip:
    """Return the address; CelError in the API server's words for anything else.

    IPv4 in IPv6 is refused; with `unmap` only where it is written with dots, else it becomes the IPv4 address.
    """
    try:
        address = parse_address(text)
    except AddressError as error:
        raise CelError(f"IP Address {quote(text)} parse error during conversion from string: {error}") from None
    if address.zone:
        raise CelError(f"IP address {quote(text)} with zone value is not allowed")
    if not address.is_mapped:
        return Ip(address)
    if unmap and "." not in text:
        return Ip(Address(address.number & _IPV4_BROADCAST, 32))
    raise CelError(f"IPv4-mapped IPv6 address {quote(text)} is not allowed")


def parse_cidr(text: str) -> Cidr:
    """Return the network; CelError in the API server's words for anything else."""
    prefix_of_error = "network address parse error during conversion from string: "
    try:
        prefix = parse_prefix(text)
    except AddressError as error:
        raise CelError(f"{prefix_of_error}{prefix_of_error}{error}") from None
    if prefix.address.is_mapped:
        raise CelError(f"{prefix_of_error}IPv4-mapped IPv6 address {quote(text)} is not allowed")
    return Cidr(prefix)
