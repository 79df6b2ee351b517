"""Regular expressions in strings: what matches, and all that matches.

    string.find(pattern) -> string               the leftmost match, '' where there is none
    string.findAll(pattern) -> list(string)      all matches from left to right that do not overlap
    string.findAll(pattern, n) -> list(string)   at most n of them; all where n is negative

    'abc 123'.find('[0-9]+')                     // '123'
    '123 abc 456'.findAll('[0-9]+', 1)           // ['123']

Patterns are RE2's: no look-around, no references back, linear time. A constant pattern with a fault is refused when the
program is made; one that is computed is the error `Illegal regex: ...`. Groups are ignored: matches are whole. Cost: a
tenth of the string plus one, times a quarter of the pattern. Always available. `matches` is part of the language.
Source: apiserver pkg/cel/library/regex.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.regex import Pattern, known_pattern
from admission.cel.sizes import regex_cost, size_of
from admission.cel.values import CelError, Value

Pace: TypeAlias = Callable[[int], None]


def _compiled(pattern: str) -> Pattern:
    try:
        return known_pattern(pattern)
    except CelError as error:
        raise CelError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    return _compiled(pattern).find(text) or ""


def _find_all(text: str, pattern: str, pace: Pace | None = None) -> list[Value]:
    return list(_compiled(pattern).find_all(text, pace=pace))


def _find_some(text: str, pattern: str, limit: int, pace: Pace | None = None) -> list[Value]:
    return list(_compiled(pattern).find_all(text, limit, pace))


def _cost(args: Sequence[Value], _: Value) -> int:
    return regex_cost(size_of(args[0]), size_of(args[1]))


_LIST = types.list_of(types.STRING)

LIBRARY = Library(
    "kubernetes.regex",
    functions=(
        Function(
            "find",
            (
                Overload(
                    "string_find_string", (types.STRING, types.STRING), types.STRING, _find, member=True, cost=_cost
                ),
            ),
        ),
        Function(
            "findAll",
            (
                Overload(
                    "string_find_all_string",
                    (types.STRING, types.STRING),
                    _LIST,
                    _find_all,
                    member=True,
                    cost=_cost,
                    paced=True,
                ),
                Overload(
                    "string_find_all_string_int",
                    (types.STRING, types.STRING, types.INT),
                    _LIST,
                    _find_some,
                    member=True,
                    cost=_cost,
                    paced=True,
                ),
            ),
        ),
    ),
    environments=frozenset({"kubernetes", "extended"}),
)
