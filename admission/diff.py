"""The JSON Patch (RFC 6902) that turns one object into another.

No operation touches what is equal before and after, and one element put into a list is one operation, however long the
list: elements are aligned by the field that names them, or by what is equal. So whoever applies or reads the patch sees
what a policy changed and nothing else. Objects may be nested thousands of levels deep and lists may be adversarial:
there is no recursion, and the work grows with the size of what differs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from admission.workload import JsonObject

Json: TypeAlias = Any
Pair: TypeAlias = tuple[str, Json, Json]

_NAMES: Final = ("name", "key", "containerPort", "mountPath", "devicePath", "ip", "uid", "type")
_MOST_PAIRS: Final = 50_000_000
"""Pairs of elements beyond which lists are only compared from both ends."""


def diff(before: JsonObject, after: JsonObject) -> list[JsonObject]:
    """Return the operations that turn `before` into `after`; none where they are equal."""
    prints = _Prints()
    operations: list[JsonObject] = []
    pending: list[Pair] = [("", before, after)]
    while pending:
        path, old, new = pending.pop()
        inner: list[Pair] = []
        if isinstance(old, dict) and isinstance(new, dict):
            operations += _map_changes(path, old, new, inner)
        elif isinstance(old, list) and isinstance(new, list):
            operations += _list_changes(path, old, new, inner, prints)
        elif not prints.same(old, new):
            operations.append({"op": "replace", "path": path, "value": new})
        pending += reversed(inner)
    return operations


class _Prints:
    """Small numbers that are equal where JSON values are: true is not 1, and 1 is 1.0; each value is looked at once."""

    __slots__ = ("_by_identity", "_numbers")

    def __init__(self) -> None:
        self._by_identity: dict[int, int] = {}
        self._numbers: dict[Hashable, int] = {}

    def same(self, left: Json, right: Json) -> bool:
        """Return whether two JSON values are equal."""
        return left is right or self.of(left) == self.of(right)

    def of(self, value: Json) -> int:
        """Return the number of a value; the value must live as long as this."""
        waiting = [value]
        while waiting:
            part = waiting[-1]
            unknown = [item for item in _items(part) if isinstance(item, dict | list) and not self._is_known(item)]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            if isinstance(part, dict | list):
                self._by_identity[id(part)] = self._number_of(part)
        return self._number_of(value)

    def _is_known(self, value: Json) -> bool:
        return id(value) in self._by_identity

    def _number_of(self, value: Json) -> int:
        known = self._by_identity.get(id(value)) if isinstance(value, dict | list) else None
        if known is not None:
            return known
        content: Hashable
        if isinstance(value, dict):
            content = ("map", frozenset((key, self._number_of(item)) for key, item in value.items()))
        elif isinstance(value, list):
            content = ("list", *map(self._number_of, value))
        else:
            content = (isinstance(value, bool), isinstance(value, str), value)
        return self._numbers.setdefault(content, len(self._numbers))


def _items(value: Json) -> Sequence[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _map_changes(path: str, before: JsonObject, after: JsonObject, inner: list[Pair]) -> Iterator[JsonObject]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": f"{path}/{_escape(key)}"}
    for key, item in after.items():
        place = f"{path}/{_escape(key)}"
        if key not in before:
            yield {"op": "add", "path": place, "value": item}
        elif before[key] is not item:
            inner.append((place, before[key], item))


def _list_changes(
    path: str, before: list[Json], after: list[Json], inner: list[Pair], prints: _Prints
) -> Iterator[JsonObject]:
    """Yield what puts in and takes out; what stays but changes goes to `inner` under the place it has in the end."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and prints.same(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and prints.same(before[-1 - end], after[-1 - end]):
        end += 1
    at = start
    for old, new in _aligned(before[start : len(before) - end], after[start : len(after) - end], prints):
        place = f"{path}/{at}"
        if new is _ABSENT:
            yield {"op": "remove", "path": place}
            continue
        if old is _ABSENT:
            yield {"op": "add", "path": place, "value": new}
        elif old is not new:
            inner.append((place, old, new))
        at += 1


class _Absent:
    """The class of `_ABSENT`, which stands for the element that the other list does not have."""


_ABSENT: Final = _Absent()


def _aligned(olds: list[Json], news: list[Json], prints: _Prints) -> Iterator[tuple[Json, Json]]:
    """Pair the elements of two lists in order: those that are the same thing, and the rest one by one."""
    if not olds or not news or len(olds) * len(news) > _MOST_PAIRS:
        yield from _paired(olds, news, by_name=False)
        return
    name = _naming_key(olds, news)
    old_tokens = [item[name] for item in olds] if name else [prints.of(item) for item in olds]
    new_tokens = [item[name] for item in news] if name else [prints.of(item) for item in news]
    old_start = new_start = 0
    for old_place, new_place in [*_common(old_tokens, new_tokens), (len(olds), len(news))]:
        yield from _paired(olds[old_start:old_place], news[new_start:new_place], by_name=bool(name))
        if old_place < len(olds):
            yield olds[old_place], news[new_place]
        old_start, new_start = old_place + 1, new_place + 1


def _paired(olds: list[Json], news: list[Json], *, by_name: bool) -> Iterator[tuple[Json, Json]]:
    """Pair elements by position; with `by_name` they are different things, and each stands alone."""
    shared = 0 if by_name else min(len(olds), len(news))
    yield from zip(olds[:shared], news[:shared], strict=True)
    yield from ((old, _ABSENT) for old in olds[shared:])
    yield from ((_ABSENT, new) for new in news[shared:])


def _common(olds: Sequence[Hashable], news: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the places of a longest common subsequence, in order.

    Bit-parallel (Hyyrö 2004): row i is a number whose bit j is 0 where one more element of `news` up to j can be
    matched with `olds` up to i than without j. The rows are kept to walk back through them.
    """
    where: dict[Hashable, int] = {}
    for place, token in enumerate(news):
        where[token] = where.get(token, 0) | 1 << place
    full = (1 << len(news)) - 1
    row = full
    rows = []
    for token in olds:
        matches = row & where.get(token, 0)
        row = (row + matches | row - matches) & full
        rows.append(row)
    pairs = []
    old_place, new_place = len(olds), len(news)
    while old_place and new_place:
        if rows[old_place - 1] >> (new_place - 1) & 1:
            new_place -= 1
            continue
        old_place -= 1
        if old_place and not rows[old_place - 1] >> (new_place - 1) & 1:
            continue
        new_place -= 1
        pairs.append((old_place, new_place))
    return pairs[::-1]


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


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key
