from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.times import (
    FIRST_SECOND,
    LAST_SECOND,
    civil,
    format_duration,
    format_timestamp,
    parse_duration,
    parse_timestamp,
    read_timestamp,
    zone_offset,
)
from admission.cel.values import NANOS, CelError


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("-0", 0),
        ("1ns", 1),
        ("1us", 1_000),
        ("1µs", 1_000),
        ("1μs", 1_000),
        ("1.5ms", 1_500_000),
        (".5s", 500_000_000),
        ("5.s", 5 * NANOS),
        ("-1h2m3s", -3723 * NANOS),
        ("+1m1m", 120 * NANOS),
        ("0.1000000000000000000000000001h", 360 * NANOS),
        ("0.000000000000000000000000000001h", 0),
        ("1.999999999999999999999ns", 2),
        ("2562047h47m16.854775807s", 2**63 - 1),
        ("-2562047h47m16.854775808s", -(2**63)),
        ("00000000000000000000000000001s", NANOS),
        ("0." + "0" * 1_000 + "1s", 0),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, nanos: int) -> None:
    assert parse_duration(text) == nanos


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "+",
        "1",
        "s",
        ".s",
        "1.5",
        "1d",
        "1 s",
        " 1s",
        "1s ",
        "1s-1s",
        "1S",
        "٣s",
        "--1s",
        "2562047h47m16.854775808s",
        "9223372036854775808ns",
        "9" * 10_000 + "s",
        "1s" * 10 + "x",
    ],
)
def test_what_go_does_not_take_for_a_duration_is_none(text: str) -> None:
    with pytest.raises(CelError, match=r"type conversion error from 'string' to 'google\.protobuf\.Duration'"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (-245 * NANOS, "-4m5s"),
        (18367_001_000_000, "5h6m7.001s"),
        (3600 * NANOS, "1h0m0s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_durations_are_printed_as_go_prints_them(nanos: int, text: str) -> None:
    assert format_duration(nanos) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_duration_survives_its_text(nanos: int) -> None:
    whole, fraction = divmod(abs(nanos), NANOS)
    assert parse_duration(f"{'-' if nanos < 0 else ''}{whole}s{fraction}ns") == nanos
    assert abs(parse_duration(format_duration(nanos)) - nanos) <= 1  # fractions pass through a double, as in Go


@given(st.integers(FIRST_SECOND * NANOS, LAST_SECOND * NANOS), st.integers(-24 * 60, 24 * 60))
def test_a_timestamp_survives_its_text_in_every_zone(nanos: int, minutes: int) -> None:
    if not 0 < civil(nanos, minutes * 60).year < 10_000:
        return
    read = read_timestamp(format_timestamp(nanos, minutes * 60))
    assert (read.nanos, read.offset) == (nanos, minutes * 60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2024-01-02T3:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05,5Z", "2024-01-02T03:04:05.5Z"),
        ("2024-01-02T03:04:05.123456789999Z", "2024-01-02T03:04:05.123456789Z"),
        ("2024-01-02T03:04:05-00:00", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05+24:60", "2024-01-02T03:04:05+25:00"),
        ("2000-02-29T00:00:00-23:59", "2000-02-29T00:00:00-23:59"),
    ],
)
def test_more_than_rfc_3339_is_read(text: str, shown: str) -> None:
    read = read_timestamp(text)
    assert format_timestamp(read.nanos, read.offset) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-02",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:05",
        "2024-01-02t03:04:05z",
        "2024-1-02T03:04:05Z",
        "2024-13-02T03:04:05Z",
        "2023-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2024-01-00T03:04:05Z",
        "2024-01-02T24:04:05Z",
        "2024-01-02T03:60:05Z",
        "2024-01-02T03:04:60Z",
        "2024-01-02T03:04:05.Z",
        "2024-01-02T03:04:05+25:00",
        "2024-01-02T03:04:05+00:61",
        "2024-01-02T03:04:05+0100",
        "02024-01-02T03:04:05Z",
        "2024-01-02T03:04:05Z\n",
        "٢٠٢٤-01-02T03:04:05Z",
    ],
)
def test_what_go_does_not_take_for_a_timestamp_is_none(text: str) -> None:
    with pytest.raises(CelError, match=r"type conversion error from 'string' to 'google\.protobuf\.Timestamp'"):
        parse_timestamp(text)


@pytest.mark.parametrize("text", ["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_years_end_at_1_and_9999(text: str) -> None:
    with pytest.raises(CelError, match="timestamp overflow"):
        parse_timestamp(text)


@given(st.text(max_size=40))
def test_no_text_is_more_than_an_error(text: str) -> None:
    for read in (parse_duration, parse_timestamp):
        try:
            read(text)
        except CelError:
            continue


@given(st.text(max_size=20))
def test_no_zone_is_more_than_an_error(zone: str) -> None:
    try:
        offset = zone_offset(zone, 0)
    except CelError:
        return
    civil(0, offset)
