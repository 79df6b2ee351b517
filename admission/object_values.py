"""Values of `Object{...}` as the API server's own code holds them, and how its messages print those.

Objects become maps, whatever they are made of becomes what it is in Go: parts of Kubernetes objects stay JSON as deep
as they go, lists and maps that the expression built are converted one level deep and no further, and what is no JSON at
all is carried along until somebody stumbles over it. Sources: apiserver pkg/cel/mutation/dynamic/objects.go, cel-go
common/types (Value of each type), Go fmt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from admission.cel.gonames import go_name
from admission.cel.numerals import format_shortest
from admission.cel.printing import show
from admission.cel.quoting import quote
from admission.cel.times import civil
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    CelError,
    ConcatList,
    Duration,
    Optional_,
    StructValue,
    Timestamp,
    Uint,
    Value,
    find,
)

Native: TypeAlias = Any
"""JSON, NO_ELEMENTS or Foreign, and dicts and lists of them."""

_GO_TYPES: Final = {
    "kubernetes.Quantity": "*resource.Quantity",
    "kubernetes.URL": "*url.URL",
    "kubernetes.Semver": "semver.Version",
    "kubernetes.NamedFormat": "*cel.Format",
    "net.IP": "netip.Addr",
    "net.CIDR": "netip.Prefix",
}
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class UnwritableError(Exception):
    """A value that the API server cannot write as JSON; the text is its own."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What an expression put into an Object that is no JSON.

    `go_type` is the Go type that upstream has for it, `text` and `syntax` what `%v` and `%#v` print, `value` the value
    as CEL has it.
    """

    go_type: str
    text: str
    syntax: str
    value: Value


class NoElements(list[Any]):
    """The list that an expression built without elements: a nil slice in Go, which JSON writes as null."""

    __slots__ = ()


class Originals:
    """Tells lists and maps that are parts of the given documents from those that an expression built."""

    __slots__ = ("_documents", "_ids")

    def __init__(self, *documents: Value) -> None:
        self._documents = documents
        self._ids: set[int] | None = None

    def __contains__(self, value: object) -> bool:
        if type(value) is not dict and type(value) is not list:
            return False
        if self._ids is None:
            self._ids = set()
            pending = [document for document in self._documents if isinstance(document, dict | list)]
            while pending:
                part = pending.pop()
                self._ids.add(id(part))
                inner = part.values() if isinstance(part, dict) else part
                pending += (item for item in inner if type(item) in (dict, list))
        return id(value) in self._ids


def check_type_names(value: StructValue, originals: Originals) -> None:
    """Check that every Object inside an Object has the type name of its place; UnwritableError names all others."""
    faults = list(_wrong_names(value, value.cel_type.name, originals))
    if faults:
        raise UnwritableError("type mismatch: " + "\n".join(faults))


def _wrong_names(value: Value, expected: str, originals: Originals) -> Iterator[str]:
    if isinstance(value, StructValue):
        name = value.cel_type.name
        if name != expected:
            yield (
                f"unexpected type name {quote(name)}, expected {quote(expected)}, "
                "which matches field name path from root Object type"
            )
        for field, item in value.fields.items():
            yield from _wrong_names(item, f"{expected}.{field}", originals)
        return
    value = _unwrapped(value)
    if value in originals:
        return
    if type(value) is list:
        for item in value:
            yield from _wrong_names(item, expected, originals)
    elif isinstance(value, MAP_CLASSES):
        for key in value:
            yield from _wrong_names(find(value, key), expected, originals)


def to_native(value: StructValue, originals: Originals) -> dict[str, Native]:
    """Return an Object as a map; UnwritableError where a map among its own fields has a key that is no string."""
    return {name: _field(name, item, originals) for name, item in value.fields.items()}


def _unwrapped(value: Value) -> Value:
    """Return what is inside optionals: in Go they have the value of what they hold."""
    try:
        while isinstance(value, Optional_) and value.present:
            value = value.value
    except CelError as error:
        return error
    return value


def _field(name: str, value: Value, originals: Originals) -> Native:
    value = _unwrapped(value)
    if value in originals:
        return value
    if type(value) is list:
        return [_element(item, originals) for item in value] or NoElements()
    if isinstance(value, MAP_CLASSES):
        for key in value:
            if not isinstance(key, str):
                raise UnwritableError(f"fail to convert field {quote(name)}: map key {_key(key)}, not string")
        return {key: _element(find(value, key), originals) for key in value}
    return _element(value, originals)


def _key(key: Value) -> str:
    """Print a key and its type as Go's `%q is of type %T` does."""
    name = go_name(key)
    if isinstance(key, bool):
        return f"%!q({name}={'true' if key else 'false'}) is of type {name}"
    code = int(key) if isinstance(key, int) and 0 <= key < 0x110000 and not 0xD800 <= key < 0xE000 else 0xFFFD
    rune = chr(code)
    text = "\\'" if rune == "'" else '"' if rune == '"' else quote(rune)[1:-1]
    return f"'{text}' is of type {name}"


