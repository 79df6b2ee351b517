from __future__ import annotations

import pytest

from admission.cel.unescape import UnescapeError, bytes_value, string_value


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("'abc'", "abc"),
        (r"'\a\b\f\n\r\t\v\\\'\"\`\?'", "\a\b\f\n\r\t\v\\'\"`?"),
        (r"'\x41\X41\101\u0041\U00000041'", "AAAAA"),
        (r"'\xff\377'", "ÿÿ"),
        (r"'\U0001F431'", "🐱"),
        ("'''a\r\nb\rc\nd'''", "a\nb\nc\nd"),
        (r"r'\n'", r"\n"),
        ('r"""a"b"""', 'a"b'),
        (r"R'\u0041'", r"\u0041"),
        ('""""""', ""),
        ("''", ""),
    ],
)
def test_strings(token: str, value: str) -> None:
    assert string_value(token) == value


@pytest.mark.parametrize("token", [r"'\ud800'", r"'\uDFFF'", r"'\U00110000'"])
def test_a_code_point_that_does_not_exist_is_refused(token: str) -> None:
    with pytest.raises(UnescapeError, match="invalid unicode code point"):
        string_value(token)


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("b'abc'", b"abc"),
        ("b'ÿ'", b"\xc3\xbf"),
        (r"b'\xff\377'", b"\xff\xff"),
        (r"b'a\nÿ\x00'", b"a\n\xc3\xbf\x00"),
        (r"br'\xff'", rb"\xff"),
        ('B"""a"b"""', b'a"b'),
    ],
)
def test_bytes_hold_octets_and_text_as_utf8(token: str, value: bytes) -> None:
    assert bytes_value(token) == value


@pytest.mark.parametrize("token", [r"b'\u0041'", r"b'\U00000041'"])
def test_bytes_have_no_unicode_escapes(token: str) -> None:
    with pytest.raises(UnescapeError, match="unable to unescape string"):
        bytes_value(token)
