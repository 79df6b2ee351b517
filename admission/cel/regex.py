"""Regular expressions as Go reads them, run by RE2: linear time, code points, and never a word on stderr.

RE2 and Go's regexp are one syntax with small differences; what only RE2 takes is refused here, and errors are said in
Go's words. Sources: Go regexp/syntax (Error), regexp.FindAllString; cel-go common/types/string.go (Match).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import re2  # type: ignore[import-untyped]
from re2 import _re2

from admission.cel.values import CelError

Search: TypeAlias = Callable[[str], Any]

_MEMORY, _MOST_MEMORY = 8 << 20, 128 << 20  # bytes; Go's own limit on the size of a program comes down to the second
_KEPT = 64  # patterns that are not constants of a program; each may grow to _MEMORY
_ANYWHERE = _re2.RE2.Anchor.UNANCHORED
_NOWHERE = (-1, -1)

_WORDS = {
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class": "invalid character class",
    "invalid character class range": "invalid character class range",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid UTF-8": "invalid UTF-8",
    "invalid named capture group": "invalid named capture",
}
_TOO_LARGE = "pattern too large"
_TOKENS = re.compile(
    r"""\\Q(?:(?!\\E).)*          # a quotation
      | \\.                      # an escape
      | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]   # a character class
      | \(\?P?<(?P<name>[^>]*)>  # a named group
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z0-9_]+")


class Pattern:
    """One compiled regular expression; `search` is a plain function because hot code calls it directly."""

    __slots__ = ("_match", "search", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        """Wrap a compiled RE2 object; `search(text)` returns None where nothing matches."""
        self.text = text
        self._match = match = compiled.Match

        def search(subject: str) -> Any:
            encoded = subject.encode()
            found = match(_ANYWHERE, encoded, 0, len(encoded))[0]
            return None if found == _NOWHERE else found

        self.search: Search = search

    def find(self, text: str) -> str | None:
        """Return the leftmost match, None where there is none."""
        encoded = text.encode()
        start, end = self._match(_ANYWHERE, encoded, 0, len(encoded))[0]
        return None if start < 0 else encoded[start:end].decode()

    def find_all(self, text: str, limit: int = -1) -> list[str]:
        """Return the matches that do not overlap, at most `limit` unless that is negative.

        An empty match right after another match does not count (Go regexp.FindAllString).
        """
        encoded = text.encode()
        length = len(encoded)
        found: list[str] = []
        place, last_end = 0, -1
        while len(found) != limit and place <= length:
            start, end = self._match(_ANYWHERE, encoded, place, length)[0]
            if start < 0:
                break
            if end > place:
                place = end
                counts = True
            else:
                counts = start != last_end
                place = _next_code_point(encoded, place)
            if counts:
                found.append(encoded[start:end].decode())
            last_end = end
        return found


def _next_code_point(encoded: bytes, place: int) -> int:
    place += 1
    while place < len(encoded) and encoded[place] & 0xC0 == 0x80:
        place += 1
    return place


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern; CelError in the words of Go's regexp where it is none.

    Keep the result where the pattern is a constant: nothing is remembered here.
    """
    encoded = text.encode()
    if b"\\C" in encoded or b"(?" in encoded:
        _refuse_what_only_re2_takes(text)
    try:
        return Pattern(text, _compiled(encoded, captures=False, memory=_MEMORY))
    except re2.error as error:
        message = _message(error)
        if not message.startswith(_TOO_LARGE):
            raise _go_error(message) from None
    try:
        return Pattern(text, _compiled(encoded, captures=False, memory=_MOST_MEMORY))
    except re2.error as error:
        raise _go_error(_message(error)) from None


@lru_cache(maxsize=_KEPT)  # a memo of a pure function, for patterns that are computed again and again
def known_pattern(text: str) -> Pattern:
    """Return `compile_pattern(text)`, remembering the last few; for patterns that are not constants."""
    return compile_pattern(text)


def _compiled(encoded: bytes, *, captures: bool, memory: int) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    options.max_mem = memory
    compiled = _re2.RE2(encoded, options)
    if not compiled.ok():
        raise re2.error(compiled.error())
    return compiled


def _message(error: Exception) -> str:
    (message,) = error.args
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)


def _go_error(message: str) -> CelError:
    kind, _, rest = message.partition(": ")
    if kind.startswith(_TOO_LARGE):
        return CelError("error parsing regexp: expression too large")
    return CelError(f"error parsing regexp: {_WORDS.get(kind, kind)}: `{rest}`")


def _refuse_what_only_re2_takes(text: str) -> None:
    r"""Raise for what Go does not take: `\C`, group names beyond ASCII words, the same name twice.

    Go reads from left to right: a fault before that is the one it names.
    """
    names: set[str] = set()
    for token in _TOKENS.finditer(text):
        name = token.group("name")
        if name is not None and name not in names and _NAME.fullmatch(name):
            names.add(name)
        elif name is not None:
            raise _first_fault(text, token.start(), f"invalid named capture: `{_named(token.group(), name, names)}`")
        elif token.group() == "\\C":
            raise _first_fault(text, token.start(), "invalid escape sequence: `\\C`")


def _named(group: str, name: str, names: set[str]) -> str:
    return name if name in names else group


def _first_fault(text: str, place: int, fault: str) -> CelError:
    earlier = _fault_of(text[:place])
    if earlier is None or earlier.startswith("missing )"):
        return CelError(f"error parsing regexp: {fault}")
    return _go_error(_fault_of(text) or earlier)


def _fault_of(text: str) -> str | None:
    try:
        _compiled(text.encode(), captures=False, memory=_MEMORY)
    except re2.error as error:
        return _message(error)
    return None
