from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.quoting import quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('say "\\"', '"say \\"\\\\\\""'),
        ("\a\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'),
        ("\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'),
        ("é\u00ad\u2028", '"é\\u00ad\\u2028"'),
        ("😀\U000e0001", '"😀\\U000e0001"'),
        ("\udcff", '"\\xff"'),
    ],
)
def test_strings_are_quoted_as_go_does(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)))
def test_printable_ascii_is_quoted_as_in_json(text: str) -> None:
    assert quote(text) == json.dumps(text)
