"""Durations, timestamps and time zones as Go reads and prints them, which is what CEL shows of them.

Everything is integers: nanoseconds, and seconds east of UTC. Go reads more than RFC 3339 says (one-digit hours, a comma
before the fraction, offsets of 24:60), and so does this. Sources: Go time.ParseDuration, time.Parse and Time.Format;
cel-go common/types/duration.go, timestamp.go; common/stdlib/standard.go (inTimeZone).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from admission.cel.quoting import quote
from admission.cel.values import INT_MAX, INT_MIN, NANOS, CelError, Duration, Timestamp

FIRST_SECOND, LAST_SECOND = -62135596800, 253402300799  # 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NANOS,
    "m": 60 * NANOS,
    "h": 3600 * NANOS,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^.0-9]+)")
_LONGEST_INTEGER = 19
_LONGEST_SCALE = 400  # so many zeros after the point that a double cannot tell the number from zero
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_LAST_ORDINAL = date.max.toordinal()
_CYCLE = 146_097  # days in 400 years, after which the calendar repeats
_CYCLE_YEARS = 400
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NUMBER = re.compile(r"[+-]?[0-9]+")


def parse_duration(text: str) -> int:
    """Return the nanoseconds of `1h2m3.5s`; CelError where Go's ParseDuration does not take it."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = 0
    place = 0
    while place < len(rest):
        part = _PART.match(rest, place)
        if part is None:
            raise _no_duration()
        total += _part(part.group(1), part.group(2) or "", part.group(3))
        if total > -INT_MIN:
            raise _no_duration()
        place = part.end()
    nanos = -total if text[:1] == "-" else total
    if not rest or nanos > INT_MAX:
        raise _no_duration()
    return nanos


def _no_duration() -> CelError:
    return CelError("type conversion error from 'string' to 'google.protobuf.Duration'")


def _part(whole: str, fraction: str, unit: str) -> int:
    factor = _UNITS.get(unit)
    if factor is None or not (whole or fraction):
        raise _no_duration()
    whole = whole.lstrip("0")
    if len(whole) > _LONGEST_INTEGER:
        raise _no_duration()
    nanos = int(whole or "0") * factor
    if nanos > -INT_MIN:
        raise _no_duration()
    if fraction:
        digits, scale = _leading_fraction(fraction)
        nanos += int(float(digits) * (factor / scale))  # in doubles, to be as inexact as Go is
    return nanos


def _leading_fraction(digits: str) -> tuple[int, float]:
    """Return the digits that fit an int64 and the power of ten below them."""
    if not digits[:_LONGEST_SCALE].strip("0"):
        return 0, 1.0
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if value > INT_MAX // 10 or longer > -INT_MIN:
            break
        value = longer
        scale *= 10
    return value, scale


def format_duration(nanos: int) -> str:
    """Return `1h0m0.5s`, as Go's Duration.String does."""
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos == 0:
        return "0s"
    for unit, factor in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanos < factor * 1_000:
            return f"{sign}{_decimal(nanos, factor)}{unit}"
    minutes, rest = divmod(nanos, 60 * NANOS)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, NANOS)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(unit + rest)[1:].rstrip('0')}"


def total_seconds(nanos: int) -> float:
    """Return the seconds of a duration as the double that Go makes of them."""
    return in_units(nanos, NANOS)


def in_units(nanos: int, unit: int) -> float:
    """Return a duration in a unit (nanoseconds each), rounded as Go's Hours, Minutes and Seconds are."""
    if nanos < 0:
        return -in_units(-nanos, unit)
    whole, rest = divmod(nanos, unit)
    return float(whole) + float(rest) / unit


def parse_timestamp(text: str) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 text; CelError as for `timestamp(text)`."""
    return read_timestamp(text).nanos


def read_timestamp(text: str) -> Timestamp:
    """Return the timestamp of an RFC 3339 text with its zone; CelError where Go's time.Parse does not take it."""
    match = _STAMP.fullmatch(text)
    if match is None:
        raise _no_timestamp()
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    if not (1 <= month <= 12 and 1 <= day <= _days_in(month, year) and hour < 24 and minute < 60 and second < 60):
        raise _no_timestamp()
    offset = 0
    sign = match.group(8)
    if sign is not None:
        hours, minutes = int(match.group(9)), int(match.group(10))
        if hours > 24 or minutes > 60:  # not 23 and 59: some write offsets of 24 hours
            raise _no_timestamp()
        offset = (hours * 60 + minutes) * (-60 if sign == "-" else 60)
    days = date(year or _CYCLE_YEARS, month, day).toordinal() - _EPOCH - (0 if year else _CYCLE)
    seconds = days * _DAY + hour * 3600 + minute * 60 + second - offset
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise CelError("timestamp overflow")
    fraction = match.group(7)
    nanos = int(fraction[:9].ljust(9, "0")) if fraction else 0
    return Timestamp(seconds * NANOS + nanos, offset)


