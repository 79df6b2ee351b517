"""The order of CEL values, as cel-go's Comparer has it, for functions that sort and look for extremes.

Source: cel-go common/types (Compare of each type). Bool, bytes, strings, durations and timestamps are comparable each
among themselves, numbers across their types; nothing else has an order.
"""

from __future__ import annotations

import math
from typing import Any

from admission.cel.values import Duration, Timestamp, Uint, Value

_NUMBERS = frozenset((int, Uint, float))
_COMPARABLE = frozenset((bool, int, Uint, float, str, bytes, Duration, Timestamp))


def is_comparable(value: Value) -> bool:
    """Return whether values of this type have an order."""
    return type(value) in _COMPARABLE


def compare(a: Value, b: Value) -> int | None:
    """Return -1, 0 or 1, or None where the two cannot be ordered (different types, NaN)."""
    kind_a, kind_b = type(a), type(b)
    if kind_a in _NUMBERS and kind_b in _NUMBERS:
        return _compare_numbers(a, b)
    if kind_a is not kind_b or kind_a not in _COMPARABLE:
        return None
    if kind_a is Duration or kind_a is Timestamp:
        return _sign(a.nanos, b.nanos)
    return _sign(a, b)


def _compare_numbers(a: Any, b: Any) -> int | None:
    if type(a) is float or type(b) is float:
        if math.isnan(a) or math.isnan(b):
            return None
        # cel-go turns the integer into a double first: near 2^63 that loses digits, and so must we
        return _sign(float(a), float(b))
    return _sign(int(a), int(b))


def _sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def sort_key(value: Value) -> Any:
    """Return what Python sorts a comparable value by; only meaningful among values of one type."""
    return value.nanos if type(value) in (Duration, Timestamp) else value
