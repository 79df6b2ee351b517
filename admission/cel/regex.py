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

from admission.cel.character_classes import translated
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
_UNKNOWN_CLASS = "invalid character class range"
_BAD_COUNT, _BAD_ESCAPE = "invalid repetition size", "invalid escape sequence"
_REPETITIONS = (_BAD_COUNT, "bad repetition operator")
_REPEAT = re.compile(r"(\{([0-9]+)(,([0-9]*))?\})\??$")
_MOST_REPEATS = 1_000
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

    __slots__ = ("_inside", "_match", "search", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        """Wrap a compiled RE2 object; `search(text)` returns None where nothing matches."""
        self.text = text
        self._match = match = compiled.Match
        self._inside = "\\B" in text  # which RE2, looking at bytes, also finds inside of a code point

        def search(subject: str) -> Any:
            try:
                encoded = subject.encode()
            except UnicodeEncodeError:
                encoded = _repaired(subject)
            found = match(_ANYWHERE, encoded, 0, len(encoded))[0]
            return None if found == _NOWHERE else found

        self.search: Search = self.find if self._inside else search

    def find(self, text: str) -> str | None:
        """Return the leftmost match, None where there is none."""
        encoded = _encoded(text)
        start, end = self._next(encoded, 0)
        return None if start < 0 else encoded[start:end].decode()

    def find_all(self, text: str, limit: int = -1, pace: Callable[[int], None] | None = None) -> list[str]:
        """Return the matches that do not overlap, at most `limit` unless that is negative.

        An empty match right after another match does not count (Go regexp.FindAllString). One search is linear, but
        each may have to look at all the rest: `pace` is told how many KiB that are at most.
        """
        encoded = _encoded(text)
        found: list[str] = []
        place, last_end = 0, -1
        while len(found) != limit and place <= len(encoded):
            if pace is not None:
                pace(1 + (len(encoded) - place) // 1024)
            start, end = self._next(encoded, place)
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

    def _next(self, encoded: bytes, place: int) -> tuple[int, int]:
        length = len(encoded)
        found: tuple[int, int] = self._match(_ANYWHERE, encoded, place, length)[0]
        while self._inside and 0 <= found[0] < length and _is_inside(encoded[found[0]]):
            place = _next_code_point(encoded, found[0])
            found = self._match(_ANYWHERE, encoded, place, length)[0]
        return found


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _repaired(text)


def _repaired(text: str) -> bytes:
    """Return the UTF-8 of a text with U+FFFD for each half of a surrogate pair, which is what Go makes of it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _is_inside(byte: int) -> bool:
    return byte & 0xC0 == 0x80  # 10xxxxxx: not the first byte of a code point


def _next_code_point(encoded: bytes, place: int) -> int:
    place += 1
    while place < len(encoded) and _is_inside(encoded[place]):
        place += 1
    return place


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern; CelError in the words of Go's regexp where it is none.

    Keep the result where the pattern is a constant: nothing is remembered here.
    """
    if "\\C" in text or "(?" in text:
        _refuse_what_only_re2_takes(text)
    try:
        return Pattern(text, _compiled(text))
    except re2.error as error:
        message = _message(error)
    if message.startswith(_UNKNOWN_CLASS):
        try:
            return Pattern(text, _compiled(translated(text)))
        except re2.error as error:
            later = _message(error)
            message = message if later.startswith(_UNKNOWN_CLASS) else later
    raise _go_error(message)


@lru_cache(maxsize=_KEPT)  # a memo of a pure function, for patterns that are computed again and again
def known_pattern(text: str) -> Pattern:
    """Return `compile_pattern(text)`, remembering the last few; for patterns that are not constants."""
    return compile_pattern(text)


def _compiled(text: str) -> Any:
    compiled = _with_memory(text, _MEMORY)
    if not compiled.ok() and _message(compiled.error()).startswith(_TOO_LARGE):
        compiled = _with_memory(text, _MOST_MEMORY)
    if not compiled.ok():
        raise re2.error(compiled.error())
    return compiled


def _with_memory(text: str, memory: int) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = memory
    return _re2.RE2(_encoded(text), options)


def _message(error: Any) -> str:
    message = error.args[0] if isinstance(error, Exception) else error
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)


def _go_error(message: str) -> CelError:
    kind, _, rest = message.partition(": ")
    if kind.startswith(_TOO_LARGE):
        return CelError("error parsing regexp: expression too large")
    repeat = _REPEAT.search(rest) if kind in _REPETITIONS else None
    if repeat is not None:  # Go looks at the numbers before it looks at what is repeated, and how
        low, high = int(repeat.group(2)), int(repeat.group(4) or repeat.group(2))
        if kind == _BAD_COUNT or low > high or high > _MOST_REPEATS:
            kind, rest = _BAD_COUNT, repeat.group(1)
    if kind == _BAD_ESCAPE and rest in ("\\p", "\\P"):
        kind = _UNKNOWN_CLASS
    return CelError(f"error parsing regexp: {_WORDS.get(kind, kind)}: `{rest}`")


def _refuse_what_only_re2_takes(text: str) -> None:
    r"""Raise for what Go does not take: `\C` and group names beyond ASCII words.

    Go reads from left to right: a fault before that is the one it names.
    """
    for token in _TOKENS.finditer(text):
        name = token.group("name")
        if name is not None and not _NAME.fullmatch(name):
            raise _first_fault(text, token.start(), f"invalid named capture: `{token.group()}`")
        if token.group() == "\\C":
            raise _first_fault(text, token.start(), "invalid escape sequence: `\\C`")


def _first_fault(text: str, place: int, fault: str) -> CelError:
    earlier = _fault_of(text[:place])
    if earlier is None or earlier.startswith("missing )"):
        return CelError(f"error parsing regexp: {fault}")
    return _go_error(_fault_of(text) or earlier)


def _fault_of(text: str) -> str | None:
    try:
        _compiled(text)
    except re2.error as error:
        return _message(error)
    return None
