from __future__ import annotations

import pytest

from admission.documents.decoded import DEPTH
from admission.documents.json_text import decode_json


def test_several_values_may_follow_one_another() -> None:
    decoded, duplicates = decode_json('{"a": 1}\n[2] {"b": {}}')
    assert [value for value, _ in decoded.documents] == [{"a": 1}, [2], {"b": {}}]
    assert [(extent.line, extent.column) for _, extent in decoded.documents] == [(0, 0), (1, 0), (1, 4)]
    assert (decoded.faults, duplicates) == ([], [])


def test_integers_beyond_64_bit_are_floats() -> None:
    decoded, _ = decode_json('{"a": 9223372036854775808, "b": 9223372036854775807, "c": -9223372036854775808}')
    [(value, _)] = decoded.documents
    assert value == {"a": 9223372036854775808.0, "b": 2**63 - 1, "c": -(2**63)}
    assert [type(number) for number in value.values()] == [float, int, int]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ('{"a": NaN}', "NaN has no place in JSON", 0, 6),
        ('{\n "a": -Infinity}', "-Infinity has no place in JSON", 1, 6),
        ('{"a": 1e999}', "1e999 has no place in JSON", 0, 6),
        ('{"a": ' + "9" * 5000 + "}", "9" * 40 + " has no place in JSON", 0, 6),
        ('{"a": "\\ud800"}', "a string holds half of a surrogate pair", 0, 0),
        ('{"a": 1,}', "JSON: Expecting property name enclosed in double quotes", 0, 8),
        ("[" * 5000, f"nested deeper than {DEPTH} levels", 0, 0),
        ("[" * 300 + "]" * 300, f"nested deeper than {DEPTH} levels", 0, 0),
    ],
)
def test_a_fault_is_one_sentence_at_its_place(text: str, message: str, line: int, column: int) -> None:
    decoded, _ = decode_json(text)
    [fault] = decoded.faults
    assert (fault.message, fault.line) == (message, line)
    assert fault.column == column or message.startswith("JSON: ")


def test_duplicate_keys_are_named() -> None:
    assert decode_json('{"a": {"b": 1, "b": 2}, "a": 3}')[1] == [
        'key "b" occurs twice in the same mapping',
        'key "a" occurs twice in the same mapping',
    ]


def test_a_surrogate_pair_is_one_character() -> None:
    decoded, _ = decode_json('"\\ud83d\\ude00"')
    assert decoded.documents[0][0] == "😀"
