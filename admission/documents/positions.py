"""Where every value of a document stands, and where every character of a scalar does.

Few documents are ever asked, so the text is parsed a second time, and only the one document. Characters of folded,
quoted and block scalars are found by reading the source as YAML does and comparing the outcome with the value: a place
is exact, or it is the beginning of the scalar, but never wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from admission.documents.decoded import LINE_BREAK, Extent
from admission.documents.scalars import resolve
from admission.documents.yaml_text import PARSER


@dataclass(slots=True)
class Spot:
    """One value: its first and last place (`end` is one past it), and the spots inside it.

    `begin` and `end` are code point offsets in the file. `key` is the spot of the key it stands under, `style` the
    quote or block character of a scalar ("" for a plain one, None for what is no scalar).
    """

    line: int
    column: int
    begin: int
    end: int
    end_line: int
    end_column: int
    style: str | None = None
    key: Spot | None = None
    entries: dict[str, Spot] | None = None
    items: list[Spot] | None = None

    def child(self, step: str | int) -> Spot | None:
        """Return the spot of a field or an item, None where there is none."""
        if isinstance(step, str):
            return self.entries.get(step) if self.entries is not None else None
        return self.items[step] if self.items is not None and 0 <= step < len(self.items) else None


def spots_of(text: str, extent: Extent) -> Spot | None:
    """Return the spot of a document's root; None where its text is no YAML (JSON can hold a few things YAML cannot)."""
    piece = " " * extent.column + text[extent.begin : extent.end]
    parser = None
    try:
        parser = PARSER(piece)
        return _Layout(parser, extent).root()
    except (yaml.YAMLError, UnicodeEncodeError):
        return None
    finally:
        if parser is not None:
            parser.dispose()


class _Layout:
    """Turns parser events into spots."""

    def __init__(self, parser: Any, extent: Extent) -> None:
        self._parser = parser
        self._line = extent.line
        self._shift = extent.begin - extent.column
        self._anchors: dict[str, Spot] = {}

    def root(self) -> Spot | None:
        next_event = self._parser.get_event
        while (event := next_event()) is not None and not isinstance(event, NodeEvent):
            pass
        stack: list[tuple[Spot, str | None, Spot | None]] = []
        parent: Spot | None = None
        key: str | None = None
        key_spot: Spot | None = None
        while event is not None:
            if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                spot, key, key_spot = stack.pop()
                self._close(spot, event)
                parent = stack[-1][0] if stack else None
            else:
                spot = self._spot(event)
                if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
                    stack.append((spot, key, key_spot))
                    parent, key, key_spot = spot, None, None
                    event = next_event()
                    continue
            if parent is None:
                return spot
            if parent.items is not None:
                parent.items.append(spot)
            elif key is None:
                key, key_spot = _key_text(event), spot
            else:
                _enter(parent, key, key_spot, spot)
                key, key_spot = None, None
            event = next_event()
        return None

    def _spot(self, event: Any) -> Spot:
        start, end = event.start_mark, event.end_mark
        spot = Spot(
            start.line + self._line,
            start.column,
            start.index + self._shift,
            end.index + self._shift,
            end.line + self._line,
            end.column,
        )
        if isinstance(event, AliasEvent):
            named = self._anchors.get(event.anchor or "")
            if named is not None:
                spot.entries, spot.items = named.entries, named.items
            return spot
        if isinstance(event, ScalarEvent):
            spot.style = event.style or ""
        elif isinstance(event, MappingStartEvent):
            spot.entries = {}
        else:
            spot.items = []
        if event.anchor is not None:
            self._anchors[event.anchor] = spot
        return spot

    def _close(self, spot: Spot, event: Any) -> None:
        spot.end = event.end_mark.index + self._shift
        spot.end_line = event.end_mark.line + self._line
        spot.end_column = event.end_mark.column


def _enter(parent: Spot, key: str, key_spot: Spot | None, spot: Spot) -> None:
    if parent.entries is None:
        return
    if key == "<<" and spot.style is None:
        for merged in [spot] if spot.entries is not None else spot.items or ():
            for name, inner in (merged.entries or {}).items():
                parent.entries.setdefault(name, inner)
        return
    spot.key = key_spot
    parent.entries[key] = spot


def _key_text(event: Any) -> str:
    value = event.value if isinstance(event, ScalarEvent) else ""
    if isinstance(event, ScalarEvent) and event.implicit[0]:
        resolved = resolve(value)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        if isinstance(resolved, int):
            return str(resolved)
    return value


def offsets_of(text: str, spot: Spot, value: str) -> list[int] | None:
    """Return the offset in the text of every code point of a scalar's value, and of its end; None where unknown."""
    if spot.style is None:
        return None
    if spot.style in ("|", ">"):
        return _block(text, spot, value)
    return _flow(text, spot, value)


