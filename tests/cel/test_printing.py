from __future__ import annotations

import pytest

from admission.cel import types
from admission.cel.printing import show
from admission.cel.values import NONE, Duration, KeyedMap, Optional_, Timestamp, Uint


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (1, "1"),
        (Uint(1), "1"),
        (1e30, "1e+30"),
        (1.5, "1.5"),
        (None, "0"),
        ("a", "a"),
        (b"x\xff", "[120 255]"),
        ([1, "a", [None]], "[1, a, [0]]"),
        ({"a": {1: 2.0}}, "{a: {1: 2}}"),
        (KeyedMap([(True, 1)]), "{true: 1}"),
        (Duration(90 * 10**9), "1m30s"),
        (Timestamp(1_577_934_245_500_000_000), "2020-01-02 03:04:05.5 +0000 UTC"),
        (Timestamp(0, 3600), "1970-01-01 01:00:00 +0100 +0100"),
        (types.LIST_DYN, "list(dyn)"),
        (types.DURATION, "google.protobuf.Duration"),
        (Optional_([1]), "optional([1])"),
        (NONE, "optional.none()"),
    ],
)
def test_values_are_shown_as_go_prints_them(value: object, text: str) -> None:
    assert show(value) == text