def _no_timestamp() -> CelError:
    return CelError("type conversion error from 'string' to 'google.protobuf.Timestamp'")


def _days_in(month: int, year: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % _CYCLE_YEARS == 0)
    return 28 if month == 2 and not leap else _DAYS[month - 1]


@dataclass(frozen=True, slots=True)
class Civil:
    """A point in time as people read it; `day_of_year` counts from 0, `weekday` from Sunday as 0, the rest as usual."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanos: int
    day_of_year: int
    weekday: int


def civil(nanos: int, offset: int = 0) -> Civil:
    """Return the calendar fields of a timestamp, `offset` seconds east of UTC; the year may be 0 or 10000 there."""
    seconds, nanos = divmod(nanos, NANOS)
    days, seconds = divmod(seconds + offset, _DAY)
    ordinal = days + _EPOCH
    cycles = 0
    if not 1 <= ordinal <= _LAST_ORDINAL:
        cycles = (ordinal - 1) // _CYCLE
        ordinal -= cycles * _CYCLE
    day = date.fromordinal(ordinal)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    first = date(day.year, 1, 1).toordinal()
    year = day.year + cycles * _CYCLE_YEARS
    return Civil(year, day.month, day.day, hour, minute, second, nanos, ordinal - first, day.isoweekday() % 7)


def format_timestamp(nanos: int, offset: int = 0) -> str:
    """Return the RFC 3339 text of a timestamp, without trailing zeros in the fraction (Go's RFC3339Nano)."""
    at = civil(nanos, offset)
    fraction = f".{at.nanos:09}".rstrip("0") if at.nanos else ""
    zone = "Z"
    if offset:
        hours, minutes = divmod(abs(offset) // 60, 60)
        zone = f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}{fraction}{zone}"


def zone_offset(zone: str, nanos: int) -> int:
    """Return how many seconds east of UTC a zone is at a point in time; CelError for an unknown zone.

    A zone is an IANA name, empty or `Local` for UTC, or `-08:00`.
    """
    if ":" in zone:
        return _fixed_offset(zone)
    if zone in ("", "UTC", "Local"):
        return 0
    if ".." in zone or zone[0] in "/\\":
        raise CelError("time: invalid location name")
    try:
        known = ZoneInfo(zone)
    except (OSError, ValueError, LookupError):
        raise CelError(f"unknown time zone {zone}") from None
    # kept away from the ends of the calendar, where Python cannot name the local time
    seconds = min(max(nanos // NANOS, FIRST_SECOND + 3 * _DAY), LAST_SECOND - 3 * _DAY)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    offset = moment.astimezone(known).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _fixed_offset(zone: str) -> int:
    hours, minutes = zone.split(":", 1)
    east, more = _number(hours) * 60, _number(minutes)
    total = (east - more if zone[0] == "-" else east + more) * 60 * NANOS
    return _wrapped(total) // NANOS


def _wrapped(value: int) -> int:
    """Return what an int64 keeps of a value: Go does not look for overflow here."""
    return (value + 2**63) % 2**64 - 2**63


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise CelError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    digits = text.lstrip("+-").lstrip("0") or "0"
    value = int(digits[: _LONGEST_INTEGER + 1])
    value = -value if text[0] == "-" else value
    if not INT_MIN <= value <= INT_MAX:
        raise CelError(f"strconv.Atoi: parsing {quote(text)}: value out of range")
    return value


def shift(stamp: Timestamp, nanos: int) -> Timestamp:
    """Return a timestamp `nanos` later, in the same zone; CelError `timestamp overflow` outside of years 1 to 9999."""
    moved = stamp.nanos + nanos
    if not FIRST_SECOND <= moved // NANOS <= LAST_SECOND:
        raise CelError("timestamp overflow")
    return Timestamp(moved, stamp.offset)


def between(later: Timestamp, earlier: Timestamp) -> Duration:
    """Return `later - earlier`; CelError `integer overflow` where that are more nanoseconds than an int64 holds."""
    seconds = later.nanos // NANOS - earlier.nanos // NANOS
    nanos = later.nanos - earlier.nanos
    if not (INT_MIN <= seconds * NANOS <= INT_MAX and INT_MIN <= nanos <= INT_MAX):
        raise CelError("integer overflow")
    return Duration(nanos)
