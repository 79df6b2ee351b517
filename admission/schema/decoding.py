"""Whether a document decodes into the Go type of its kind, as strictly as an API server decodes it.

Unknown fields and values of wrong types are what it refuses. Sources: sigs.k8s.io/json, apimachinery
pkg/runtime/serializer/json/json.go.
"""

from __future__ import annotations

import json
from typing import Any, Final

from admission.cel.quoting import quote
from admission.schema.definitions import KindName
from admission.schema.go_scalars import (
    MismatchError,
    UnreadableError,
    base64_fault,
    check_integer,
    check_scalar,
    json_kind,
)
from admission.schema.go_types import GoType, GoTypes

_META: Final = (
    'Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
_MOST_UNKNOWN: Final = 100


def decoding_fault(document: Any, before: Any, kind: KindName, types: GoTypes) -> str | None:
    """Return what an API server says about a document that is not of its kind, None where it decodes.

    Parts that are the very same values in `before` have been decoded already and are not looked at. Kinds that Go has
    no type for take anything that names a kind.
    """
    if not isinstance(document, dict):
        return f"couldn't get version/kind; json parse error: json: cannot unmarshal {json_kind(document)} into {_META}"
    go_type = types.of(kind)
    if go_type is None:
        if document.get("kind"):
            return None
        return f"Object 'Kind' is missing in '{json.dumps(document, sort_keys=True, separators=(',', ':'))}'"
    for key in ("apiVersion", "kind"):
        if not isinstance(document.get(key, ""), str | None):
            found = json_kind(document[key])
            where = f"Go struct field .{key} of type string"
            return f"couldn't get version/kind; json parse error: json: cannot unmarshal {found} into {where}"
    version, name = document.get("apiVersion") or kind.api_version, document.get("kind") or kind.kind
    if (version, name) != (kind.api_version, kind.kind):
        return f'no kind "{name}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    decoder = _Decoder()
    try:
        decoder.read(go_type, document, before, _Place())
    except _ReadError as error:
        return str(error)
    if decoder.mismatch is not None:
        return decoder.mismatch
    unknown = [f"unknown field {quote(path)}" for path in decoder.unknown][:_MOST_UNKNOWN]
    return f"strict decoding error: {', '.join(unknown)}" if unknown else None


class _ReadError(Exception):
    """What a type that reads itself said: it ends the decoding, while mismatches elsewhere are kept for the end."""


class _Place:
    """Where a value stands: the innermost struct, the path with Go's names, the path with indexes."""

    __slots__ = ("go_path", "path", "struct")

    def __init__(self, struct: str = "", go_path: str = "", path: str = "") -> None:
        self.struct = struct
        self.go_path = go_path
        self.path = path

    def field(self, struct: str, name: str, embedded: str) -> _Place:
        """Return the place of a field of the struct that stands here."""
        step = embedded + name
        return _Place(struct, f"{self.go_path}.{step}" if self.go_path else step, self.dotted(name))

    def entry(self, name: str) -> _Place:
        """Return the place of an entry of the map that stands here."""
        return _Place(self.struct, self.go_path, self.dotted(name))

    def item(self, index: int) -> _Place:
        """Return the place of an element of the list that stands here."""
        return _Place(self.struct, self.go_path, f"{self.path}[{index}]")

    def dotted(self, name: str) -> str:
        """Return the path of what has that name here."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, error: UnreadableError) -> str:
        """Return what is said about a value that stands here."""
        if not isinstance(error, MismatchError) or not self.struct:
            return str(error)
        where = f"Go struct field {self.struct}.{self.go_path}"
        return f"json: cannot unmarshal {error.found} into {where} of type {error.wanted}"


class _Decoder:
    """Walks type and value together; keeps the first mismatch and the paths of unknown fields."""

    __slots__ = ("mismatch", "unknown")

    def __init__(self) -> None:
        self.mismatch: str | None = None
        self.unknown: dict[str, None] = {}

    def read(self, go_type: GoType, value: Any, before: Any, place: _Place) -> None:
        """Look at a value; _ReadError ends it all."""
        if value is None or value is before:
            return
        shape = go_type.shape
        if shape == "struct":
            self._read_struct(go_type, value, before, place)
        elif shape == "map":
            self._read_map(go_type, value, before, place)
        elif shape == "list":
            self._read_list(go_type, value, before, place)
        elif shape in ("string", "bytes"):
            self._read_text(go_type, value, place)
        elif shape == "boolean":
            if not isinstance(value, bool):
                self._keep(MismatchError(json_kind(value), go_type.name), place)
        elif shape in ("integer", "number"):
            self._read_number(go_type, value, place)
        else:
            try:
                check_scalar(shape, value)
            except UnreadableError as error:
                raise _ReadError(place.text(error)) from None

    def _keep(self, error: UnreadableError, place: _Place) -> None:
        if self.mismatch is None:
            self.mismatch = place.text(error)

    def _read_struct(self, go_type: GoType, value: Any, before: Any, place: _Place) -> None:
        if not isinstance(value, dict):
            self._keep(MismatchError(json_kind(value), go_type.name), place)
            return
        fields = go_type.fields
        known = before if isinstance(before, dict) else {}
        for name in sorted(value):
            field = fields.get(name)
            if field is not None:
                inner = place.field(go_type.struct, name, field.embedded)
                self.read(field.type, value[name], known.get(name), inner)
            elif name not in known or value[name] is not known[name]:
                self.unknown[place.dotted(name)] = None

    def _read_map(self, go_type: GoType, value: Any, before: Any, place: _Place) -> None:
        if not isinstance(value, dict):
            self._keep(MismatchError(json_kind(value), go_type.name), place)
            return
        known = before if isinstance(before, dict) else {}
        for name in sorted(value):
            self.read(go_type.element, value[name], known.get(name), place.entry(name))

    def _read_list(self, go_type: GoType, value: Any, before: Any, place: _Place) -> None:
        if not isinstance(value, list):
            self._keep(MismatchError(json_kind(value), go_type.name), place)
            return
        known = {id(item) for item in before} if isinstance(before, list) else frozenset[int]()
        for index, item in enumerate(value):
            if not (isinstance(item, dict | list) and id(item) in known):
                self.read(go_type.element, item, None, place.item(index))

    def _read_text(self, go_type: GoType, value: Any, place: _Place) -> None:
        if not isinstance(value, str):
            self._keep(MismatchError(json_kind(value), go_type.name), place)
        elif go_type.shape == "bytes":
            fault = base64_fault(value)
            if fault is not None:
                self._keep(UnreadableError(fault), place)

    def _read_number(self, go_type: GoType, value: Any, place: _Place) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._keep(MismatchError(json_kind(value), go_type.name), place)
        elif go_type.shape == "integer":
            try:
                check_integer(value, go_type.name)
            except UnreadableError as error:
                self._keep(error, place)
