"""How Go prints a string in an error message: `%q`, which upstream's errors use for what they could not read."""

from __future__ import annotations

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
_FIRST_ASTRAL = 0x10000
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF


def quote(text: str) -> str:
    """Return `text` in double quotes, unprintable characters escaped (Go strconv.Quote).

    Bytes that are no UTF-8, kept as U+DC80 to U+DCFF (Python's surrogateescape), are printed as bytes.
    """
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    known = _ESCAPES.get(char)
    if known is not None:
        return known
    if char.isprintable():
        return char
    code = ord(char)
    if code < ord(" ") or code == 0x7F:
        return f"\\x{code:02x}"
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"\\x{code - _FIRST_BYTE + 0x80:02x}"
    return f"\\u{code:04x}" if code < _FIRST_ASTRAL else f"\\U{code:08x}"
