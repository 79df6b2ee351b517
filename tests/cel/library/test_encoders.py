from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.diagnostic import CompileError
from admission.cel.library.encoders import LIBRARY
from admission.cel.values import CelError

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}
ENCODE = OVERLOADS["base64_encode_bytes"].implementation
DECODE = OVERLOADS["base64_decode_string"].implementation


def test_base64_has_padding_and_does_not_need_it(evaluate: Evaluate) -> None:
    assert evaluate("base64.encode(b'hello')", env="extended") == "aGVsbG8="
    assert evaluate("base64.decode('aGVsbG8=') == base64.decode('aGVsbG8')", env="extended") is True
    assert DECODE("aGVs\r\nbG8=\n") == b"hello"
    assert DECODE("") == b""
    assert DECODE("aGVsbG9=") == b"hello"


@pytest.mark.parametrize(
    ("text", "place"), [("z", 0), ("aGVsbG8==", 7), ("a-b", 1), ("aGé", 2), ("====", 0), ("aGVsb", 4), ("a\nb=", 3)]
)
def test_what_is_no_base64_is_named_by_its_place(text: str, place: int) -> None:
    with pytest.raises(CelError) as raised:
        DECODE(text)
    assert str(raised.value) == f"illegal base64 data at input byte {place}"


@given(st.binary())
def test_bytes_survive_their_text(data: bytes) -> None:
    assert ENCODE(data) == base64.b64encode(data).decode()
    assert DECODE(ENCODE(data)) == data
    assert DECODE(ENCODE(data).rstrip("=")) == data


def test_the_api_server_has_no_base64(evaluate: Evaluate) -> None:
    with pytest.raises(CompileError, match="undeclared reference"):
        evaluate("base64.encode(b'')")
