"""What decoding a text yields: its documents, where each of them lies, and what is wrong where.

Lines and columns count from 0 here, as parsers count; `admission.errors.Position` counts from 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

DEPTH: Final = 250  # levels of nesting; CustomResourceDefinitions, the deepest that exist, stay below 100
EXPANSION: Final = 1_000_000  # values of one document, those that aliases stand for included

LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of the text; `line` and `column` count from 0, None where the place is unknown."""

    message: str
    line: int | None = None
    column: int = 0
    help: str = ""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a document lies in its text: code point offsets, and line and column (from 0) of its first node."""

    begin: int = 0
    end: int = 0
    line: int = 0
    column: int = 0


@dataclass(slots=True)
class Decoded:
    """The documents of one text, in order, with their extents, and all faults found on the way."""

    documents: list[tuple[Any, Extent]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    broken: bool = False  # the parser gave up before the end


def lines_of(text: str) -> list[str]:
    """Split into lines as YAML counts them."""
    return LINE_BREAK.split(text)


def line_column(text: str, index: int) -> tuple[int, int]:
    """Return line and column of a code point of the text."""
    before = lines_of(text[:index])
    return len(before) - 1, len(before[-1])


def twice(key: str) -> str:
    """Say that a key is a duplicate."""
    return f'key "{key}" occurs twice in the same mapping'
