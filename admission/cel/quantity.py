"""Kubernetes quantities as exact decimal numbers that remember how they were written.

Source: apimachinery pkg/api/resource (quantity.go, amount.go, suffix.go). Upstream keeps a number either as an int64
with a decimal scale or, where that is not enough, as a big decimal; which of the two can be seen from outside (only the
former converts to an integer), so it is remembered here too. No doubles but for `approximate`. Decimal's own operators
round to 28 digits, so everything here goes through exact contexts, comparisons and copies.
"""

from __future__ import annotations

import re
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_UP,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
)

from admission.cel import types
from admission.cel.values import INT_MAX, INT_MIN, CelError, Opaque

DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT = "DecimalSI", "BinarySI", "DecimalExponent"

_FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_NUMERIC_WRONG = "unable to parse numeric part of quantity"
_SUFFIX_WRONG = "unable to parse quantity's suffix"

_SHAPE = re.compile(r"([+-]?+)0*+([0-9]*+)(?:\.([0-9]*+))?+([eEinumkKMGTP]*+[-+]?+[0-9]*+)", re.ASCII)
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL_SUFFIXES.items()}
_BINARY_NAMES = {exponent: suffix for suffix, exponent in _BINARY_SUFFIXES.items()}

_INT64_DIGITS = 18  # so many decimal digits always fit
_NANO = -9
_LEAST = Decimal((0, (1,), _NANO))
_MOST_BINARY = Decimal(INT_MAX)
_MOST_DIGITS = 20_000  # of a result; upstream would fill the memory with zeros instead


_INT64_LIMIT = Decimal(2**63)


class Quantity(Opaque):
    """A number (`value`), how it is to be printed (`format`), and whether it outgrew an int64 with a scale (`wide`).

    `computed` marks what add and sub return: upstream's `==` refuses such a value on its right-hand side.
    """

    __slots__ = ("_text", "computed", "format", "value", "wide")
    cel_type = types.QUANTITY
    unit_equality = True

    def __init__(self, value: Decimal, format: str, *, wide: bool = False, text: str = "") -> None:  # noqa: A002
        self.value = value
        self.format = format
        self.wide = wide
        self.computed = False
        self._text = text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Quantity):
            raise CelError("no such overload")
        return self.value == other.value

    def __hash__(self) -> int:
        return hash((Quantity, self.value))

    def __repr__(self) -> str:
        return f"quantity({str(self)!r})"

    def __str__(self) -> str:
        """Print the canonical form: no fraction, the largest suffix that loses nothing; as written where that is so."""
        return self._text or _canonical(self)

    def comparable(self, other: object) -> bool:
        """Return whether the other one is a quantity that was not computed."""
        return isinstance(other, Quantity) and not other.computed

    def compare(self, other: Quantity) -> int:
        """Return -1, 0 or 1."""
        return int(self.value > other.value) - int(self.value < other.value)

    @property
    def sign(self) -> int:
        """-1, 0 or 1."""
        return int(self.value > 0) - int(self.value < 0)

    @property
    def integer(self) -> int | None:
        """The number as an int64, None where its notation has decimals or it does not fit."""
        exponent = _exponent(self.value)
        if self.wide or exponent < 0:
            return None
        if self.value == 0:
            return 0
        if self.value.adjusted() > _INT64_DIGITS:
            return None
        number = int(self.value)
        return number if INT_MIN <= number <= INT_MAX else None

    @property
    def approximate(self) -> float:
        """The number as a double, rounded twice as upstream does it."""
        sign, digits, exponent = self.value.as_tuple()
        assert isinstance(exponent, int), "a quantity is finite"  # noqa: S101 - parsing makes no other
        base = float("-" * sign + "".join(map(str, digits)))
        return base if exponent == 0 else base * _power_of_ten(exponent)

    def add(self, other: Quantity) -> Quantity:
        """Return the sum; zero takes over the format of what is added. CelError where it has too many digits."""
        return self._computed(other.value, other)

    def subtract(self, other: Quantity) -> Quantity:
        """Return the difference; zero takes over the format of what is subtracted."""
        negated = other.value.copy_negate()
        if negated == _INT64_LIMIT and not (self.wide or other.wide):
            wrapped = -_INT64_LIMIT  # the one int64 that is its own negative
            if self.value == 0 or _fits(self.value, wrapped, _sum(self.value, wrapped)):
                negated = wrapped
        return self._computed(negated, other)

    def _computed(self, addend: Decimal, other: Quantity) -> Quantity:
        result = self._plus(addend, other)
        result.computed = True
        return result

    def _plus(self, addend: Decimal, other: Quantity) -> Quantity:
        chosen = other.format if self.value == 0 else self.format
        if not (self.wide or other.wide):
            if addend == 0:
                return Quantity(self.value, chosen)
            if self.value == 0:
                return Quantity(addend, chosen)
        total = _sum(self.value, addend)
        wide = self.wide or other.wide or not _fits(self.value, addend, total)
        return Quantity(total, chosen, wide=wide)


