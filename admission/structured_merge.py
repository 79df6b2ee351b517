"""Merging an apply configuration into an object: what may stand where, and what the two together are.

Nothing is ever removed: scalars are overwritten, maps and structs merged field by field, keyed lists by their keys,
sets united. An apply configuration may hold nothing that would have to be replaced as a whole. Sources: apiserver
pkg/admission/plugin/policy/mutating/patch/smd.go, structured-merge-diff v6 typed/{validate,merge,helpers}.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from admission.cel.numerals import format_shortest
from admission.cel.quoting import quote
from admission.patching import Foreign
from admission.schema.merging import Atom, ListType, MapType, Scalar, TypeReference
from admission.workload import JsonObject

Value: TypeAlias = Any
Fault: TypeAlias = tuple[str, str]
"""Path and message."""

ItemKey: TypeAlias = tuple[tuple[str, str, Value], ...]
"""What an element of a keyed list or a set is known by: names, kinds and values of its keys."""


class MergeError(Exception):
    """An apply configuration that cannot be merged; the text is the API server's."""


class _Nothing:
    """The class of `_NOTHING`: no value at all, where null is one."""


_NOTHING: Final = _Nothing()


def apply_configuration(live: JsonObject, configuration: JsonObject, reference: TypeReference) -> JsonObject:
    """Return `live` with `configuration` merged into it; neither is changed.

    `reference` is the type of both. Raises MergeError for a configuration that does not fit the type, or that holds a
    list, map or struct that is one piece.
    """
    faults = list(_faults(reference, configuration))
    if faults:
        raise MergeError(f"failed to convert patch object to typed object: {_join(faults)}")
    pieces = list(_atomic_paths("", reference, configuration))
    if pieces:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(pieces)}"
        raise MergeError(f"invalid ApplyConfiguration: {text}")
    faults = list(_faults(reference, live, duplicates=True))
    if faults:
        raise MergeError(f"failed to convert original object to typed object: {_join(faults)}")
    merged = _merge(reference, live, configuration)
    if not isinstance(merged, dict):
        raise MergeError("failed to convert typed object to object: the result is no object")
    return merged


# ------------------------------------------------------------------------------------------------------ validation


def _faults(reference: TypeReference, value: Value, *, duplicates: bool = False) -> Iterator[Fault]:
    """Yield what is wrong with a value of a type, each with its path."""
    atom = _deduced(reference.resolve(), value)
    if atom.map is not None:
        yield from _map_faults(atom.map, value, duplicates=duplicates)
    elif atom.scalar is not None:
        yield from _scalar_faults(atom.scalar, value)
    elif atom.list is not None:
        yield from _list_faults(atom.list, value, duplicates=duplicates)


def _map_faults(kind: MapType, value: Value, *, duplicates: bool) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield "", f"expected map, got {_wrapped(value)}"
        return
    for name, item in value.items():
        declared = kind.fields.get(name)
        element = declared.type if declared is not None else kind.element
        if element is None:
            yield f".{name}", "field not declared in schema"
            return
        for path, message in _faults(element, item, duplicates=duplicates):
            yield f".{name}{path}", message


def _list_faults(kind: ListType, value: Value, *, duplicates: bool) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list):
        yield "", f"expected list, got {_wrapped(value)}"
        return
    seen: set[ItemKey] = set()
    for index, item in enumerate(value):
        place = f"[{index}]"
        if kind.associative:
            try:
                key = _item_key(kind, item)
            except MergeError as error:
                yield "", f"element {index}: {error}"
                return
            place = _key_text(kind, key)
            if key in seen and not duplicates:
                yield "", f"duplicate entries for key {place}"
            seen.add(key)
        for path, message in _faults(kind.element, item, duplicates=duplicates):
            yield place + path, message


