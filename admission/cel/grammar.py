"""The grammar of CEL as a graph of states: what may come where, for saying what was expected when something else came.

The parser itself does not use it. The states are those that ANTLR makes of cel-go's parser/gen/CEL.g4, because its
error messages list what can follow a state, and its recovery depends on the kind of state it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final, TypeAlias

from admission.cel.lexer import BYTES, END, FLOAT, INT, NAME, PLAIN, QUOTED_NAME, STRING, UINT

# In the order of the token numbers, which is the order in which expected tokens are listed.
_LITERALS: Final = (
    *("==", "!=", "in", "<", "<=", ">=", ">", "&&", "||", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":"),
    *("+", "*", "/", "%", "true", "false", "null"),
)
_NAMES: Final = {
    FLOAT: "NUM_FLOAT",
    INT: "NUM_INT",
    UINT: "NUM_UINT",
    STRING: "STRING",
    BYTES: "BYTES",
    NAME: "IDENTIFIER",
    QUOTED_NAME: "ESC_IDENTIFIER",
}
_DISPLAY: Final = {END: "<EOF>"} | {token: f"'{token}'" for token in _LITERALS} | _NAMES

# Stands in a set for "the rule may end here".
EPSILON: Final = ""

Tokens: TypeAlias = frozenset[str]


def display(tokens: Iterable[str]) -> str:
    """Return a set of tokens as messages list it: the token alone, or `{'[', NUM_INT}` in the grammar's order."""
    wanted = set(tokens)
    names = [name for token, name in _DISPLAY.items() if token in wanted]
    return names[0] if len(names) == 1 else "{" + ", ".join(names) + "}"


class Kind(Enum):
    """What happens in a state."""

    TOKEN = auto()  # one token of a set is read
    RULE = auto()  # another rule is read
    BLOCK = auto()  # one of several ways is chosen
    LOOP_ENTRY = auto()  # the same, before a loop
    LOOP_BACK = auto()  # the same, after a round of it
    END = auto()  # the rule is complete


class State:
    """One state of a rule.

    `ways` are the states to choose from; the last one leaves a loop or an optional part. `choose` names the prediction
    that picks one (admission/cel/recovery.py), empty where the next token decides between staying and leaving.
    """

    __slots__ = ("choose", "kind", "next", "precedence", "rule", "tokens", "ways")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.tokens: Tokens = frozenset()
        self.rule = ""
        self.precedence = 0
        self.next: State | None = None
        self.ways: list[State] = []
        self.choose = ""


# The grammar is written with functions that, given the state behind a part, return the state before it.
Part: TypeAlias = Callable[[State], State]


def _token(*tokens: str) -> Part:
    def build(following: State) -> State:
        state = State(Kind.TOKEN)
        state.tokens = frozenset(tokens)
        state.next = following
        return state

    return build


def _rule(name: str, precedence: int = 0) -> Part:
    def build(following: State) -> State:
        state = State(Kind.RULE)
        state.rule, state.precedence, state.next = name, precedence, following
        return state

    return build


def _sequence(*parts: Part | str) -> Part:
    def build(following: State) -> State:
        for part in reversed(parts):
            following = (_token(part) if isinstance(part, str) else part)(following)
        return following

    return build


def _choice(choose: str, *alternatives: Part) -> Part:
    """One of several ways, none of them empty."""

    def build(following: State) -> State:
        state = State(Kind.BLOCK)
        state.choose = choose
        state.ways = [alternative(following) for alternative in alternatives]
        return state

    return build


def _optional(*parts: Part | str) -> Part:
    def build(following: State) -> State:
        state = State(Kind.BLOCK)
        state.ways = [_sequence(*parts)(following), following]
        return state

    return build


def _loop(*parts: Part | str, choose: str = "") -> Part:
    """Any number of rounds, none included."""

    def build(following: State) -> State:
        entry, back = State(Kind.LOOP_ENTRY), State(Kind.LOOP_BACK)
        entry.choose = back.choose = choose
        entry.ways = back.ways = [_sequence(*parts)(back), following]
        return entry

    return build


def _repeat(token: str, choose: str = "") -> Part:
    """One round or more."""

    def build(following: State) -> State:
        block, back = State(Kind.BLOCK), State(Kind.LOOP_BACK)
        back.choose = choose
        block.ways = [_token(token)(back)]
        back.ways = [block.ways[0], following]
        return block

    return build