_Character = tuple[str, int]
_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+)*")


def _matching(made: list[_Character], value: str, end: int) -> list[int] | None:
    """Return the offsets if what was read begins with the value (a chomped scalar is shorter than its source)."""
    if "".join(character for character, _ in made[: len(value)]) != value:
        return None
    return [offset for _, offset in made[: len(value)]] + [made[len(value)][1] if len(made) > len(value) else end]


def _flow(text: str, spot: Spot, value: str) -> list[int] | None:
    begin = _after_properties(text, spot)
    quote = spot.style or ""
    index, end = (begin + 1, spot.end - 1) if quote else (begin, spot.end)
    made: list[_Character] = []
    solid = 0  # what lies before this in `made` is not trimmed at a line break
    while index < end:
        character = text[index]
        if LINE_BREAK.match(character):
            del made[solid:]
            index, made_here = _fold(text, index, end)
            made += made_here
            solid = len(made)
            continue
        if quote == "'" and character == "'":
            made.append(("'", index))
            index += 2
        elif quote == '"' and character == "\\":
            escaped = text[index + 1 : index + 2]
            if LINE_BREAK.match(escaped):
                index = _skip_blanks(text, index + 2, end)
            else:
                width = _ESCAPES.get(escaped, 0)
                made.append((_unescape(text[index + 1 : index + 2 + width]), index))
                index += 2 + width
            solid = len(made)
            continue
        else:
            made.append((character, index))
            index += 1
        if character not in " \t":
            solid = len(made)
    return _matching(made, value, end)


def _fold(text: str, index: int, end: int) -> tuple[int, list[_Character]]:
    """Read line breaks and the blanks around them: one break is a space, more are one fewer line feeds."""
    breaks: list[int] = []
    while index < end:
        match = LINE_BREAK.match(text, index)
        if match is not None:
            breaks.append(index)
            index = match.end()
        elif text[index] in " \t":
            index += 1
        else:
            break
    if len(breaks) == 1:
        return index, [(" ", breaks[0])]
    return index, [("\n", offset) for offset in breaks[1:]]


def _skip_blanks(text: str, index: int, end: int) -> int:
    while index < end and text[index] in " \t":
        index += 1
    return index


_SIMPLE: Final = dict(zip('0abtnvfre "/\\N_LP\t', '\0\a\b\t\n\v\f\r\x1b "/\\\x85\xa0\u2028\u2029\t', strict=True))


def _unescape(escape: str) -> str:
    if len(escape) == 1:
        return _SIMPLE.get(escape, "")
    try:
        return chr(int(escape[1:], 16))
    except ValueError:
        return ""


def _after_properties(text: str, spot: Spot) -> int:
    match = _PROPERTIES.match(text, spot.begin, spot.end) if text[spot.begin : spot.begin + 1] in "&!" else None
    return match.end() if match is not None else spot.begin


def _block(text: str, spot: Spot, value: str) -> list[int] | None:
    begin = _after_properties(text, spot)
    header_end = LINE_BREAK.search(text, begin)
    if header_end is None:
        return None
    header = text[begin : header_end.start()].partition("#")[0]
    lines = _lines(text, header_end.end(), spot.end)
    first = next((line for line in lines if text[line[0] : line[1]].strip(" ")), None)
    if first is None:
        return None
    leading = len(text[first[0] : first[1]]) - len(text[first[0] : first[1]].lstrip(" "))
    explicit = any(character.isdigit() for character in header)
    for indent in range(leading + 1) if explicit else (leading,):
        offsets = _matching(_read_block(text, lines, indent, folded=header[0] == ">"), value, spot.end)
        if offsets is not None:
            return offsets
    return None


def _lines(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    lines = []
    while begin < end:
        match = LINE_BREAK.search(text, begin, len(text))
        stop = match.start() if match is not None else len(text)
        lines.append((begin, stop))
        begin = match.end() if match is not None else len(text) + 1
    return lines


def _read_block(text: str, lines: list[tuple[int, int]], indent: int, *, folded: bool) -> list[_Character]:
    made: list[_Character] = []
    pending: int | None = None  # the break after the last line that was not empty
    empty: list[int] = []
    indented = False  # that line began with a blank: then its break stays
    for begin, stop in lines:
        if stop - begin <= indent:
            empty.append(stop)
            continue
        blank = text[begin + indent] in " \t"
        if pending is not None:
            if not folded or indented or blank:
                made.append(("\n", pending))
            elif not empty:
                made.append((" ", pending))
        made += [("\n", offset) for offset in empty]
        made += [(text[offset], offset) for offset in range(begin + indent, stop)]
        pending, empty, indented = stop, [], blank
    if pending is not None:
        made.append(("\n", pending))
    return made + [("\n", offset) for offset in empty]
