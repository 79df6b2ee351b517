"""What else is wrong with an expression whose syntax is wrong: the faults in the parts that could still be read.

cel-go goes on to look at what its recovery from syntax errors left over and reports reserved names, literals out of
range and misused macros in it; users then see these first if they come first (`if a then b`: reserved identifier).
Operators become stand-ins here: only their places matter, for macros that complain about an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from admission.cel.ast import Expr, Ident, ListExpr, Literal, Select
from admission.cel.builder import RESERVED, Builder
from admission.cel.diagnostic import CelIssue
from admission.cel.lexer import QUOTED_NAME


@dataclass(slots=True)
class Element:
    """An element of a list, a key, or the name of a field; `question`, `name` and `start` are indexes of tokens.

    `mark` is the number of faults that were known before it.
    """

    question: int | None
    value: Expr | None
    name: int | None
    start: int
    mark: int


# What a rule leaves behind: the index of a token (None where it was missing), an expression, several, or nothing.
Remnant: TypeAlias = "int | Expr | Element | list[Expr] | list[Element] | None"


@dataclass(slots=True)
class Remains:
    """One rule that was read, completely or not: its parts, the alternatives taken, and where it started."""

    rule: str
    start: int
    mark: int
    parts: list[Remnant] = field(default_factory=list)
    way: int = 0


class Salvage(Builder):
    """Turns the remains of rules into expressions, noting the faults that cel-go would note (parser/parser.go)."""

    __slots__ = ()

    def close(self, remains: Remains) -> Remnant:
        """Return what a rule amounts to once no more of it will be read."""
        rule = remains.rule
        if rule == "member":
            return self.fold(remains)
        if rule == "primary":
            return self._primary(remains)
        if rule == "unary":
            return self._unary(remains)
        if rule == "literal":
            return self._literal(remains)
        if rule == "escapeIdent":
            name = next((part for part in remains.parts if isinstance(part, int)), None)
            return Element(None, None, name, remains.start, remains.mark)
        if rule == "exprList":
            return _expressions(remains.parts)
        if rule in ("optExpr", "optField"):
            return self._element(remains)
        if rule == "listInit":
            return _elements(remains.parts)
        if rule in ("mapInitializerList", "fieldInitializerList"):
            return self._entries(remains)
        return self.fold(remains)

    def fold(self, remains: Remains) -> Expr:
        """Return an operand with what followed it so far: an operator and its right side, or a selection."""
        parts = remains.parts
        operands = _expressions(parts)
        operators = [part for part in parts if isinstance(part, int)]
        first = operands[0] if operands else self._unknown(remains.start)
        if not operators:
            return first
        if remains.rule == "member":
            return self._member(remains, first, operators)
        if remains.rule in ("conditionalOr", "conditionalAnd"):
            return self._unknown(operators[len(operators) // 2])
        return self._unknown(operators[0])

    def _unknown(self, token: int) -> Expr:
        """Return a stand-in for an expression placed at a token."""
        offset = self.starts[token]
        return Literal(self.number(offset, offset), None)

    def _nowhere(self) -> Expr:
        """Return a stand-in for what could not be read at all, which cel-go places before the text."""
        return Literal(self.number(-1, 0), None)

    def report(self, offset: int, message: str) -> Expr:
        """Note a fault and return a stand-in."""
        if offset >= 0:
            return super().report(offset, message)
        self.issues.append(CelIssue(-1, 1, -1, message))
        return self._nowhere()

    def _unary(self, remains: Remains) -> Expr:
        signs = [part for part in remains.parts if isinstance(part, int)]
        return self._unknown(signs[0]) if len(signs) % 2 else self.fold(Remains("", remains.start, 0, _only(remains)))

    def _literal(self, remains: Remains) -> Expr:
        tokens = [part for part in remains.parts if isinstance(part, int)]
        if not tokens or self.kinds[tokens[-1]] == "-":
            return self._nowhere()
        return self.constant(tokens[0] if tokens[-1] - tokens[0] == len(tokens) - 1 else tokens[-1])

    @staticmethod
    def _element(remains: Remains) -> Element:
        question = next((part for part in remains.parts if isinstance(part, int)), None)
        names = _elements(remains.parts)
        values = _expressions(remains.parts)
        name = names[0].name if names else None
        return Element(question, values[0] if values else None, name, remains.start, remains.mark)

    def _entries(self, remains: Remains) -> list[Element]:
        """Return the keys or fields that have a value, and forget what was wrong with the others.

        Fields are reported where the first one starts, as in cel-go.
        """
        elements = _elements(remains.parts)
        complete = elements[: len(_expressions(remains.parts))]
        if len(complete) < len(elements):
            del self.issues[elements[len(complete)].mark :]
        if remains.rule == "mapInitializerList":
            return complete
        return [Element(part.question, part.value, part.name, remains.start, part.mark) for part in complete]

    def _member(self, remains: Remains, operand: Expr, tokens: list[int]) -> Expr:
        offset = self.starts[tokens[0]]
        kinds = [self.kinds[token] for token in tokens]
        optional = "?" in kinds
        if kinds[0] == "[":
            if optional and not self.optional_syntax:
                return self.report(offset, "unsupported syntax '[?'")
            return self._unknown(tokens[0])
        if "(" in kinds:
            number = self.number(self.starts[tokens[kinds.index("(")]], 0)
            return self.apply(number, self.texts[tokens[1]], operand, _arguments(remains.parts))
        names = _elements(remains.parts)
        if not names:
            return self._unknown(remains.start)
        fault = self._name_fault(names[0])
        if fault:
            self.report(self.starts[names[0].start], fault)
        if optional and not self.optional_syntax:
            return self.report(offset, "unsupported syntax '.?'")
        if optional:
            return self._unknown(tokens[0])
        return Select(self.number(offset, offset), operand, "")

    def _name_fault(self, field: Element) -> str:
        """Return what is wrong with the name of a field."""
        if field.name is None:
            return "unsupported ident kind"
        if self.kinds[field.name] == QUOTED_NAME and not self.escaped_identifiers:
            return "unsupported syntax: '`'"
        return ""

    def _primary(self, remains: Remains) -> Expr:
        tokens = [part for part in remains.parts if isinstance(part, int)]
        way = remains.way
        if not remains.parts:
            return self._nowhere()
        if not tokens or way in (2, 6):  # in parentheses, or a literal
            return self.fold(Remains("", remains.start, 0, _only(remains)))
        if way == 3:
            return self._list(remains, tokens[0])
        if way in (4, 5):
            self._entry_faults(remains, fields=way == 5)
            return self._unknown(next((token for token in tokens if self.kinds[token] == "{"), remains.start))
        dotted = self.kinds[tokens[0]] == "."
        named = tokens[1:] if dotted else tokens
        if not named:
            return self._unknown(remains.start)
        name = self.texts[named[0]]
        if name in RESERVED:
            del self.issues[remains.mark :]
            return self.report(self.starts[remains.start], f"reserved identifier: {name}")
        full = f".{name}" if dotted else name
        if way == 0:
            offset = self.starts[named[0]]
            return Ident(self.number(offset, offset), full)
        offset = self.starts[named[1]]
        return self.apply(self.number(offset, offset), full, None, _arguments(remains.parts))

    def _list(self, remains: Remains, bracket: int) -> Expr:
        elements = [element for part in remains.parts if isinstance(part, list) for element in _elements(part)]
        for element in elements:
            if element.question is not None and not self.optional_syntax:
                self.report(self.starts[element.question], "unsupported syntax '?'")
        offset = self.starts[bracket]
        values = [element.value for element in elements if element.value is not None]
        return ListExpr(self.number(offset, offset), values)

    def _entry_faults(self, remains: Remains, *, fields: bool) -> None:
        """Report keys and fields that cannot be; cel-go then does not look at what belongs to them."""
        end = len(self.issues)
        for part in remains.parts:
            for element in reversed(_elements(part) if isinstance(part, list) else []):
                fault, place = self._name_fault(element) if fields else "", element.start
                if element.question is not None and not self.optional_syntax:
                    fault, place = "unsupported syntax '?'", element.question
                if fault:
                    del self.issues[element.mark : end]
                    self.report(self.starts[place], fault)
                end = element.mark


def _elements(parts: Sequence[Remnant]) -> list[Element]:
    return [part for part in parts if isinstance(part, Element)]


def _expressions(parts: Sequence[Remnant]) -> list[Expr]:
    return [part for part in parts if part is not None and not isinstance(part, (int, list, Element))]


def _only(remains: Remains) -> list[Remnant]:
    return list(_expressions(remains.parts))


def _arguments(parts: Sequence[Remnant]) -> list[Expr]:
    return [arg for part in parts if isinstance(part, list) for arg in part if not isinstance(arg, Element)]
