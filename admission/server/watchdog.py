"""Ends requests that outlive their time.

One task looks at all requests every few milliseconds: a timer for each would cost every request more than this does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

TICK_SECONDS: Final = 0.05


class Watch:
    """One request that is watched: its task is cancelled at `end`, and `is_over` then."""

    __slots__ = ("end", "is_over", "task")

    def __init__(self, task: asyncio.Task[Any], end: float) -> None:
        self.task = task
        self.end = end
        self.is_over = False


class Watchdog:
    """Cancels the tasks of requests that are over; it belongs to one event loop.

    A task that catches its cancellation and goes on must call `Watch.task.uncancel`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._watches: set[Watch] = set()

    def begin(self, end: float) -> Watch:
        """Watch the current task until `end`, on the clock of the watchdog."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be watched")
        watch = Watch(task, end)
        self._watches.add(watch)
        return watch

    def end(self, watch: Watch) -> None:
        """Watch no longer."""
        self._watches.discard(watch)

    async def run(self) -> None:
        """Look after all that are watched, until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock()
            for watch in [watch for watch in self._watches if watch.end < now]:
                self._watches.discard(watch)
                watch.is_over = True
                watch.task.cancel()
