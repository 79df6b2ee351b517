from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.quantity import Quantity, from_int, parse_quantity
from admission.cel.values import CelError

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0", "0"),
        ("+", "0"),
        ("-0", "0"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("0.5Mi", "512Ki"),
        ("1.1Ki", "1126400m"),
        ("512", "512"),
        ("1000Ki", "1000Ki"),
        ("1500m", "1500m"),
        ("1.500", "1.500"),
        ("1000m", "1"),
        ("0.1m", "100u"),
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        ("12e6", "12e6"),
        ("1200e4", "12e6"),
        ("1E-3", "1E-3"),
        ("10e-4", "1e-3"),
        ("1000E", "1"),
        ("9999999999Ei", "9223372036854775807"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (".5", "500m"),
        ("5.", "5."),
        ("1e4294967297", "10"),
    ],
)
def test_the_canonical_form_is_the_api_servers(text: str, printed: str) -> None:
    assert str(parse_quantity(text)) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        (" 1", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1.2.3", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1,5", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("١", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("200K", "unable to parse quantity's suffix"),
        ("1e", "unable to parse quantity's suffix"),
        ("1mi", "unable to parse quantity's suffix"),
        ("1e99999999999999999999", "unable to parse quantity's suffix"),
        (".e-10", "unable to parse numeric part of quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(CelError) as caught:
        parse_quantity(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "integer"),
    [
        ("50k", 50_000),
        ("1Gi", 2**30),
        ("-3", -3),
        ("1000m", None),
        ("1.0", None),
        ("0.0", None),
        ("9223372036854775807", None),
        ("9E", 9 * 10**18),
        ("10E", None),
        ("1.5Gi", None),
    ],
)
def test_integers_go_by_the_notation(text: str, integer: int | None) -> None:
    assert parse_quantity(text).integer == integer


def test_sums_keep_the_format_of_the_first_unless_it_is_zero() -> None:
    assert str(parse_quantity("1Gi").add(parse_quantity("1024"))) == "1048577Ki"
    assert str(parse_quantity("0").add(parse_quantity("2Ki"))) == "2Ki"
    assert str(parse_quantity("0").subtract(parse_quantity("2e3"))) == "-2e3"
    assert str(parse_quantity("1").add(from_int(20))) == "21"
    assert parse_quantity("9E").add(parse_quantity("9E")).integer is None


def test_a_computed_quantity_cannot_stand_on_the_right_of_an_equals_sign() -> None:
    two, computed = parse_quantity("2"), parse_quantity("1").add(from_int(1))
    assert computed.comparable(two)
    assert not two.comparable(computed)


@pytest.mark.parametrize(
    ("text", "approximate"),
    [("1.5", 1.5), ("1Ki", 1024.0), ("1e400", float("inf")), ("-1e400", float("-inf")), ("1n", 1e-9)],
)
def test_the_approximation_is_a_double(text: str, approximate: float) -> None:
    assert parse_quantity(text).approximate == approximate


@pytest.mark.parametrize(
    "text",
    ["1e2147483647", "1e-2147483648", "9" * 1_000_000, "9" * 30_000 + "e2147483647", "0." + "0" * 100_000 + "1"],
)
def test_huge_numbers_end_at_once(text: str) -> None:
    quantity = parse_quantity(text)
    assert quantity == parse_quantity(text)
    assert hash(quantity) == hash(parse_quantity(text))
    assert quantity.sign == 1
    assert str(quantity)
    assert quantity.approximate >= 0


def test_a_sum_of_more_digits_than_anybody_can_count_is_an_error() -> None:
    with pytest.raises(CelError, match="more than 20000 digits"):
        parse_quantity("1e2147483647").add(from_int(1))


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Fraction]:
    """Return a quantity that needs no rounding, and its value."""
    sign = draw(st.sampled_from(["", "-", "+"]))
    whole = draw(st.integers(0, 10**6))
    thousandths = draw(st.integers(0, 999))
    suffix = draw(st.sampled_from([suffix for suffix in DECIMAL if suffix not in ("n", "u")] + list(BINARY)))
    factor = Fraction(2 ** BINARY[suffix]) if suffix in BINARY else Fraction(10) ** DECIMAL[suffix]
    value = (whole + Fraction(thousandths, 1000)) * factor
    if suffix in BINARY:
        value = min(value, Fraction(2**63 - 1))
    return f"{sign}{whole}.{thousandths:03}{suffix}", -value if sign == "-" else value


def exact(quantity: Quantity) -> Fraction:
    """Return the value as a fraction."""
    return Fraction(quantity.value)


@given(written(), written())
def test_arithmetic_is_exact(first: tuple[str, Fraction], second: tuple[str, Fraction]) -> None:
    a, b = parse_quantity(first[0]), parse_quantity(second[0])
    assert exact(a) == first[1]
    assert exact(a.add(b)) == first[1] + second[1]
    assert exact(a.subtract(b)) == first[1] - second[1]
    assert a.compare(b) == (first[1] > second[1]) - (first[1] < second[1])
    assert (a == b) is (first[1] == second[1])


@given(written())
def test_the_canonical_form_means_the_same(number: tuple[str, Fraction]) -> None:
    quantity = parse_quantity(number[0])
    assert exact(parse_quantity(str(quantity))) == number[1]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=15))
def test_what_is_too_small_is_rounded_away_from_zero(number: Decimal) -> None:
    value = Fraction(parse_quantity(f"{number:f}").value)
    billionths = abs(Fraction(number)) * 10**9
    assert abs(value) * 10**9 == -(-billionths // 1)


@given(st.text("0123456789.+-eEinumkKMGTP \n", max_size=12))
def test_anything_is_a_quantity_or_refused(text: str) -> None:
    try:
        quantity = parse_quantity(text)
    except CelError:
        return
    assert quantity.compare(quantity) == 0
    assert quantity.add(from_int(0)).compare(quantity) == 0
