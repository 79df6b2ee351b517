"""The values of string and bytes literals (cel-go parser/unescape.go).

The lexer has made sure that quotes match and that escapes are well formed; what is left to refuse is a code point that
does not exist and a Unicode escape in bytes.
"""

from __future__ import annotations

import re
from typing import Final

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "`": "`",
    "?": "?",
}
_ESCAPE = re.compile(r"\\(?:([xX].{2}|u.{4}|U.{8})|([0-3]..)|(.))", re.DOTALL)


class UnescapeError(ValueError):
    """A literal is spelled correctly but stands for no value."""


def string_value(token: str) -> str:
    """Return the text that a string token stands for; UnescapeError where an escape is no code point."""
    raw, body = _body(token)
    if raw or "\\" not in body:
        return body
    return _ESCAPE.sub(_character, body)


def bytes_value(token: str) -> bytes:
    """Return the bytes of a bytes token (its `b` included); UnescapeError where it has a Unicode escape."""
    raw, body = _body(token[1:])
    if raw or "\\" not in body:
        return body.encode()
    parts: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(body):
        parts.append(body[end : match.start()].encode())
        parts.append(_octet(match))
        end = match.end()
    parts.append(body[end:].encode())
    return b"".join(parts)


def _body(token: str) -> tuple[bool, str]:
    """Return whether a string is raw, and what is between its quotes with every newline as a line feed."""
    if "\r" in token:
        token = token.replace("\r\n", "\n").replace("\r", "\n")
    raw = token[0] in "rR"
    if raw:
        token = token[1:]
    if len(token) >= 6 and token[:3] in ('"""', "'''"):
        return raw, token[3:-3]
    return raw, token[1:-1]


def _character(match: re.Match[str]) -> str:
    coded, octal, simple = match.groups()
    if simple is not None:
        return _SIMPLE[simple]
    point = int(coded[1:], 16) if coded is not None else int(octal, 8)
    if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        raise UnescapeError("invalid unicode code point")
    return chr(point)


def _octet(match: re.Match[str]) -> bytes:
    coded, octal, simple = match.groups()
    if simple is not None:
        return _SIMPLE[simple].encode()
    if octal is not None:
        return bytes((int(octal, 8),))
    if coded[0] in "uU":
        raise UnescapeError("unable to unescape string")
    return bytes((int(coded[1:], 16),))
