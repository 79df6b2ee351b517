from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.library.semver import normalize, parse_semver
from admission.cel.values import CelError, Value

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))", True),
        ("semver('1.2.3').isGreaterThan(semver('1.2.3-9'))", True),
        ("semver('1.2.3').compareTo(semver('1.10.0'))", -1),
        ("semver('1.2.3+a') == semver('1.2.3+b')", True),
        ("semver('v1.02', true) == semver('1.2.0')", True),
        ("isSemver('v1.2.3')", False),
        ("isSemver('v1.2.3', true)", True),
        ("isSemver('1.2', false)", False),
        ("semver('1.22.333').major()", 1),
        ("semver('1.22.333').minor()", 22),
        ("semver('1.22.333').patch()", 333),
        ("semver('9223372036854775808.0.0').major()", -(2**63)),
    ],
)
def test_versions_are_ordered(evaluate: Evaluate, text: str, value: Value) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Version string empty"),
        ("1.2", "No Major.Minor.Patch elements found"),
        ("v1.2.3", 'Invalid character(s) found in major number "v1"'),
        ("1.02.3", 'Minor number must not contain leading zeroes "02"'),
        ("1.2.", 'strconv.ParseUint: parsing "": invalid syntax'),
        ("1.2.99999999999999999999", 'strconv.ParseUint: parsing "99999999999999999999": value out of range'),
        ("1.2.3-", "Prerelease is empty"),
        ("1.2.3-01", 'Numeric PreRelease version must not contain leading zeroes "01"'),
        ("1.2.3-a_b", 'Invalid character(s) found in prerelease "a_b"'),
        ("1.2.3+", "Build meta data is empty"),
        ("1.2.3+é", 'Invalid character(s) found in build meta data "é"'),
    ],
)
def test_what_is_no_version_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        parse_semver(text)
    assert str(caught.value) == message


def test_the_order_is_that_of_the_specification() -> None:
    ordered = ["1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-A", "1.0.0-a", "1.0.0-a.1", "1.0.0-a.b", "1.0.0", "1.0.1"]
    versions = [parse_semver(text) for text in ordered]
    for place, version in enumerate(versions):
        assert [version.compare(other) for other in versions] == [
            (place > index) - (place < index) for index in range(len(versions))
        ]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [("v1", "1.0.0"), ("01.0.00", "1.0.0"), ("1.2", "1.2.0"), ("000.0a.1", "0.0a.1"), ("1.2.03-a", "1.2.3-a")],
)
def test_normalizing_forgives_a_little(text: str, normalized: str) -> None:
    assert normalize(text) == normalized


def test_normalizing_does_not_fill_up_before_a_suffix() -> None:
    with pytest.raises(CelError, match="short version cannot contain PreRelease/Build meta data"):
        normalize("1.2-a")


def test_the_cost_is_a_tenth_of_the_text(cost_of: Callable[..., int]) -> None:
    assert cost_of("semver('1.2.3-abcdef')") == 2
    assert cost_of("isSemver('1.2.3', true)") == 1


@given(st.tuples(*[st.integers(0, 2**64 - 1)] * 3))
def test_numbers_of_64_bits_are_kept(numbers: tuple[int, int, int]) -> None:
    text = ".".join(map(str, numbers))
    version = parse_semver(text)
    assert version.rank[:3] == numbers
    assert str(version) == text


@given(st.text("0123456789.v+-a ", max_size=16), st.booleans())
def test_anything_is_a_version_or_refused(text: str, normalized: bool) -> None:
    try:
        version = parse_semver(normalize(text) if normalized else text)
    except CelError:
        return
    assert parse_semver(str(version)) == version
