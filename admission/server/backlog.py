"""Reviews that were answered before they are evaluated, as audit-only does: a bounded queue, worked off on the side.

The cluster pays a round trip and no more, so evaluation gives way to requests: while they keep coming it takes a small
share of the event loop's time, otherwise all of it. What does not fit the queue is never evaluated; it is counted, and
the next audit event says how many there were.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from admission.server.lifecycle import Lifecycle

MAX_REVIEWS: Final = 2_000
MAX_BYTES: Final = 32 * 1024 * 1024
_REST_PER_WORK: Final = 19
"""Seconds of rest for each second of evaluation while requests keep coming: a share of 5 %."""

_STEP_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True)
class Deferred:
    """A review that was answered and waits for its evaluation; `time` is the wall clock at its arrival."""

    phase: str
    body: bytes
    time: float


class Backlog:
    """The queue of deferred reviews of one event loop; `evaluate` must not raise."""

    def __init__(
        self,
        evaluate: Callable[[Deferred], Awaitable[None]],
        lifecycle: Lifecycle,
        clock: Callable[[], float],
        *,
        max_reviews: int = MAX_REVIEWS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._evaluate = evaluate
        self._lifecycle = lifecycle
        self._clock = clock
        self._max_reviews = max_reviews
        self._max_bytes = max_bytes
        self._waiting: deque[Deferred] = deque()
        self._bytes = 0
        self._arrival = asyncio.Event()
        self._hurry = False
        self.dropped = 0
        """Reviews that were never evaluated, since the start."""

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, review: Deferred) -> bool:
        """Queue a review; return False, having counted it, where it does not fit."""
        if len(self._waiting) >= self._max_reviews or self._bytes + len(review.body) > self._max_bytes:
            self.dropped += 1
            return False
        self._waiting.append(review)
        self._bytes += len(review.body)
        self._arrival.set()
        return True

    async def work(self) -> None:
        """Evaluate what comes, until cancelled."""
        while True:
            await self._arrival.wait()
            started = self._clock()
            await self._next()
            await self._rest((self._clock() - started) * _REST_PER_WORK)

    async def finish(self, timeout: float) -> None:
        """Evaluate what waits without giving way, for at most `timeout` seconds; count the rest as dropped."""
        self._hurry = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._waiting:
                    await self._next()
                    await asyncio.sleep(0)  # where evaluation never waits, time would not run out either
        self.dropped += len(self._waiting)
        self._waiting.clear()

    async def _next(self) -> None:
        if self._waiting:
            review = self._waiting.popleft()
            self._bytes -= len(review.body)
            try:
                await self._evaluate(review)
            except asyncio.CancelledError:
                self.dropped += 1
                raise
        if not self._waiting:
            self._arrival.clear()

    async def _rest(self, seconds: float) -> None:
        """Sleep for `seconds`, or until no request has come for a moment."""
        while True:
            seen = self._lifecycle.requests
            await asyncio.sleep(min(seconds, _STEP_SECONDS))
            seconds -= _STEP_SECONDS
            if seconds <= 0 or self._hurry or self._lifecycle.requests == seen:
                return
