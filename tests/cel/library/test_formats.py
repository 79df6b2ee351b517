from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.library.formats import FORMATS

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [
        ("dns1123Label", "a-b", "a.b"),
        ("dns1123Subdomain", "a.b-c", "a..b"),
        ("dns1035Label", "a1", "1a"),
        ("qualifiedName", "example.com/Name", "a/b/c"),
        ("dns1123LabelPrefix", "a-", "-"),
        ("dns1123SubdomainPrefix", "a.b-", "a.b."),
        ("dns1035LabelPrefix", "1-", "1a-"),
        ("dns1035LabelPrefix", "ab-", "aé-"),
        ("labelValue", "", "-"),
        ("uri", "http://a/b", "a b"),
        ("uuid", "123e4567-E89B-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400"),
        ("uuid", "123e4567e89b12d3a456426614174000", "123e4567--e89b-12d3-a456-426614174000"),
        ("byte", "aGVsbG8=", "aGVsbG8"),
        ("byte", "AAAA", ""),
        ("date", "2024-02-29", "2023-02-29"),
        ("date", "0000-02-29", "2024-2-29"),
        ("date", "9999-12-31", "2024-13-01"),
        ("datetime", "2024-01-01T23:59:59Z", "2024-01-01T24:00:00Z"),
        ("datetime", "2024-01-01t00:00:00.5+99:99", "2024-01-01 00:00:00Z"),
        ("datetime", "2024-01-01T00:00:00Z", "2024-01-01T00:00:60Z"),
    ],
)
def test_formats_tell_right_from_wrong(evaluate: Evaluate, name: str, fine: str, wrong: str) -> None:
    assert evaluate(f"format.{name}().validate(text).hasValue()", text=fine) is False
    faults = evaluate(f"format.named('{name}').value().validate(text).orValue([])", text=wrong)
    assert faults
    assert all(isinstance(fault, str) for fault in faults)


def test_all_names_are_known_and_others_are_not(evaluate: Evaluate) -> None:
    for name in FORMATS:
        assert evaluate(f"format.named('{name}') == optional.of(format.{name}())") is True
    assert evaluate("format.named('email').hasValue()") is False


def test_the_cost_depends_on_the_format(cost_of: Callable[..., int]) -> None:
    assert cost_of("format.dns1123Label().validate('a')") == 9
    assert cost_of("format.uri().validate('a')") == 277
    assert cost_of("format.dns1123Label() == format.dns1123Label()") == 3
