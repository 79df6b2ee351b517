"""JSON Patch as the API server's mutating policies apply it.

Not quite RFC 6902: null and absent are the same to `test`, `replace` sets a key that is not there, negative indexes
count from the end, and `copy` may not make a document much larger. Source: evanphx/json-patch v4 patch.go, with the
limit of apiserver pkg/server/config.go. Documents are never changed: what a patch touches is copied on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import orjson

from admission.cel.quoting import quote
from admission.workload import JsonObject

Json: TypeAlias = Any
Container: TypeAlias = dict[str, Json] | list[Json]

COPY_LIMIT: Final = 3 * 1024 * 1024
"""Bytes of JSON that all `copy` operations of a patch may add."""

_ESCAPE: Final = re.compile("~[01]")
_INDEX: Final = re.compile(r"[+-]?[0-9]+")
_INT64: Final = 2**63


class PatchError(Exception):
    """A patch that does not apply; the text is the API server's."""


class TestFailedError(PatchError):
    """A `test` operation that was not met: the patch is not to be applied, and that is no error."""

    __test__ = False


def apply(document: JsonObject, operations: Iterable[JsonObject]) -> Json:
    """Return the document with the operations applied in order; PatchError where one does not apply.

    An operation holds `op` and `path`, and `from` and `value` where they are given.
    """
    patched = _Document(document)
    for operation in operations:
        perform = _OPERATIONS.get(operation["op"])
        if perform is None:
            raise PatchError(f"Unexpected kind: {operation['op']}")
        perform(patched, operation)
    return patched.root


class _Document:
    """A document that is being patched; only containers that it made itself are changed."""

    __slots__ = ("_own", "copied", "root")

    def __init__(self, root: JsonObject) -> None:
        self.root: Json = root.copy()
        self._own: dict[int, Container] = {id(self.root): self.root}
        self.copied = 0

    def find(self, path: str) -> tuple[Container, str] | None:
        """Return the container that a path leads into, and the last key; None where there is none on the way."""
        parts = path.split("/")
        if len(parts) < 2:
            return None
        container: Container = self.root
        for part in parts[1:-1]:
            key = _unescape(part)
            try:
                child = _get(container, key)
            except PatchError:
                return None
            if not isinstance(child, dict | list):
                return None
            container = self._owned(container, key, child)
        return container, _unescape(parts[-1])

    def _owned(self, parent: Container, key: str, child: Container) -> Container:
        """Return a child as a container of our own."""
        if id(child) in self._own:
            return child
        own = child.copy()
        self._own[id(own)] = own
        if isinstance(parent, dict):
            parent[key] = own
        else:
            parent[int(key)] = own
        return own


def _add(document: _Document, operation: JsonObject) -> None:
    path = operation["path"]
    found = document.find(path)
    if found is None:
        raise PatchError(f"add operation does not apply: doc is missing path: {quote(path)}: missing value")
    try:
        _insert(*found, operation.get("value"))
    except PatchError as error:
        raise PatchError(f"error in add for path: '{path}': {error}") from None


def _remove(document: _Document, operation: JsonObject) -> None:
    path = operation["path"]
    found = document.find(path)
    if found is None:
        raise PatchError(f"remove operation does not apply: doc is missing path: {quote(path)}: missing value")
    try:
        _delete(*found)
    except PatchError as error:
        raise PatchError(f"error in remove for path: '{path}': {error}") from None


def _replace(document: _Document, operation: JsonObject) -> None:
    path = operation["path"]
    value = operation.get("value")
    if path == "":
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array: %!w(<nil>)")
        document.root = value.copy()
        return
    found = document.find(path)
    if found is None:
        raise PatchError(f"replace operation does not apply: doc is missing path: {path}: missing value")
    container, key = found
    if isinstance(container, dict):
        container[key] = value
        return
    try:
        container[_index(key, len(container))] = value
    except PatchError:
        raise PatchError(f"replace operation does not apply: doc is missing key: {path}: missing value") from None


def _move(document: _Document, operation: JsonObject) -> None:
    origin = _origin("move", operation)
    path = operation["path"]
    found = document.find(origin)
    if found is None:
        raise PatchError(f"move operation does not apply: doc is missing from path: {origin}: missing value")
    container, key = found
    try:
        value = _get(container, key)
        _delete(container, key)
    except PatchError as error:
        raise PatchError(f"error in move for path: '{key}': {error}") from None
    target = document.find(path)
    if target is None:
        raise PatchError(f"move operation does not apply: doc is missing destination path: {path}: missing value")
    try:
        _insert(*target, value)
    except PatchError as error:
        raise PatchError(f"error in move for path: '{path}': {error}") from None


