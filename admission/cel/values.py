"""Values of CEL as Python sees them: raw JSON where possible, a few classes where Python has no equal.

    null None · bool bool · int int (checked to 64 bit) · uint Uint · double float · string str · bytes bytes
    list list or ConcatList · map dict or KeyedMap · duration Duration · timestamp Timestamp
    type Type · optional Optional_ · everything else an Opaque subclass of the library that made it

Kubernetes objects are used as they were decoded: nothing here copies, wraps or changes them. Python's own `==` is not
CEL's (`True == 1`), so compare with `equal`. This file knows types and nothing else of the package.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeAlias

from admission.cel import types
from admission.cel.types import Type

Value: TypeAlias = Any

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
NANOS = 1_000_000_000


class CelError(Exception):
    """Evaluation ended in an error; the text is the one that cel-go gives."""

    def __len__(self) -> int:
        """Return 1: the size with which an error stands among the arguments of a call that is priced."""
        return 1


class CancelledError(Exception):
    """Evaluation of one expression ended at once; unlike CelError, no operator absorbs it inside that expression.

    Either it passed its cost limit, or upstream would have stumbled here: `internal error: ...` is a panic that cel-go
    caught at the very top.
    """

    def __init__(self, message: str = "operation cancelled: actual cost limit exceeded") -> None:
        super().__init__(message)


class Uint(int):
    """A CEL uint: an int that knows that it is unsigned. Arithmetic yields plain ints: wrap the result again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"


class Opaque:
    """Base of values that only functions can look into; subclasses name their type and define `__eq__`/`__hash__`.

    Those that are not `comparable` with a value of another type raise CelError in `__eq__`, so that code which compares
    with Python's own operator cannot take them for merely different.
    """

    __slots__ = ()
    cel_type: Type = types.DYN
    cost_size: int = 1  # what cost is counted with where cel-go asks for a value's size
    unit_equality: bool = False  # whether `==` costs 1 with this on the left, however small the other side is

    def comparable(self, other: object) -> bool:
        """Return whether `self == other` has an answer; upstream's `==` refuses most Kubernetes types to others."""
        del other
        return True

    def as_key(self) -> Hashable:
        """Return what tells this value from others as the key of a map: upstream mostly has pointers, so its identity.

        Raises CancelledError where upstream cannot have it as a key at all.
        """
        return (Opaque, id(self))


class Duration(Opaque):
    """A google.protobuf.Duration as whole nanoseconds (cel-go: a Go time.Duration, so int64)."""

    __slots__ = ("nanos",)
    cel_type = types.DURATION

    def __init__(self, nanos: int) -> None:
        self.nanos = nanos

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash((Duration, self.nanos))

    def as_key(self) -> Hashable:
        """Return class and value."""
        return (Duration, self.nanos)

    def __repr__(self) -> str:
        return f"Duration({self.nanos})"


class Timestamp(Opaque):
    """A google.protobuf.Timestamp as nanoseconds since 1970 in UTC; years 0001 to 9999.

    `offset` is the zone it was written with, in seconds east of UTC: seen when it is printed, nowhere else.
    """

    __slots__ = ("nanos", "offset")
    cel_type = types.TIMESTAMP

    def __init__(self, nanos: int, offset: int = 0) -> None:
        self.nanos = nanos
        self.offset = offset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash((Timestamp, self.nanos))

    def as_key(self) -> Hashable:
        """Return class and value, in UTC; two times of another zone are two keys, even where they are equal."""
        return (Timestamp, self.nanos) if self.offset == 0 else super().as_key()

    def __repr__(self) -> str:
        return f"Timestamp({self.nanos})"


