"""The nodes that a parser makes: their numbers and places, the meaning of literals, the expansion of macros.

Shared by the parser and by the recovery from syntax errors, which goes on looking for faults in what is left.
"""

from __future__ import annotations

import math
from typing import Final

from admission.cel.ast import Call, Comprehension, Constant, Expr, Literal, MacroCall, SourceInfo
from admission.cel.diagnostic import CelIssue, issue_at
from admission.cel.function import Macro
from admission.cel.lexer import BYTES, FLOAT, INT, PLAIN, STRING, UINT, Lexemes
from admission.cel.macro import MacroTable
from admission.cel.unescape import UnescapeError, bytes_value, string_value
from admission.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint

MAX_NODES: Final = 200_000

RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"),
        *("loop", "package", "namespace", "null", "return", "true", "var", "void", "while"),
    )
)

_KEYWORD_VALUES: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 4000


class SyntaxFault(Exception):  # noqa: N818 - a signal between parser and recovery
    """The token at the parser's position cannot stand there."""


class LimitPassed(Exception):  # noqa: N818 - a signal that ends a parse
    """A limit was passed; nothing more can be said about the text."""


class _Misuse(Exception):  # noqa: N818 - never leaves this module
    """A macro was called with arguments that it cannot take."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class Builder:
    """What has been numbered and what has been found wrong, for a list of tokens and a position in it.

    It is also the context in which macros expand (`MacroContext`): they are placed at the call that they replace.
    """

    __slots__ = (
        "escaped_identifiers",
        "issues",
        "kinds",
        "macros",
        "next_number",
        "offsets",
        "optional_syntax",
        "place",
        "place_span",
        "pos",
        "source",
        "spans",
        "starts",
        "texts",
    )

    def __init__(
        self, lexemes: Lexemes, source: SourceInfo, macros: MacroTable, *, optional: bool, escaped: bool
    ) -> None:
        self.kinds = lexemes.kinds
        self.texts = lexemes.texts
        self.starts = lexemes.starts
        self.source = source
        self.offsets = source.offsets
        self.spans = source.spans
        self.macros = macros
        self.optional_syntax = optional
        self.escaped_identifiers = escaped
        self.pos = 0
        self.next_number = 1
        self.issues: list[CelIssue] = []
        self.place = 0
        self.place_span = (0, 0)

    # What macros may ask (MacroContext).

    def new_id(self, like: Expr | None = None) -> int:
        """Return a fresh id, placed at the macro call or where `like` stands."""
        number = self.next_number
        if number > MAX_NODES:
            raise LimitPassed(f"expression too large: macros expand it to more than {MAX_NODES} nodes")
        self.next_number = number + 1
        if like is None:
            self.offsets[number] = self.place
            self.spans[number] = self.place_span
        else:
            self.offsets[number] = self.offsets[like.id]
            self.spans[number] = self.spans[like.id]
        return number

    def fail(self, node: Expr | None, message: str) -> Exception:
        """Return the error that says what is wrong with an argument of a macro."""
        return _Misuse(self.place if node is None else self.offsets[node.id], message)

    # Numbers, places, faults.

    def number(self, offset: int, begin: int) -> int:
        """Return a fresh id for what is at `offset`; its span starts at `begin` and ends with the last token read."""
        number = self.next_number
        self.next_number = number + 1
        self.offsets[number] = offset
        last = self.pos - 1
        self.spans[number] = (begin, self.starts[last] + len(self.texts[last]))
        return number

    def extend(self, number: int, begin: int) -> None:
        """Set the span of an id that was taken before all of its text was read."""
        last = self.pos - 1
        self.spans[number] = (begin, self.starts[last] + len(self.texts[last]))

    def report(self, offset: int, message: str) -> Expr:
        """Note a fault and return a stand-in, so that the others are found too."""
        self.issues.append(issue_at(self.source, offset, message))
        return Literal(self.number(offset, offset), None)

    # Calls and literals.

    def apply(self, number: int, name: str, target: Expr | None, args: list[Expr]) -> Expr:
        """Return the call with this id, or what it means where it is a macro."""
        member = target is not None
        macro = self.macros.get((name, member, len(args))) or self.macros.get((name, member, None))
        if macro is not None:
            expanded = self.expand(macro, number, target, args)
            if expanded is not None:
                return expanded
        return Call(number, name, target, args)

    def expand(self, macro: Macro, number: int, target: Expr | None, args: list[Expr]) -> Expr | None:
        """Return what a macro makes of a call, None where it leaves the call alone."""
        self.place = self.offsets[number]
        self.place_span = self.spans[number]
        expanded: Expr | None
        try:
            expanded = macro.expand(self, target, args)
        except _Misuse as misuse:
            return self.report(misuse.offset, misuse.message)
        if expanded is None:
            return None
        if isinstance(expanded, Comprehension) and expanded.macro is None:
            expanded.macro = MacroCall(macro.name, target, args)
        del self.offsets[number], self.spans[number]
        return expanded

    def unquoted(self, field: str, offset: int) -> str:
        """Return a field name without its back quotes, which only some environments know."""
        if not self.escaped_identifiers:
            self.report(offset, "unsupported syntax: '`'")
        return field[1:-1]

    def constant(self, pos: int) -> Expr:
        """Return the constant at `pos`; the minus before a number belongs to it."""
        kind, text, start = self.kinds[pos], self.texts[pos], self.starts[pos]
        negative = kind == "-"
        if negative:
            kind, text = self.kinds[pos + 1], self.texts[pos + 1]
            if kind not in (INT, FLOAT):
                self.pos = pos + 1
                raise SyntaxFault
            self.pos = pos + 2
        value: Constant
        if kind == PLAIN:
            value = text[1:-1]
        elif kind == INT:
            number = _whole(text)
            value = -number if negative else number
            if not INT_MIN <= value <= INT_MAX:
                return self.report(start, "invalid int literal")
        elif kind in _KEYWORD_VALUES:
            value = _KEYWORD_VALUES[kind]
        elif kind in (STRING, BYTES):
            try:
                value = string_value(text) if kind == STRING else bytes_value(text)
            except UnescapeError as error:
                return self.report(start, str(error))
        elif kind == UINT:
            value = Uint(_whole(text[:-1]))
            if value > UINT_MAX:
                return self.report(start, "invalid uint literal")
        elif kind == FLOAT:
            value = -float(text) if negative else float(text)
            if math.isinf(value):
                return self.report(start, "invalid double literal")
        else:
            self.pos = pos
            raise SyntaxFault
        return Literal(self.number(start, start), value)


def _whole(digits: str) -> int:
    """Return a decimal or `0x` number; one that has too many digits to be one comes out too large as well."""
    if digits.startswith("0x"):
        return int(digits, 16)
    if len(digits) > _MAX_DIGITS:
        digits = digits.lstrip("0")[: _MAX_DIGITS + 1] or "0"
    return int(digits)