def _element(value: Value, originals: Originals) -> Native:
    value = _unwrapped(value)
    if isinstance(value, StructValue):
        try:
            return to_native(value, originals)
        except UnwritableError as error:
            return Foreign("*types.Err", str(error), str(error), value)
    if isinstance(value, Uint):
        return Foreign("uint64", str(int(value)), hex(value), value)
    if isinstance(value, bool | str | int | float) or value in originals:
        return value
    if isinstance(value, ConcatList):
        return [_element(item, originals) for item in value]
    if isinstance(value, Optional_):
        return None
    if isinstance(value, Type):
        return value.full_name
    return _foreign(value)


def _foreign(value: Value) -> Foreign:
    if isinstance(value, CelError):
        return Foreign("*errors.errorString", str(value), str(value), value)
    if value is None:
        return Foreign("structpb.NullValue", "NULL_VALUE", "0", value)
    if isinstance(value, bytes):
        return Foreign("[]uint8", show(value), f"[]uint8{{{_bytes(value)}}}", value)
    if isinstance(value, Duration):
        return Foreign("time.Duration", show(value), str(value.nanos), value)
    if isinstance(value, Timestamp):
        return Foreign("time.Time", show(value), _time_syntax(value), value)
    if isinstance(value, LIST_CLASSES):
        items = [show(item) for item in value]
        return Foreign("[]ref.Val", f"[{' '.join(items)}]", f"[]ref.Val{{{', '.join(map(_syntax, value))}}}", value)
    if isinstance(value, MAP_CLASSES):
        pairs = [(key, find(value, key)) for key in sorted(value, key=_key_order)]
        text = " ".join(f"{show(key)}:{show(item)}" for key, item in pairs)
        syntax = ", ".join(f"{_syntax(key)}:{_syntax(item)}" for key, item in pairs)
        return Foreign("map[ref.Val]ref.Val", f"map[{text}]", f"map[ref.Val]ref.Val{{{syntax}}}", value)
    go_type = _GO_TYPES.get(value.cel_type.name)
    if go_type is None:
        return Foreign("*types.Err", "no such overload", "no such overload", value)
    return Foreign(go_type, str(value), str(value), value)


def _key_order(key: Value) -> tuple[str, Value]:
    return (go_name(key), key)


def _syntax(value: Value) -> str:
    """Print a CEL value as Go's %#v prints what upstream has for it; what would be an address there as %v does."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Uint):
        return hex(value)
    if isinstance(value, bytes):
        return f"types.Bytes{{{_bytes(value)}}}"
    if isinstance(value, Duration):
        return f"types.Duration{{Duration:{value.nanos}}}"
    if isinstance(value, Timestamp):
        return f"types.Timestamp{{Time:{_time_syntax(value)}}}"
    return show(value)


def _bytes(value: bytes) -> str:
    return ", ".join(f"{byte:#x}" for byte in value)


def _time_syntax(stamp: Timestamp) -> str:
    at = civil(stamp.nanos, stamp.offset)
    zone = 'time.Location("")' if stamp.offset else "time.UTC"
    parts = (at.year, f"time.{_MONTHS[at.month - 1]}", at.day, at.hour, at.minute, at.second, at.nanos, zone)
    return f"time.Date({', '.join(map(str, parts))})"


def go_text(value: Native) -> str:
    """Print a native value as Go's %v does."""
    if isinstance(value, Foreign):
        return value.text
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_shortest(value)
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    return str(value)


def go_syntax(value: Native) -> str:
    """Print a native value as Go's %#v does."""
    if isinstance(value, Foreign):
        return value.syntax
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, NoElements):
        return "[]interface {}(nil)"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(go_syntax, value))}}}"
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(key)}:{go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    return go_text(value)


def go_type(value: Native) -> str:
    """Return the Go type of a native value, as %T prints it."""
    if isinstance(value, Foreign):
        return value.go_type
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "int64" if isinstance(value, int) else "float64"
    if value is None:
        return "<nil>"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