def _scalar_faults(kind: Scalar, value: Value) -> Iterator[Fault]:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "numeric" and not number:
        yield "", f"expected numeric (int or float), got {_go_type(value)}"
    elif kind == "string" and not isinstance(value, str):
        yield "", f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    elif kind == "boolean" and not isinstance(value, bool):
        yield "", f"expected boolean, got {_wrapped(value)}"
    elif kind == "untyped" and not isinstance(value, str | int | float):
        yield "", f"expected any scalar, got {_wrapped(value)}"


def _deduced(atom: Atom, value: Value) -> Atom:
    """Return the one of several possible types that a value is of; the type as it is where it is of none."""
    if isinstance(value, str | int | float):
        return Atom(scalar=atom.scalar) if atom.scalar is not None else atom
    if isinstance(value, list):
        return Atom(list=atom.list) if atom.list is not None else atom
    if isinstance(value, dict):
        return Atom(map=atom.map) if atom.map is not None else atom
    return atom


def _join(faults: Sequence[Fault]) -> str:
    texts = [f"{path}: {message}" if path else message for path, message in faults]
    return texts[0] if len(texts) == 1 else "\n".join(["errors:", *(f"  {text}" for text in texts)])


# ------------------------------------------------------------------------------------------------------------ keys


def _item_key(kind: ListType, item: Value) -> ItemKey:
    """Return what an element of an associative list is known by; MergeError where that cannot be said."""
    if kind.keys:
        return _fields_key(kind, item)
    if isinstance(item, dict):
        raise MergeError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise MergeError("not supported: associative list with lists as elements")
    if item is None:
        raise MergeError("associative list without keys has an element that's an explicit null")
    return (("", _kind(item), item),)


def _fields_key(kind: ListType, item: Value) -> ItemKey:
    if item is None:
        raise MergeError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise MergeError("associative list with keys may not have non-map elements")
    element = kind.element.resolve().map
    found = []
    for name in kind.keys:
        value = item.get(name, _NOTHING)
        if value is _NOTHING:
            declared = element.fields.get(name) if element is not None else None
            value = declared.default if declared is not None else None
            if value is None:
                continue
        found.append((name, _kind(value), _hashable(value)))
    if not found:
        names = " ".join(map(quote, kind.keys))
        raise MergeError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return tuple(sorted(found, key=lambda part: part[0]))


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _hashable(value: Value) -> Value:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def _key_text(kind: ListType, key: ItemKey) -> str:
    if not kind.keys:
        return f"[={_key_value(key[0][2])}]"
    return f"[{','.join(f'{name}={_key_value(value)}' for name, _, value in key)}]"


def _key_value(value: Value) -> str:
    return quote(value) if isinstance(value, str) else "null" if value is None else _go_value(value)


# ----------------------------------------------------------------------------------------------------------- pieces


def _atomic_paths(path: str, reference: TypeReference, value: Value) -> Iterator[str]:
    """Yield the paths of all lists, maps and structs of a value that are one piece."""
    atom = reference.resolve()
    if isinstance(value, dict) and atom.map is not None:
        if atom.map.atomic:
            yield path
        for name, item in value.items():
            declared = atom.map.fields.get(name)
            if declared is not None:
                yield from _atomic_paths(f"{path}.{name}", declared.type, item)
    if isinstance(value, list) and atom.list is not None:
        if not atom.list.associative:
            yield path
        for index, item in enumerate(value):
            yield from _atomic_paths(f"{path}[{index}]", atom.list.element, item)


# ------------------------------------------------------------------------------------------------------------ merge


def _merge(reference: TypeReference, left: Value, right: Value) -> Value:
    """Return both values as one, the right one winning; `_NOTHING` where there is nothing."""
    atom = reference.resolve()
    if right is _NOTHING:
        return _merge_as(_deduced(atom, left), left, right)
    kind = _deduced(atom, right)
    return _merge_as(kind, left, right)


def _merge_as(atom: Atom, left: Value, right: Value) -> Value:
    if atom.map is not None:
        return _merge_maps(atom.map, left, right)
    if atom.scalar is None and atom.list is not None:
        return _merge_lists(atom.list, left, right)
    return left if right is _NOTHING else right


