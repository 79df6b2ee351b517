"""What `string.format` makes of its clauses, in two styles: with English number formats, and plain.

`LOCALIZED_STYLE` is what the API server has (cel-go's strings library before version 4: `%f` groups thousands, `%e`
writes `×10⁰³` and takes its precision for a width); `PLAIN_STYLE` is the newest cel-go. Both read `%[.precision]clause`
and `%%` from left to right. Sources: cel-go ext/formatting.go, ext/formatting_v2.go; golang.org/x/text message and
internal/number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from admission.cel.numerals import format_positional, format_shortest
from admission.cel.quoting import quote
from admission.cel.sizes import walkable
from admission.cel.times import format_timestamp, total_seconds
from admission.cel.types import Type
from admission.cel.values import (
    INT_MAX,
    LIST_CLASSES,
    MAP_CLASSES,
    CelError,
    Duration,
    Timestamp,
    Uint,
    Value,
    items,
    type_of,
)

Clause: TypeAlias = Callable[[Value, int], str]

DEFAULT_PRECISION = 6
LONGEST_TEXT = 16 << 20  # code points: nothing that is looked at afterwards can be longer, see sizes.PER_CALL_LIMIT
MOST_PRECISION = 1_000_000
_MOST_PARTS = 2_000_000  # scalars, and brackets of what they are in
_CONTAINERS = frozenset((*LIST_CLASSES, *MAP_CLASSES))

_PRECISION = re.compile(r"\.([0-9]*)")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SPECIAL_DOUBLES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_STRING_MISFIT = (
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and "
    "timestamps"
)


@dataclass(frozen=True, slots=True)
class Style:
    """The clauses by their letter; each takes the argument and the precision, and raises CelError."""

    clauses: Mapping[str, Clause]

    def format(self, text: str, arguments: Value) -> str:
        """Return `text` with its clauses replaced; CelError for a bad clause or an argument that is missing."""
        parts: list[str] = []
        length = used = place = 0
        while (percent := text.find("%", place)) >= 0:
            part = text[place:percent]
            place = percent + 1
            if text.startswith("%", place):
                part += "%"
                place += 1
            else:
                if used >= len(arguments):
                    raise CelError(f"index {used} out of range")
                precision, place = _precision(text, place)
                clause = self._clause(text[place])
                part += _formatted(clause, arguments[used], precision)
                used += 1
                place += 1
            parts.append(part)
            length += len(part)
            if length > LONGEST_TEXT:
                raise _too_long()
        parts.append(text[place:])
        return "".join(parts)

    def _clause(self, letter: str) -> Clause:
        clause = self.clauses.get(letter)
        if clause is None:
            first_byte = chr(letter.encode("utf-8", "surrogatepass")[0])
            message = f'unrecognized formatting clause "{first_byte}"'
            raise CelError(f"could not parse formatting clause: {message}")
        return clause


def _too_long() -> CelError:
    return CelError(f"a formatted text may not be longer than {LONGEST_TEXT} code points or {_MOST_PARTS} values")


def _formatted(clause: Clause, value: Value, precision: int) -> str:
    try:
        return clause(value, precision)
    except CelError as error:
        raise CelError(f"error during formatting: {error}") from None


def _precision(text: str, place: int) -> tuple[int, int]:
    """Return the precision of the clause at `place`, and where its letter stands."""
    if place >= len(text):
        raise CelError("unexpected end of string")
    match = _PRECISION.match(text, place)
    if match is None:
        return DEFAULT_PRECISION, place
    failed = "could not parse formatting clause: error while parsing precision: "
    if match.end() >= len(text):
        raise CelError(f"{failed}could not find end of precision specifier")
    digits = match.group(1)
    if not digits or int(digits.lstrip("0")[:20] or 0) > INT_MAX:
        fault = "value out of range" if digits else "invalid syntax"
        raise CelError(
            f'{failed}error while converting precision to integer: strconv.Atoi: parsing "{digits}": {fault}'
        )
    precision = int(digits.lstrip("0") or 0)
    if precision > MOST_PRECISION:
        raise CelError(f"{failed}{precision} is more than {MOST_PRECISION}, the most digits that are printed")
    return precision, match.end()


def _misfit(rule: str, value: Value) -> CelError:
    return CelError(f"{rule}, was given {type_of(value).name}")


# -- lists and maps, without recursion: they may be nested as deep as the object is


@dataclass(frozen=True, slots=True)
class Nesting:
    """How a style writes lists and maps: their scalars, the keys of maps, and what stands in between."""

    scalar: Callable[[Value], str]
    key: Callable[[Value], str]
    colon: str
    comma: str = ", "

    def render(self, value: Value) -> str:
        """Return the text of a list or a map; CelError where it would be too long."""
        parts: list[str] = []
        length = 0
        stack = [self._inside(value)]
        while stack:
            for part in stack[-1]:
                if type(part) is not str:
                    stack.append(part)  # type: ignore[arg-type]  # what is no text is the inside of a container
                    break
                parts.append(part)
                length += len(part)
                if length > LONGEST_TEXT:
                    raise _too_long()
            else:
                stack.pop()
            if len(parts) > _MOST_PARTS:
                raise _too_long()
        return "".join(parts)

    def _inside(self, container: Value) -> Iterator[_Part]:
        return self._elements(container) if type(container) in LIST_CLASSES else self._entries(container)

    def _elements(self, elements: Value) -> Iterator[_Part]:
        walkable(len(elements))
        separator = "["
        for element in elements:
            if type(element) in _CONTAINERS:
                yield separator
                yield self._inside(element)
            else:
                yield separator + self.scalar(element)
            separator = self.comma
        yield "]" if len(elements) else "[]"

    def _entries(self, mapping: Value) -> Iterator[_Part]:
        separator = "{"
        entries = [(self.key(key), value) for key, value in items(mapping)]
        for text, value in sorted(entries, key=lambda entry: entry[0]):
            if type(value) in _CONTAINERS:
                yield f"{separator}{text}{self.colon}"
                yield self._inside(value)
            else:
                yield f"{separator}{text}{self.colon}{self.scalar(value)}"
            separator = self.comma
        yield "}" if len(mapping) else "{}"


_Part: TypeAlias = "str | Iterator[_Part]"


# -- clauses that are alike in both styles


def _integer_clause(letter: str, rule: str, *, bools: bool = False) -> Clause:
    def clause(value: Value, _: int) -> str:
        if type(value) is int or type(value) is Uint or (bools and type(value) is bool):
            return format(int(value), letter)
        raise _misfit(rule, value)

    return clause


def _hexadecimal_clause(rule: str, *, upper: bool) -> Clause:
    def clause(value: Value, _: int) -> str:
        if type(value) is str:
            value = value.encode("utf-8", "surrogatepass")
        if type(value) is bytes:
            return value.hex().upper() if upper else value.hex()
        if type(value) is int or type(value) is Uint:
            return format(int(value), "X" if upper else "x")
        raise _misfit(rule, value)

    return clause


def _simple(value: Value) -> str | None:
    """Return the text of what both styles write alike, None for the rest."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is Uint:
        return str(int(value))
    if value is None:
        return "null"
    if kind is Duration:
        return f"{format_positional(total_seconds(value.nanos))}s"
    return value.name if isinstance(value, Type) else None


