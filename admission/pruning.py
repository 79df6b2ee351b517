"""Places in objects as exemptions name them, and objects without what stands there.

A path is written as findings print it: `spec.containers[0].securityContext`, with `[*]` for every item of a list or
every value of a map, `[name=proxy]` for the items of a list whose field has that value, and `[a.b/c]` for a key with
dots. Pure; objects are never changed, what is kept of them is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

_PART: Final = re.compile(r"(?:^|\.)([^.\[\]*=\s]+)|\[([^\[\]]+)\]")
_PICK: Final = re.compile(r"([A-Za-z]+)=(.+)")


@dataclass(frozen=True, slots=True)
class Pick:
    """The items of a list whose `field` is `value`."""

    field: str
    value: str


class Every:
    """All items of a list, all values of a map."""


EVERY: Final = Every()
Step: TypeAlias = str | int | Pick | Every
Steps: TypeAlias = tuple[Step, ...]


def parse_path(text: str) -> Steps | None:
    """Return the steps of a path, None where it is none."""
    steps: list[Step] = []
    end = 0
    for part in _PART.finditer(text):
        if part.start() != end:
            return None
        end = part.end()
        name, inner = part.groups()
        steps.append(name if name is not None else _bracketed(inner))
    return tuple(steps) if steps and end == len(text) and text[0] != "." else None


def _bracketed(inner: str) -> Step:
    if inner == "*":
        return EVERY
    if inner.isascii() and inner.isdecimal():
        return int(inner)
    pick = _PICK.fullmatch(inner)
    return Pick(pick[1], pick[2].strip("\"'")) if pick is not None else inner


def without(document: Any, paths: Iterable[Steps]) -> Any:
    """Return a document without what stands at the paths; items that go leave no gap."""
    branches = [path for path in paths if path]
    return _pruned(document, branches) if branches else document


def _pruned(value: Any, branches: Sequence[Steps]) -> Any:
    if isinstance(value, dict):
        entries = value.items()
        return {key: kept for key, inner in entries if (kept := _kept(key, inner, branches)) is not _GONE}
    if isinstance(value, list):
        return [kept for index, inner in enumerate(value) if (kept := _kept(index, inner, branches)) is not _GONE]
    return value


_GONE: Final = object()


def _kept(at: str | int, inner: Any, branches: Sequence[Steps]) -> Any:
    below = []
    for branch in branches:
        if not _leads(branch[0], at, inner):
            continue
        if len(branch) == 1:
            return _GONE
        below.append(branch[1:])
    return _pruned(inner, below) if below else inner


def _leads(step: Step, at: str | int, inner: Any) -> bool:
    if isinstance(step, Every):
        return True
    if isinstance(step, Pick):
        return isinstance(at, int) and isinstance(inner, dict) and inner.get(step.field) == step.value
    return step == at or (isinstance(at, str) and str(step) == at)
