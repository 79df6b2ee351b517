"""IP addresses and prefixes as Go's net/netip reads and prints them, error texts included.

Source: Go net/netip (ParseAddr, ParsePrefix, Addr.String). Python's ipaddress accepts and prints other things (scopes,
netmasks, embedded IPv4), and says other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from admission.cel.quoting import quote

_HEX = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_MAPPED = 0xFFFF  # ::ffff:0:0/96, IPv4 inside IPv6
_MOST_PREFIX_DIGITS = 3


class AddressError(Exception):
    """The text is no address or prefix; the message is Go's."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 (`bits` 32) or IPv6 (`bits` 128) address as a number, with its zone."""

    number: int
    bits: int
    zone: str = ""

    @property
    def is_mapped(self) -> bool:
        """Whether this is an IPv6 address that stands for an IPv4 one."""
        return self.bits == 128 and self.number >> 32 == _MAPPED

    def __str__(self) -> str:
        """Print the canonical form (RFC 5952)."""
        if self.bits == 32:
            return _dotted(self.number)
        text = f"::ffff:{_dotted(self.number & 0xFFFFFFFF)}" if self.is_mapped else _colons(self.number)
        return f"{text}%{self.zone}" if self.zone else text

    def keep(self, length: int) -> Address:
        """Return the address with all but the first `length` bits set to zero."""
        rest = self.bits - length
        return Address(self.number >> rest << rest, self.bits)


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address and how many of its leading bits name the network; the other bits may be anything."""

    address: Address
    length: int

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"

    def masked(self) -> Prefix:
        """Return the network with all other bits zero."""
        return Prefix(self.address.keep(self.length), self.length)

    def contains(self, address: Address) -> bool:
        """Return whether an address without zone, of the same family, is in the network."""
        rest = self.address.bits - self.length
        same_family = self.address.bits == address.bits and not address.zone
        return same_family and self.address.number >> rest == address.number >> rest

    def overlaps(self, other: Prefix) -> bool:
        """Return whether the networks share an address."""
        return Prefix(self.address, min(self.length, other.length)).contains(other.address)


def parse_address(text: str) -> Address:
    """Return the address; AddressError for anything else."""
    for char in text:
        if char == ".":
            return Address(_ipv4(text, text), 32)
        if char == ":":
            return _ipv6(text)
        if char == "%":
            raise _fault(text, "missing IPv6 address")
    raise _fault(text, "unable to parse IP")


def parse_prefix(text: str) -> Prefix:
    """Return the prefix; AddressError for anything else, zones among it."""
    head, slash, tail = text.rpartition("/")
    if not slash:
        raise _prefix_fault(text, "no '/'")
    try:
        address = parse_address(head)
    except AddressError as error:
        raise _prefix_fault(text, str(error)) from None
    if address.zone:
        raise _prefix_fault(text, "IPv6 zones cannot be present in a prefix")
    is_number = tail.isascii() and tail.isdecimal() and (len(tail) == 1 or tail[0] != "0")
    if not is_number or (len(tail) > _MOST_PREFIX_DIGITS and not _is_int64(tail)):
        raise _prefix_fault(text, f"bad bits after slash: {quote(tail)}")
    if len(tail) > _MOST_PREFIX_DIGITS or int(tail) > address.bits:
        raise _prefix_fault(text, "prefix length out of range")
    return Prefix(address, int(tail))


def _is_int64(digits: str) -> bool:
    return len(digits) < 19 or (len(digits) == 19 and int(digits) < 2**63)


def _fault(text: str, message: str, at: str = "") -> AddressError:
    where = f" (at {quote(at)})" if at else ""
    return AddressError(f"ParseAddr({quote(text)}): {message}{where}")


def _prefix_fault(text: str, message: str) -> AddressError:
    return AddressError(f"netip.ParsePrefix({quote(text)}): {message}")


def _ipv4(text: str, fields: str) -> int:
    """Return the number of four dotted decimals; `text` is the whole input, for messages."""
    number = value = digits = dots = 0
    for place, char in enumerate(fields):
        if "0" <= char <= "9":
            if digits == 1 and value == 0:
                raise _fault(text, "IPv4 field has octet with leading zero")
            value = value * 10 + int(char)
            digits += 1
            if value > 255:
                raise _fault(text, "IPv4 field has value >255")
        elif char == ".":
            if place in (0, len(fields) - 1) or fields[place - 1] == ".":
                raise _fault(text, "IPv4 field must have at least one digit", fields[place:])
            if dots == 3:
                raise _fault(text, "IPv4 address too long")
            number = number << 8 | value
            value = digits = 0
            dots += 1
        else:
            raise _fault(text, "unexpected character", fields[place:])
    if dots < 3:
        raise _fault(text, "IPv4 address too short")
    return number << 8 | value


def _ipv6(text: str) -> Address:
    rest, percent, zone = text.partition("%")
    if percent and not zone:
        raise _fault(text, "zone must be a non-empty string")
    fields: list[int] = []
    gap = -1  # how many fields stand before `::`
    if rest.startswith("::"):
        gap = 0
        rest = rest[2:]
        if not rest:
            return Address(0, 128, zone)
    while len(fields) < 8:
        size = len(_HEX.match(rest)[0])  # type: ignore[index]  # the pattern matches anything
        if size > 4:
            raise _fault(text, "each group must have 4 or less digits", rest)
        if size == 0:
            raise _fault(text, "each colon-separated field must have at least one digit", rest)
        if rest[size : size + 1] == ".":
            fields += _embedded(text, rest, len(fields), gap)
            rest = ""
            break
        fields.append(int(rest[:size], 16))
        rest = rest[size:]
        if not rest:
            break
        if rest[0] != ":":
            raise _fault(text, "unexpected character, want colon", rest)
        if len(rest) == 1:
            raise _fault(text, "colon must be followed by more characters", rest)
        rest = rest[1:]
        if rest[0] == ":":
            if gap >= 0:
                raise _fault(text, "multiple :: in address", rest)
            gap = len(fields)
            rest = rest[1:]
            if not rest:
                break
    if rest:
        raise _fault(text, "trailing garbage after address", rest)
    if len(fields) < 8:
        if gap < 0:
            raise _fault(text, "address string too short")
        fields[gap:gap] = [0] * (8 - len(fields))
    elif gap >= 0:
        raise _fault(text, "the :: must expand to at least one field of zeros")
    number = 0
    for field in fields:
        number = number << 16 | field
    return Address(number, 128, zone)


def _embedded(text: str, rest: str, before: int, gap: int) -> list[int]:
    """Return the last two fields, written as an IPv4 address."""
    if gap < 0 and before != 6:
        raise _fault(text, "embedded IPv4 address must replace the final 2 fields of the address", rest)
    if before > 6:
        raise _fault(text, "too many hex fields to fit an embedded IPv4 at the end of the address", rest)
    number = _ipv4(text, rest)
    return [number >> 16, number & 0xFFFF]


def _dotted(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def _colons(number: int) -> str:
    fields = [number >> shift & 0xFFFF for shift in range(112, -1, -16)]
    start, length = _longest_zeros(fields)
    if length < 2:
        return ":".join(f"{field:x}" for field in fields)
    head = ":".join(f"{field:x}" for field in fields[:start])
    tail = ":".join(f"{field:x}" for field in fields[start + length :])
    return f"{head}::{tail}"


def _longest_zeros(fields: list[int]) -> tuple[int, int]:
    best = (0, 0)
    for start in range(len(fields)):
        end = start
        while end < len(fields) and fields[end] == 0:
            end += 1
        if end - start > best[1]:
            best = (start, end - start)
    return best
