from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from admission.server.backlog import Backlog, Deferred
from admission.server.lifecycle import Lifecycle


def deferred(number: int = 0, size: int = 1) -> Deferred:
    return Deferred("validate", b"x" * size, float(number))


def backlog(evaluated: list[float], *, work: float = 0, lifecycle: Lifecycle | None = None, **limits: int) -> Backlog:
    async def evaluate(review: Deferred) -> None:
        time.sleep(work)
        evaluated.append(review.time)

    return Backlog(evaluate, lifecycle or Lifecycle(), time.monotonic, **limits)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_reviews_are_evaluated_in_order_of_arrival() -> None:
    async def scene() -> list[float]:
        evaluated: list[float] = []
        queue = backlog(evaluated)
        worker = asyncio.create_task(queue.work())
        for number in range(20):
            assert queue.offer(deferred(number))
        await until(lambda: len(evaluated) == 20)
        queue.offer(deferred(20))  # and again, after it was empty
        await until(lambda: len(evaluated) == 21)
        worker.cancel()
        return evaluated

    assert asyncio.run(scene()) == list(range(21))


def test_what_does_not_fit_is_counted() -> None:
    queue = backlog([], max_reviews=2, max_bytes=10)
    assert [queue.offer(deferred(size=size)) for size in (11, 5, 4, 1)] == [False, True, True, False]
    assert (len(queue), queue.dropped) == (2, 2)


def test_evaluation_gives_way_while_requests_keep_coming() -> None:
    async def scene() -> int:
        evaluated: list[float] = []
        lifecycle = Lifecycle()
        queue = backlog(evaluated, work=0.005, lifecycle=lifecycle)
        for number in range(100):
            queue.offer(deferred(number))
        worker = asyncio.create_task(queue.work())
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            lifecycle.requests += 1
            await asyncio.sleep(0.0005)
        worker.cancel()
        return len(evaluated)

    assert 2 <= asyncio.run(scene()) <= 12  # of the 80 that there was time for


def test_at_the_end_everything_is_evaluated_that_there_is_time_for() -> None:
    evaluated: list[float] = []
    queue = backlog(evaluated)
    for number in range(50):
        queue.offer(deferred(number))
    asyncio.run(queue.finish(5))
    assert (len(evaluated), queue.dropped, len(queue)) == (50, 0, 0)
    for number in range(50):
        queue.offer(deferred(number))
    asyncio.run(queue.finish(0))
    assert len(evaluated) + queue.dropped == 100
    assert queue.dropped >= 40


def test_an_evaluation_that_never_ends_does_not_hold_up_the_end() -> None:
    async def scene() -> int:
        async def hang(_review: Deferred) -> None:
            await asyncio.Event().wait()

        queue = Backlog(hang, Lifecycle(), time.monotonic)
        queue.offer(deferred())
        queue.offer(deferred())
        worker = asyncio.create_task(queue.work())
        await asyncio.sleep(0.01)
        worker.cancel()
        await queue.finish(0.05)
        return queue.dropped

    assert asyncio.run(scene()) == 2