class Optional_(Opaque):  # noqa: N801 - the plain name is taken by typing
    """`optional.of(v)` or, as the one instance `NONE`, `optional.none()`."""

    __slots__ = ("_value", "present")
    cel_type = types.optional_of(types.DYN)

    def __init__(self, value: Value = None, *, present: bool = True) -> None:
        self.present = present
        self._value = value

    @property
    def value(self) -> Value:
        """The value inside; CelError where there is none, or one is inside (cel-go common/types/optional.go)."""
        if not self.present:
            raise CelError("optional.none() dereference")
        if type(self._value) is CelError:
            raise CelError(str(self._value))
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Optional_):
            return False
        if not (self.present and other.present):
            return self.present == other.present
        mine, theirs = self.value, other.value
        if isinstance(mine, Opaque) and not mine.comparable(theirs):
            raise CelError("no such overload")
        return equal(mine, theirs)

    def __hash__(self) -> int:
        return hash((Optional_, self.present))

    def __repr__(self) -> str:
        return f"optional.of({self._value!r})" if self.present else "optional.none()"


NONE = Optional_(present=False)


class ConcatList:
    """The lazy result of `list + list`: nothing is copied until somebody walks it.

    Cost counts `+` on lists as 1, so an expression may build lists that are far larger than the memory: the length is
    known at once, the elements come one by one.
    """

    __slots__ = ("_length", "left", "right")

    def __init__(self, left: list[Value] | ConcatList, right: list[Value] | ConcatList) -> None:
        self.left = left
        self.right = right
        self._length = len(left) + len(right)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Value]:
        stack: list[list[Value] | ConcatList] = [self]
        while stack:
            part = stack.pop()
            if isinstance(part, ConcatList):
                stack.append(part.right)
                stack.append(part.left)
            else:
                yield from part

    def __getitem__(self, index: int) -> Value:
        part: list[Value] | ConcatList = self
        while isinstance(part, ConcatList):
            split = len(part.left)
            if index < split:
                part = part.left
            else:
                index -= split
                part = part.right
        return part[index]

    __hash__ = None  # type: ignore[assignment]  # mutable parts, never a key


class KeyedMap:
    """A map whose keys a dict would confuse (true, 1, 1u and 1.0), or cannot hold: lists, maps, values of libraries.

    `entries` has them by what tells keys apart (`key_identity`).
    """

    __slots__ = ("entries",)

    def __init__(self, items: Iterable[tuple[Value, Value]]) -> None:
        self.entries: dict[Hashable, tuple[Value, Value]] = {key_identity(key): (key, value) for key, value in items}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Value]:
        return iter([key for key, _ in self.entries.values()])

    __hash__ = None  # type: ignore[assignment]  # mutable parts, never a key


class StructValue(Opaque):
    """An instance of a declared object type: the fields that were set."""

    __slots__ = ("cel_type", "fields")

    def __init__(self, cel_type: Type, fields: dict[str, Value]) -> None:
        self.cel_type = cel_type
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StructValue) and self.cel_type == other.cel_type and equal(self.fields, other.fields)

    def __hash__(self) -> int:
        return hash((self.cel_type, tuple(self.fields)))

    def __repr__(self) -> str:
        return f"{self.cel_type.name}{self.fields!r}"

    def field(self, name: Value) -> Value:
        """Return the value of a field, MISSING where it was not set."""
        return self.fields.get(name, MISSING)

    def has(self, name: Value) -> bool:
        """Return whether a field was set."""
        return name in self.fields


class ObjectValue(StructValue):
    """An `Object{...}` of a mutation (apiserver pkg/cel/mutation/dynamic): its fields are read by static type only."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectValue) and self.cel_type == other.cel_type and _identical(self, other)

    __hash__ = StructValue.__hash__

    def field(self, name: Value) -> Value:  # noqa: ARG002
        """Return MISSING: to whom it is dyn it has no fields."""
        return MISSING

    def has(self, name: Value) -> bool:  # noqa: ARG002
        """Return False."""
        return False


PATCH_TEXTS = ("op", "path", "from")


class PatchValue(StructValue):
    """A `JSONPatch{...}` of a mutation (apiserver pkg/cel/mutation): four fields, unset texts are empty."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PatchValue) or any(self.field(name) != other.field(name) for name in PATCH_TEXTS):
            return False
        if self.has("value") != other.has("value"):
            return False
        return equal(self.field("value"), other.field("value"))

    __hash__ = StructValue.__hash__

    def field(self, name: Value) -> Value:
        """Return the value of a field, null for no value; CelError for any other name."""
        if name in PATCH_TEXTS:
            return self.fields.get(name, "")
        if name != "value":
            raise CelError(f"unsupported indexer: {name}")
        return self.fields.get(name)

    def has(self, name: Value) -> bool:
        """Return whether a text is not empty, or there is a value; CelError for any other name."""
        if name not in PATCH_TEXTS and name != "value":
            raise CelError(f"unsupported field: {name}")
        return self.fields.get(name, "") != "" if name in PATCH_TEXTS else name in self.fields


