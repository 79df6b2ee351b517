"""Merging two values of one type: scalars overwritten, maps and structs field by field, lists by what they are.

Nothing is ever removed. Keyed lists are merged by their keys, sets united, everything else that is one piece replaced.
What only one side has is taken as it stands, so the result shares all that did not change. Source:
structured-merge-diff v6 typed/merge.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from admission.merge_keys import NOTHING, ItemKey, item_key
from admission.merge_validation import deduced
from admission.object_values import Native
from admission.schema.merging import Atom, ListType, MapType, TypeReference


def merge(reference: TypeReference, left: Native, right: Native) -> Native:
    """Return both values as one, the right one winning; NOTHING where there is nothing.

    Both have been validated, the left one with duplicates allowed; neither is changed.
    """
    if right is NOTHING:
        return left
    return _merge_as(deduced(reference.resolve(), right), left, right)


def _merge_as(atom: Atom, left: Native, right: Native) -> Native:
    if atom.map is not None:
        return _merge_maps(atom.map, left, right)
    if atom.scalar is None and atom.list is not None:
        return _merge_lists(atom.list, left, right)
    return right


def _merge_maps(kind: MapType, left: Native, right: Native) -> Native:
    lefts = left if isinstance(left, dict) else {}
    rights = right if isinstance(right, dict) else {}
    if kind.atomic or not (lefts or rights):
        return right
    merged = dict(lefts)
    for name, item in rights.items():
        declared = kind.fields.get(name)
        element = declared.type if declared is not None else kind.element
        value = item if element is None else merge(element, lefts.get(name, NOTHING), item)
        if value is not NOTHING:
            merged[name] = value
    return merged or NOTHING


def _merge_lists(kind: ListType, left: Native, right: Native) -> Native:
    lefts = left if isinstance(left, list) else []
    rights = right if isinstance(right, list) else []
    if not kind.associative or not (lefts or rights):
        return right
    merged = [item for item in _merged_items(kind, lefts, rights) if item is not NOTHING]
    return merged or NOTHING


def _merged_items(kind: ListType, lefts: list[Native], rights: list[Native]) -> Iterator[Native]:
    """Walk both lists at once: elements that both have in the right one's order, the others around them."""
    left_keys = [item_key(kind, item) for item in lefts]
    right_keys = [item_key(kind, item) for item in rights]
    left_items: dict[ItemKey, Native] = {}
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
                yield merge(kind.element, left_items[key], right_items[key])
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
                yield lefts[at_left]
                at_left += 1
                continue
            if key in merged:
                at_left += 1
        if at_right < len(rights):
            key = right_keys[at_right]
            merged.add(key)
            yield merge(kind.element, left_items.get(key, NOTHING), right_items[key])
            at_right += 1
            if next_shared == key:
                next_shared = next(shared, None)