def _merge_maps(kind: MapType, left: Value, right: Value) -> Value:
    lefts = left if isinstance(left, dict) else {}
    rights = right if isinstance(right, dict) else {}
    if kind.atomic or not (lefts or rights):
        return left if right is _NOTHING else right
    merged = {}
    for name in (*lefts, *(name for name in rights if name not in lefts)):
        declared = kind.fields.get(name)
        element = declared.type if declared is not None else kind.element
        own, other = lefts.get(name, _NOTHING), rights.get(name, _NOTHING)
        if element is None:
            merged[name] = own if other is _NOTHING else other
            continue
        value = _merge(element, own, other)
        if value is not _NOTHING:
            merged[name] = value
    return merged or _NOTHING


def _merge_lists(kind: ListType, left: Value, right: Value) -> Value:
    lefts = left if isinstance(left, list) else []
    rights = right if isinstance(right, list) else []
    if not kind.associative or not (lefts or rights):
        return left if right is _NOTHING else right
    merged = [item for item in _merged_items(kind, lefts, rights) if item is not _NOTHING]
    return merged or _NOTHING


def _merged_items(kind: ListType, lefts: list[Value], rights: list[Value]) -> Iterator[Value]:
    """Walk both lists at once: shared elements in the right one's order, the others around them."""
    left_keys = [_item_key(kind, item) for item in lefts]
    right_keys = [_item_key(kind, item) for item in rights]
    left_items: dict[ItemKey, Value] = {}
    for key, item in zip(left_keys, lefts, strict=True):
        left_items[key] = None if key in left_items else item  # duplicates are not merged with anything
    right_items = dict(zip(right_keys, rights, strict=True))
    shared = iter([key for key in right_keys if key in left_items])
    next_shared = next(shared, None)
    merged: set[ItemKey] = set()
    at_left = at_right = 0
    while at_left < len(lefts) or at_right < len(rights):
        if at_left < len(lefts) and at_right < len(rights):
            key = left_keys[at_left]
            if key == right_keys[at_right]:
                merged.add(key)
                yield _merge(kind.element, left_items[key], right_items[key])
                at_left += 1
                at_right += 1
                next_shared = next(shared, None)
                continue
            if key in right_items and next_shared is not None and next_shared != key:
                at_left += 1
                continue
        if at_left < len(lefts):
            key = left_keys[at_left]
            if key not in right_items:
                yield _merge(kind.element, lefts[at_left], _NOTHING)
                at_left += 1
                continue
            if key in merged:
                at_left += 1
        if at_right < len(rights):
            key = right_keys[at_right]
            merged.add(key)
            yield _merge(kind.element, left_items.get(key, _NOTHING), right_items[key])
            at_right += 1
            if next_shared == key:
                next_shared = next(shared, None)


# --------------------------------------------------------------------------------------------------- values in text


def _wrapped(value: Value) -> str:
    return f"&{{{_go_value(value)}}}"


def _go_value(value: Value) -> str:
    """Print a value as Go's %v does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return format_shortest(value)
    if isinstance(value, list):
        return f"[{' '.join(map(_go_value, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_go_value(value[key])}' for key in sorted(value))}]"
    if isinstance(value, Foreign):
        return _foreign_text(value)
    return str(value)


def _foreign_text(value: Foreign) -> str:
    inner = value.value
    if inner is None:
        return "NULL_VALUE"
    if isinstance(inner, bytes):
        return f"[{' '.join(map(str, inner))}]"
    if isinstance(inner, list | dict | int):
        return _go_value(int(inner) if isinstance(inner, int) else inner)
    return str(inner)


def _go_syntax(value: Value) -> str:
    """Print a value as Go's %#v does."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, Foreign):
        inner = value.value
        return "0" if inner is None else hex(inner) if isinstance(inner, int) else _foreign_text(value)
    return _go_value(value)


def _go_type(value: Value) -> str:
    if isinstance(value, Foreign):
        return value.go_type
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"