def _copy(document: _Document, operation: JsonObject) -> None:
    origin = _origin("copy", operation)
    path = operation["path"]
    found = document.find(origin)
    if found is None:
        raise PatchError(f"copy operation does not apply: doc is missing from path: {origin}: missing value")
    try:
        value = _get(*found)
    except PatchError as error:
        raise PatchError(f"error in copy for from: '{origin}': {error}") from None
    target = document.find(path)
    if target is None:
        raise PatchError(f"copy operation does not apply: doc is missing destination path: {path}: missing value")
    if value is not None:
        try:
            text = orjson.dumps(value)
        except TypeError as error:
            raise PatchError(f"error while performing deep copy: {error}") from None
        document.copied += len(text)
        value = orjson.loads(text)
    if document.copied > COPY_LIMIT:
        raise PatchError(
            f"Unable to complete the copy, the accumulated size increase of copy is {document.copied}, "
            f"exceeding the limit {COPY_LIMIT}"
        )
    try:
        _insert(*target, value)
    except PatchError as error:
        raise PatchError(f"error while adding value during copy: {error}") from None


def _test(document: _Document, operation: JsonObject) -> None:
    path = operation["path"]
    failed = TestFailedError(f"testing value {path} failed: test failed")
    if path == "":
        if not _same(document.root, operation.get("value")):
            raise failed
        return
    found = document.find(path)
    if found is None:
        raise PatchError(f"test operation does not apply: is missing path: {path}: missing value")
    try:
        value = _get(*found)
    except PatchError as error:
        raise PatchError(f"error in test for path: '{path}': {error}") from None
    if value is None:
        if "value" in operation:
            raise failed
    elif "value" not in operation or not _same(value, operation["value"]):
        raise failed


_OPERATIONS: Final = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _origin(name: str, operation: JsonObject) -> str:
    origin = operation.get("from")
    if not isinstance(origin, str):
        raise PatchError(f"{name} operation failed to decode from: operation, missing from field: missing value")
    return origin


def _unescape(part: str) -> str:
    return _ESCAPE.sub(lambda match: "/" if match[0] == "~1" else "~", part) if "~" in part else part


def _get(container: Container, key: str) -> Json:
    """Return what is at a key, None where there is nothing; PatchError for an index that there is not."""
    if isinstance(container, dict):
        return container.get(key)
    return container[_index(key, len(container))]


def _insert(container: Container, key: str, value: Json) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        try:
            index = _integer(key)
        except PatchError as error:
            raise PatchError(f"value was not a proper array index: '{key}': {error}") from None
        length = len(container) + 1
        if not -length <= index < length:
            raise _no_index(index)
        container.insert(index + length if index < 0 else index, value)


def _delete(container: Container, key: str) -> None:
    if isinstance(container, list):
        del container[_index(key, len(container))]
    elif key in container:
        del container[key]
    else:
        raise PatchError(f"Unable to remove nonexistent key: {key}: missing value")


def _index(key: str, length: int) -> int:
    index = _integer(key)
    if not -length <= index < length:
        raise _no_index(index)
    return index + length if index < 0 else index


def _integer(key: str) -> int:
    if not _INDEX.fullmatch(key):
        raise PatchError(f"strconv.Atoi: parsing {quote(key)}: invalid syntax")
    index = int(key) if len(key) <= 20 else _INT64
    if not -_INT64 <= index < _INT64:
        raise PatchError(f"strconv.Atoi: parsing {quote(key)}: value out of range")
    return index


def _no_index(index: int) -> PatchError:
    return PatchError(f"Unable to access invalid index: {index}: invalid index referenced")


def _same(value: Json, other: Json) -> bool:
    """Compare as `test` does, without recursion: a null that is asked for also meets what is empty."""
    if other is None and isinstance(value, dict | list):
        return not value
    pending = [(value, other)]
    while pending:
        value, other = pending.pop()
        if isinstance(value, dict):
            if not isinstance(other, dict) or value.keys() != other.keys():
                return False
            pending += [(item, other[key]) for key, item in value.items()]
        elif isinstance(value, list):
            if not isinstance(other, list) or len(value) != len(other):
                return False
            pending += zip(value, other, strict=True)
        elif not _same_scalar(value, other):
            return False
    return True


def _same_scalar(value: Json, other: Json) -> bool:
    if isinstance(value, bool) or isinstance(other, bool) or value is None:
        return value is other
    return isinstance(other, str | int | float) and bool(value == other)
