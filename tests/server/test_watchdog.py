from __future__ import annotations

import asyncio
import time

import pytest

from admission.server.watchdog import Watchdog


def test_a_task_is_cancelled_when_its_time_is_over_and_may_go_on() -> None:
    async def scene() -> tuple[bool, float]:
        dog = Watchdog(time.monotonic)
        running = asyncio.create_task(dog.run())
        started = time.monotonic()
        watch = dog.begin(started + 0.05)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            watch.task.uncancel()
        await asyncio.sleep(0)
        running.cancel()
        return watch.is_over, time.monotonic() - started

    is_over, seconds = asyncio.run(scene())
    assert is_over
    assert 0.05 <= seconds < 1


def test_a_task_that_ends_in_time_is_left_alone() -> None:
    async def scene() -> bool:
        dog = Watchdog(time.monotonic)
        running = asyncio.create_task(dog.run())
        watch = dog.begin(time.monotonic() + 0.01)
        dog.end(watch)
        dog.end(watch)
        await asyncio.sleep(0.1)
        running.cancel()
        return watch.is_over

    assert not asyncio.run(scene())


def test_only_a_task_can_be_watched() -> None:
    async def scene() -> None:
        error: list[BaseException] = []

        def outside() -> None:
            try:
                Watchdog(time.monotonic).begin(1)
            except RuntimeError as caught:
                error.append(caught)

        asyncio.get_running_loop().call_soon(outside)
        await asyncio.sleep(0.01)
        raise error[0]

    with pytest.raises(RuntimeError, match="only a task"):
        asyncio.run(scene())
