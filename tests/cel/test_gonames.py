from __future__ import annotations

import pytest

from admission.cel.gonames import go_name
from admission.cel.netaddress import parse_cidr
from admission.cel.quantity import from_int, parse_quantity
from admission.cel.values import NONE, CelError, Uint, Value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "types.Int"),
        (Uint(1), "types.Uint"),
        (None, "types.Null"),
        ([], "*types.baseList"),
        (NONE, "*types.Optional"),
        (CelError("x"), "*types.Err"),
        (parse_quantity("1"), "cel.Quantity"),
        (parse_quantity("1").add(from_int(1)), "*cel.Quantity"),
        (parse_cidr("::/0"), "cel.CIDR"),
    ],
)
def test_values_have_the_names_that_leak_into_upstreams_errors(value: Value, name: str) -> None:
    assert go_name(value) == name
