"""From text to syntax tree: a hand-written precedence parser for all of CEL as cel-go accepts it (parser/parser.go).

It accepts and rejects what cel-go does, numbers the nodes as cel-go does, and puts errors where cel-go puts them. Two
frames of the Python stack per level of nesting, and cel-go's own limits, keep any input from exhausting the stack.
"""

from __future__ import annotations

import math
import re
from typing import Final

from admission.cel.ast import (
    Ast,
    Call,
    Comprehension,
    Constant,
    Expr,
    FieldInit,
    Ident,
    ListExpr,
    Literal,
    MacroCall,
    MapEntry,
    MapExpr,
    Select,
    SourceInfo,
    StructExpr,
)
from admission.cel.diagnostic import CelIssue, CompileError, issue_at
from admission.cel.function import Macro
from admission.cel.lexer import (
    BYTES,
    END,
    FLOAT,
    INT,
    NAME,
    PLAIN,
    QUOTED_NAME,
    STRING,
    UINT,
    Lexemes,
    tokenize,
)
from admission.cel.macro import MacroTable
from admission.cel.unescape import UnescapeError, bytes_value, string_value
from admission.cel.values import INT_MAX, INT_MIN, UINT_MAX, Uint

MAX_NESTING: Final = 250
MAX_SIZE: Final = 100_000
MAX_NODES: Final = 200_000
MAX_TREE_DEPTH: Final = 750

RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"),
        *("loop", "package", "namespace", "null", "return", "true", "var", "void", "while"),
    )
)

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
_KEYWORD_VALUES: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 4000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _SyntaxFault(Exception):  # noqa: N818 - never leaves this module
    """The token at the parser's position cannot stand there."""


class _Abandoned(Exception):  # noqa: N818 - never leaves this module
    """A limit was passed; nothing more can be said about the text."""