def _identical(a: ObjectValue, b: ObjectValue) -> bool:
    """Return whether two objects are the same to Go's reflect.DeepEqual: number types differ, lists always do."""
    pending: list[tuple[Value, Value]] = [(a, b)]
    while pending:
        x, y = pending.pop()
        if type(x) is not type(y) or type(x) in LIST_CLASSES:
            return False
        if isinstance(x, ObjectValue):
            x, y = {"": x.cel_type, **x.fields}, {"": y.cel_type, **y.fields}
        if type(x) in MAP_CLASSES:
            if len(x) != len(y):
                return False
            pairs = [(value, find(y, key)) for key, value in zip(x, entry_values(x), strict=True)]
            pending.extend(pairs)
        elif x != y:
            return False
    return True


LIST_CLASSES = (list, ConcatList)
MAP_CLASSES = (dict, KeyedMap)

_EXACT_TYPES: dict[type, Type] = {
    type(None): types.NULL,
    bool: types.BOOL,
    int: types.INT,
    Uint: types.UINT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
    list: types.LIST_DYN,
    ConcatList: types.LIST_DYN,
    dict: types.MAP_DYN,
    KeyedMap: types.MAP_DYN,
    Type: types.TYPE,
}


def type_of(value: Value) -> Type:
    """Return the run-time type of a value (lists and maps as of dyn), as `type(x)` sees it."""
    known = _EXACT_TYPES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Opaque):
        return value.cel_type
    raise TypeError(f"{type(value).__name__} is not a CEL value")


_NUMBERS = frozenset((int, Uint, float))


def equal(a: Value, b: Value, pace: Callable[[int], None] | None = None) -> bool:
    """Return whether two values are equal in CEL: across number types by value, across other types false.

    NaN equals nothing; lists and maps are compared deeply, without recursion, because objects may be nested thousands
    of levels deep. `pace` is told how many elements are about to be compared (cel-go common/types: Equal of each type).
    Values of Kubernetes' own types raise CelError `no such overload` where the other is of another type.
    """
    class_a, class_b = type(a), type(b)
    if class_a in _NUMBERS:
        if class_a is class_b:
            return bool(a == b)
        # cel-go compares an integer with a double as doubles, rounding what a double cannot hold
        return class_b in _NUMBERS and bool(
            float(a) == b if class_b is float else a == float(b) if class_a is float else a == b
        )
    if class_a is str or class_a is bool or class_a is bytes:
        return class_a is class_b and bool(a == b)
    if a is None:
        return b is None
    if class_a in LIST_CLASSES or class_a in MAP_CLASSES:
        return _deep_equal(a, b, pace)
    if b is None:
        return False
    if not isinstance(a, Opaque):
        return not isinstance(b, Opaque) and bool(a == b)
    if not a.comparable(b):
        raise CelError("no such overload")
    return bool(a == b)


def same(a: Value, b: Value, pace: Callable[[int], None] | None = None) -> bool:
    """Return whether two values are equal where those that cannot be compared are not: `in`, `!=`, searches."""
    try:
        return equal(a, b, pace)
    except CelError:
        return False


