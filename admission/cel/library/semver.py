"""Semantic versions (semver.org, version 2.0.0).

    semver(string) -> Semver                   an error for what is no version
    semver(string, normalize) -> Semver        true: a leading v, missing parts and leading zeros are forgiven
    isSemver(string) -> bool
    isSemver(string, normalize) -> bool
    v.major() -> int, v.minor() -> int, v.patch() -> int
    v.isLessThan(Semver) -> bool
    v.isGreaterThan(Semver) -> bool
    v.compareTo(Semver) -> int                 -1, 0 or 1

    semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))    // true: a pre-release comes first
    semver('v1.02', true) == semver('1.2.0')            // true
    semver('1.2.3+a') == semver('1.2.3+b')              // true: builds have no rank

Cost: a tenth of the string for the first four, else 1. Since Kubernetes 1.33. Source: apiserver
pkg/cel/library/semverlib.go, blang/semver (v4).
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TypeAlias

from admission.cel import types
from admission.cel.function import Function, Implementation, Library, Overload
from admission.cel.quoting import quote
from admission.cel.sizes import first_string_cost
from admission.cel.types import Type
from admission.cel.values import UINT_MAX, CancelledError, CelError, Opaque

_DIGITS = re.compile(r"[0-9]*", re.ASCII)
_NAMES = re.compile(r"[a-zA-Z0-9-]*", re.ASCII)
_LONGEST_UINT64 = 20  # digits

# A rank is ordered as precedence is: in a pre-release numbers come before names; no pre-release at all comes last.
_Identifier: TypeAlias = tuple[int, int, str]
_Rank: TypeAlias = tuple[int, int, int, int, tuple[_Identifier, ...]]


class Semver(Opaque):
    """A semantic version; versions are equal where their precedence is."""

    __slots__ = ("_text", "rank")
    cel_type = types.SEMVER
    unit_equality = True

    def __init__(self, rank: _Rank, text: str) -> None:
        self.rank = rank
        self._text = text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Semver):
            raise CelError("no such overload")
        return self.rank == other.rank

    def __hash__(self) -> int:
        return hash((Semver, self.rank))

    def as_key(self) -> Hashable:
        """Raise CancelledError: a version of upstream has slices in it."""
        raise CancelledError("internal error: runtime error: hash of unhashable type cel.Semver")

    def comparable(self, other: object) -> bool:
        """Return whether the other one is a version too."""
        return isinstance(other, Semver)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"semver({self._text!r})"

    def compare(self, other: Semver) -> int:
        """Return -1, 0 or 1."""
        return int(self.rank > other.rank) - int(self.rank < other.rank)


def parse_semver(text: str) -> Semver:
    """Return the version that `text` is; CelError in blang/semver's words where it is none."""
    if not text:
        raise CelError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise CelError("No Major.Minor.Patch elements found")
    major = _part("major", parts[0])
    minor = _part("minor", parts[1])
    rest, plus, build = parts[2].partition("+")
    last, dash, release = rest.partition("-")
    patch = _part("patch", last)
    identifiers = tuple(_identifier(name) for name in release.split(".")) if dash else ()
    for name in build.split(".") if plus else ():
        if not name:
            raise CelError("Build meta data is empty")
        if not _NAMES.fullmatch(name):
            raise CelError(f"Invalid character(s) found in build meta data {quote(name)}")
    return Semver((major, minor, patch, 0 if identifiers else 1, identifiers), text)


def normalize(text: str) -> str:
    """Return `text` without a leading v and leading zeros, with all three parts; CelError where that cannot be."""
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part.encode("utf-8", "surrogatepass")) > 1:
            stripped = part.lstrip("0")
            parts[index] = stripped if stripped[:1] in tuple("123456789") else "0" + stripped
    if len(parts) < 3:
        if "+" in parts[-1] or "-" in parts[-1]:
            raise CelError("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def _part(name: str, digits: str) -> int:
    if not _DIGITS.fullmatch(digits):
        raise CelError(f"Invalid character(s) found in {name} number {quote(digits)}")
    if len(digits) > 1 and digits[0] == "0":
        raise CelError(f"{name.capitalize()} number must not contain leading zeroes {quote(digits)}")
    return _uint64(digits)


def _identifier(name: str) -> _Identifier:
    if not name:
        raise CelError("Prerelease is empty")
    if _DIGITS.fullmatch(name):
        if len(name) > 1 and name[0] == "0":
            raise CelError(f"Numeric PreRelease version must not contain leading zeroes {quote(name)}")
        return 0, _uint64(name), ""
    if not _NAMES.fullmatch(name):
        raise CelError(f"Invalid character(s) found in prerelease {quote(name)}")
    return 1, 0, name


def _uint64(digits: str) -> int:
    """Return the number; CelError in the words of Go's strconv.ParseUint."""
    if not digits:
        raise CelError('strconv.ParseUint: parsing "": invalid syntax')
    if len(digits) > _LONGEST_UINT64 or int(digits) > UINT_MAX:
        raise CelError(f"strconv.ParseUint: parsing {quote(digits)}: value out of range")
    return int(digits)


def _int64(number: int) -> int:
    """Return a uint64 as the int64 of the same bits, as upstream's conversion does without a check."""
    return number - 2**64 if number >= 2**63 else number


def _semver(text: str, normalized: bool = False) -> Semver:
    return parse_semver(normalize(text) if normalized else text)


def _is_semver(text: str, normalized: bool = False) -> bool:
    try:
        _semver(text, normalized)
    except CelError:
        return False
    return True


def _parsing(id_: str, params: tuple[Type, ...], result: Type, implementation: Implementation) -> Overload:
    return Overload(id_, params, result, implementation, cost=first_string_cost)


_V = types.SEMVER


def _method(name: str, id_: str, params: tuple[Type, ...], result: Type, implementation: Implementation) -> Function:
    return Function(name, (Overload(id_, (_V, *params), result, implementation, member=True),))


LIBRARY = Library(
    "kubernetes.Semver",
    functions=(
        Function(
            "semver",
            (
                _parsing("string_to_semver", (types.STRING,), _V, _semver),
                _parsing("string_bool_to_semver", (types.STRING, types.BOOL), _V, _semver),
            ),
        ),
        Function(
            "isSemver",
            (
                _parsing("is_semver_string", (types.STRING,), types.BOOL, _is_semver),
                _parsing("is_semver_string_bool", (types.STRING, types.BOOL), types.BOOL, _is_semver),
            ),
        ),
        _method("isGreaterThan", "semver_is_greater_than", (_V,), types.BOOL, lambda v, other: v.compare(other) == 1),
        _method("isLessThan", "semver_is_less_than", (_V,), types.BOOL, lambda v, other: v.compare(other) == -1),
        _method("compareTo", "semver_compare_to", (_V,), types.INT, Semver.compare),
        _method("major", "semver_major", (), types.INT, lambda v: _int64(v.rank[0])),
        _method("minor", "semver_minor", (), types.INT, lambda v: _int64(v.rank[1])),
        _method("patch", "semver_patch", (), types.INT, lambda v: _int64(v.rank[2])),
    ),
    since="1.33",
    environments=frozenset({"kubernetes", "extended"}),
)
