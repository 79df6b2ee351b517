"""One document with the file it came from: plain data, and positions for whoever has to point at something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from admission.documents.decoded import Decoded, Extent, Fault, lines_of
from admission.documents.json_text import decode_json
from admission.documents.positions import Spot, offsets_of, spots_of
from admission.documents.yaml_text import decode_yaml
from admission.errors import Issue, Position, Severity

Path: TypeAlias = tuple[str | int, ...]
Part: TypeAlias = Literal["entry", "key", "value"]


class Source:
    """A file and its text."""

    __slots__ = ("_lines", "file", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text.removeprefix("\ufeff")
        self._lines: list[str] | None = None

    def line(self, line: int) -> str:
        """Return a line (from 0) with tabs as single blanks, so that a caret under it stands right."""
        if self._lines is None:
            self._lines = lines_of(self.text)
        return self._lines[line].replace("\t", " ") if 0 <= line < len(self._lines) else ""

    def issue(self, fault: Fault) -> Issue:
        """Return a fault of the text as an Issue."""
        line = fault.line or 0
        position = Position(self.file, line + 1, fault.column + 1)
        return Issue(fault.message, position, source=self.line(line), id="syntax", help=fault.help)


class _Root:
    """A document of a source; several Documents share it where it is a List."""

    __slots__ = ("_known", "_spot", "extent", "source")

    def __init__(self, source: Source, extent: Extent) -> None:
        self.source = source
        self.extent = extent
        self._known = False
        self._spot: Spot | None = None

    @property
    def spot(self) -> Spot | None:
        if not self._known:
            self._known = True
            self._spot = spots_of(self.source.text, self.extent)
        return self._spot


class Document:
    """One object of a file. `data` is what kubectl would send; nobody changes it."""

    __slots__ = ("_prefix", "_root", "data")

    def __init__(self, data: Any, root: _Root, prefix: Path = ()) -> None:
        self.data = data
        self._root = root
        self._prefix = prefix

    @property
    def file(self) -> str:
        """The file as it was named or found."""
        return self._root.source.file

    def items(self) -> Iterator[Document]:
        """Yield the objects of a List, each with its own place; those of a PodList are Pods, said or not."""
        inherited = {"apiVersion": self.data.get("apiVersion"), "kind": self.data.get("kind", "")[: -len("List")]}
        typed = {name: value for name, value in inherited.items() if value and inherited["kind"]}
        for index, item in enumerate(self.data.get("items") or ()):
            data = {**typed, **item} if isinstance(item, dict) else item
            yield Document(data, self._root, (*self._prefix, "items", index))

    def line_text(self, line: int) -> str:
        """Return a line of the file; lines count from 1."""
        return self._root.source.line(line - 1)

    def position_of(self, path: Path, part: Part = "entry") -> Position:
        """Return where a value stands, or the nearest thing around it that exists.

        `part` says which place of `key: value` is meant; "entry" is where it begins.
        """
        return self._span(path, part)[0]

    def span_of(self, path: Path, part: Part = "entry") -> tuple[Position, int]:
        """Return the position and how many characters to underline on that line."""
        return self._span(path, part)

    def has_position(self, path: Path) -> bool:
        """Return whether the path exists in the text."""
        return self._find(path)[1] == len(path)

    def locate(self, path: Path, offset: int, value: str) -> tuple[Position, str]:
        """Return the position of a code point of a string value, and its line; the value's begin where unknown."""
        spot, depth = self._find(path)
        if spot is None or depth < len(path):
            position = self.position_of(path)
            return position, self.line_text(position.line)
        source = self._root.source
        offsets = offsets_of(source.text, spot, value)
        if offsets is None or not 0 <= offset < len(offsets):
            return Position(self.file, spot.line + 1, spot.column + 1), source.line(spot.line)
        last = len(value.rstrip())
        # The end of a block scalar is the beginning of the next line, where nobody looks for it.
        place = offsets[offset] if offset < last or not last else offsets[last - 1] + 1
        before = lines_of(source.text[spot.begin : place])
        line = spot.line + len(before) - 1
        column = len(before[-1]) + (spot.column if len(before) == 1 else 0)
        return Position(self.file, line + 1, column + 1), source.line(line)

    def issue(
        self,
        message: str,
        path: Path = (),
        part: Part = "value",
        *,
        severity: Severity = "error",
        id: str = "",  # noqa: A002 - Issue's own name
        help: str = "",  # noqa: A002 - Issue's own name
    ) -> Issue:
        """Return an Issue about a value of this document."""
        position, length = self._span(path, part)
        return Issue(
            message,
            position,
            field_path(path),
            self.line_text(position.line),
            length,
            severity=severity,
            id=id,
            help=help,
        )

    def _find(self, path: Path) -> tuple[Spot | None, int]:
        spot = self._root.spot
        for step in self._prefix:
            inner = spot.child(step) if spot is not None else None
            spot = inner if inner is not None else spot
        for depth, step in enumerate(path):
            inner = spot.child(step) if spot is not None else None
            if inner is None:
                return spot, depth
            spot = inner
        return spot, len(path)

    def _span(self, path: Path, part: Part) -> tuple[Position, int]:
        spot, depth = self._find(path)
        if spot is None:
            extent = self._root.extent
            return Position(self.file, extent.line + 1, extent.column + 1), 1
        if depth < len(path):
            part = "key"
        begin = spot.key if spot.key is not None and part != "value" else spot
        end = begin if part == "key" else spot
        inline = end.style is not None or self._root.source.text[end.begin : end.begin + 1] in ("[", "{")
        if inline and end.end_line == begin.line:
            length = end.end_column - begin.column
        elif begin is not end:
            length = begin.end_column - begin.column
        else:
            length = len(self._root.source.line(begin.line).rstrip()) - begin.column if inline else 1
        return Position(self.file, begin.line + 1, begin.column + 1), max(1, length)


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """The place of one value of a document, found when it is asked for: a `Place` of `admission.policy`."""

    document: Document
    path: Path = ()
    text: str = ""

    @property
    def position(self) -> Position:
        """Where the value begins."""
        return self.document.position_of(self.path, "value")

    def locate(self, offset: int) -> tuple[Position, str]:
        """Return the position of a code point of the (string) value, and the line it stands on."""
        return self.document.locate(self.path, offset, self.text)

    def at(self, *steps: str | int, text: str = "") -> DocumentPlace:
        """Return the place of something inside."""
        return replace(self, path=(*self.path, *steps), text=text)


def field_path(path: Path) -> str:
    """Print a path as Kubernetes does: `spec.validations[0].expression`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".")


def read(source: Source, *, json_text: bool = False) -> tuple[list[Document], list[Issue]]:
    """Return the documents of a file (Lists as one) and every fault of its text, in order."""
    decoded = _decode(source.text, json_text=json_text)
    documents = [Document(data, _Root(source, extent)) for data, extent in decoded.documents]
    faults = sorted(decoded.faults, key=lambda fault: (fault.line or 0, fault.column))
    return documents, [source.issue(fault) for fault in faults]


def _decode(text: str, *, json_text: bool) -> Decoded:
    if not json_text and text.lstrip()[:1] not in ("{", "["):
        return decode_yaml(text)
    decoded, duplicates = decode_json(text)
    if decoded.faults and not json_text:
        return decode_yaml(text)  # a flow mapping without quotes is YAML and no JSON
    if duplicates:
        placed = decode_yaml(text)
        decoded.faults += (
            placed.faults if placed.faults and not placed.broken else [Fault(twice) for twice in duplicates]
        )
    return decoded
