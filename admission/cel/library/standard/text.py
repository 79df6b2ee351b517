"""Text and size: what every string can do, and how large something is.

    size(x), x.size() -> int             code points of a string, bytes, elements of a list, entries of a map
    string.contains(string) -> bool
    string.startsWith(string) -> bool
    string.endsWith(string) -> bool
    string.matches(re) -> bool           whether the RE2 pattern matches somewhere; anchor it with ^ and $
    matches(string, re) -> bool          the same

    'nginx:1.25'.startsWith('nginx:')    // true
    size('héllo') == 5                   // true
    'a-b'.matches('^[a-z](-[a-z])*$')    // true

A constant pattern that is no regular expression is a compile error. Cost: size 1; startsWith and endsWith a tenth of
the string, contains the product of both tenths, matches a tenth of the string times a quarter of the pattern. Source:
cel-go common/stdlib/standard.go, interpreter/runtimecost.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.regex import known_pattern
from admission.cel.sizes import first_string_cost, regex_cost, string_cost
from admission.cel.values import Value

_BOTH = (types.STRING, types.STRING)


def _contains(text: str, part: str) -> bool:
    return part in text


def _matches(text: str, pattern: str) -> bool:
    return known_pattern(pattern).search(text) is not None


def _contains_cost(args: Sequence[Value], _: Value) -> int:
    return string_cost(len(args[0])) * string_cost(len(args[1]))


def _matches_cost(args: Sequence[Value], _: Value) -> int:
    return regex_cost(len(args[0]), len(args[1]))


_SIZED = (
    ("size_bytes", "bytes_size", types.BYTES),
    ("size_list", "list_size", types.LIST_A),
    ("size_map", "map_size", types.MAP_AB),
    ("size_string", "string_size", types.STRING),
)

LIBRARY = Library(
    "standard.text",
    priced_by_name=False,
    functions=(
        Function(
            "size",
            tuple(
                Overload(id_, (kind,), types.INT, len, member=member)
                for plain, of_member, kind in _SIZED
                for id_, member in ((plain, False), (of_member, True))
            ),
        ),
        Function(
            "contains",
            (Overload("contains_string", _BOTH, types.BOOL, _contains, member=True, cost=_contains_cost),),
        ),
        Function(
            "endsWith",
            (Overload("ends_with_string", _BOTH, types.BOOL, str.endswith, member=True, cost=first_string_cost),),
        ),
        Function(
            "startsWith",
            (Overload("starts_with_string", _BOTH, types.BOOL, str.startswith, member=True, cost=first_string_cost),),
        ),
        Function(
            "matches",
            (
                Overload("matches", _BOTH, types.BOOL, _matches),
                Overload("matches_string", _BOTH, types.BOOL, _matches, member=True, cost=_matches_cost),
            ),
        ),
    ),
)
