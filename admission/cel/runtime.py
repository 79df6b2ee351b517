"""What compiled expressions may call, and nothing else: the globals of generated code.

Every function here is exact for the values it accepts and raises for all others; any exception makes the interpreter
evaluate the expression again, so there is no need to say what went wrong. Sizes that cost or time depend on are added
to the budget's bound before the work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from admission.cel import values
from admission.cel.activation import PACE, Budget, LazyVariables
from admission.cel.dispatch import Dispatcher, work
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    LIST_CLASSES,
    MAP_CLASSES,
    MISSING,
    NONE,
    ConcatList,
    Duration,
    Optional_,
    Timestamp,
    Uint,
    Value,
)

SHORT = 1_000  # strings up to this length are paid for in advance, longer ones when they turn up
EXACT = 2**53  # from here on cel-go compares integers with doubles after rounding
NUMBERS = (int, float, Uint)
KEY_CLASSES = (str, int, Uint, float, bool)
EAGER = 256  # lists up to this length are concatenated by copying


class _Absent(dict[str, Value]):
    """The class of ABSENT: an empty map, so that the next step of a chain (`.get`) finds nothing in it either."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""What an optional without a value is while compiled code holds it; it never leaves one expression."""


class Unsure(Exception):  # noqa: N818 - a signal, not a fault
    """The compiled code cannot say: let the interpreter do it."""


def unsure() -> Value:
    """Give up on the compiled evaluation."""
    raise Unsure


def truth(value: Value) -> bool:
    """Return a bool as it is; anything else is for the interpreter."""
    if value is True or value is False:
        return value
    raise Unsure


def test(container: Value, key: str) -> bool:
    """Evaluate `has(container.key)` for what is not simply a dict."""
    kind = type(container)
    if kind is dict:
        return key in container
    if kind is LazyVariables:
        return key in container and (container[key], True)[1]  # asked for, because it may fail
    if kind in LIST_CLASSES or isinstance(container, values.Opaque | values.KeyedMap):
        raise Unsure
    return False


def peek(container: Value, key: Value) -> Value:
    """Evaluate `container.?key` for keys that are no constant strings: ABSENT where there is nothing."""
    if type(key) not in KEY_CLASSES:
        raise Unsure
    kind = type(container)
    if kind is dict:
        found = values.find(container, key)
        return ABSENT if found is MISSING else found
    if kind is list and type(key) is int:
        return container[key] if 0 <= key < len(container) else ABSENT
    if container is ABSENT or container is None or kind in (str, int, float, bool):
        return ABSENT
    raise Unsure


def index(container: Value, key: Value) -> Value:
    """Evaluate `container[key]`."""
    kind = type(container)
    if kind is list or kind is ConcatList:
        if type(key) is int and 0 <= key < len(container):
            return container[key]
    elif kind is dict and type(key) in (str, int, Uint):
        return container[key]
    raise Unsure


def equal(a: Value, b: Value, budget: Budget) -> bool:
    """Evaluate `a == b`."""
    kind = type(a)
    if kind is str:
        if type(b) is not str:
            return False
        if len(a) > SHORT and len(b) > SHORT:
            grow(budget, min(len(a), len(b)))
        return bool(a == b)
    if kind in LIST_CLASSES or kind in MAP_CLASSES:
        if type(b) in LIST_CLASSES or type(b) in MAP_CLASSES:
            grow(budget, min(len(a), len(b)))
        return values.equal(a, b, budget.pace)
    return values.equal(a, b)


def less(a: Value, b: Value, budget: Budget) -> bool:
    """Evaluate `a < b` for numbers and strings."""
    kind_a, kind_b = type(a), type(b)
    if kind_a in NUMBERS and kind_b in NUMBERS:
        if float in (kind_a, kind_b) and not (abs(a) < EXACT and abs(b) < EXACT):
            raise Unsure
        return bool(a < b)
    if kind_a is str and kind_b is str:
        grow(budget, min(len(a), len(b)))
        return bool(a < b)
    raise Unsure


def less_equal(a: Value, b: Value, budget: Budget) -> bool:
    """Evaluate `a <= b` for numbers and strings."""
    kind_a, kind_b = type(a), type(b)
    if kind_a in NUMBERS and kind_b in NUMBERS:
        if float in (kind_a, kind_b) and not (abs(a) < EXACT and abs(b) < EXACT):
            raise Unsure
        return bool(a <= b)
    if kind_a is str and kind_b is str:
        grow(budget, min(len(a), len(b)))
        return bool(a <= b)
    raise Unsure


def add(a: Value, b: Value, budget: Budget) -> Value:
    """Evaluate `a + b` for ints, strings and lists."""
    kind = type(a)
    if kind is int and type(b) is int:
        return checked(a + b)
    if kind is str and type(b) is str:
        grow(budget, len(a) + len(b))
        return a + b
    if kind is list and type(b) is list:
        if not b:
            return a
        if not a:
            return b
        if len(a) + len(b) <= EAGER:
            return a + b
        return ConcatList(a, b)
    if kind in LIST_CLASSES and type(b) in LIST_CLASSES:
        return ConcatList(a, b)
    raise Unsure