class _Misuse(Exception):  # noqa: N818 - never leaves this module
    """A macro was called with arguments that it cannot take."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


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


class _Parser:
    """The state of one parse: where it is in the tokens, what it has numbered, what it has found wrong.

    It is also the context in which macros expand (`MacroContext`): they are placed at the call that they replace.
    """

    __slots__ = (
        "escaped_identifiers",
        "issues",
        "kinds",
        "macros",
        "nesting",
        "next_number",
        "offsets",
        "optional_syntax",
        "place",
        "place_span",
        "pos",
        "relations",
        "source",
        "spans",
        "starts",
        "sums",
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
        self.nesting = 0  # open expressions
        self.relations = 0  # comparisons whose right side is being read
        self.sums = 0  # the same for arithmetic
        self.issues: list[CelIssue] = []
        self.place = 0
        self.place_span = (0, 0)

    # What macros may ask (MacroContext).

    def new_id(self, like: Expr | None = None) -> int:
        """Return a fresh id, placed at the macro call or where `like` stands."""
        number = self.next_number
        if number > MAX_NODES:
            raise _Abandoned(f"expression too large: macros expand it to more than {MAX_NODES} nodes")
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

    def expect(self, kind: str) -> int:
        """Read one token of this kind; return its offset."""
        pos = self.pos
        if self.kinds[pos] != kind:
            raise _SyntaxFault
        self.pos = pos + 1
        return self.starts[pos]

    def check_nesting(self) -> None:
        """Refuse what nests deeper than cel-go allows: expressions, and right sides of one family of operators."""
        if self.nesting + max(self.relations, self.sums) > MAX_NESTING:
            raise _Abandoned(f"expression recursion limit exceeded: {MAX_NESTING}")

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
        if kind == NAME:
            node = self.name(start, texts[pos], "", pos)
        elif kind == "(":
            node = self.expression()
            self.expect(")")
        elif kind == "[":
            node = self.list_literal(start)
        elif kind == "{":
            node = self.map_literal(start)
        elif kind == "." and kinds[pos + 1] == NAME:
            self.pos = pos + 2
            node = self.name(start, texts[pos + 1], ".", pos + 1)
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

    def name(self, start: int, name: str, dot: str, pos: int) -> Expr:
        """Return the variable or the call of a global function that a name begins; the name has been read."""
        if self.kinds[self.pos] == "(":
            if name not in RESERVED:
                return self.call(start, dot + name, None)
            before = len(self.issues)
            self.call(start, name, None)
            del self.issues[before:]  # cel-go does not look into the arguments then
        elif name not in RESERVED:
            return Ident(self.number(self.starts[pos], start), dot + name)
        return self.report(start, f"reserved identifier: {name}")

    def select(self, operand: Expr, start: int) -> Expr:
        """Read `.?field` or a field in back quotes."""
        kinds, texts, starts = self.kinds, self.texts, self.starts
        dot = self.pos
        optional = kinds[dot + 1] == "?"
        at = dot + 2 if optional else dot + 1
        kind = kinds[at]
        if kind not in (NAME, QUOTED_NAME):
            raise _SyntaxFault
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

    def unquoted(self, field: str, offset: int) -> str:
        """Return a field name without its back quotes, which only some environments know."""
        if not self.escaped_identifiers:
            self.report(offset, "unsupported syntax: '`'")
        return field[1:-1]

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
                raise _SyntaxFault
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

    def constant(self, pos: int) -> Expr:
        """Return the constant at `pos`; the minus before a number belongs to it."""
        kind, text, start = self.kinds[pos], self.texts[pos], self.starts[pos]
        negative = kind == "-"
        if negative:
            kind, text = self.kinds[pos + 1], self.texts[pos + 1]
            if kind not in (INT, FLOAT):
                self.pos = pos
                raise _SyntaxFault
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
            raise _SyntaxFault
        return Literal(self.number(start, start), value)


def _whole(digits: str) -> int:
    """Return a decimal or `0x` number; one that has too many digits to be one comes out too large as well."""
    if digits.startswith("0x"):
        return int(digits, 16)
    if len(digits) > _MAX_DIGITS:
        digits = digits.lstrip("0")[: _MAX_DIGITS + 1] or "0"
    return int(digits)


def parse(
    text: str,
    *,
    macros: MacroTable,
    description: str = "<input>",
    optional_syntax: bool = True,
    escaped_identifiers: bool = False,
) -> Ast:
    """Return the syntax tree of an expression, macros expanded.

    Raises CompileError with cel-go's texts and places: all faults of meaning (reserved names, literals out of range,
    macros), or the faults of syntax. Limits are cel-go's: 100,000 code points, 250 levels of nesting; besides, a tree
    is at most MAX_TREE_DEPTH deep, so that readers may recurse, and MAX_NODES large, because `optMap` copies what it
    is called on. `escaped_identifiers` allows fields in back quotes.
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
            raise _SyntaxFault
        expr = parser.expression()
        if lexemes.kinds[parser.pos] != END:
            raise _SyntaxFault
    except _SyntaxFault:
        raise CompileError(_syntax_issues(lexemes, source, parser.pos), source) from None
    except _Abandoned as limit:
        raise CompileError([*parser.issues, issue_at(source, -1, str(limit))], source) from None
    except RecursionError:
        message = f"expression recursion limit exceeded: {MAX_NESTING}"
        raise CompileError([issue_at(source, -1, message)], source) from None
    if parser.issues:
        raise CompileError(parser.issues, source)
    return Ast(expr, source)


def _syntax_issues(lexemes: Lexemes, source: SourceInfo, pos: int) -> list[CelIssue]:
    issues = [
        issue_at(source, offset, f"Syntax error: token recognition error at: '{piece}'")
        for offset, piece in lexemes.faults
    ]
    token = lexemes.texts[pos] or "<EOF>"
    issues.append(issue_at(source, lexemes.starts[pos], f"Syntax error: mismatched input '{token}'"))
    return issues
