"""Values that Go types read themselves, times, quantities, numbers or strings, bytes, and what they say of others.

Sources: Go time (Parse), encoding/base64, encoding/json; apimachinery pkg/apis/meta/v1/{time,micro_time}.go,
pkg/api/resource/quantity.go, pkg/util/intstr/intstr.go.
"""

from __future__ import annotations

import calendar
import math
from typing import Any, Final

from admission.cel.numerals import format_positional
from admission.cel.quantity import parse_quantity
from admission.cel.values import CelError
from admission.schema.go_types import Shape

_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT: Final = "2006-01-02T15:04:05.000000Z07:00"
_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_INT32: Final = 2**31
_LEAST_PLAIN: Final = 1e-6
_LEAST_HUGE: Final = 1e21


class UnreadableError(Exception):
    """A value that a Go type does not take; the text is Go's."""


class MismatchError(UnreadableError):
    """JSON of the wrong kind: `found` is what it is, `wanted` the Go type; messages put the place between the two."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"json: cannot unmarshal {found} into Go value of type {wanted}")
        self.found = found
        self.wanted = wanted


def check_scalar(shape: Shape, value: Any) -> None:
    """Check a value that is not null against a type that reads itself; UnreadableError where it does not fit."""
    if shape in ("time", "micro time"):
        if not isinstance(value, str):
            raise MismatchError(json_kind(value), "string")
        _TimeText(value, micro=shape == "micro time").parse()
    elif shape == "quantity":
        if isinstance(value, bool | dict | list):
            raise UnreadableError(_quantity_fault("x") or "")
        fault = _quantity_fault(value.strip() if isinstance(value, str) else number_text(value))
        if fault is not None:
            raise UnreadableError(fault)
    elif shape == "int or string" and not isinstance(value, str):
        check_integer(value, "int32")


def check_integer(value: Any, name: str) -> None:
    """Check that a value is an integer that fits the Go type of that name."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MismatchError(json_kind(value), name)
    bound = _INT32 if name == "int32" else _INT32 * _INT32 * 2
    if not float(value).is_integer() or not -bound <= value < bound:
        raise MismatchError(f"number {number_text(value)}", name)


def json_kind(value: Any) -> str:
    """Return what encoding/json calls a value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"


def number_text(value: float) -> str:
    """Print a number as encoding/json prints it, or what JSON has no number for as Go does."""
    if isinstance(value, int):
        return str(value)
    if value == 0 or not math.isfinite(value) or _LEAST_PLAIN <= abs(value) < _LEAST_HUGE:
        return format_positional(value)
    mantissa, _, exponent = repr(value).partition("e")
    sign, power = exponent[0], exponent[1:].lstrip("0")
    return f"{mantissa}e{sign}{power}"


def base64_fault(text: str) -> str | None:
    """Return what Go says about a text that is not standard base64 with padding, None where it is."""
    offset = _bad_base64(text)
    return None if offset is None else f"illegal base64 data at input byte {offset}"


def _bad_base64(text: str) -> int | None:
    """Return where Go says that a text goes wrong, in bytes; line ends do not count as content."""
    data = text.encode("utf-8", "surrogateescape")
    places = [(at, chr(byte)) for at, byte in enumerate(data) if byte not in b"\r\n"]
    for index, (at, char) in enumerate(places):
        if char in _ALPHABET:
            continue
        quantum = index % 4
        if char != "=" or quantum < 2:
            return at
        rest = places[index + 1 :]
        if quantum == 2:
            if not rest:
                return len(data)
            if rest[0][1] != "=":
                return rest[0][0] - 1
            rest = rest[1:]
        return rest[0][0] if rest else None
    return len(data) - len(places) % 4 if len(places) % 4 else None


def _quoted(text: str) -> str:
    """Print a text as Go's time package does: everything but printable ASCII as bytes."""
    shown = []
    for byte in text.encode("utf-8", "surrogateescape"):
        char = chr(byte)
        shown.append(f"\\{char}" if char in '"\\' else char if " " <= char <= "~" else f"\\x{byte:02x}")
    return f'"{"".join(shown)}"'


def _quantity_fault(text: str) -> str | None:
    try:
        parse_quantity(text)
    except CelError as error:
        return str(error)
    return None


class _TimeText:
    """A time in RFC 3339 that is being read, piece by piece, as Go's Parse reads it."""

    def __init__(self, text: str, *, micro: bool) -> None:
        self._text = text
        self._rest = text
        self._micro = micro

    def parse(self) -> None:
        """Read all of it; UnreadableError where it is no time."""
        year = self._number("2006", 4, 4)
        self._literal("-")
        month = self._number("01", 2, 2)
        self._range("month", 1 <= month <= 12)
        self._literal("-")
        day = self._number("02", 2, 2)
        self._literal("T")
        self._range("hour", self._number("15", 1, 2) < 24)
        self._literal(":")
        self._range("minute", self._number("04", 2, 2) < 60)
        self._literal(":")
        self._range("second", self._number("05", 2, 2) < 60)
        self._fraction()
        self._zone()
        if self._rest:
            raise UnreadableError(f"parsing time {_quoted(self._text)}: extra text: {_quoted(self._rest)}")
        if not 1 <= day <= calendar.monthrange(year or 4, month)[1]:
            raise UnreadableError(f"parsing time {_quoted(self._text)}: day out of range")

    def _literal(self, text: str) -> None:
        if not self._rest.startswith(text):
            raise self._expected(text)
        self._rest = self._rest[len(text) :]

    def _number(self, piece: str, least: int, most: int) -> int:
        size = 0
        while size < most and self._rest[size : size + 1] in tuple("0123456789"):
            size += 1
        if size < least:
            raise self._expected(piece)
        number, self._rest = int(self._rest[:size]), self._rest[size:]
        return number

    def _fraction(self) -> None:
        digits = 0
        if self._rest[:1] in (".", ","):
            while self._rest[1 + digits : 2 + digits] in tuple("0123456789"):
                digits += 1
        if self._micro:
            if digits < 6:
                raise self._expected(".000000")
            self._rest = self._rest[7:]
        elif digits:
            self._rest = self._rest[1 + digits :]

    def _zone(self) -> None:
        if self._rest.startswith("Z"):
            self._rest = self._rest[1:]
            return
        held = self._rest
        sign, hours, colon, minutes = held[:1], held[1:3], held[3:4], held[4:6]
        both = hours + minutes
        if colon != ":" or len(both) < 4 or not (both.isascii() and both.isdigit()) or sign not in ("+", "-"):
            raise self._expected("Z07:00")
        self._rest = held[6:]
        self._range("time zone offset hour", int(hours) <= 24)
        self._range("time zone offset minute", int(minutes) <= 60)

    def _range(self, what: str, fits: bool) -> None:
        if not fits:
            raise UnreadableError(f"parsing time {_quoted(self._text)}: {what} out of range")

    def _expected(self, piece: str) -> UnreadableError:
        layout = _MICRO_LAYOUT if self._micro else _LAYOUT
        parts = f"cannot parse {_quoted(self._rest)} as {_quoted(piece)}"
        return UnreadableError(f"parsing time {_quoted(self._text)} as {_quoted(layout)}: {parts}")
