from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.ast import Expr, children
from admission.cel.diagnostic import CompileError
from admission.cel.function import Overload
from admission.cel.library.optionals import LIBRARY, is_zero
from admission.cel.macro import MacroTable
from admission.cel.parser import parse
from admission.cel.types import DYN, struct
from admission.cel.values import (
    NONE,
    CelError,
    ConcatList,
    Duration,
    KeyedMap,
    Optional_,
    StructValue,
    Timestamp,
    Uint,
    equal,
)

Shape = Callable[[Expr], str]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


def test_of_and_none_are_present_and_absent() -> None:
    assert call("optional_hasValue", call("optional_of", None)) is True
    assert call("optional_hasValue", call("optional_none")) is False
    assert call("optional_value", Optional_(1)) == 1
    with pytest.raises(CelError, match=r"optional\.none\(\) dereference"):
        call("optional_value", NONE)


ZEROS: tuple[object, ...] = (
    *(None, False, 0, Uint(0), 0.0, -0.0, "", b"", [], {}, ConcatList([], []), KeyedMap([])),
    *(Duration(0), Timestamp(-62_135_596_800 * 10**9), StructValue(struct("Object"), {})),
)
OTHERS: tuple[object, ...] = (
    *(True, 1, Uint(1), 0.1, " ", b"\0", [0], {"": 0}, KeyedMap([(False, 0)]), Duration(1), Timestamp(0), DYN, NONE),
    StructValue(struct("Object"), {"spec": None}),
)


@pytest.mark.parametrize("zero", ZEROS)
def test_the_default_of_every_type_is_zero(zero: object) -> None:
    assert is_zero(zero)
    assert call("optional_ofNonZeroValue", zero) is NONE


@pytest.mark.parametrize("value", OTHERS)
def test_everything_else_is_not(value: object) -> None:
    assert not is_zero(value)
    assert equal(call("optional_ofNonZeroValue", value), Optional_(value))


def test_or_takes_the_first_that_is_there() -> None:
    assert call("optional_or_optional", NONE, Optional_(1)) == Optional_(1)
    assert call("optional_or_optional", Optional_(1), NONE) == Optional_(1)
    assert call("optional_orValue_value", NONE, 2) == 2
    assert call("optional_orValue_value", Optional_(1), 2) == 1


def test_first_and_last_of_lists() -> None:
    assert call("list_first", [1, 2]) == Optional_(1)
    assert call("list_last", ConcatList([1], [2])) == Optional_(2)
    assert call("list_first", []) is NONE
    assert call("list_last", []) is NONE


def test_unwrap_keeps_what_is_there() -> None:
    assert call("optional_unwrap", [Optional_(1), NONE, Optional_(None)]) == [1, None]
    assert call("optional_unwrapOpt", []) == []
    with pytest.raises(CelError, match="value 1 is not optional"):
        call("optional_unwrap", [1])


def test_newer_functions_say_since_when() -> None:
    newer = {function.name for function in LIBRARY.functions if function.since == "1.33"}
    assert newer == {"first", "last", "optional.unwrap", "unwrapOpt"}


def test_members_have_their_receiver_first() -> None:
    members = [overload for overload in OVERLOADS.values() if overload.member]
    assert all(isinstance(overload, Overload) and overload.params for overload in members)


def test_opt_map_expands_as_in_cel_go(shape: Shape, kubernetes_macros: MacroTable) -> None:
    assert shape(parse("a.b.optMap(x, x + 1)", macros=kubernetes_macros).expr) == (
        "_?_:_(a.b.hasValue(), "
        "optional.of(fold(#unused in []; x = a.b.value(); while False; x; _+_(x, 1))), optional.none())"
    )


def test_opt_flat_map_expands_as_in_cel_go(shape: Shape, kubernetes_macros: MacroTable) -> None:
    assert shape(parse("a.optFlatMap(x, x.?y)", macros=kubernetes_macros).expr) == (
        "_?_:_(a.hasValue(), fold(#unused in []; x = a.value(); while False; x; _?._(x, 'y')), optional.none())"
    )


def test_the_receiver_is_copied_with_ids_of_its_own(kubernetes_macros: MacroTable) -> None:
    receiver = "has(a.b) ? {c: [d.?e, T{f: -1}]}.g(h) : l.all(x, x[0])"
    ast = parse(f"({receiver}).optMap(v, v)", macros=kubernetes_macros)
    seen: list[int] = []
    stack = [ast.expr]
    while stack:
        node = stack.pop()
        seen.append(node.id)
        stack.extend(children(node))
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(ast.source.offsets)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.optMap(x.y, 1)", "optMap() variable name must be a simple identifier"),
        ("a.optFlatMap(1, 1)", "optFlatMap() variable name must be a simple identifier"),
    ],
)
def test_the_variable_must_be_a_name(text: str, message: str, kubernetes_macros: MacroTable) -> None:
    with pytest.raises(CompileError) as caught:
        parse(text, macros=kubernetes_macros)
    assert [issue.message for issue in caught.value.issues] == [message]
