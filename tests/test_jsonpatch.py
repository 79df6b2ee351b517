"""Applying JSON patches: every operation, every error in the API server's words, nothing changed in place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.jsonpatch import COPY_LIMIT, PatchError, TestFailedError, apply

NO_INTEGER = 'strconv.Atoi: parsing "x": invalid syntax'
DOCUMENT: dict[str, Any] = {"a": {"b": 1, "n": None}, "l": [1, {"x": 2}, 3], "e": {}, "el": []}


def op(name: str, path: str, **rest: Any) -> dict[str, Any]:
    operation = {"op": name, "path": path, **rest}
    if "from_" in operation:
        operation["from"] = operation.pop("from_")
    return operation


def patched(*operations: dict[str, Any]) -> Any:
    before = copy.deepcopy(DOCUMENT)
    result = apply(DOCUMENT, operations)
    assert before == DOCUMENT
    return result


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        (op("add", "/a/c", value=2), ("a", "c"), 2),
        (op("add", "/a/b", value=2), ("a", "b"), 2),
        (op("add", "/a/c"), ("a", "c"), None),
        (op("add", "/l/0", value=0), ("l",), [0, 1, {"x": 2}, 3]),
        (op("add", "/l/3", value=4), ("l",), [1, {"x": 2}, 3, 4]),
        (op("add", "/l/-", value=4), ("l",), [1, {"x": 2}, 3, 4]),
        (op("add", "/l/-1", value=4), ("l",), [1, {"x": 2}, 3, 4]),
        (op("add", "/l/-2", value=4), ("l",), [1, {"x": 2}, 4, 3]),
        (op("add", "/l/1/y", value=4), ("l", 1), {"x": 2, "y": 4}),
        (op("add", "/a/x~1y~0z~01", value=1), ("a", "x/y~z~1"), 1),
        (op("remove", "/l/-1"), ("l",), [1, {"x": 2}]),
        (op("remove", "/a/b"), ("a",), {"n": None}),
        (op("replace", "/a/b", value=[1]), ("a", "b"), [1]),
        (op("replace", "/a/new", value=1), ("a", "new"), 1),
        (op("replace", "/l/-1", value=0), ("l",), [1, {"x": 2}, 0]),
        (op("move", "/a/c", from_="/l/0"), ("a", "c"), 1),
        (op("move", "/l/0", from_="/l/2"), ("l",), [3, 1, {"x": 2}]),
        (op("copy", "/l/0", from_="/l/1"), ("l",), [{"x": 2}, 1, {"x": 2}, 3]),
        (op("copy", "/a/c", from_="/a/nothing"), ("a", "c"), None),
        (op("add", "ignored/a/c", value=1), ("a", "c"), 1),
    ],
)
def test_operations(operation: dict[str, Any], path: tuple[str | int, ...], expected: Any) -> None:
    found = patched(operation)
    for key in path:
        found = found[key]
    assert found == expected


def test_a_copy_is_independent_of_what_it_was_copied_from() -> None:
    result = patched(op("copy", "/a/c", from_="/l/1"), op("add", "/a/c/y", value=1))
    assert result["l"][1] == {"x": 2}


def test_the_whole_document_can_be_replaced() -> None:
    assert patched(op("replace", "", value={"x": 1}), op("add", "/y", value=2)) == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (op("add", "/x/y", value=1), 'add operation does not apply: doc is missing path: "/x/y": missing value'),
        (op("add", "/a/n/y", value=1), 'add operation does not apply: doc is missing path: "/a/n/y": missing value'),
        (op("add", "/a/b/c", value=1), 'add operation does not apply: doc is missing path: "/a/b/c": missing value'),
        (op("add", "", value={}), 'add operation does not apply: doc is missing path: "": missing value'),
        (
            op("add", "/l/9", value=1),
            "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (
            op("add", "/l/x", value=1),
            "error in add for path: '/l/x': value was not a proper array index: 'x': " + NO_INTEGER,
        ),
        (op("remove", "/x/y"), 'remove operation does not apply: doc is missing path: "/x/y": missing value'),
        (
            op("remove", "/a/x"),
            "error in remove for path: '/a/x': Unable to remove nonexistent key: x: missing value",
        ),
        (
            op("remove", "/l/-4"),
            "error in remove for path: '/l/-4': Unable to access invalid index: -4: invalid index referenced",
        ),
        (op("replace", "/x/y", value=1), "replace operation does not apply: doc is missing path: /x/y: missing value"),
        (op("replace", "/l/3", value=1), "replace operation does not apply: doc is missing key: /l/3: missing value"),
        (op("replace", "", value=1), "replace operation value must be object or array: %!w(<nil>)"),
        (op("move", "/a/c"), "move operation failed to decode from: operation, missing from field: missing value"),
        (
            op("move", "/a/c", from_="/x/y"),
            "move operation does not apply: doc is missing from path: /x/y: missing value",
        ),
        (
            op("move", "/a/c", from_="/a/x"),
            "error in move for path: 'x': Unable to remove nonexistent key: x: missing value",
        ),
        (
            op("move", "/x/y", from_="/a/b"),
            "move operation does not apply: doc is missing destination path: /x/y: missing value",
        ),
        (
            op("copy", "/a/c", from_="/l/9"),
            "error in copy for from: '/l/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (
            op("copy", "/l/9", from_="/a/b"),
            "error while adding value during copy: Unable to access invalid index: 9: invalid index referenced",
        ),
        (op("test", "/x/y", value=1), "test operation does not apply: is missing path: /x/y: missing value"),
        (
            op("test", "/l/x", value=1),
            "error in test for path: '/l/x': " + NO_INTEGER,
        ),
        (op("merge", "/a", value=1), "Unexpected kind: merge"),
    ],
)
def test_errors_are_said_in_the_words_of_the_api_server(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(PatchError) as caught:
        patched(operation)
    assert not isinstance(caught.value, TestFailedError)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("operation", "met"),
    [
        (op("test", "/a/b", value=1), True),
        (op("test", "/a/b", value=1.0), True),
        (op("test", "/a/b", value=True), False),
        (op("test", "/a/b", value="1"), False),
        (op("test", "/a", value={"b": 1, "n": None}), True),
        (op("test", "/a", value={"b": 1}), False),
        (op("test", "/l", value=[1, {"x": 2}, 3]), True),
        (op("test", "/l", value=[1, {"x": 2}]), False),
        (op("test", "/a/n"), True),
        (op("test", "/a/nothing"), True),
        (op("test", "/a/nothing", value=None), False),
        (op("test", "/a/b"), False),
        (op("test", "/e", value=None), True),
        (op("test", "/el", value=None), True),
        (op("test", "", value=DOCUMENT), True),
        (op("test", "", value={}), False),
    ],
)
def test_a_test_is_met_or_stops_the_patch(operation: dict[str, Any], met: bool) -> None:
    if met:
        assert patched(operation) == DOCUMENT
    else:
        with pytest.raises(TestFailedError):
            patched(operation)


def test_copies_may_not_make_a_document_much_larger() -> None:
    document = {"a": "x" * (COPY_LIMIT // 2)}
    once = op("copy", "/b", from_="/a")
    assert apply(document, [once])["b"] == document["a"]
    with pytest.raises(PatchError, match="exceeding the limit 3145728"):
        apply(document, [once, once])


paths = st.sampled_from(["", "/", "/a", "/a/b", "/l", "/l/0", "/l/-1", "/l/9", "/l/x", "/x/y", "a", "/a/n/z", "/l/1/x"])
values = st.sampled_from([None, 1, "x", [], {}, [1], {"b": 1}])
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]), "path": paths},
    optional={"from": paths, "value": values},
)


@given(st.lists(operations, max_size=5))
def test_no_patch_changes_its_document_or_fails_in_another_way(steps: list[dict[str, Any]]) -> None:
    before = copy.deepcopy(DOCUMENT)
    try:
        apply(DOCUMENT, steps)
    except PatchError as error:
        assert str(error)  # noqa: PT017 - that there is a text is all that is to be said
    assert before == DOCUMENT


def test_depth_is_no_danger() -> None:
    def nested(leaf: int) -> dict[str, Any]:
        value: Any = leaf
        for level in range(10_000):
            value = {"a": value} if level % 2 else [value]
        return {"a": value}

    document = nested(1)
    assert list(apply(document, [op("test", "/a", value=nested(1)["a"]), op("move", "/b", from_="/a")])) == ["b"]
    with pytest.raises(TestFailedError):
        apply(document, [op("test", "", value=nested(2))])
    with pytest.raises(PatchError):
        apply(document, [op("copy", "/b", from_="/a")])
