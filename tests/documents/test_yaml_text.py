from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.documents.decoded import DEPTH
from admission.documents.yaml_text import decode_yaml


def _values(text: str) -> list[Any]:
    decoded = decode_yaml(text)
    assert decoded.faults == []
    return [value for value, _ in decoded.documents]


def _faults(text: str) -> list[tuple[str, int | None, int]]:
    return [(fault.message, fault.line, fault.column) for fault in decode_yaml(text).faults]


def test_empty_documents_are_no_documents() -> None:
    assert _values("---\n---\n# nothing\n---\na: 1\n...\n") == [{"a": 1}]


def test_scalars_follow_kubectl_and_quotes_make_strings() -> None:
    assert _values("{a: yes, b: 'yes', c: 1, d: \"1\", e: !!str 1, f: 1:30, g: !foo 3}") == [
        {"a": True, "b": "yes", "c": 1, "d": "1", "e": "1", "f": "1:30", "g": "3"}
    ]


def test_keys_become_strings_as_kubectl_makes_them() -> None:
    assert _values("on: 1\n1: 2\n1.5: 3\nfalse: 4\n") == [{"true": 1, "1": 2, "1.5": 3, "false": 4}]


def test_a_merge_fills_in_what_is_not_given() -> None:
    assert _values("b: &b {p: 1, q: 2}\nc: {p: 3, <<: *b, r: 4}\nd: {<<: [*b, {s: 5}]}\n")[0]["c"] == {
        "p": 3,
        "q": 2,
        "r": 4,
    }
    assert _values("b: &b {p: 1}\nd: {<<: [*b, {s: 5}]}\n")[0]["d"] == {"p": 1, "s": 5}


def test_aliases_share_the_value_they_name() -> None:
    [value] = _values("a: &x [1, 2]\nb: *x\n")
    assert value["b"] is value["a"]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", 'key "a" occurs twice in the same mapping', 2, 0),
        ("a: *x", "alias *x names nothing before it, or what contains it", 0, 3),
        ("&a [*a]", "alias *a names nothing before it, or what contains it", 0, 4),
        ("? [a]\n: b", "a key must be a scalar", 0, 2),
        ("~: 1", "a key must be a string, not null or a collection", 0, 0),
        ("a: [.nan]", ".nan has no place in JSON", 0, 4),
        ("a: !!int x", "`x` is no int", 0, 3),
        ("a: !!binary x", "!!binary must be base64 of UTF-8 text", 0, 3),
        ("a:\n  <<: 1\n", "only a mapping or a list of mappings can be merged with <<", 1, 6),
        ("a: b: c", "YAML: mapping values are not allowed in this context", 0, 4),
        ("a: \x01", "YAML: control characters are not allowed", 0, 3),
        ("a: \ud800", "YAML: the text holds a lone surrogate, \\ud800", 0, 0),
    ],
)
def test_a_fault_is_one_sentence_at_its_place(text: str, message: str, line: int, column: int) -> None:
    assert _faults(text) == [(message, line, column)]


def test_every_document_of_a_stream_reports_its_own_faults() -> None:
    text = "a: b: c\n---\nok: 1\n---\nx: 1\nx: 2\n---\n\t- tab\n"
    decoded = decode_yaml(text)
    assert [(fault.line, fault.message.partition(" (")[0]) for fault in decoded.faults] == [
        (0, "YAML: mapping values are not allowed in this context"),
        (5, 'key "x" occurs twice in the same mapping'),
        (7, "YAML: found character that cannot start any token"),
    ]
    assert {"ok": 1} in [value for value, _ in decoded.documents]


def test_tabs_and_colons_are_explained() -> None:
    assert decode_yaml("a:\n\t- 1").faults[0].help == "YAML allows no tabs for indentation: use spaces"
    assert "quotes" in decode_yaml("a: b: c").faults[0].help


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "a:\n"])
def test_a_deep_text_is_refused_and_harms_nobody(opening: str) -> None:
    faults = decode_yaml(opening * 20_000 if opening != "a:\n" else _nested(20_000)).faults
    assert f"nested deeper than {DEPTH} levels" in [fault.message for fault in faults]


def _nested(depth: int) -> str:
    return "".join(" " * level + "a:\n" for level in range(min(depth, 600)))


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
    )
    assert [fault[0] for fault in _faults(bomb)] == ["aliases expand to more than 1,000,000 values"]


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer())
    | st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), include_characters="\n")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcyn01", min_size=1), inner, max_size=4),
    max_leaves=12,
)


class _Quoted(str):
    __slots__ = ()


@settings(max_examples=60)
@given(_json, st.booleans())
def test_what_yaml_prints_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.dump({"value": value}, default_flow_style=flow, allow_unicode=True, Dumper=_Dumper)
    assert _values(text) == [{"value": value}]


class _Dumper(yaml.SafeDumper):
    """Quotes every string, since PyYAML and kubectl disagree about which plain ones are strings."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(str, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"'))


@settings(max_examples=200)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@?,. \n\t<~0", max_size=60))
def test_any_text_ends_in_documents_or_faults(text: str) -> None:
    decoded = decode_yaml(text)
    for value, extent in decoded.documents:
        assert value is not None
        assert 0 <= extent.begin <= extent.end <= len(text)
