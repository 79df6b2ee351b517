"""Values that Go types read themselves, and Go's words about those that they do not take."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.schema.go_scalars import UnreadableError, base64_fault, check_integer, check_scalar, number_text
from admission.schema.go_types import Shape


def said(shape: Shape, value: Any) -> str | None:
    try:
        check_scalar(shape, value)
    except UnreadableError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "text",
    [
        "2020-02-29T23:59:59Z",
        "2020-01-02T03:04:05.123456789+02:00",
        "2020-01-02T3:04:05,5-24:00",
    ],
)
def test_times_are_those_that_go_reads(text: str) -> None:
    assert said("time", text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'),
        ("2020/01", 'as "2006-01-02T15:04:05Z07:00": cannot parse "/01" as "-"'),
        ("2020-1-02T03:04:05Z", 'as "2006-01-02T15:04:05Z07:00": cannot parse "1-02T03:04:05Z" as "01"'),
        ("2020-13-01T00:00:00Z", ": month out of range"),
        ("2021-02-29T00:00:00Z", ": day out of range"),
        ("2020-01-01T24:00:00Z", ": hour out of range"),
        ("2020-01-01T00:60:00Z", ": minute out of range"),
        ("2020-01-01T00:00:60Z", ": second out of range"),
        ("2020-01-01T00:00:00", 'as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"'),
        ("2020-01-01T00:00:00+25:00", ": time zone offset hour out of range"),
        ("2020-01-01T00:00:00+02:61", ": time zone offset minute out of range"),
        ("2020-01-01T00:00:00Z!", ': extra text: "!"'),
        ("é", r'as "2006-01-02T15:04:05Z07:00": cannot parse "\xc3\xa9" as "2006"'),
    ],
)
def test_times_that_go_does_not_read(text: str, fault: str) -> None:
    shown = '"' + text.replace("é", r"\xc3\xa9") + '"'
    separator = "" if fault.startswith(":") else " "
    assert said("time", text) == f"parsing time {shown}{separator}{fault}"


def test_micro_times_have_six_digits() -> None:
    assert said("micro time", "2020-01-02T03:04:05.123456Z") is None
    assert said("micro time", "2020-01-02T03:04:05Z") == (
        'parsing time "2020-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"'
    )


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_that_is_written_is_read(moment: datetime) -> None:
    assert said("time", moment.isoformat()) is None


@given(st.text())
def test_no_text_breaks_the_reader_of_times(text: str) -> None:
    assert (said("time", text) or "parsing time").startswith("parsing time")


def test_a_time_is_a_string() -> None:
    assert said("time", 5) == "json: cannot unmarshal number into Go value of type string"
    assert said("time", {}) == "json: cannot unmarshal object into Go value of type string"


def test_quantities_are_texts_or_numbers() -> None:
    wrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    assert [said("quantity", value) for value in ("100m", " 1Gi ", 5, 0.5, 1e300)] == [None] * 5
    others: list[Any] = ["", "a", True, [], {}]
    assert [said("quantity", value) for value in others] == [wrong] * 5


def test_an_int_or_a_string_is_an_int32_or_a_string() -> None:
    assert [said("int or string", value) for value in ("http", 80, -1, 80.0)] == [None] * 4
    assert said("int or string", 80.5) == "json: cannot unmarshal number 80.5 into Go value of type int32"
    assert said("int or string", 2**31) == "json: cannot unmarshal number 2147483648 into Go value of type int32"
    assert said("int or string", True) == "json: cannot unmarshal bool into Go value of type int32"


@pytest.mark.parametrize(("value", "fits"), [(2**63 - 1, True), (-(2**63), True), (2**63, False), (1e19, False)])
def test_an_int64_has_64_bits(value: float, fits: bool) -> None:
    if fits:
        check_integer(value, "int64")
    else:
        with pytest.raises(UnreadableError, match="into Go value of type int64"):
            check_integer(value, "int64")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("YWI=", None),
        ("", None),
        ("YW\nI=", None),
        ("a", 0),
        ("YWJjYQ", 4),
        ("YW-=", 2),
        ("Y===", 1),
        ("YQ=", 3),
        ("YQ=a", 2),
        ("YQ==YQ==", 4),
        ("é", 0),
    ],
)
def test_base64_is_standard_and_padded(text: str, at: int | None) -> None:
    assert base64_fault(text) == (None if at is None else f"illegal base64 data at input byte {at}")


@given(st.binary())
def test_everything_encoded_is_base64(data: bytes) -> None:
    assert base64_fault(base64.b64encode(data).decode()) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (5.0, "5"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (5e-7, "5e-7"),
        (-2.5e300, "-2.5e+300"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_written_as_json_writes_them(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back(value: float) -> None:
    assert float(json.loads(number_text(value))) == value
