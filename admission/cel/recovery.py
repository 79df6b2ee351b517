"""What cel-go says about an expression whose syntax is wrong: every error, in ANTLR's words and at ANTLR's places.

The parser only notices that a text is no expression. This reads it again as the parser that ANTLR generates does, with
the same states, the same lookahead and the same strategy of recovery (delete a token, insert one, or skip to one that
may follow), and collects what that would report. It runs for wrong expressions only, without recursion. Sources:
antlr4-go's DefaultErrorStrategy and the parser that it generates from parser/gen/CEL.g4; limits: parser/parser.go.
"""

from __future__ import annotations

import re
from typing import Final

from admission.cel.builder import LimitPassed
from admission.cel.diagnostic import CelIssue, issue_at
from admission.cel.grammar import EPSILON, Grammar, Kind, State, Tokens, display, token_kind
from admission.cel.lexer import BYTES, END, FLOAT, INT, NAME, QUOTED_NAME, STRING, UINT
from admission.cel.remnant import Remains, Salvage

MAX_RULE_DEPTH: Final = 250
MAX_ATTEMPTS: Final = 30
MAX_SKIPPED: Final = 256
MAX_REPORTS: Final = 100

_NUMBERS: Final = (INT, FLOAT)
_RELATIONS: Final = ("<", "<=", ">=", ">", "==", "!=", "in")
_LITERAL_WAYS: Final = {INT: 0, UINT: 1, FLOAT: 2, STRING: 3, BYTES: 4, "true": 5, "false": 6, "null": 7}
_FOLDED: Final = ("relation", "calc", "member")
_RESERVED_FIELD: Final = re.compile("no viable alternative at input '.(true|false|null)'")


class _Mismatch(Exception):  # noqa: N818 - a signal inside this module
    """The rule being read cannot go on; `token` is the index of the one to blame."""

    def __init__(self, token: int, message: str) -> None:
        super().__init__(message)
        self.token = token
        self.message = message


class _Frame:
    """A rule being read: its state, the state that asked for it, and what has been read of it."""

    __slots__ = ("invoker", "precedence", "remains", "state")

    def __init__(self, state: State, invoker: State | None, precedence: int, remains: Remains) -> None:
        self.state = state
        self.invoker = invoker
        self.precedence = precedence
        self.remains = remains


