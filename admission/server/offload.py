"""Where heavy evaluations run: a few threads, so that small reviews and probes never wait behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

THREADS: Final = 2
"""Threads share one interpreter: more of them would finish nothing sooner, and one could be held by a single review."""

T = TypeVar("T")


class HeavyWork:
    """Runs functions in a few threads, first come, first served.

    `started` counts them since the start, `waiting` are not done yet; both may be read from any thread.
    """

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="heavy")
        self.started = 0
        self.waiting = 0

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Return what awaits the function's result; called on the event loop."""
        return self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        self.started += 1
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Forget what has not begun; what runs ends at its deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)