_RELATIONS: Final = ("<", "<=", ">=", ">", "==", "!=", "in")
_DOT: Final = _optional(".")
_COMMA: Final = _optional(",")

_RULES: Final[dict[str, Part]] = {
    "start": _sequence(_rule("expr"), END),
    "expr": _sequence(_rule("conditionalOr"), _optional("?", _rule("conditionalOr"), ":", _rule("expr"))),
    "conditionalOr": _sequence(_rule("conditionalAnd"), _loop("||", _rule("conditionalAnd"))),
    "conditionalAnd": _sequence(_rule("relation"), _loop("&&", _rule("relation"))),
    "relation": _sequence(_rule("calc"), _loop(_token(*_RELATIONS), _rule("relation", 2), choose="relation")),
    "calc": _sequence(
        _rule("unary"),
        _loop(
            _choice(
                "token",
                _sequence(_token("*", "/", "%"), _rule("calc", 3)),
                _sequence(_token("+", "-"), _rule("calc", 2)),
            ),
            choose="calc",
        ),
    ),
    "unary": _choice(
        "unary",
        _rule("member"),
        _sequence(_repeat("!"), _rule("member")),
        _sequence(_repeat("-", "minus"), _rule("member")),
    ),
    "member": _sequence(
        _rule("primary"),
        _loop(
            _choice(
                "member",
                _sequence(".", _optional("?"), _rule("escapeIdent")),
                _sequence(".", NAME, "(", _optional(_rule("exprList")), ")"),
                _sequence("[", _optional("?"), _rule("expr"), "]"),
            )
        ),
    ),
    "primary": _choice(
        "primary",
        _sequence(_DOT, NAME),
        _sequence(_DOT, NAME, "(", _optional(_rule("exprList")), ")"),
        _sequence("(", _rule("expr"), ")"),
        _sequence("[", _optional(_rule("listInit")), _COMMA, "]"),
        _sequence("{", _optional(_rule("mapInitializerList")), _COMMA, "}"),
        _sequence(_DOT, NAME, _loop(".", NAME), "{", _optional(_rule("fieldInitializerList")), _COMMA, "}"),
        _rule("literal"),
    ),
    "exprList": _sequence(_rule("expr"), _loop(",", _rule("expr"))),
    "listInit": _sequence(_rule("optExpr"), _loop(",", _rule("optExpr"), choose="comma")),
    "fieldInitializerList": _sequence(
        *(_rule("optField"), ":", _rule("expr")), _loop(",", _rule("optField"), ":", _rule("expr"), choose="comma")
    ),
    "optField": _sequence(_optional("?"), _rule("escapeIdent")),
    "mapInitializerList": _sequence(
        *(_rule("optExpr"), ":", _rule("expr")), _loop(",", _rule("optExpr"), ":", _rule("expr"), choose="comma")
    ),
    "escapeIdent": _choice("token", _token(NAME), _token(QUOTED_NAME)),
    "optExpr": _sequence(_optional("?"), _rule("expr")),
    "literal": _choice(
        "literal",
        _sequence(_optional("-"), INT),
        _token(UINT),
        _sequence(_optional("-"), FLOAT),
        _token(STRING),
        _token(BYTES),
        *(_token(keyword) for keyword in ("true", "false", "null")),
    ),
}


class Grammar:
    """All rules as graphs, and the sets of tokens that can come next in each of their states."""

    __slots__ = ("_firsts", "rules")

    def __init__(self) -> None:
        self.rules = {name: part(State(Kind.END)) for name, part in _RULES.items()}
        self._firsts: dict[State, Tokens] = {}

    def first(self, state: State) -> Tokens:
        """Return the tokens that can come in this state; with EPSILON where the rule can end without any."""
        known = self._firsts.get(state)
        if known is not None:
            return known
        self._firsts[state] = frozenset()  # a loop leads back here: nothing new that way
        if state.kind is Kind.TOKEN:
            found = state.tokens
        elif state.kind is Kind.END:
            found = frozenset((EPSILON,))
        elif state.kind is Kind.RULE and state.next is not None:
            found = self.first(self.rules[state.rule])
            if EPSILON in found:
                found = (found - {EPSILON}) | self.first(state.next)
        else:
            found = frozenset().union(*(self.first(way) for way in state.ways))
        self._firsts[state] = found
        return found


def token_kind(kind: str) -> str:
    """Return the grammar's name for a token of the lexer, which knows two kinds of string."""
    return STRING if kind == PLAIN else kind