def checked(number: int) -> int:
    """Return an int64 result; overflow is for the interpreter."""
    if INT_MIN <= number <= INT_MAX:
        return number
    raise Unsure


def member(item: Value, container: Value, budget: Budget) -> bool:
    """Evaluate `item in container`."""
    kind = type(container)
    if kind is dict:
        if type(item) not in (str, int, Uint, float):
            raise Unsure
        return item in container
    if kind in LIST_CLASSES:
        reach(budget, len(container), len(container))
        if type(item) is str and kind is list:
            return item in container
        if (type(item) in NUMBERS and not abs(item) < EXACT) or isinstance(item, bytes | values.Opaque):
            raise Unsure
        return any(values.equal(item, element, budget.pace) for element in container)
    raise Unsure


def iterable(value: Value) -> Value:
    """Return what a comprehension may walk: a list, or a dict for its keys."""
    kind = type(value)
    if kind is list or kind is ConcatList or kind is dict:
        return value
    raise Unsure


def pairs(value: Value) -> Iterable[tuple[Value, Value]]:
    """Return (index, element) or (key, value) of what a two-variable comprehension walks."""
    kind = type(value)
    if kind is list or kind is ConcatList:
        return enumerate(value)
    if kind is dict:
        items: Iterable[tuple[Value, Value]] = value.items()
        return items
    raise Unsure


def paced(walk: Iterable[Value], budget: Budget) -> Iterator[Value]:
    """Yield the elements of a long walk, looking at the clock every PACE of them."""
    count = 0
    for element in walk:
        count += 1
        if count == PACE:
            budget.pace(PACE)
            count = 0
        yield element


def grow(budget: Budget, length: int) -> None:
    """Add a tenth of a length to the bound, before something of that length is walked."""
    if length > SHORT:
        budget.grow(length // 10 + 1, length // PACE)


def reach(budget: Budget, cost: int, steps: int) -> None:
    """Add to the bound what a loop may cost."""
    budget.grow(cost, steps)


def long(text: Value, budget: Budget, factor: int) -> Value:
    """Pay for a string (or what has a length) that is longer than what is paid for in advance."""
    budget.grow((len(text) // 10 + 1) * factor, len(text) // PACE)
    return text


def contains(text: Value, part: str, budget: Budget) -> bool:
    """Evaluate `text.contains(part)`."""
    if type(text) is not str or type(part) is not str:
        raise Unsure
    budget.grow((len(text) // 10 + 1) * (len(part) // 10 + 1), len(text) // PACE)
    return part in text


def invoke(dispatcher: Dispatcher, budget: Budget, *args: Value) -> Value:
    """Call a library function."""
    result = dispatcher.call(args, budget.pace)
    cost = dispatcher.cost
    price = 0 if cost is None else cost(args, result)
    budget.grow(price if price > 1 else 0, work(args, result, price))
    return result


def some(value: Value) -> Value:
    """Return an optional as the compiled code holds it: the value inside, or ABSENT."""
    if type(value) is not Optional_:
        raise Unsure
    return handed(value.value) if value.present else ABSENT


def handed(value: Value) -> Value:
    """Return the value inside of an optional that is handed on; what that could change is for the interpreter."""
    if type(value) in _UNCHANGED or value is ABSENT:
        return value
    raise Unsure


_UNCHANGED = frozenset(
    (str, bytes, int, Uint, float, bool, type(None), Duration, Timestamp, *LIST_CLASSES, *MAP_CLASSES)
)


def optional(value: Value) -> Value:
    """Return what the compiled code holds as the optional that it stands for."""
    return NONE if value is ABSENT else Optional_(value)


def nonzero(value: Value) -> Value:
    """Evaluate `optional.ofNonZeroValue(value)` as the compiled code holds it."""
    kind = type(value)
    if kind in (str, bytes, int, Uint, float, bool, list, dict, type(None)):
        return value or ABSENT
    raise Unsure


def entry(target: dict[str, Value], key: Value, value: Value) -> None:
    """Insert a new entry of a `transformMap`; keys that are no strings, or there already, are for the interpreter."""
    if type(key) is not str or key in target:
        raise Unsure
    target[key] = value


NAMES: dict[str, Callable[..., Any] | type | object] = {
    "len": len, "type": type, "str": str, "dict": dict, "list": list, "int": int,
    "unsure": unsure, "truth": truth, "test": test, "peek": peek, "index": index, "equal": equal, "less": less,
    "less_equal": less_equal, "add": add, "checked": checked, "member": member, "iterable": iterable, "pairs": pairs,
    "paced": paced, "reach": reach, "long": long, "contains": contains, "invoke": invoke, "some": some,
    "handed": handed, "optional": optional, "nonzero": nonzero, "entry": entry, "ABSENT": ABSENT,
}  # fmt: skip
