"""How long a review may take: the API server says so in `?timeout=`; we answer a margin earlier.

The answer has to travel back and the API server has to decode it before its own clock runs out; a review that is
answered too late counts as a failed call (spec/policies.md, section 9). Pure.
"""

from __future__ import annotations

import re
from typing import Final

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds where the caller says nothing: the default of timeoutSeconds."""

MAX_TIMEOUT: Final = 30.0
"""Seconds that a webhook configuration can ask for at most."""

_MARGIN_SHARE: Final = 0.1
_MAX_MARGIN: Final = 0.5

_PARAMETER: Final = re.compile(rb"(?:^|&)timeout=([^&]*)")
_DURATION: Final = re.compile(rb"(?:[0-9]*\.?[0-9]*(?:ns|us|\xc2\xb5s|ms|s|m|h))+")
_PART: Final = re.compile(rb"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\xc2\xb5s|ms|s|m|h)")
_SECONDS: Final = {b"ns": 1e-9, b"us": 1e-6, b"\xc2\xb5s": 1e-6, b"ms": 1e-3, b"s": 1.0, b"m": 60.0, b"h": 3600.0}
_LONGEST_TEXT: Final = 40


def seconds_allowed(query_string: bytes) -> float:
    """Return how many seconds a review with this query string may take, the margin already taken off.

    `timeout` is a Go duration (`10s`, `1m30s`, `500ms`); an absent, unreadable or non-positive one means the default.
    """
    timeout = DEFAULT_TIMEOUT
    match = _PARAMETER.search(query_string)
    if match:
        timeout = parse_duration(match[1]) or DEFAULT_TIMEOUT
    timeout = min(timeout, MAX_TIMEOUT)
    return timeout - min(_MAX_MARGIN, timeout * _MARGIN_SHARE)


def parse_duration(text: bytes) -> float | None:
    """Return a Go duration in seconds, or None for what is none (Go time.ParseDuration without signs)."""
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        return None
    total = 0.0
    end = 0
    for part in _PART.finditer(text):
        if part.start() != end:
            return None
        total += float(part[1]) * _SECONDS[part[2]]
        end = part.end()
    return total if end == len(text) else None
