"""Base64; the API server does not have it.

    base64.encode(bytes) -> string                with padding
    base64.decode(string) -> bytes                with or without padding; line ends are skipped

    base64.encode(b'hello')                       // 'aGVsbG8='
    string(base64.decode('aGVsbG8'))              // 'hello'

Cost: 1. Source: cel-go ext/encoders.go, Go encoding/base64.
"""

from __future__ import annotations

import binascii
import re

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.values import CelError

_PADDED = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ILLEGAL = re.compile(rb"[^A-Za-z0-9+/\r\n]")
_QUANTUM = 4


def _encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _decode(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    digits = data.translate(None, b"\r\n")
    if _PADDED.fullmatch(digits):
        return binascii.a2b_base64(digits)
    illegal = _ILLEGAL.search(data)
    if illegal is not None or len(digits) % _QUANTUM == 1:
        place = len(data) - 1 if illegal is None else illegal.start()
        raise CelError(f"illegal base64 data at input byte {place}")
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % _QUANTUM))


LIBRARY = Library(
    "cel.lib.ext.encoders",
    functions=(
        Function("base64.decode", (Overload("base64_decode_string", (types.STRING,), types.BYTES, _decode),)),
        Function("base64.encode", (Overload("base64_encode_bytes", (types.BYTES,), types.STRING, _encode),)),
    ),
    environments=frozenset({"extended", "standard"}),
)
