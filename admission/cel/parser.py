"""From text to syntax tree: a hand-written precedence parser for all of CEL as cel-go accepts it (parser/parser.go).

It accepts and rejects what cel-go does, numbers the nodes as cel-go does, and puts errors where cel-go puts them. At
most three frames of the Python stack per level of nesting, and cel-go's own limits, keep any input from exhausting
the stack. Where the syntax is wrong it only finds out that it is; admission/cel/recovery.py says how.
"""

from __future__ import annotations

import re
from typing import Final

from admission.cel.ast import (
    Ast,
    Call,
    Expr,
    FieldInit,
    Ident,
    ListExpr,
    Literal,
    MapEntry,
    MapExpr,
    Select,
    SourceInfo,
    StructExpr,
)
from admission.cel.builder import RESERVED, Builder, LimitPassed, SyntaxFault
from admission.cel.depth import check_depth
from admission.cel.diagnostic import CompileError, issue_at
from admission.cel.lexer import END, FLOAT, INT, NAME, QUOTED_NAME, Lexemes, tokenize
from admission.cel.macro import MacroTable
from admission.cel.recovery import Recovery
from admission.cel.remnant import Salvage

MAX_NESTING: Final = 250
MAX_SIZE: Final = 100_000

_OR, _AND, _RELATION, _ADDITION, _MULTIPLICATION = 1, 2, 3, 4, 5
_PRECEDENCE: Final = {
    "||": _OR,
    "&&": _AND,
    "<": _RELATION,
    "<=": _RELATION,
    ">=": _RELATION,
    ">": _RELATION,
    "==": _RELATION,
    "!=": _RELATION,
    "in": _RELATION,
    "+": _ADDITION,
    "-": _ADDITION,
    "*": _MULTIPLICATION,
    "/": _MULTIPLICATION,
    "%": _MULTIPLICATION,
}
_FUNCTIONS: Final = {token: f"_{token}_" for token in _PRECEDENCE} | {"in": "@in"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _Binary:
    """An operator that waits for its right side."""

    __slots__ = ("begin", "left", "number", "precedence", "token")

    def __init__(self, precedence: int, token: str, number: int, left: Expr, begin: int) -> None:
        self.precedence = precedence
        self.token = token
        self.number = number
        self.left = left
        self.begin = begin


class _Chain:
    """The terms of `a && b && c` (or of `||`) so far; `offset` is the place of the last operator."""

    __slots__ = ("numbers", "offset", "precedence", "spans", "terms", "token")

    def __init__(self, precedence: int, token: str, first: Expr, span: tuple[int, int]) -> None:
        self.precedence = precedence
        self.token = token
        self.terms = [first]
        self.spans = [span]
        self.numbers: list[int] = []
        self.offset = 0


class _Parser(Builder):
    """The state of one parse: where it is in the tokens, and how deep."""

    __slots__ = ("nesting", "relations", "sums", "waiting")

    def __init__(
        self, lexemes: Lexemes, source: SourceInfo, macros: MacroTable, *, optional: bool, escaped: bool
    ) -> None:
        super().__init__(lexemes, source, macros, optional=optional, escaped=escaped)
        self.nesting = 0  # open expressions
        self.waiting = 0  # those of them that wait for what comes behind their colon
        self.relations = 0  # comparisons whose right side is being read
        self.sums = 0  # the same for arithmetic

    def expect(self, kind: str) -> int:
        """Read one token of this kind; return its offset."""
        pos = self.pos
        if self.kinds[pos] != kind:
            raise SyntaxFault
        self.pos = pos + 1
        return self.starts[pos]

    def check_nesting(self) -> None:
        """Refuse what nests deeper than cel-go allows: expressions, and right sides of one family of operators."""
        operators = self.nesting - self.waiting + max(self.relations, self.sums)
        if self.nesting > MAX_NESTING or operators > MAX_NESTING:
            raise SyntaxFault

    # Operators.

    def expression(self) -> Expr:
        """Read an expression: operators by precedence and conditionals, without recursion of its own."""
        kinds, starts = self.kinds, self.starts
        entered = self.nesting
        self.nesting = entered + 1
        self.check_nesting()
        stack: list[_Binary | _Chain] = []
        conditionals: list[tuple[int, int, Expr, Expr]] = []
        condition: tuple[int, int, Expr] | None = None
        while True:
            begin = starts[self.pos]
            node = self.operand()
            pos = self.pos
            kind = kinds[pos]
            precedence = _PRECEDENCE.get(kind, 0)
            if stack:
                node, begin = self.reduce(stack, precedence, node, begin)
            if precedence:
                self.push(stack, precedence, node, begin)
            elif condition is not None:
                self.expect(":")
                conditionals.append((*condition, node))
                condition = None
                self.nesting += 1
                self.waiting += 1
                self.check_nesting()
            elif kind == "?":
                condition = (self.number(starts[pos], begin), begin, node)
                self.pos = pos + 1
            else:
                break
        for number, start, test, then in reversed(conditionals):
            self.extend(number, start)
            node = Call(number, "_?_:_", None, [test, then, node])
        self.nesting = entered
        self.waiting -= len(conditionals)
        return node

    def push(self, stack: list[_Binary | _Chain], precedence: int, left: Expr, begin: int) -> None:
        """Read an operator and remember its left side."""
        pos = self.pos
        offset = self.starts[pos]
        if precedence > _AND:
            stack.append(_Binary(precedence, self.kinds[pos], self.number(offset, begin), left, begin))
            if precedence == _RELATION:
                self.relations += 1
            else:
                self.sums += 1
            self.check_nesting()
        else:
            top = stack[-1] if stack else None
            if not isinstance(top, _Chain) or top.precedence != precedence:
                last = pos - 1
                top = _Chain(precedence, self.kinds[pos], left, (begin, self.starts[last] + len(self.texts[last])))
                stack.append(top)
            top.offset = offset
        self.pos = pos + 1

    def reduce(self, stack: list[_Binary | _Chain], precedence: int, node: Expr, begin: int) -> tuple[Expr, int]:
        """Give `node` to the operators that bind tighter than the next one; return what it became and its start."""
        while stack and stack[-1].precedence >= precedence:
            top = stack[-1]
            if isinstance(top, _Binary):
                stack.pop()
                begin = top.begin
                self.extend(top.number, begin)
                node = Call(top.number, _FUNCTIONS[top.token], None, [top.left, node])
                if top.precedence == _RELATION:
                    self.relations -= 1
                else:
                    self.sums -= 1
                continue
            top.terms.append(node)
            top.numbers.append(self.number(top.offset, begin))
            top.spans.append(self.spans[top.numbers[-1]])
            if top.precedence == precedence:
                break
            stack.pop()
            begin = top.spans[0][0]
            node = self.balance(top, _FUNCTIONS[top.token], 0, len(top.numbers) - 1)
        return node, begin

    def balance(self, chain: _Chain, function: str, low: int, high: int) -> Expr:
        """Return the terms of a chain as a balanced tree: the operator in the middle is its root (parser/helper.go)."""
        middle = (low + high + 1) // 2
        left = chain.terms[middle] if middle == low else self.balance(chain, function, low, middle - 1)
        right = chain.terms[middle + 1] if middle == high else self.balance(chain, function, middle + 1, high)
        number = chain.numbers[middle]
        self.spans[number] = (chain.spans[low][0], chain.spans[high + 1][1])
        return Call(number, function, None, [left, right])

    # Operands.

    def operand(self) -> Expr:
        """Read signs, a primary expression, and the selections, calls and indexes behind it."""
        kinds, texts, starts = self.kinds, self.texts, self.starts
        pos = self.pos
        kind = kinds[pos]
        begin = starts[pos]
        sign = 0
        if kind == "-" or kind == "!":
            run = pos + 1
            while kinds[run] == kind:
                run += 1
            if kind == "!" or run > pos + 1 or kinds[run] not in (INT, FLOAT):
                if (run - pos) % 2:
                    sign = self.number(begin, begin)
                self.pos = pos = run
                kind = kinds[pos]
        start = starts[pos]
        self.pos = pos + 1
        node: Expr
        if kind == NAME or kind == ".":
            if kind == ".":
                self.expect(NAME)
            at = self.pos
            name = texts[at - 1]
            if kinds[at] == "(":
                node = self.call(start, name if kind == NAME else f".{name}", None)
            elif name in RESERVED:
                node = self.report(start, f"reserved identifier: {name}")
            else:
                node = Ident(self.number(starts[at - 1], start), name if kind == NAME else f".{name}")
        elif kind == "(":
            node = self.expression()
            self.expect(")")
        elif kind == "[":
            node = self.list_literal(start)
        elif kind == "{":
            node = self.map_literal(start)
        else:
            node = self.constant(pos)
        while True:
            at = self.pos
            kind = kinds[at]
            if kind == ".":
                if kinds[at + 1] != NAME:
                    node = self.select(node, start)
                elif kinds[at + 2] == "(":
                    self.pos = at + 2
                    node = self.call(start, texts[at + 1], node)
                else:
                    self.pos = at + 2
                    node = Select(self.number(starts[at], start), node, texts[at + 1])
            elif kind == "[":
                node = self.index(node, start)
            elif kind == "{" and self.is_dotted_name(pos, at):
                node = self.struct(pos, at)
            else:
                break
        if sign:
            self.extend(sign, begin)
            node = Call(sign, "!_" if kinds[pos - 1] == "!" else "-_", None, [node])
        return node

    def select(self, operand: Expr, start: int) -> Expr:
        """Read `.?field` or a field in back quotes."""
        kinds, texts, starts = self.kinds, self.texts, self.starts
        dot = self.pos
        optional = kinds[dot + 1] == "?"
        at = dot + 2 if optional else dot + 1
        kind = kinds[at]
        if kind not in (NAME, QUOTED_NAME):
            self.pos = at
            raise SyntaxFault
        self.pos = at + 1
        field = texts[at]
        if kind == QUOTED_NAME:
            field = self.unquoted(field, starts[at])
        if not optional:
            return Select(self.number(starts[dot], start), operand, field)
        if not self.optional_syntax:
            return self.report(starts[dot], "unsupported syntax '.?'")
        name = Literal(self.number(starts[at], starts[at]), field)
        return Call(self.number(starts[dot], start), "_?._", None, [operand, name])

    def index(self, operand: Expr, start: int) -> Expr:
        """Read `[key]` or `[?key]`."""
        bracket = self.starts[self.pos]
        self.pos += 1
        number = self.number(bracket, start)
        optional = self.kinds[self.pos] == "?"
        if optional:
            self.pos += 1
        key = self.expression()
        self.expect("]")
        self.extend(number, start)
        if optional and not self.optional_syntax:
            return self.report(bracket, "unsupported syntax '[?'")
        return Call(number, "_[?_]" if optional else "_[_]", None, [operand, key])

    def call(self, start: int, name: str, target: Expr | None) -> Expr:
        """Read the arguments of a call; return the call, or what it means where it is a macro."""
        kinds = self.kinds
        offset = self.starts[self.pos]
        self.pos += 1
        number = self.number(offset, start)
        known = len(self.issues)
        args: list[Expr] = []
        if kinds[self.pos] == ")":
            self.pos += 1
        else:
            args.append(self.expression())
            while kinds[self.pos] == ",":
                self.pos += 1
                args.append(self.expression())
            self.expect(")")
        self.extend(number, start)
        if target is None and name.lstrip(".") in RESERVED:
            del self.issues[known:]  # cel-go does not look at the arguments then
            return self.report(start, f"reserved identifier: {name.lstrip('.')}")
        return self.apply(number, name, target, args)

    # Literals.

    def list_literal(self, start: int) -> Expr:
        """Read the elements of a list up to its bracket, which may follow a comma."""
        kinds = self.kinds
        number = self.number(start, start)
        elements: list[Expr] = []
        optional: list[int] = []
        if kinds[self.pos] == "," and kinds[self.pos + 1] == "]":
            self.pos += 1
        while kinds[self.pos] != "]":
            mark = -1
            if kinds[self.pos] == "?":
                mark = self.starts[self.pos]
                self.pos += 1
            elements.append(self.expression())
            if mark >= 0:
                if self.optional_syntax:
                    optional.append(len(elements) - 1)
                else:
                    self.report(mark, "unsupported syntax '?'")
            if kinds[self.pos] != ",":
                break
            self.pos += 1
        self.expect("]")
        self.extend(number, start)
        return ListExpr(number, elements, frozenset(optional))

    def map_literal(self, start: int) -> Expr:
        """Read the entries of a map up to its brace, which may follow a comma."""
        kinds = self.kinds
        number = self.number(start, start)
        entries: list[MapEntry] = []
        if kinds[self.pos] == "," and kinds[self.pos + 1] == "}":
            self.pos += 1
        while kinds[self.pos] != "}":
            begin = self.starts[self.pos]
            optional = kinds[self.pos] == "?"
            if optional:
                self.pos += 1
            before = len(self.issues)
            entry, self.next_number = self.next_number, self.next_number + 1
            key = self.expression()
            self.offsets[entry] = self.expect(":")
            value = self.expression()
            self.extend(entry, begin)
            if optional and not self.optional_syntax:
                del self.issues[before:]
                self.report(begin, "unsupported syntax '?'")
            entries.append(MapEntry(entry, key, value, optional))
            if kinds[self.pos] != ",":
                break
            self.pos += 1
        self.expect("}")
        self.extend(number, start)
        return MapExpr(number, entries)

    def is_dotted_name(self, first: int, end: int) -> bool:
        """Return whether the tokens are `a.b.c` or `.a.b.c` and nothing else."""
        kinds = self.kinds
        if kinds[first] == ".":
            first += 1
        return (end - first) % 2 == 1 and all(
            kinds[at] == (NAME if (at - first) % 2 == 0 else ".") for at in range(first, end)
        )

    def struct(self, first: int, brace: int) -> Expr:
        """Read `{field: value}` behind a dotted name, which turns out to be the name of a type."""
        kinds, texts, starts = self.kinds, self.texts, self.starts
        names = texts[first + (kinds[first] == ".") : brace]
        for number in range(self.next_number - (len(names) + 1) // 2, self.next_number):
            del self.offsets[number], self.spans[number]
        self.next_number -= (len(names) + 1) // 2
        if names[0] in RESERVED:
            self.issues.pop()  # only a variable may not have that name
        start = starts[first]
        self.pos = brace + 1
        number = self.number(starts[brace], start)
        fields: list[FieldInit] = []
        if kinds[self.pos] == "," and kinds[self.pos + 1] == "}":
            self.pos += 1
        while kinds[self.pos] != "}":
            begin = starts[self.pos]
            optional = kinds[self.pos] == "?"
            if optional:
                self.pos += 1
            kind, field = kinds[self.pos], texts[self.pos]
            if kind not in (NAME, QUOTED_NAME):
                raise SyntaxFault
            self.pos += 1
            before = len(self.issues)
            init = self.number(self.expect(":"), begin)
            if kind == QUOTED_NAME:
                field = self.unquoted(field, starts[brace + 1])
            value = self.expression()
            self.extend(init, begin)
            if optional and not self.optional_syntax:
                del self.issues[before:]
                self.report(begin, "unsupported syntax '?'")
            fields.append(FieldInit(init, field, value, optional))
            if kinds[self.pos] != ",":
                break
            self.pos += 1
        self.expect("}")
        self.extend(number, start)
        return StructExpr(number, "".join(texts[first:brace]), fields)


def parse(
    text: str,
    *,
    macros: MacroTable,
    description: str = "<input>",
    optional_syntax: bool = True,
    escaped_identifiers: bool = False,
) -> Ast:
    """Return the syntax tree of an expression, macros expanded.

    Raises CompileError with cel-go's texts and places: all faults of syntax, and of meaning (reserved names, literals
    out of range, macros). Limits are cel-go's: 100,000 code points, 250 levels of nesting; besides, a tree is at most
    750 levels deep (admission/cel/depth.py), so that readers may recurse, and has at most 200,000 nodes, because
    `optMap` copies what it is called on. `escaped_identifiers` allows fields in back quotes.
    """
    if not text.isascii() and _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    source = SourceInfo(text, description)
    if len(text) > MAX_SIZE:
        message = f"expression code point size exceeds limit: size: {len(text)}, limit {MAX_SIZE}"
        raise CompileError([issue_at(source, -1, message)], source)
    lexemes = tokenize(text)
    parser = _Parser(lexemes, source, macros, optional=optional_syntax, escaped=escaped_identifiers)
    try:
        if lexemes.faults:
            raise SyntaxFault
        expr = parser.expression()
        if lexemes.kinds[parser.pos] != END:
            raise SyntaxFault
        check_depth(expr, parser.next_number)
    except (SyntaxFault, RecursionError):
        salvage = Salvage(lexemes, source, macros, optional=optional_syntax, escaped=escaped_identifiers)
        issues = Recovery(salvage, lexemes.faults).run()
        if not issues:  # the stack was nearly full before we came
            issues = [issue_at(source, -1, f"expression recursion limit exceeded: {MAX_NESTING}")]
        raise CompileError(issues, source) from None
    except LimitPassed as limit:
        raise CompileError([*parser.issues, issue_at(source, -1, str(limit))], source) from None
    if parser.issues:
        raise CompileError(parser.issues, source)
    return Ast(expr, source)
