"""The JSON Patch (RFC 6902) that turns one object into another.

No operation touches what is equal before and after, and one element put into a list is one operation, however long the
list: elements are aligned by what is equal, or by the field that names them. So whoever applies or reads the patch sees
what a policy changed and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

import orjson

from admission.workload import JsonObject

Json: TypeAlias = Any

_NAMES: Final = ("name", "key", "containerPort", "mountPath", "devicePath", "ip", "uid", "type")
_SPACE: Final = 4_000_000
"""Pairs of elements beyond which lists are only compared from both ends."""


def diff(before: JsonObject, after: JsonObject) -> list[JsonObject]:
    """Return the operations that turn `before` into `after`; none where they are equal."""
    return list(_changes("", before, after))


def same(left: Json, right: Json) -> bool:
    """Return whether two JSON values are equal; true is not 1, and 1 is 1.0."""
    if isinstance(left, dict):
        if not isinstance(right, dict) or left.keys() != right.keys():
            return False
        return left is right or all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return False
        return left is right or all(same(item, other) for item, other in zip(left, right, strict=True))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _changes(path: str, before: Json, after: Json) -> Iterator[JsonObject]:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _map_changes(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_changes(path, before, after)
    elif not same(before, after):
        yield {"op": "replace", "path": path, "value": after}


def _map_changes(path: str, before: JsonObject, after: JsonObject) -> Iterator[JsonObject]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_escape(key)}"}
    for key, item in after.items():
        place = f"{path}/{_escape(key)}"
        if key in before:
            yield from _changes(place, before[key], item)
        else:
            yield {"op": "add", "path": place, "value": item}


def _list_changes(path: str, before: list[Json], after: list[Json]) -> Iterator[JsonObject]:
    start = 0
    while start < min(len(before), len(after)) and same(before[start], after[start]):
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and same(before[-1 - end], after[-1 - end]):
        end += 1
    olds, news = before[start : len(before) - end], after[start : len(after) - end]
    at = start
    for old, new in _aligned(olds, news):
        place = f"{path}/{at}"
        if new is _ABSENT:
            yield {"op": "remove", "path": place}
            continue
        if old is _ABSENT:
            yield {"op": "add", "path": place, "value": new}
        else:
            yield from _changes(place, old, new)
        at += 1


class _Absent:
    """The class of `_ABSENT`, which stands for the element that the other list does not have."""


_ABSENT: Final = _Absent()


def _aligned(olds: list[Json], news: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Pair the elements of two lists in order: those that are the same thing, and the rest one by one."""
    if not olds or not news or len(olds) * len(news) > _SPACE:
        yield from _paired(olds, news, by_name=False)
        return
    name = _naming_key(olds, news)
    old_tokens = [item[name] if name else _token(item) for item in olds]
    new_tokens = [item[name] if name else _token(item) for item in news]
    matcher = SequenceMatcher(None, old_tokens, new_tokens, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        block = olds[old_start:old_end], news[new_start:new_end]
        yield from _paired(*block, by_name=bool(name) and tag != "equal")


def _paired(olds: list[Json], news: list[Json], *, by_name: bool) -> Iterator[tuple[Json, Json]]:
    """Pair elements by position; with `by_name` they are different things, and each stands alone."""
    shared = 0 if by_name else min(len(olds), len(news))
    yield from zip(olds[:shared], news[:shared], strict=True)
    yield from ((old, _ABSENT) for old in olds[shared:])
    yield from ((_ABSENT, new) for new in news[shared:])


def _naming_key(olds: list[Json], news: list[Json]) -> str:
    """Return the field that tells the elements of both lists apart, "" where there is none."""
    if not all(isinstance(item, dict) for item in (*olds, *news)):
        return ""
    for name in _NAMES:
        if all(_tells_apart(items, name) for items in (olds, news)):
            return name
    return ""


def _tells_apart(items: list[JsonObject], name: str) -> bool:
    values = [item.get(name) for item in items]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _token(item: Json) -> str:
    try:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # too deep to be written: such an element is only equal to itself
        return f"{id(item)}"


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key