# -- the localized style


def _localized_text(value: Value, _: int) -> str:
    kind = type(value)
    if kind in _CONTAINERS:
        return _LOCALIZED_NESTING.render(value)
    simple = _simple(value)
    if simple is not None:
        return simple
    if kind is float:
        return format_shortest(value)
    if kind is Timestamp:
        return format_timestamp(value.nanos, value.offset)
    if kind is bytes:
        return _decoded(value)
    raise _misfit(_STRING_MISFIT, value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        reason = quote("invalid UTF-8 in bytes, cannot convert to string")
        raise CelError(f"could not convert argument {reason} to string") from None


def _literal(value: Value) -> str:
    """Return a scalar in a list or a map as CEL would write it."""
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is bytes:
        return f"b{quote(_decoded(value))}"
    if kind is float:
        return f"{value:.6f}" if math.isfinite(value) else quote(format_shortest(value))
    if kind is Duration or kind is Timestamp:
        return f"{'duration' if kind is Duration else 'timestamp'}({quote(_localized_text(value, 0))})"
    simple = _simple(value)
    if simple is None:
        raise CelError(f"no formatting function for {type_of(value).name}")
    return simple


_KEYS = frozenset((str, bool, int, Uint))


def _literal_key(key: Value) -> str:
    if type(key) not in _KEYS:
        raise CelError(f"no formatting function for map key of type {type_of(key).name}")
    return _literal(key)


def _double_of(value: Value, rule: str) -> float:
    if type(value) is float:
        return value
    if type(value) is str and value in _SPECIAL_DOUBLES:
        return _SPECIAL_DOUBLES[value]
    raise _misfit(rule, value)


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return None


def _localized_fixed(value: Value, precision: int) -> str:
    number = _double_of(value, "fixed-point clause can only be used on doubles") + 0.0  # -0.0 becomes 0.0
    special = _special(number)
    if special is not None:
        return special
    # upstream keeps the least number of digits in 8 bits and the most in 16 bits with a sign
    least, most = precision % 2**8, (precision + 2**15) % 2**16 - 2**15
    if most == least:
        return f"{number:,.{most}f}"
    exact = format_positional(number) if most < 0 else f"{number:.{most}f}"
    whole, _, fraction = exact.partition(".")
    fraction = fraction.rstrip("0").ljust(least, "0")
    return f"{'-' if number < 0 else ''}{int(whole.lstrip('-')):,}" + (f".{fraction}" if fraction else "")


def _localized_scientific(value: Value, precision: int) -> str:
    number = _double_of(value, "scientific clause can only be used on doubles") + 0.0  # -0.0 becomes 0.0
    text = _special(number)
    if text is None:
        digits, _, exponent = f"{number:.{DEFAULT_PRECISION}e}".partition("e")
        text = f"{digits}×10{exponent.lstrip('+').translate(_SUPERSCRIPTS)}"
    return text.rjust(precision % 2**16)  # the precision of the clause is a width to upstream


_LOCALIZED_NESTING = Nesting(_literal, _literal_key, ":")

LOCALIZED_STYLE = Style(
    {
        "s": _localized_text,
        "d": _integer_clause("d", "decimal clause can only be used on integers"),
        "f": _localized_fixed,
        "e": _localized_scientific,
        "b": _integer_clause("b", "only integers and bools can be formatted as binary", bools=True),
        "o": _integer_clause("o", "octal clause can only be used on integers"),
        "x": _hexadecimal_clause("only integers, byte buffers, and strings can be formatted as hex", upper=False),
        "X": _hexadecimal_clause("only integers, byte buffers, and strings can be formatted as hex", upper=True),
    }
)


# -- the plain style


def _plain_text(value: Value, _: int) -> str:
    if type(value) in _CONTAINERS:
        return _PLAIN_NESTING.render(value)
    return _plain_scalar(value)


def _plain_scalar(value: Value) -> str:
    simple = _simple(value)
    if simple is not None:
        return simple
    kind = type(value)
    if kind is float:
        return _plain_special(value) or format_positional(value)
    if kind is Timestamp:
        return format_timestamp(value.nanos)
    if kind is bytes:
        return str(value, "utf-8", "replace")
    raise _misfit(_STRING_MISFIT, value)


def _plain_special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return None


def _plain_decimal(value: Value, _: int) -> str:
    if type(value) in (int, Uint, float):
        return _plain_scalar(value)
    raise _misfit("decimal clause can only be used on ints, uints, and doubles", value)


def _plain_number(letter: str, name: str) -> Clause:
    def clause(value: Value, precision: int) -> str:
        if type(value) not in (int, Uint, float):
            raise _misfit(f"{name} clause can only be used on ints, uints, and doubles", value)
        number = float(value)
        return _plain_special(number) or f"{number:.{precision}{letter}}"

    return clause


_PLAIN_NESTING = Nesting(_plain_scalar, _plain_scalar, ": ")

PLAIN_STYLE = Style(
    {
        "s": _plain_text,
        "d": _plain_decimal,
        "f": _plain_number("f", "fixed-point"),
        "e": _plain_number("e", "scientific"),
        "b": _integer_clause("b", "only ints, uints, and bools can be formatted as binary", bools=True),
        "o": _integer_clause("o", "octal clause can only be used on ints and uints"),
        "x": _hexadecimal_clause("only ints, uints, bytes, and strings can be formatted as hex", upper=False),
        "X": _hexadecimal_clause("only ints, uints, bytes, and strings can be formatted as hex", upper=True),
    }
)
