"""YAML to plain documents: fast, exact as kubectl reads it, and safe whatever the text is.

The parser's events become dicts and lists directly, without a tree of nodes between: faster than PyYAML's own loader,
no recursion that a deep text could exhaust, and every key is seen, so that a duplicate cannot hide. Positions are not
kept: `admission.documents.positions` finds them again when somebody asks. Aliases share the value they name; a document
whose aliases expand beyond EXPANSION is refused, since all that walks the value would walk them all.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from admission.documents.decoded import DEPTH, EXPANSION, LINE_BREAK, Decoded, Extent, Fault, line_column, twice
from admission.documents.scalars import resolve

PARSER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MISSING: Final = object()
_MERGE: Final = object()
_TAG: Final = "tag:yaml.org,2002:"
_BOUNDARY: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)


def decode_yaml(text: str) -> Decoded:
    """Return every document of the text and every fault; never raises for what the text holds.

    A stream ends at its first syntax error: then its documents are decoded one by one, each with its own fault.
    """
    decoded = _decode(text, Extent())
    if decoded.broken:
        starts = [0, *(match.start() for match in _BOUNDARY.finditer(text) if match.start())]
        if len(starts) > 1:
            return _decode_pieces(text, list(zip(starts, [*starts[1:], len(text)], strict=True)))
    return decoded


class _RejectedError(Exception):
    """A document cannot be used; the rest of the text may be fine."""

    def __init__(self, message: str, event: Any, help_text: str = "") -> None:
        super().__init__(message)
        self.fault = Fault(message, event.start_mark.line, event.start_mark.column, help_text)


def _decode_pieces(text: str, pieces: list[tuple[int, int]]) -> Decoded:
    whole = Decoded()
    line = 0
    for begin, end in pieces:
        piece = text[begin:end]
        part = _decode(piece, Extent(begin, end, line))
        whole.documents += part.documents
        whole.faults += part.faults
        line += len(LINE_BREAK.findall(piece))
    return whole


def _decode(text: str, at: Extent) -> Decoded:
    decoded = Decoded()
    parser = None
    try:
        parser = PARSER(text)
        builder = _Builder(parser.get_event, at, decoded.faults)
        while (document := builder.next_document()) is not None:
            if document:
                decoded.documents.append(document)
    except yaml.YAMLError as error:
        decoded.faults.append(_syntax_fault(error, text, at))
        decoded.broken = True
    except UnicodeEncodeError as error:
        decoded.faults.append(Fault(f"YAML: the text holds a lone surrogate, \\u{ord(text[error.start]):04x}", at.line))
    finally:
        if parser is not None:
            parser.dispose()
    return decoded


def _syntax_fault(error: yaml.YAMLError, text: str, at: Extent) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        problem = getattr(error, "problem", None) or str(error)
        context = getattr(error, "context", None)
        help_text = ""
        if "cannot start any token" in problem and text[mark.index : mark.index + 1] == "\t":
            help_text = "YAML allows no tabs for indentation: use spaces"
        if "mapping values are not allowed" in problem:
            help_text = "put quotes around a value that holds `: `"
        message = f"YAML: {problem}" + (f" ({context})" if context else "")
        return Fault(message, mark.line + at.line, mark.column, help_text)
    position = getattr(error, "position", None)
    reason = getattr(error, "reason", None) or str(error).splitlines()[0]
    if not isinstance(position, int):
        return Fault(f"YAML: {reason}")
    before = text.encode("utf-8", "surrogatepass")[:position].decode("utf-8", "replace")
    line, column = line_column(before, len(before))
    return Fault(f"YAML: {reason}", at.line + line, column)


class _Builder:
    """Builds one document after the other from parser events."""

    def __init__(self, next_event: Any, at: Extent, faults: list[Fault]) -> None:
        self._next_event = next_event
        self._at = at
        self._faults = faults

    def next_document(self) -> tuple[Any, Extent] | tuple[()] | None:
        """Return the next document, () for one that is empty or cannot be used, None at the end."""
        next_event = self._next_event
        while (event := next_event()) is not None:
            if type(event) is DocumentStartEvent:
                break
        else:
            return None
        first = next_event()
        try:
            value = self._value(first)
        except _RejectedError as rejected:
            self._faults.append(self._shifted(rejected.fault))
            while type(event) is not DocumentEndEvent:
                event = next_event()
            return ()
        last = next_event()
        if value is None:
            return ()
        at, mark = self._at, first.start_mark
        return value, Extent(mark.index + at.begin, last.start_mark.index + at.begin, mark.line + at.line, mark.column)

    def _shifted(self, fault: Fault) -> Fault:
        return Fault(fault.message, (fault.line or 0) + self._at.line, fault.column, fault.help)

    def _value(self, event: Any) -> Any:
        next_event = self._next_event
        anchors: dict[str, tuple[Any, int]] = {}
        merges: dict[int, list[tuple[Any, Any]]] = {}  # by the id of the mapping they go into when it is complete
        count = 0  # values so far, those that aliases stand for included
        stack: list[tuple[Any, Any, bool, str | None, int]] = []  # parent, its open key, is it a dict, anchor, count
        current: Any = None
        key: Any = _MISSING
        keyed = False
        while True:
            kind = type(event)
            count += 1
            if kind is ScalarEvent:
                value = event.value
                if event.tag is not None:
                    value = _tagged(event)
                elif event.implicit[0]:
                    value = resolve(value)
                    if value.__class__ is float and not math.isfinite(value):
                        raise _RejectedError(
                            f"{event.value} has no place in JSON", event, "write it as a string, in quotes"
                        )
                if event.anchor is not None:
                    anchors[event.anchor] = value, 1
                if keyed and key is _MISSING and event.value == "<<" and event.implicit[0]:
                    value = _MERGE
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if keyed and key is _MISSING:
                    raise _RejectedError("a key must be a scalar", event)
                if len(stack) >= DEPTH:
                    raise _RejectedError(f"nested deeper than {DEPTH} levels", event)
                stack.append((current, key, keyed, event.anchor, count))
                keyed = kind is MappingStartEvent
                current = {} if keyed else []
                key = _MISSING
                event = next_event()
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = current
                if merges and keyed:
                    for source, place in merges.pop(id(value), ()):
                        _merge(value, source, place)
                current, key, keyed, anchor, before = stack.pop()
                if anchor is not None:
                    anchors[anchor] = value, count - before
            elif kind is AliasEvent:
                if event.anchor not in anchors:
                    raise _RejectedError(f"alias *{event.anchor} names nothing before it, or what contains it", event)
                value, size = anchors[event.anchor]
                count += size
                if count > EXPANSION:
                    raise _RejectedError(f"aliases expand to more than {EXPANSION:,} values", event)
            if not keyed:
                if not stack:
                    return value
                current.append(value)
            elif key is _MISSING:
                key = value if value.__class__ is str or value is _MERGE else _key(value, event)
                if key in current:
                    self._repeated(key, event)
            else:
                if key is _MERGE:
                    merges.setdefault(id(current), []).append((value, event))
                else:
                    current[key] = value
                key = _MISSING
            event = next_event()

    def _repeated(self, key: str, event: Any) -> None:
        mark = event.start_mark
        self._faults.append(Fault(twice(key), mark.line + self._at.line, mark.column, "remove one of them"))


def _key(value: Any, event: Any) -> str:
    """Return a key as kubectl makes it a string: `1` is "1", `on` is "true"."""
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is int:
        return str(value)
    if value.__class__ is float:
        return f"{value:g}"
    raise _RejectedError("a key must be a string, not null or a collection", event)


def _merge(current: dict[str, Any], value: Any, event: Any) -> None:
    for source in value if isinstance(value, list) else [value]:
        if not isinstance(source, dict):
            raise _RejectedError("only a mapping or a list of mappings can be merged with <<", event)
        for name, inner in source.items():
            current.setdefault(name, inner)


def _tagged(event: Any) -> Any:
    """Return the value of a scalar with an explicit tag, such as `!!str 1`."""
    text, tag = event.value, event.tag
    if tag == _TAG + "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise _RejectedError("!!binary must be base64 of UTF-8 text", event) from None
    if tag not in _TAGS:
        return text
    value = resolve(text)
    if tag == _TAG + "float" and value.__class__ is int:
        return value
    if value.__class__ is not _TAGS[tag]:
        raise _RejectedError(f"`{text}` is no {tag.removeprefix(_TAG)}", event)
    return value


_TAGS: Final = {_TAG + "bool": bool, _TAG + "int": int, _TAG + "float": float, _TAG + "null": type(None)}