def _deep_equal(a: Value, b: Value, pace: Callable[[int], None] | None) -> bool:
    pending = [(a, b)]
    while pending:
        a, b = pending.pop()
        if type(a) in LIST_CLASSES:
            if type(b) not in LIST_CLASSES or len(a) != len(b):
                return False
            pairs = zip(a, b, strict=True)
        elif type(a) in MAP_CLASSES:
            if type(b) not in MAP_CLASSES or len(a) != len(b):
                return False
            pairs = zip(entry_values(a), [find(b, key) for key in a], strict=True)
        elif equal(a, b):
            continue
        else:
            return False
        if pace is not None:
            pace(len(a))
        for x, y in pairs:
            if type(x) in LIST_CLASSES or type(x) in MAP_CLASSES:
                pending.append((x, y))
            elif not _equal_inside(x, y):
                return False
    return True


def _equal_inside(a: Value, b: Value) -> bool:
    """Return whether two elements are equal; inside lists and maps cel-go takes values it cannot compare for equal."""
    try:
        return equal(a, b)
    except CelError:
        return True


def entry_values(mapping: Value) -> Iterable[Value]:
    """Return the values of a dict or KeyedMap in the order of its keys."""
    if type(mapping) is dict:
        return mapping.values()
    return [value for _, value in mapping.entries.values()]


class _Missing:
    """The class of `MISSING`, which stands for an absent map key (null is a value)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def find(mapping: Value, key: Value) -> Value:
    """Return the value at `key` of a dict or KeyedMap, or MISSING.

    An int finds the same uint and the other way round, a double finds both, but nothing else finds a double.
    """
    if type(mapping) is dict:
        if type(key) is bool or key.__hash__ is None:
            return MISSING
        found = mapping.get(key, MISSING)
        if found is MISSING and isinstance(key, bytes | Opaque) and mapping and type(next(iter(mapping))) is not str:
            key_identity(key)
        return found
    for identity in identities(key):
        entry = mapping.entries.get(identity)
        if entry is not None:
            return entry[1]
    return MISSING


def key_identity(key: Value) -> Hashable:
    """Return what makes a key of a map the same as another one: its class and value, or for lists and maps itself.

    Raises CancelledError for values that Go stumbles over as keys of a map (common/types/map.go of cel-go).
    """
    kind = type(key)
    if kind is str or key is None:
        return key  # type: ignore[no-any-return]
    if kind is float and math.isnan(key):
        return object()  # equal to nothing, not even to itself
    if kind in LIST_CLASSES or kind in MAP_CLASSES:
        return object()
    if kind is bytes:
        raise CancelledError("internal error: runtime error: hash of unhashable type types.Bytes")
    return key.as_key() if isinstance(key, Opaque) else (kind, key)


def identities(key: Value) -> tuple[Hashable, ...]:
    """Return under what identities a key is looked for, its own one first."""
    own = key_identity(key)
    kind = type(key)
    if kind is int:
        return (own, (Uint, key))
    if kind is Uint:
        return (own, (int, key))
    if kind is float and key.is_integer():
        return (own, (int, key), (Uint, key))
    return (own,)


def items(mapping: Value) -> Iterable[tuple[Value, Value]]:
    """Return keys with values of a dict or KeyedMap."""
    return mapping.items() if type(mapping) is dict else mapping.entries.values()


_DICT_KEYS: tuple[set[type], ...] = ({str}, {int}, {Uint})


def make_map(items: Iterable[tuple[Value, Value]]) -> Value:
    """Return the items as a dict where their keys are all strings, all ints or all uints, else as a KeyedMap."""
    pairs = list(items)
    if not pairs or {type(key) for key, _ in pairs} in _DICT_KEYS:
        return dict(pairs)
    return KeyedMap(pairs)


def check_int(value: int) -> int:
    """Return `value` where it fits int64; CelError `integer overflow` otherwise."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelError("integer overflow")


def check_uint(value: int) -> Uint:
    """Return `value` as Uint where it fits uint64; CelError `unsigned integer overflow` otherwise."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise CelError("unsigned integer overflow")


def is_nan(value: Value) -> bool:
    """Return whether the value is the double NaN."""
    return type(value) is float and math.isnan(value)
