from __future__ import annotations

import pytest

from admission.names import is_identifier, path_segment_faults


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("", []),
        ("a.b", []),
        (".", ["may not be '.'"]),
        ("..", ["may not be '..'"]),
        ("a/b%c", ["may not contain '/'", "may not contain '%'"]),
    ],
)
def test_a_segment_of_a_path_can_hold_no_slash_and_no_percent(name: str, faults: list[str]) -> None:
    assert path_segment_faults(name) == faults


@pytest.mark.parametrize(
    ("name", "fine"),
    [("a", True), ("_a1", True), ("1a", False), ("a-b", False), ("in", False), ("namespace", False), ("a\n", False)],
)
def test_a_variable_has_the_name_of_an_identifier(name: str, *, fine: bool) -> None:
    assert is_identifier(name) is fine
