from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.library.standard.times import LIBRARY
from admission.cel.values import CelError, Duration, Timestamp

Evaluate = Callable[..., Any]
OVERLOADS = {overload.id: overload for function in LIBRARY.functions for overload in function.overloads}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = "timestamp('2009-02-13T23:31:30.123Z')"


def call(overload: str, *args: Any) -> Any:
    return OVERLOADS[overload].implementation(*args)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"{T}.getFullYear()", 2009),
        (f"{T}.getMonth()", 1),
        (f"{T}.getDate()", 13),
        (f"{T}.getDayOfMonth()", 12),
        (f"{T}.getDayOfWeek()", 5),
        (f"{T}.getDayOfYear()", 43),
        (f"{T}.getHours()", 23),
        (f"{T}.getMinutes()", 31),
        (f"{T}.getSeconds()", 30),
        (f"{T}.getMilliseconds()", 123),
        (f"{T}.getDate('+01:00')", 14),
        (f"{T}.getHours('Europe/Berlin')", 0),
        (f"{T}.getHours('')", 23),
        (f"{T}.getHours('UTC')", 23),
        (f"{T}.getMinutes('-02:30')", 1),
        (f"{T}.getMinutes('Asia/Kathmandu')", 16),
        (f"{T}.getHours('99:00')", 2),
        ("timestamp('2024-07-14T10:30:00Z').getHours('America/New_York')", 6),
        ("timestamp('2024-01-14T10:30:00Z').getHours('America/New_York')", 5),
        ("timestamp('2200-07-14T10:30:00Z').getHours('America/New_York')", 6),
        ("timestamp('2024-01-01T00:00:00+02:00').getHours()", 22),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('-01:00')", 0),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+01:00')", 10000),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('Asia/Tokyo')", 10000),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('America/Los_Angeles')", 0),
        ("duration('3h59m59.999s').getHours()", 3),
        ("duration('3723s').getMinutes()", 62),
        ("duration('-1.9s').getSeconds()", -1),
        ("duration('-1.0019s').getMilliseconds()", -1001),
        ("duration('2000000h59m59.999999999s').getHours()", 2000001),
    ],
)
def test_parts_of_times(evaluate: Evaluate, text: str, value: int) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("zone", "error"),
    [
        ("Nope/Where", "unknown time zone Nope/Where"),
        ("europe/berlin\0", "unknown time zone europe/berlin\0"),
        ("../etc/passwd", "time: invalid location name"),
        ("/etc/passwd", "time: invalid location name"),
        (":", 'strconv.Atoi: parsing "": invalid syntax'),
        ("1x:00", 'strconv.Atoi: parsing "1x": invalid syntax'),
        ("1:2:3", 'strconv.Atoi: parsing "2:3": invalid syntax'),
        ("9223372036854775808:00", 'strconv.Atoi: parsing "9223372036854775808": value out of range'),
    ],
)
def test_a_zone_that_is_none_is_an_error(zone: str, error: str) -> None:
    with pytest.raises(CelError) as raised:
        call("timestamp_to_hours_with_tz", Timestamp(0), zone)
    assert str(raised.value) == error


def test_an_offset_beyond_all_calendars_still_answers() -> None:
    assert isinstance(call("timestamp_to_year_with_tz", Timestamp(0), "1000000000:00"), int)


def test_the_standard_environment_wants_the_milliseconds_of_the_last_second(evaluate: Evaluate) -> None:
    for text, whole, part in (("123.321s", 123321, 321), ("-1.0019s", -1001, -1), ("0s", 0, 0)):
        assert evaluate(f"duration('{text}').getMilliseconds()") == whole
        assert evaluate(f"duration('{text}').getMilliseconds()", env="standard") == part


def test_other_values_have_no_parts(evaluate: Evaluate) -> None:
    with pytest.raises(CelError, match=r"no such overload: getHours\(int\)"):
        evaluate("x.getHours()", x=1)


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)))  # noqa: DTZ001
def test_the_calendar_is_pythons(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    stamp = Timestamp((at - EPOCH) // timedelta(microseconds=1) * 1000)
    parts = {
        "year": at.year,
        "month": at.month - 1,
        "day_of_month_1_based": at.day,
        "day_of_week": at.isoweekday() % 7,
        "day_of_year": at.timetuple().tm_yday - 1,
        "hours": at.hour,
        "minutes": at.minute,
        "seconds": at.second,
        "milliseconds": at.microsecond // 1000,
    }
    assert {name: call(f"timestamp_to_{name}", stamp) for name in parts} == parts


@given(st.integers(-(2**63), 2**63 - 1))
def test_parts_of_durations_are_cut_off_towards_zero(nanos: int) -> None:
    milliseconds = call("duration_to_milliseconds", Duration(nanos))
    assert abs(milliseconds) == abs(nanos) // 1_000_000
    seconds = call("duration_to_seconds", Duration(nanos))
    assert abs(abs(seconds) - abs(nanos) // 1_000_000_000) <= 1  # Go rounds in doubles before it cuts
