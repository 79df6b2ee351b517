"""From the text of an expression to its tokens: one compiled pattern, walked once.

The tokens are those of cel-go's grammar (parser/gen/CEL.g4). Like every maximal-munch lexer it takes the longest token
that fits; the order of the alternatives below, with possessive repeats, gives just that in linear time. Text that
starts no token is skipped and reported as `Lexemes.faults`, so that the parser can go on as cel-go does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

NAME: Final = "name"
QUOTED_NAME: Final = "quoted name"
PLAIN: Final = "plain string"
STRING: Final = "string"
BYTES: Final = "bytes"
INT: Final = "int"
UINT: Final = "uint"
FLOAT: Final = "float"
END: Final = "end"

_HEX = "[0-9a-fA-F]"
_ESCAPE = rf"\\(?:[abfnrtv\"'\\?`]|[0-3][0-7][0-7]|[xX]{_HEX}{{2}}|u{_HEX}{{4}}|U{_HEX}{{8}})"
_QUOTED = "|".join(
    (
        rf'"""(?:[^"\\]++|{_ESCAPE}|"(?!""))*+"""',
        rf"'''(?:[^'\\]++|{_ESCAPE}|'(?!''))*+'''",
        rf'"(?:[^"\\\n\r]++|{_ESCAPE})*+"',
        rf"'(?:[^'\\\n\r]++|{_ESCAPE})*+'",
        r'[rR]"""(?:[^"]++|"(?!""))*+"""',
        r"[rR]'''(?:[^']++|'(?!''))*+'''",
        r'[rR]"[^"\n\r]*+"',
        r"[rR]'[^'\n\r]*+'",
    )
)
_EXPONENT = "[eE][+-]?[0-9]+"

# The numbers of the groups are used below: keep the order.
_TOKEN = re.compile(
    rf"""
    [ \t\r\n\f]*+
    (?: ([()\[\]{{}},?:+*%-] | \.(?![0-9]) | && | \|\| | [=!<>]= | [<>!] | /(?!/))
    | ((?![bBrR]{{1,2}}["'])[A-Za-z_][A-Za-z0-9_]*+)
    | ("(?!"")[^"\\\n\r]*+" | '(?!'')[^'\\\n\r]*+')
    | ([0-9]*+\.[0-9]++(?:{_EXPONENT})? | [0-9]++{_EXPONENT})
    | (0x{_HEX}++[uU] | [0-9]++[uU])
    | (0x{_HEX}++ | [0-9]++)
    | ({_QUOTED})
    | ([bB](?:{_QUOTED}))
    | ([A-Za-z_][A-Za-z0-9_]*+)
    | (`[A-Za-z0-9_.\-/ ]++`)
    | (//[^\n]*+)
    | (\Z)
    | (.)
    )""",
    re.DOTALL | re.VERBOSE,
)
_OPERATOR, _NAME, _LATE_NAME, _COMMENT, _END, _FAULT = 1, 2, 9, 11, 12, 13
_KINDS = ("", "", NAME, PLAIN, FLOAT, UINT, INT, STRING, BYTES, NAME, QUOTED_NAME)
_KEYWORDS = {"in": "in", "true": "true", "false": "false", "null": "null"}

# The longest beginning of a token that is never finished; what comes next is the character that does not fit.
_UNFINISHED = re.compile(
    rf"""
      "(?:[^"\\\n\r]++|{_ESCAPE})*+(?:\\(?:[0-3][0-7]?|[xX]{_HEX}?|u{_HEX}{{0,3}}|U{_HEX}{{0,7}})?)?
    | '(?:[^'\\\n\r]++|{_ESCAPE})*+(?:\\(?:[0-3][0-7]?|[xX]{_HEX}?|u{_HEX}{{0,3}}|U{_HEX}{{0,7}})?)?
    | `[A-Za-z0-9_.\-/\ ]*+
    | [&|=]
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class Lexemes:
    """The tokens of a text in parallel lists, the last one of kind END with an empty text.

    `kinds` holds the token itself for operators, punctuation and the four keywords, else one of the names above;
    `starts` are code point offsets. `faults` are the pieces of text that are no token, with their offsets.
    """

    kinds: list[str]
    texts: list[str]
    starts: list[int]
    faults: list[tuple[int, str]] = field(default_factory=list)


def tokenize(text: str) -> Lexemes:
    """Split a text into tokens; never fails, in linear time."""
    kinds: list[str] = []
    texts: list[str] = []
    starts: list[int] = []
    faults: list[tuple[int, str]] = []
    keyword = _KEYWORDS.get
    position: int | None = 0
    while position is not None:
        matches = _TOKEN.finditer(text, position)
        position = None
        for match in matches:
            group = match.lastindex or _END
            token = match[group]
            if group == _OPERATOR:
                kinds.append(token)
            elif group == _NAME:
                kinds.append(keyword(token, NAME))
            elif group == _COMMENT:
                continue
            elif group == _FAULT:
                position = _fault(text, match.start(group), faults)
                break
            elif group == _END:
                break
            else:
                kinds.append(_KINDS[group])
            texts.append(token)
            starts.append(match.start(group))
    kinds.append(END)
    texts.append("")
    starts.append(len(text))
    return Lexemes(kinds, texts, starts, faults)


def _fault(text: str, start: int, faults: list[tuple[int, str]]) -> int:
    """Note the text from `start` that is no token, with the character that broke it; return where to go on."""
    unfinished = _UNFINISHED.match(text, start)
    end = (unfinished.end() if unfinished else start) + 1
    faults.append((start, text[start:end]))
    return end