def parse_quantity(text: str) -> Quantity:
    """Return the quantity that `text` stands for; CelError in upstream's words where it stands for none."""
    if not text:
        raise CelError(_FORMAT_WRONG)
    if text == "0":
        return Quantity(Decimal(0), DECIMAL_SI, text=text)
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise CelError(_FORMAT_WRONG)
    sign, whole, fraction, suffix = shape.groups(default="")
    whole = whole or "0"
    kind, exponent = _interpret(suffix)
    if kind == BINARY_SI:
        factor = 1 << exponent
        room = 14 - len(whole) - exponent * 3 // 10 if not fraction else -1
        scale = 0
    else:
        factor = 1
        room = _INT64_DIGITS - len(whole) - len(fraction)
        scale = _int32(exponent - len(fraction))
    if room >= 0 and scale >= _NANO:
        return _narrow(text, sign, whole + fraction, factor, scale, kind)
    if not (shape[2] or fraction or "0" in text[: shape.start(4)]):
        raise CelError(_NUMERIC_WRONG)
    scale = -len(fraction) if kind == BINARY_SI else _int32(exponent - len(fraction))
    return _wide(sign, whole + fraction, factor, scale, kind)


def from_int(number: int) -> Quantity:
    """Return an int64 as a quantity."""
    return Quantity(Decimal(number), DECIMAL_EXPONENT)


def _interpret(suffix: str) -> tuple[str, int]:
    if suffix in _DECIMAL_SUFFIXES:
        return DECIMAL_SI, _DECIMAL_SUFFIXES[suffix]
    if suffix in _BINARY_SUFFIXES:
        return BINARY_SI, _BINARY_SUFFIXES[suffix]
    number = suffix[1:]
    digits = number[1:] if number[:1] in ("+", "-") else number
    if suffix[:1] in ("e", "E") and digits.isdecimal() and len(digits.lstrip("0")) <= _INT64_DIGITS + 1:
        exponent = int(number)
        if INT_MIN <= exponent <= INT_MAX:
            return DECIMAL_EXPONENT, _int32(exponent)
    raise CelError(_SUFFIX_WRONG)


def _int32(number: int) -> int:
    """Cut an exponent to 32 bits, as upstream's conversions silently do."""
    return (number + 2**31) % 2**32 - 2**31


def _narrow(text: str, sign: str, digits: str, factor: int, scale: int, kind: str) -> Quantity:
    number = int(digits)
    if kind == BINARY_SI:
        kept = number & 0x07 != 0
    else:
        kept = scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
    value = Decimal(f"{sign}{number * factor}E{scale}")
    if value == 0:
        value = value.copy_abs()
    return Quantity(value, kind, text=text if kept else "")


def _wide(sign: str, digits: str, factor: int, scale: int, kind: str) -> Quantity:
    context = _exact(len(digits) + _MOST_DIGITS)
    amount = context.multiply(Decimal(f"{digits}E{scale}"), Decimal(factor))
    if amount != 0 and scale < _MOST_DIGITS:
        amount = amount.quantize(_LEAST, rounding=ROUND_UP, context=_rounding(len(digits) + _MOST_DIGITS))
    if kind == BINARY_SI and amount > _MOST_BINARY:
        amount = _MOST_BINARY
    if kind == BINARY_SI and 0 < amount < 1:
        kind = DECIMAL_SI
    return Quantity(amount.copy_negate() if sign == "-" and amount != 0 else amount, kind, wide=True)


def _exact(digits: int) -> Context:
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, Overflow, InvalidOperation])


def _rounding(digits: int) -> Context:
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Overflow, InvalidOperation])


def _sum(a: Decimal, b: Decimal) -> Decimal:
    try:
        return _exact(_MOST_DIGITS).add(a, b)
    except DecimalException:
        raise CelError(f"the result has more than {_MOST_DIGITS} digits") from None


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "a quantity is finite"  # noqa: S101 - parsing makes no other
    return exponent


def _fits(a: Decimal, b: Decimal, total: Decimal) -> bool:
    """Return whether the sum can be computed in an int64 at the smaller of both scales."""
    scale = _exponent(total)
    return all(INT_MIN <= number <= INT_MAX for number in (_unscaled(part, scale) for part in (a, b, total)))


def _unscaled(value: Decimal, scale: int) -> int:
    if value.adjusted() - scale > _INT64_DIGITS:
        return INT_MAX + 1
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "a quantity is finite"  # noqa: S101 - parsing makes no other
    number = int("".join(map(str, digits))) * int(10 ** (exponent - scale))
    return -number if sign else number


def _power_of_ten(exponent: int) -> float:
    """Return ten to that power as Go's math.Pow10 computes it: the product of two table entries."""
    if exponent > 308:
        return float("inf")
    if exponent < -323:
        return 0.0
    high, low = divmod(abs(exponent), 32)
    if exponent >= 0:
        return float(f"1e{high * 32}") * float(f"1e{low}")
    return float(f"1e-{high * 32}") / float(f"1e{low}")


def _canonical(quantity: Quantity) -> str:
    value = quantity.value
    if value == 0:
        return "0"
    if quantity.format == BINARY_SI and value.copy_abs() >= 1024 and _is_whole(value):
        number, times = int(value), 0
        while abs(number) >= 1024 and number % 1024 == 0:
            number //= 1024
            times += 1
        return f"{Decimal(number):f}" + _BINARY_NAMES.get(times * 10, "")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "a quantity is finite"  # noqa: S101 - parsing makes no other
    shown = "".join(map(str, digits)).lstrip("0")
    exponent += len(shown) - len(shown.rstrip("0"))
    shown = shown.rstrip("0") + "0" * (exponent % 3)
    exponent -= exponent % 3
    if quantity.format == DECIMAL_EXPONENT:
        suffix = f"e{exponent}" if exponent else ""
    else:
        suffix = _DECIMAL_NAMES.get(exponent, "")
    return "-" * sign + shown + suffix


def _is_whole(value: Decimal) -> bool:
    return _exponent(value) >= 0 or value == value.to_integral_value()
