"""How large values are, as far as cost is concerned: the units in which function libraries name their price.

Sizes are cel-go's `Sizer`: code points of a string, bytes, elements, entries, and 1 for whatever has no size. Factors
are those of cel-go common/cost.go; the arithmetic is done in doubles and rounded as upstream does it. A library whose
own work grows faster than its price asks `affordable` first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from admission.cel.values import LIST_CLASSES, MAP_CLASSES, CelError, Opaque, Value, entry_values

CALL = 1
LIST_CREATION = 10
STRUCT_CREATION = 40
STRING_FACTOR = 0.1
REGEX_FACTOR = 0.25
PER_CALL_LIMIT = 1_000_000  # apiserver pkg/apis/cel/config.go PerCallLimit
LONGEST_LIST = 2_000_000

_SIZED = frozenset((str, bytes, *LIST_CLASSES, *MAP_CLASSES))


def size_of(value: Value) -> int:
    """Return the size of a value (apiserver pkg/cel/library/cost.go actualSize)."""
    if type(value) in _SIZED:
        return len(value)
    if isinstance(value, Opaque):
        return value.cost_size
    return 1


def string_cost(size: int) -> int:
    """Return the cost of walking once over a string of `size` code points."""
    return math.ceil(size * STRING_FACTOR)


def first_string_cost(args: Sequence[Value], _: Value) -> int:
    """Return the cost of walking over the first argument, a string or bytes."""
    return string_cost(size_of(args[0]))


def double_string_cost(size: int) -> int:
    """Return the cost of walking over a string and building another of that size."""
    return math.ceil(size * 2 * STRING_FACTOR)


def regex_cost(text_size: int, pattern_size: int) -> int:
    """Return the cost of one search with a regular expression."""
    return math.ceil((1.0 + text_size) * STRING_FACTOR) * math.ceil(pattern_size * REGEX_FACTOR)


def traversal_cost(value: Value) -> int:
    """Return the cost of visiting every leaf of a value: 1 each, strings a tenth of their bytes, rounded down.

    Source: apiserver pkg/cel/library/cost.go traversalCost. Never more than just above the limit of one expression.
    """
    cost = 0
    pending = [iter((value,))]
    while pending:
        for part in pending[-1]:
            kind = type(part)
            if kind is str:
                cost += int(len(part.encode("utf-8", "surrogatepass")) * STRING_FACTOR)
            elif kind is bytes:
                cost += int(len(part) * STRING_FACTOR)
            elif kind in LIST_CLASSES:
                pending.append(iter(part))
                break
            elif kind in MAP_CLASSES:
                pending.append(iter(entry_values(part)))
                pending.append(iter(part))
                break
            else:
                cost += 1
                if cost > PER_CALL_LIMIT:
                    return cost
        else:
            pending.pop()
    return cost


def affordable(cost: int) -> None:
    """Refuse work that costs more than one expression may; raises CelError in the words of the cost limit.

    Asked before the work is done, where upstream does it first and counts afterwards.
    """
    if cost > PER_CALL_LIMIT:
        raise CelError("operation cancelled: actual cost limit exceeded")


def walkable(length: int) -> None:
    """Refuse a list that only lazy concatenation could make so long; raises CelError."""
    if length > LONGEST_LIST:
        raise CelError(f"a list of {length} elements is too long to be walked (limit {LONGEST_LIST})")
