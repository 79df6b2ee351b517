"""JSON where orjson stops: very deep documents, integers beyond int64, and bodies that cannot be decoded at all.

orjson is the only decoder on the ordinary path. This file takes over for what the API server accepts and orjson does
not (10,000 levels against 1,024), and reads the few fields of a broken AdmissionReview that an answer needs. Nothing
here recurses, and every loop is linear in its input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # the decoder's own, not in the stubs
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

MAX_DEPTH: Final = 10_000
"""Levels of nesting that the API server accepts (sigs.k8s.io/json; Go encoding/json maxNestingDepth)."""

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)

_DIGITS_TO_ZERO: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_NINETEEN_DIGITS: Final = b"0" * 19

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
_WORD: Final = re.compile(r"true|false|null")


class TooDeepError(ValueError):
    """The document is nested deeper than `MAX_DEPTH` levels."""


def may_hold_wide_integers(body: bytes) -> bool:
    """Return whether `body` has 19 digits in a row, without which no integer in it can leave int64."""
    return _NINETEEN_DIGITS in body.translate(_DIGITS_TO_ZERO)


def narrow_integers(document: Json) -> Json:
    """Turn integers beyond int64 into floats, in place, and return the document.

    The API server does the same: what does not fit int64 is a float64 to it (apimachinery pkg/util/json), and Go
    writes floats below 1e21 without an exponent, so such literals do arrive in custom resources.
    """
    holder = [document]
    stack: list[list[Json] | JsonObject] = [holder]
    while stack:
        container = stack.pop()
        entries = enumerate(container) if isinstance(container, list) else container.items()
        wide: list[Any] = []
        for key, value in entries:
            kind = type(value)
            if kind is dict or kind is list:
                stack.append(value)
            elif kind is int and not INT64_MIN <= value <= INT64_MAX:
                wide.append(key)
        for key in wide:
            container[key] = float(container[key])
    return holder[0]


def decode_deep(body: bytes) -> Json:
    """Decode JSON of up to `MAX_DEPTH` levels without recursion.

    Raises TooDeepError for a document nested deeper than that, another ValueError for what is not JSON.
    """
    text = body.decode("utf-8")
    holder: list[Json] = []
    parents: list[tuple[list[Json] | JsonObject, str]] = []
    container: list[Json] | JsonObject = holder
    key = ""
    at = 0
    while True:
        at = _skip(text, at)
        opener = text[at : at + 1]
        value: Json
        if opener in ("{", "["):
            if len(parents) >= MAX_DEPTH:
                raise TooDeepError(f"nested deeper than {MAX_DEPTH} levels")
            value = {} if opener == "{" else []
            at = _skip(text, at + 1)
            closer = "}" if opener == "{" else "]"
            if text[at : at + 1] == closer:
                at += 1
            else:
                parents.append((container, key))
                _put(container, key, value)
                container = value
                if isinstance(container, dict):
                    key, at = _key(text, at)
                continue
        else:
            value, at = _scalar(text, at)
        _put(container, key, value)
        while True:
            at = _skip(text, at)
            if container is holder:
                if at != len(text):
                    raise JSONDecodeError("unexpected text after the document", text, at)
                return holder[0]
            sign = text[at : at + 1]
            at += 1
            if sign == ",":
                if isinstance(container, dict):
                    key, at = _key(text, _skip(text, at))
                break
            if sign != ("}" if isinstance(container, dict) else "]"):
                raise JSONDecodeError("expected a comma or the end of the list or object", text, at - 1)
            container, key = parents.pop()


def _put(container: list[Json] | JsonObject, key: str, value: Json) -> None:
    if isinstance(container, dict):
        container[key] = value
    else:
        container.append(value)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _string(text: str, at: int) -> tuple[str, int]:
    value, end = scanstring(text, at + 1, True)
    value.encode("utf-8")  # refuses lone surrogates, as orjson does
    return value, end


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise JSONDecodeError("expected a key", text, at)
    key, at = _string(text, at)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise JSONDecodeError("expected a colon", text, at)
    return key, at + 1


def _scalar(text: str, at: int) -> tuple[Json, int]:
    if text[at : at + 1] == '"':
        return _string(text, at)
    word = _WORD.match(text, at)
    if word:
        return _WORDS[word.group()], word.end()
    number = _NUMBER.match(text, at)
    if not number:
        raise JSONDecodeError("expected a value", text, at)
    fraction, exponent = number.groups()
    digits = number.group()
    if fraction is None and exponent is None and len(digits) <= 20:
        integer = int(digits)
        return (integer if INT64_MIN <= integer <= INT64_MAX else float(integer)), number.end()
    real = float(digits)
    if real in (float("inf"), float("-inf")):
        raise JSONDecodeError("number out of range", text, at)
    return real, number.end()


_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]:,]', re.DOTALL)
_MAX_TOKENS: Final = 250_000
_CLOSERS: Final = {b"{": b"}", b"[": b"]"}


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What could be read of an AdmissionReview that cannot be decoded; empty where it was not found."""

    api_version: str = ""
    kind: str = ""
    uid: str = ""


def glimpse(body: bytes) -> Glimpse:
    """Read apiVersion, kind and request.uid from a body that is broken or cut off, in document order.

    Only strings that stand exactly where those fields belong count: the walk follows strings and brackets and stops
    at the first place where they do not fit, after the uid was found, or after a bounded number of tokens.
    """
    found: dict[str, str] = {}
    open_brackets: list[bytes] = []
    keys: list[str] = []  # the last key read in each open object, "" in lists
    previous = last = b""
    for count, match in enumerate(_TOKEN.finditer(body)):
        token = match.group()
        if count > _MAX_TOKENS or token == b'"' or (not open_brackets and token != b"{"):
            break
        if token in _CLOSERS:
            open_brackets.append(token)
            keys.append("")
        elif token in (b"}", b"]"):
            if _CLOSERS[open_brackets.pop()] != token:
                break
            keys.pop()
        elif token == b":":
            if open_brackets[-1] == b"{":
                keys[-1] = _short_text(last)
        elif token != b"," and previous == b":" and len(keys) <= 2:
            path = ".".join(keys)
            if path in ("apiVersion", "kind", "request.uid"):
                found.setdefault(path, _short_text(token))
                if path == "request.uid":
                    break
        previous = token
        if token[:1] == b'"':
            last = token
    return Glimpse(found.get("apiVersion", ""), found.get("kind", ""), found.get("request.uid", ""))


def _short_text(token: bytes) -> str:
    """Return the text of a JSON string token; "" where it is long or not decodable, so no key or value of ours."""
    if len(token) > 1_024:
        return ""
    try:
        return _string(token.decode("utf-8"), 0)[0]
    except ValueError:
        return ""
