r"""Names of Unicode classes in patterns, `\p{Letter}`, as Go reads them: by alias, in any case, with or without spaces.

RE2 knows only the exact names of categories and scripts; `translated` writes a pattern with those. What Go has no name
for stays as it is, so that RE2 refuses it. Sources: Go regexp/syntax (unicodeTable, canonicalName),
unicode.CategoryAliases.
"""

from __future__ import annotations

import re

_ALIASES = {
    "Casedletter": "LC",
    "Closepunctuation": "Pe",
    "Cntrl": "Cc",
    "Combiningmark": "M",
    "Connectorpunctuation": "Pc",
    "Control": "Cc",
    "Currencysymbol": "Sc",
    "Dashpunctuation": "Pd",
    "Decimalnumber": "Nd",
    "Digit": "Nd",
    "Enclosingmark": "Me",
    "Finalpunctuation": "Pf",
    "Format": "Cf",
    "Initialpunctuation": "Pi",
    "Lc": "LC",
    "Letter": "L",
    "Letternumber": "Nl",
    "Lineseparator": "Zl",
    "Lowercaseletter": "Ll",
    "Mark": "M",
    "Mathsymbol": "Sm",
    "Modifierletter": "Lm",
    "Modifiersymbol": "Sk",
    "Nonspacingmark": "Mn",
    "Number": "N",
    "Openpunctuation": "Ps",
    "Other": "C",
    "Otherletter": "Lo",
    "Othernumber": "No",
    "Otherpunctuation": "Po",
    "Othersymbol": "So",
    "Paragraphseparator": "Zp",
    "Privateuse": "Co",
    "Punct": "P",
    "Punctuation": "P",
    "Separator": "Z",
    "Spaceseparator": "Zs",
    "Spacingmark": "Mc",
    "Surrogate": "Cs",
    "Symbol": "S",
    "Titlecaseletter": "Lt",
    "Uppercaseletter": "Lu",
}
# classes that RE2 has no name for, and what is not in them
_SPELLED = {
    "Ascii": (r"\x{0}-\x{7F}", r"\x{80}-\x{10FFFF}"),
    "LC": (r"\p{Lu}\p{Ll}\p{Lt}", r"\p{Lm}\p{Lo}\p{M}\p{N}\p{P}\p{S}\p{Z}\p{C}"),
}
_NAME = re.compile(r"\\([pP])(?:\{(\^?)([^}]*)\}|([A-Za-z]))")
_PART = re.compile(
    r"""\\Q(?:(?!\\E).)*  # a quotation
      | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*(?:\]|\Z)  # a character class, closed or not
      | """
    + _NAME.pattern
    + r"""
      | \\.  # an escape
    """,
    re.DOTALL | re.VERBOSE,
)
_SKIPPED = str.maketrans("", "", " _-")


def translated(pattern: str) -> str:
    """Return the pattern with the names of Unicode classes as RE2 knows them."""

    def replace(part: re.Match[str]) -> str:
        text = part.group()
        if text.startswith("["):
            return _NAME.sub(lambda name: _spelled(name, bare=True), text)
        return _spelled(part, bare=False) if part.group(1) else text

    return _PART.sub(replace, pattern)


def _spelled(match: re.Match[str], *, bare: bool) -> str:
    letter, caret, long, short = match.groups()
    name = (short or long).translate(_SKIPPED).capitalize()
    known = _ALIASES.get(name, name)
    negated = (letter == "P") is not bool(caret)
    if known in _SPELLED:
        members = _SPELLED[known][negated]
        return members if bare else f"[{members}]"
    return f"\\{'P' if negated else 'p'}{{{known}}}" if known.isascii() else match.group()
