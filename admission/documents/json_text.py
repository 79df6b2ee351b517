"""JSON to plain documents, with the rules that the API server's decoder has and Python's lacks.

No NaN, no infinite numbers, no half of a surrogate pair; integers beyond 64 bit are floats; several values may follow
one another, as kubectl reads them.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, Final

from admission.documents.decoded import DEPTH, Decoded, Extent, Fault, line_column, twice


class _NoJsonError(ValueError):
    """A number or a word that Python's decoder takes and JSON does not have; `args[0]` is it."""


class _JsonStream:
    """Decodes one JSON value after the other from a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_json_integer, parse_float=_json_float, parse_constant=_json_word
        )
        self.decoded = Decoded()
        self.duplicates: list[str] = []

    def run(self) -> None:
        """Decode up to the end or to the first fault."""
        index = 0
        while (begin := self._skip_space(index)) < len(self._text):
            line, column = line_column(self._text, begin)
            try:
                value, index = self._decoder.raw_decode(self._text, begin)
            except json.JSONDecodeError as error:
                self.decoded.faults.append(Fault(f"JSON: {error.msg}", error.lineno - 1, error.colno - 1))
                return
            except _NoJsonError as error:
                word = str(error)
                self.decoded.faults.append(
                    Fault(f"{word[:40]} has no place in JSON", *line_column(self._text, self._text.find(word, begin)))
                )
                return
            except RecursionError:
                self.decoded.faults.append(Fault(f"nested deeper than {DEPTH} levels", line, column))
                return
            if _deeper_than(value, DEPTH):
                self.decoded.faults.append(Fault(f"nested deeper than {DEPTH} levels", line, column))
            elif _SURROGATE.search(self._text, begin, index) and _has_lone_surrogate(value):
                self.decoded.faults.append(Fault("a string holds half of a surrogate pair", line, column))
            else:
                self.decoded.documents.append((value, Extent(begin, index, line, column)))

    def _skip_space(self, index: int) -> int:
        match = _JSON_SPACE.match(self._text, index)
        return match.end() if match is not None else index

    def _object(self, items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) != len(items):
            times = Counter(name for name, _ in items)
            self.duplicates += [twice(name) for name in made if times[name] > 1]
        return made


_JSON_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decode_json(text: str) -> tuple[Decoded, list[str]]:
    """Return every value of the text and every fault, and what to say of duplicate keys, whose place is not known."""
    stream = _JsonStream(text)
    stream.run()
    return stream.decoded, stream.duplicates


def _json_integer(digits: str) -> int | float:
    if len(digits) <= 20:
        value = int(digits)
        if -(2**63) <= value < 2**63:
            return value
    return _json_float(digits)


def _json_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _NoJsonError(digits)
    return value


def _json_word(word: str) -> None:
    raise _NoJsonError(word)


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
