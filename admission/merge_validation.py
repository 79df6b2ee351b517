"""Whether a value is of a merge type, and what of it is one piece that cannot be merged.

Sources: structured-merge-diff v6 typed/validate.go, typed/helpers.go; apiserver
pkg/admission/plugin/policy/mutating/patch/smd.go (findAtomics).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from admission.merge_keys import ItemKey, ItemKeyError, item_key, key_text
from admission.object_values import Native, go_syntax, go_text, go_type
from admission.schema.merging import Atom, ListType, MapType, Scalar, TypeReference

Fault: TypeAlias = tuple[str, str]
"""Path and message."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is let pass: elements of a list with the same key, fields that no schema declares."""

    duplicates: bool = False
    undeclared: bool = False


STRICT: Final = Tolerance()
_SCALARS: Final[Mapping[type, Scalar]] = {str: "string", int: "numeric", float: "numeric", bool: "boolean"}


def faults(reference: TypeReference, value: Native, tolerance: Tolerance = STRICT) -> list[Fault]:
    """Return what keeps a value from being of a type."""
    atom = reference.resolve()
    return [] if _fits(atom, value, tolerance) else list(_faults(atom, value, tolerance))


def joined(found: Sequence[Fault]) -> str:
    """Return all faults as one text, as the API server writes them."""
    texts = [f"{path}: {message}" if path else message for path, message in found]
    return texts[0] if len(texts) == 1 else "\n".join(["errors:", *(f"  {text}" for text in texts)])


def deduced(atom: Atom, value: Native) -> Atom:
    """Return the one of several possible types that a value is of; the type as it is where it is of none."""
    if isinstance(value, str | int | float):
        return Atom(scalar=atom.scalar) if atom.scalar is not None else atom
    if isinstance(value, list):
        return Atom(list=atom.list) if atom.list is not None else atom
    if isinstance(value, dict):
        return Atom(map=atom.map) if atom.map is not None else atom
    return atom


def atomic_paths(reference: TypeReference, value: Native, path: str = "") -> Iterator[str]:
    """Yield the paths of all lists, maps and structs of a value that are one piece."""
    atom = reference.resolve()
    if isinstance(value, dict) and atom.map is not None:
        if atom.map.atomic:
            yield path
        for name, item in value.items():
            declared = atom.map.fields.get(name)
            if declared is not None:
                yield from atomic_paths(declared.type, item, f"{path}.{name}")
    if isinstance(value, list) and atom.list is not None:
        if not atom.list.associative:
            yield path
        for index, item in enumerate(value):
            yield from atomic_paths(atom.list.element, item, f"{path}[{index}]")


def _fits(atom: Atom, value: Native, tolerance: Tolerance) -> bool:
    """Whether a value has no faults, which is nearly always so and told fast; False where that takes a closer look."""
    if value is None:
        return True
    if isinstance(value, dict):
        kind = atom.map
        if kind is None:
            return False
        for name, item in value.items():
            declared = kind.fields.get(name)
            element = declared.type if declared is not None else kind.element
            if element is None:
                if not tolerance.undeclared:
                    return False
            elif not _fits(element.resolve(), item, tolerance):
                return False
        return True
    if isinstance(value, list):
        if atom.list is None or (atom.list.associative and not _keyed(atom.list, value, tolerance)):
            return False
        element_type = atom.list.element.resolve()
        return all(_fits(element_type, item, tolerance) for item in value)
    found = _SCALARS.get(type(value))
    return found is not None and atom.scalar in (found, "untyped")


def _keyed(kind: ListType, items: list[Native], tolerance: Tolerance) -> bool:
    """Whether every element has a key, and none the key of another."""
    try:
        keys = [item_key(kind, item) for item in items]
    except ItemKeyError:
        return False
    return tolerance.duplicates or len(set(keys)) == len(keys)


def _faults(atom: Atom, value: Native, tolerance: Tolerance) -> Iterator[Fault]:
    if value is None:
        return
    atom = deduced(atom, value)
    if atom.map is not None:
        yield from _map_faults(atom.map, value, tolerance)
    elif atom.scalar is not None:
        yield from _scalar_faults(atom.scalar, value)
    elif atom.list is not None:
        yield from _list_faults(atom.list, value, tolerance)


def _map_faults(kind: MapType, value: Native, tolerance: Tolerance) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "", f"expected map, got &{{{go_text(value)}}}"
        return
    for name, item in value.items():
        declared = kind.fields.get(name)
        element = declared.type if declared is not None else kind.element
        if element is None:
            if tolerance.undeclared:
                continue
            yield f".{name}", "field not declared in schema"
            return
        for path, message in _faults(element.resolve(), item, tolerance):
            yield f".{name}{path}", message


def _list_faults(kind: ListType, value: Native, tolerance: Tolerance) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield "", f"expected list, got &{{{go_text(value)}}}"
        return
    element = kind.element.resolve()
    seen: set[ItemKey] = set()
    for index, item in enumerate(value):
        place = f"[{index}]"
        if kind.associative:
            try:
                key = item_key(kind, item)
            except ItemKeyError as error:
                yield "", f"element {index}: {error}"
                return
            place = key_text(kind, key)
            if key in seen and not tolerance.duplicates:
                yield "", f"duplicate entries for key {place}"
            seen.add(key)
        for path, message in _faults(element, item, tolerance):
            yield place + path, message


def _scalar_faults(kind: Scalar, value: Native) -> Iterator[Fault]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "numeric" and not number:
        yield "", f"expected numeric (int or float), got {go_type(value)}"
    elif kind == "string" and not isinstance(value, str):
        yield "", f"expected string, got &value.valueUnstructured{{Value:{go_syntax(value)}}}"
    elif kind == "boolean" and not isinstance(value, bool):
        yield "", f"expected boolean, got &{{{go_text(value)}}}"
    elif kind == "untyped" and not isinstance(value, str | int | float):
        yield "", f"expected any scalar, got &{{{go_text(value)}}}"
