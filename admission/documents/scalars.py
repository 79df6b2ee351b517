"""What a plain YAML scalar is: a string, or the number, boolean or null that kubectl would send for it.

kubectl turns YAML into JSON with sigs.k8s.io/yaml, so its rules count and not those of YAML 1.1 or of PyYAML: `yes`
and `y` are booleans, `010` is eight, `12:30:45` and `2001-01-01` are strings, `1e3` is the integer 1000, since JSON
prints it so. Source: go.yaml.in/yaml/v2 resolve.go, sigs.k8s.io/yaml yaml.go, sigs.k8s.io/json.
"""

from __future__ import annotations

import math
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = bool | int | float | str | None

_TRUE: Final = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE: Final = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL: Final = ("", "~", "null", "Null", "NULL")
_NAN: Final = (".nan", ".NaN", ".NAN")
_INFINITE: Final = tuple(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF"))

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL, None),
    **dict.fromkeys(_NAN, math.nan),
    **dict.fromkeys(_INFINITE, math.inf),
}
_FIRST: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))\Z", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_BASES: Final = ((2, 16), (3, 8), (4, 2), (5, 10))
_INT_MIN, _INT_MAX, _UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_LONGEST: Final = 400  # digits; beyond that a number is infinite anyway, and Python refuses to convert 4,300


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar; NaN and infinities come back as such, they are no JSON."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or len(text) > _LONGEST:
        return text
    plain = text.replace("_", "")
    integer = _INTEGER.match(plain)
    if integer is not None:
        return _integer(integer, text)
    if _FLOAT.match(plain if text[0] != "." else text) is not None:
        return settle(float(plain), text)
    return text


def settle(number: float, text: str) -> Scalar:
    """Return a float as JSON would carry it: whole numbers are integers; what overflows stays the text it was."""
    if math.isinf(number):
        return text
    if number.is_integer() and abs(number) < 1e21 and _INT_MIN <= number <= _INT_MAX:
        return int(number)
    return number


def _integer(match: re.Match[str], text: str) -> Scalar:
    for group, base in _BASES:
        digits = match.group(group)
        if digits is not None:
            value = int(digits, base)
            if match.group(1) == "-":
                value = -value
            if _INT_MIN <= value <= _INT_MAX:
                return value
            if base == 10 or (not match.group(1) and value <= _UINT_MAX):
                return settle(float(value), text)
    return text
