"""What an optional holds after it was handed on, as the API server has it."""

from __future__ import annotations

from typing import Any

import pytest

from admission.cel import types
from admission.cel.natives import fields_of, handed_on, rewrapped
from admission.cel.quantity import parse_quantity
from admission.cel.values import NONE, CelError, Duration, ObjectValue, Optional_, PatchValue

OBJECT = types.struct("Object")
INNER = types.struct("Object.spec")


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a", b"a", [1], {"a": 1}, Duration(5)])
def test_plain_values_stay(value: Any) -> None:
    assert rewrapped(value) is value


def test_an_optional_becomes_what_it_holds_and_a_type_its_name() -> None:
    assert rewrapped(Optional_(Optional_(1))) == 1
    assert rewrapped(NONE) is None
    assert rewrapped(types.INT) == "int"


def test_an_object_becomes_a_map_with_all_objects_inside() -> None:
    value = ObjectValue(OBJECT, {"spec": ObjectValue(INNER, {"a": 1}), "list": [ObjectValue(INNER, {})]})
    assert rewrapped(value) == {"spec": {"a": 1}, "list": [{}]}


def test_a_patch_stays_a_patch() -> None:
    patch = PatchValue(types.struct("JSONPatch"), {"op": "add"})
    assert rewrapped(patch) is patch


def test_a_value_of_a_library_cannot_be_wrapped_again() -> None:
    with pytest.raises(CelError, match=r"unsupported conversion to ref.Val: \(\*resource.Quantity\)1Gi"):
        rewrapped(parse_quantity("1Gi"))


def test_an_optional_that_was_handed_on_fails_only_when_it_is_asked() -> None:
    handed = handed_on(Optional_(parse_quantity("1Gi")))
    assert handed.present
    with pytest.raises(CelError, match="unsupported conversion"):
        _ = handed.value


def test_fields_cannot_be_read_where_one_is_a_map_with_other_keys() -> None:
    with pytest.raises(CelError, match='cannot get field "a"'):
        fields_of(ObjectValue(OBJECT, {"a": {1: 2}}))