class Recovery:
    """Reads wrong tokens to their end; `faults` are the pieces of text that are no token, with their offsets."""

    def __init__(self, salvage: Salvage, faults: list[tuple[int, str]]) -> None:
        self.salvage = salvage
        self.kinds = [token_kind(kind) for kind in salvage.kinds]
        self.faults = faults
        self.grammar = Grammar()
        self.pos = 0
        self.frames: list[_Frame] = []
        self.depths: dict[str, int] = {}
        self.recovering = False
        self.attempts = 0
        self.last_error = -1
        self.last_states: set[State] = set()
        self.issues: list[CelIssue] = []
        self.reports = 0

    def run(self) -> list[CelIssue]:
        """Return all issues: the syntax errors, at least one, and the faults of what could still be read."""
        try:
            for offset, piece in self.faults:
                self.notify(offset, f"token recognition error at: '{piece}'")
            self.enter("start", None, 0)
            while self.frames:
                self.step(self.frames[-1])
        except LimitPassed as limit:
            if str(limit):
                self.issues.append(issue_at(self.salvage.source, -1, str(limit)))
            return self.issues
        return self.issues + self.salvage.issues

    # Moving through the rules.

    def step(self, frame: _Frame) -> None:
        """Do what the current state of the innermost rule asks for."""
        state = frame.state
        try:
            if state.kind is Kind.TOKEN:
                frame.remains.parts.append(self.match(state))
                frame.state = self.behind(state)
            elif state.kind is Kind.RULE:
                self.enter(state.rule, state, state.precedence)
            elif state.kind is Kind.END:
                self.leave(frame)
            else:
                if state.kind is Kind.LOOP_BACK and frame.remains.rule in _FOLDED:
                    frame.remains.parts = [self.salvage.fold(frame.remains)]
                self.sync(state)
                way = self.predict(frame, state)
                if state.choose in ("primary", "unary"):
                    frame.remains.way = way
                frame.state = state.ways[way]
        except _Mismatch as mismatch:
            if not self.recovering:
                self.recovering = True
                self.blame(mismatch.token, mismatch.message)
            self.recover(state)
            self.leave(frame)

    def enter(self, rule: str, invoker: State | None, precedence: int) -> None:
        """Start to read a rule."""
        depth = self.depths.get(rule, 0) + 1
        self.depths[rule] = depth
        if depth > MAX_RULE_DEPTH:
            raise LimitPassed(f"expression recursion limit exceeded: {MAX_RULE_DEPTH}")
        remains = Remains(rule, self.pos, len(self.salvage.issues))
        self.frames.append(_Frame(self.grammar.rules[rule], invoker, precedence, remains))

    def leave(self, frame: _Frame) -> None:
        """Give what a rule amounts to to the one that asked for it."""
        self.frames.pop()
        self.depths[frame.remains.rule] -= 1
        result = self.salvage.close(frame.remains)
        if self.frames and frame.invoker is not None:
            outer = self.frames[-1]
            outer.remains.parts.append(result)
            outer.state = self.behind(frame.invoker)

    @staticmethod
    def behind(state: State) -> State:
        """Return the state behind a token or a rule."""
        if state.next is None:
            raise AssertionError("only choices and ends have nothing behind them")
        return state.next

    # What may come.

    def kind(self, token: int) -> str:
        """Return the kind of a token; behind the end there is only the end."""
        return self.kinds[token] if token < len(self.kinds) else END

    def expected(self, state: State) -> Tokens:
        """Return the tokens that can come in a state, given the rules that are being read."""
        following = self.grammar.first(state)
        found = set(following)
        for frame in reversed(self.frames):
            if EPSILON not in following or frame.invoker is None:
                break
            following = self.grammar.first(self.behind(frame.invoker))
            found |= following
        if EPSILON in following:
            found.add(END)
        return frozenset(found - {EPSILON})

    def recovery_set(self) -> set[str]:
        """Return the tokens that can follow any of the rules that are being read."""
        found: set[str] = set()
        for frame in self.frames:
            if frame.invoker is not None:
                found |= self.grammar.first(self.behind(frame.invoker))
        return found - {EPSILON}

    # Reporting.

    def notify(self, offset: int, message: str) -> None:
        """Note a syntax error; after a hundred of them nothing more is looked for."""
        self.reports += 1
        passed = self.reports > MAX_REPORTS
        if passed:
            message = f"More than {MAX_REPORTS} syntax errors"
        issue = issue_at(self.salvage.source, offset, f"Syntax error: {message}")
        if not self.salvage.source.text:
            issue = CelIssue(-1, 1, -1, issue.message)  # where cel-go sees the end of nothing
        self.issues.append(issue)
        if passed:
            raise LimitPassed("")

    def blame(self, token: int, message: str) -> None:
        """Note a syntax error at a token."""
        token = min(token, len(self.kinds) - 1)
        self.notify(self.salvage.starts[token], message)

    def shown(self, token: int) -> str:
        """Return a token as messages show it."""
        return _quoted(self.salvage.texts[token] or "<EOF>")

    def no_alternative(self, first: int, last: int) -> _Mismatch:
        """Return the error that the tokens from `first` to `last` begin nothing that may come here."""
        last = min(last, len(self.kinds) - 1)
        text = "<EOF>" if self.kind(first) == END else self.text_between(first, last)
        message = f"no viable alternative at input {_quoted(text)}"
        return _Mismatch(last, _RESERVED_FIELD.sub(r"mismatched input '\1' expecting IDENTIFIER", message))

    def text_between(self, first: int, last: int) -> str:
        """Return the text of some tokens with the space between them, without what was no token."""
        starts, texts = self.salvage.starts, self.salvage.texts
        begin, end = starts[first], starts[last] + len(texts[last])
        pieces: list[str] = []
        for offset, piece in self.faults:
            if begin <= offset < end:
                pieces.append(self.salvage.source.text[begin:offset])
                begin = offset + len(piece)
        return "".join((*pieces, self.salvage.source.text[begin:end]))

    # ANTLR's strategy.

    def matched(self) -> None:
        """End the silence that follows a reported error: a token has been accepted."""
        self.recovering = False
        self.last_error = -1
        self.last_states.clear()

    def consume(self) -> None:
        """Go to the next token; the last one stays."""
        if self.kind(self.pos) != END:
            self.pos += 1

    def match(self, state: State) -> int | None:
        """Read a token; return its index, None where one was missing and is taken as read."""
        if self.kind(self.pos) in state.tokens:
            self.matched()
        else:
            self.count_attempt()
            if not self.delete_token(state):
                if self.kind(self.pos) not in self.expected(self.behind(state)):
                    raise self.mismatch(state)
                if not self.recovering:
                    self.recovering = True
                    wanted = display(self.expected(state))
                    self.blame(self.pos, f"missing {wanted} at {self.shown(self.pos)}")
                return None
        index = self.pos
        self.consume()
        return index

    def mismatch(self, state: State) -> _Mismatch:
        """Return the error that the next token is none that may come in a state."""
        wanted = display(self.expected(state))
        return _Mismatch(self.pos, f"mismatched input {self.shown(self.pos)} expecting {wanted}")

    def delete_token(self, state: State) -> bool:
        """Skip a token if the one behind it fits; return whether that was so."""
        expected = self.expected(state)
        if self.kind(self.pos + 1) not in expected:
            return False
        self.report_unwanted(expected)
        self.consume()
        self.matched()
        return True

    def report_unwanted(self, expected: Tokens) -> None:
        """Say that the next token is too much."""
        if not self.recovering:
            self.recovering = True
            self.blame(self.pos, f"extraneous input {self.shown(self.pos)} expecting {display(expected)}")

    def sync(self, state: State) -> None:
        """Make sure, before a choice is made, that the next token fits one of the ways."""
        if self.recovering:
            return
        first = self.grammar.first(state)
        if EPSILON in first or self.kind(self.pos) in first:
            return
        if state.kind is Kind.LOOP_BACK:
            expected = self.expected(state)
            self.report_unwanted(expected)
            self.skip_to(expected | self.recovery_set())
        elif not self.delete_token(state):
            raise self.mismatch(state)

    def count_attempt(self) -> None:
        """Give up after too many recoveries."""
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS:
            self.blame(self.pos, f"error recovery attempt limit exceeded: {MAX_ATTEMPTS}")
            raise LimitPassed("")

    def recover(self, state: State) -> None:
        """Skip to a token that may follow one of the rules that are being read."""
        self.count_attempt()
        start = self.pos
        if self.last_error == self.pos and state in self.last_states:
            self.consume()  # or nothing would ever move
        self.last_error = self.pos
        self.last_states.add(state)
        self.skip_to(self.recovery_set(), MAX_SKIPPED - (self.pos - start))

    def skip_to(self, tokens: set[str] | Tokens, limit: int | None = None) -> None:
        """Skip tokens until one of these or the end comes."""
        start = self.pos
        while self.kind(self.pos) != END and self.kind(self.pos) not in tokens:
            if limit is not None and self.pos - start >= limit:
                raise LimitPassed(f"error recovery token lookahead limit exceeded: {MAX_SKIPPED}")
            self.pos += 1

    # Predictions: which way the generated parser takes, looking ahead as far as it does.

    def predict(self, frame: _Frame, state: State) -> int:
        """Return the index of the way to take in a choice."""
        ahead = self.kind(self.pos)
        choose = state.choose
        if choose == "relation":
            return 0 if ahead in _RELATIONS and frame.precedence <= 1 else 1
        if choose == "calc":
            tight = ahead in ("*", "/", "%") and frame.precedence <= 2
            return 0 if tight or (ahead in ("+", "-") and frame.precedence <= 1) else 1
        if choose == "comma":
            return (
                0 if ahead == "," and self.kind(self.pos + 1) in self.grammar.first(self.behind(state.ways[0])) else 1
            )
        if choose == "member":
            return self.predict_member(ahead)
        if choose == "primary":
            return self.predict_primary(ahead)
        if choose == "unary":
            return 1 if ahead == "!" else self.predict_sign(ahead, negated=2, plain=0)
        if choose == "minus":
            return self.predict_sign(ahead, negated=0, plain=1)
        if choose == "literal":
            return self.predict_literal(ahead)
        for index, way in enumerate(state.ways):
            if ahead in self.grammar.first(way):
                return index
        if choose:
            raise self.no_alternative(self.pos, self.pos)
        return len(state.ways) - 1

    def predict_member(self, ahead: str) -> int:
        """Choose between a field, a call of a method, and an index."""
        if ahead == "[":
            return 2
        following = self.kind(self.pos + 1)
        if following == NAME:
            return 1 if self.kind(self.pos + 2) == "(" else 0
        if following in ("?", QUOTED_NAME):
            return 0
        raise self.no_alternative(self.pos, self.pos + 1)

    def predict_primary(self, ahead: str) -> int:
        """Choose between a name, a call, the name of a message, something in brackets, and a literal."""
        if ahead in ("(", "[", "{"):
            return {"(": 2, "[": 3, "{": 4}[ahead]
        if ahead == "-" or ahead in _LITERAL_WAYS:
            return 6
        at = self.pos + 1 if ahead == "." else self.pos
        if self.kind(at) != NAME:
            raise self.no_alternative(self.pos, at)
        if self.kind(at + 1) == "(":
            return 1
        while self.kind(at + 1) == "." and self.kind(at + 2) == NAME:
            at += 2
        return 5 if self.kind(at + 1) == "{" else 0

    def predict_sign(self, ahead: str, *, negated: int, plain: int) -> int:
        """Choose what a minus is: an operator, or the beginning of a number; where it can be both, the first way."""
        members = self.grammar.first(self.grammar.rules["member"])
        if ahead == "-":
            following = self.kind(self.pos + 1)
            if following in _NUMBERS:
                return 0
            if following in members:
                return negated
            raise self.no_alternative(self.pos, self.pos + 1)
        if ahead in members:
            return plain
        raise self.no_alternative(self.pos, self.pos)

    def predict_literal(self, ahead: str) -> int:
        """Choose the kind of a literal; a minus belongs to the number behind it."""
        if ahead in _LITERAL_WAYS:
            return _LITERAL_WAYS[ahead]
        if ahead == "-":
            following = self.kind(self.pos + 1)
            if following in _NUMBERS:
                return _LITERAL_WAYS[following]
            raise self.no_alternative(self.pos, self.pos + 1)
        raise self.no_alternative(self.pos, self.pos)


def _quoted(text: str) -> str:
    escaped = text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"
