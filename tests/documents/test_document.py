from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.documents.document import Document, DocumentPlace, Path, Source, field_path, read

TEXT = """\
# a comment
kind: Example
spec:
  list: &l
    - name: "he said \\"x\\" and
        folded \\u00e9 end"
      folded: >-
        foo bar
        baz
          indented

        last
    - literal: |2
          two more
        x
  plain: abc
    def

    ghi
  alias: *l
  quoted: 'it''s'
  flow: {a: [1, {b: 2}]}
---
second: true
"""


def _documents(text: str) -> list[Document]:
    documents, issues = read(Source("f.yaml", text))
    assert issues == []
    return documents


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


@pytest.mark.parametrize(
    ("path", "entry", "value"),
    [
        (("kind",), "2:1", "2:7"),
        (("spec", "list", 0, "name"), "5:7", "5:13"),
        (("spec", "list", 1), "13:7", "13:7"),
        (("spec", "list", 1, "literal"), "13:7", "13:16"),
        (("spec", "flow", "a", 1, "b"), "22:18", "22:21"),
        (("spec", "alias", 0, "folded"), "7:7", "7:15"),
        (("spec", "flow", "missing", "deeper"), "22:3", "22:3"),
    ],
)
def test_a_value_is_found_where_it_stands(path: Path, entry: str, value: str) -> None:
    document = _documents(TEXT)[0]
    assert str(document.position_of(path)) == f"f.yaml:{entry}"
    assert str(document.position_of(path, "value")) == f"f.yaml:{value}"


def test_each_document_of_a_file_has_its_own_lines() -> None:
    assert str(_documents(TEXT)[1].position_of(("second",), "value")) == "f.yaml:24:9"


@pytest.mark.parametrize(
    ("path", "part", "length"),
    [
        (("kind",), "entry", len("kind: Example")),
        (("kind",), "key", len("kind")),
        (("kind",), "value", len("Example")),
        (("spec",), "entry", len("spec")),
        (("spec", "flow"), "value", len("{a: [1, {b: 2}]}")),
        (("spec", "list", 0, "name"), "value", len('"he said \\"x\\" and')),
    ],
)
def test_a_caret_underlines_what_is_on_the_line(path: Path, part: Any, length: int) -> None:
    assert _documents(TEXT)[0].span_of(path, part)[1] == length


@pytest.mark.parametrize(
    "path",
    [
        ("spec", "list", 0, "name"),
        ("spec", "list", 0, "folded"),
        ("spec", "list", 1, "literal"),
        ("spec", "plain"),
        ("spec", "quoted"),
        ("kind",),
    ],
)
def test_every_character_of_a_scalar_is_found_in_the_file(path: Path) -> None:
    document = _documents(TEXT)[0]
    value = _at(document.data, path)
    lines = TEXT.split("\n")
    for offset, character in enumerate(value.rstrip()):
        position, line = document.locate(path, offset, value)
        assert line == lines[position.line - 1]
        found = (line + "\n")[position.column - 1]
        assert found == character or (character, found) in {(" ", "\n"), ('"', "\\"), ("é", "\\")}


def test_the_end_of_a_block_scalar_is_the_end_of_its_last_line() -> None:
    document = _documents("a: |\n  x &&\n\nb: 1\n")[0]
    position, line = document.locate(("a",), len("x &&\n"), "x &&\n")
    assert (str(position), line) == ("f.yaml:2:7", "  x &&")


_words = st.text(alphabet="ab'\"\\:# é", min_size=1, max_size=6)
_texts = st.lists(_words | st.just("\n") | st.just("\n  "), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=150)
@given(_texts, st.sampled_from(["|", ">", "'", '"', None]), st.integers(min_value=20, max_value=200))
def test_a_place_is_exact_or_the_beginning_of_the_scalar(value: str, style: Any, width: int) -> None:
    representer = yaml.SafeDumper
    node = yaml.MappingNode(
        "tag:yaml.org,2002:map",
        [(yaml.ScalarNode("tag:yaml.org,2002:str", "k"), yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style))],
        flow_style=False,
    )
    text = yaml.serialize(node, Dumper=representer, width=width, allow_unicode=True)
    [document] = _documents(text)
    assert document.data == {"k": value}
    lines = text.split("\n")
    start = document.position_of(("k",), "value")
    for offset, character in enumerate(value.rstrip()):
        position, _ = document.locate(("k",), offset, value)
        if position == start:
            continue
        found = (lines[position.line - 1] + "\n")[position.column - 1]
        assert found == character or found == "\\" or (character, found) == (" ", "\n")


def test_the_objects_of_a_list_have_their_own_places() -> None:
    text = "kind: PodList\napiVersion: v1\nitems:\n- metadata: {name: a}\n- kind: Other\n  metadata: {name: b}\n"
    [document] = _documents(text)
    first, second = document.items()
    assert (first.data["kind"], first.data["apiVersion"], second.data["kind"]) == ("Pod", "v1", "Other")
    assert str(second.position_of(("metadata", "name"))) == "f.yaml:6:14"


def test_json_has_positions_too() -> None:
    documents, issues = read(Source("f.json", '{\n\t"a": {"b": [1, 2]}\n}'), json_text=True)
    assert issues == []
    assert str(documents[0].position_of(("a", "b", 1))) == "f.json:2:17"
    assert documents[0].line_text(2) == ' "a": {"b": [1, 2]}'


def test_duplicate_keys_of_json_are_found_where_they_stand() -> None:
    _, issues = read(Source("f.json", '{"a": 1,\n "a": 2}'), json_text=True)
    assert [(issue.message, str(issue.position)) for issue in issues] == [
        ('key "a" occurs twice in the same mapping', "f.json:2:2")
    ]


def test_a_byte_order_mark_shifts_nothing() -> None:
    [document] = _documents("\ufeffa: 1\n")
    assert str(document.position_of(("a",))) == "f.yaml:1:1"


def test_an_issue_shows_line_and_caret() -> None:
    issue = _documents(TEXT)[0].issue("is wrong", ("kind",), help="do this")
    assert issue.render() == "f.yaml:2:7: is wrong\n    2 | kind: Example\n              ^^^^^^^\n  = help: do this"


def test_a_place_leads_inside() -> None:
    place = DocumentPlace(_documents(TEXT)[0]).at("spec", "quoted", text="it's")
    assert str(place.position) == "f.yaml:21:11"
    assert str(place.locate(3)[0]) == "f.yaml:21:16"


def test_paths_are_printed_as_kubernetes_prints_them() -> None:
    assert field_path(("spec", "validations", 0, "expression")) == "spec.validations[0].expression"
