"""Numbers as Go reads and prints them: strconv's ParseInt, ParseFloat and FormatFloat, for conversions and formats."""

from __future__ import annotations

import math
import re

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?"
)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:_?[0-9a-fA-F](?:_?[0-9a-fA-F])*(?:\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?"
    r"|\.[0-9a-fA-F](?:_?[0-9a-fA-F])*)[pP][+-]?[0-9](?:_?[0-9])*"
)
_SPECIAL = re.compile(r"(?:[+-]?inf(?:inity)?|nan)", re.IGNORECASE)
_LONGEST = 20  # digits of the largest uint64
_PLAIN = range(-4, 6)  # exponents that are printed without an e


def parse_integer(text: str, low: int, high: int, *, signed: bool = True) -> int | None:
    """Return a decimal integer from `low` to `high`, None where the text is none (strconv.ParseInt, ParseUint)."""
    if not _INTEGER.fullmatch(text) or (not signed and not text[0].isdigit()):
        return None
    digits = text.lstrip("+-").lstrip("0") or "0"
    if len(digits) > _LONGEST:
        return None
    value = -int(digits) if text[0] == "-" else int(digits)
    return value if low <= value <= high else None


def parse_double(text: str) -> float | None:
    """Return a double, None where the text is none or too large (strconv.ParseFloat)."""
    if _DECIMAL.fullmatch(text):
        value = float(text)
        return None if math.isinf(value) else value
    if _SPECIAL.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(text.replace("_", ""))
        except OverflowError:
            return None
    return None


def digits_of(value: float) -> tuple[str, int]:
    """Return the fewest digits that make a finite double out, and where the point is in them: 0.05 is ("5", -1)."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or "0")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return (stripped.rstrip("0"), point) if stripped else ("0", 1)


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def format_shortest(value: float) -> str:
    """Return `1e+21`, `0.5`, `100000`, `1e+06`: Go's %g with the shortest digits."""
    special = _special(value)
    if special is not None:
        return special
    digits, point = digits_of(value)
    exponent = point - 1
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if exponent in _PLAIN:
        return sign + _positional(digits, point)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def format_positional(value: float) -> str:
    """Return the shortest digits without an exponent: Go's FormatFloat(value, 'f', -1, 64)."""
    special = _special(value)
    if special is not None:
        return special
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return sign + _positional(*digits_of(value))


def _positional(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}" if digits != "0" else "0"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
