"""The parts of timestamps and durations.

    timestamp.getFullYear([zone]) -> int
    timestamp.getMonth([zone])           0 to 11
    timestamp.getDate([zone])            day of the month, 1 to 31
    timestamp.getDayOfMonth([zone])      day of the month, 0 to 30
    timestamp.getDayOfWeek([zone])       0 (Sunday) to 6
    timestamp.getDayOfYear([zone])       0 to 365
    timestamp.getHours([zone]), getMinutes, getSeconds, getMilliseconds
    duration.getHours(), getMinutes(), getSeconds(), getMilliseconds()   the whole duration in that unit, cut off

Without a zone the answer is in UTC. A zone is an IANA name ('Europe/Berlin') or an offset ('+02:00').

    timestamp('2024-07-14T10:30:00Z').getHours('America/New_York')   // 6
    duration('3723s').getMinutes()                                   // 62

Cost: 1. `SPECIFIED` is for the conformance suite alone: there the milliseconds of a duration are those of its last
second, where cel-go and the API server count the whole duration. Source: cel-go common/stdlib/standard.go,
common/types/duration.go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.times import Civil, civil, in_units, zone_offset
from admission.cel.values import NANOS, Duration, Timestamp

_MILLISECOND = 1_000_000


def _in_utc(part: Callable[[Civil], int], stamp: Timestamp) -> int:
    return part(civil(stamp.nanos))


def _in_zone(part: Callable[[Civil], int], stamp: Timestamp, zone: str) -> int:
    return part(civil(stamp.nanos, zone_offset(zone, stamp.nanos)))


def _whole(unit: int, duration: Duration) -> int:
    return int(in_units(duration.nanos, unit))


def _milliseconds(duration: Duration) -> int:
    nanos = duration.nanos
    return nanos // _MILLISECOND if nanos >= 0 else -(-nanos // _MILLISECOND)


def _milliseconds_of_second(duration: Duration) -> int:
    milliseconds = _milliseconds(duration)
    return milliseconds % 1000 if milliseconds >= 0 else -(-milliseconds % 1000)


_ACCESSORS: tuple[tuple[str, str, str, Callable[[Civil], int]], ...] = (
    ("getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz", lambda at: at.year),
    ("getMonth", "timestamp_to_month", "timestamp_to_month_with_tz", lambda at: at.month - 1),
    ("getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz", lambda at: at.day_of_year),
    ("getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz", lambda at: at.day - 1),
    ("getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz", lambda at: at.day),
    ("getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz", lambda at: at.weekday),
    ("getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz", lambda at: at.hour),
    ("getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz", lambda at: at.minute),
    ("getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz", lambda at: at.second),
    (
        "getMilliseconds",
        "timestamp_to_milliseconds",
        "timestamp_to_milliseconds_with_tz",
        lambda at: at.nanos // _MILLISECOND,
    ),
)
_OF_DURATIONS: dict[str, Overload] = {
    name: Overload(id_, (types.DURATION,), types.INT, implementation, member=True)
    for name, id_, implementation in (
        ("getHours", "duration_to_hours", partial(_whole, 3600 * NANOS)),
        ("getMinutes", "duration_to_minutes", partial(_whole, 60 * NANOS)),
        ("getSeconds", "duration_to_seconds", partial(_whole, NANOS)),
        ("getMilliseconds", "duration_to_milliseconds", _milliseconds),
    )
}


def _accessor(name: str, plain: str, zoned: str, part: Callable[[Civil], int]) -> Function:
    overloads = (
        Overload(plain, (types.TIMESTAMP,), types.INT, partial(_in_utc, part), member=True),
        Overload(zoned, (types.TIMESTAMP, types.STRING), types.INT, partial(_in_zone, part), member=True),
    )
    of_duration = _OF_DURATIONS.get(name)
    return Function(name, overloads if of_duration is None else (*overloads, of_duration))


LIBRARY = Library("standard.times", priced_by_name=False, functions=tuple(_accessor(*row) for row in _ACCESSORS))

SPECIFIED = Library(
    "standard.times.specified",
    priced_by_name=False,
    functions=(
        Function(
            "getMilliseconds",
            (Overload("duration_to_milliseconds", (types.DURATION,), types.INT, _milliseconds_of_second, member=True),),
        ),
    ),
    environments=frozenset({"standard"}),
)
