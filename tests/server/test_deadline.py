from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.server.deadline import DEFAULT_TIMEOUT, MAX_TIMEOUT, parse_duration, seconds_allowed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"10s", 10),
        (b"1m30s", 90),
        (b"500ms", 0.5),
        (b"1h", 3600),
        (b"1.5s", 1.5),
        (b".5s", 0.5),
        (b"2us", 2e-6),
        ("2µs".encode(), 2e-6),
        (b"3ns", 3e-9),
    ],
)
def test_go_durations_are_read(text: bytes, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", [b"", b"10", b"s", b".s", b"-1s", b"1s2", b"1x", b"1 s", b"1..5s", b"9" * 50 + b"s", b"\xff"]
)
def test_what_is_no_duration_is_none(text: bytes) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        (b"timeout=10s", 9.5),
        (b"a=b&timeout=1s", 0.9),
        (b"timeout=30s", 29.5),
        (b"timeout=10m", 29.5),
        (b"", 9.5),
        (b"timeout=soon", 9.5),
        (b"timeout=0s", 9.5),
        (b"xtimeout=1s", 9.5),
    ],
)
def test_the_time_allowed_is_the_timeout_less_a_margin(query: bytes, seconds: float) -> None:
    assert seconds_allowed(query) == pytest.approx(seconds)


@given(st.binary(max_size=60))
def test_any_query_string_allows_a_sensible_time(query: bytes) -> None:
    assert 0 < seconds_allowed(b"timeout=" + query) < MAX_TIMEOUT
    assert 0 < seconds_allowed(query) <= max(DEFAULT_TIMEOUT, MAX_TIMEOUT)
