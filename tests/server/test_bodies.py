from __future__ import annotations

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.server.bodies import BodyReader, BusyError, ByteBudget, DisconnectedError, OversizedError, Receive


class Wire:
    """What a client sends, in parts; counts how many were taken."""

    def __init__(self, parts: Iterable[bytes], *, breaks: bool = False) -> None:
        self._parts = list(parts)
        self._breaks = breaks
        self.taken = 0

    async def __call__(self) -> MutableMapping[str, Any]:
        await asyncio.sleep(0)
        if self.taken == len(self._parts):
            return {"type": "http.disconnect"}
        part = self._parts[self.taken]
        self.taken += 1
        more = self._breaks or self.taken < len(self._parts)
        return {"type": "http.request", "body": part, "more_body": more}


def read(
    receive: Receive, *, limit: int = 100, budget: int = 1000, length: int | None = None
) -> tuple[bytes, int, int]:
    """Return the body, the bytes that it holds, and the bytes of the budget that are in use."""
    purse = ByteBudget(budget)
    body, held = asyncio.run(BodyReader(limit, purse).read(length, receive, 0.05))
    return body, held, purse.used


def test_a_body_in_parts_is_joined_and_holds_its_size() -> None:
    assert read(Wire([b"ab", b"", b"cd"]), length=4) == (b"abcd", 4, 4)


def test_a_body_without_a_length_gives_back_what_it_did_not_need() -> None:
    assert read(Wire([b"ab", b"cd"])) == (b"abcd", 4, 4)


def test_an_empty_body_is_read() -> None:
    assert read(Wire([b""]), length=0) == (b"", 0, 0)


@pytest.mark.parametrize("length", [None, 300])
def test_a_body_over_the_limit_is_read_to_its_end_and_only_its_start_is_kept(length: int | None) -> None:
    wire = Wire([b"a" * 60, b"b" * 60, b"c" * 180])
    with pytest.raises(OversizedError) as caught:
        read(wire, length=length)
    assert caught.value.start.startswith(b"a" * 60 + b"b" * 40)
    assert len(caught.value.start) == 100
    assert caught.value.complete
    assert wire.taken == 3


def test_a_body_without_end_is_not_read_forever() -> None:
    wire = Wire([b"a" * 60] * 1000)
    with pytest.raises(OversizedError) as caught:
        read(wire)
    assert not caught.value.complete
    assert wire.taken < 10


def test_a_client_that_goes_away_leaves_nothing_reserved() -> None:
    purse = ByteBudget(1000)
    with pytest.raises(DisconnectedError):
        asyncio.run(BodyReader(100, purse).read(50, Wire([b"ab"], breaks=True), 1))
    assert purse.used == 0


def test_a_body_that_finds_no_room_in_time_is_thrown_away() -> None:
    purse = ByteBudget(100)
    assert purse.take(80)
    wire = Wire([b"abc", b"def"])
    with pytest.raises(BusyError) as caught:
        asyncio.run(BodyReader(100, purse).read(50, wire, 0.02))
    assert (caught.value.start, caught.value.complete, wire.taken, purse.used) == (b"abc", True, 2, 80)


def test_a_body_waits_for_room() -> None:
    async def scene() -> tuple[bytes, int]:
        purse = ByteBudget(100)
        assert purse.take(80)
        asyncio.get_running_loop().call_later(0.01, purse.give_back, 80)
        body, _ = await BodyReader(100, purse).read(50, Wire([b"x" * 50]), 5)
        return body, purse.used

    assert asyncio.run(scene()) == (b"x" * 50, 50)


def test_whoever_waits_first_comes_first() -> None:
    async def scene() -> list[int]:
        purse = ByteBudget(100)
        assert purse.take(100)
        order: list[int] = []

        async def wait(number: int, size: int) -> None:
            assert await purse.wait(size, 5)
            order.append(number)
            purse.give_back(size)

        waiting = [asyncio.create_task(wait(number, size)) for number, size in enumerate((90, 10, 50))]
        await asyncio.sleep(0)
        assert not purse.take(1)  # nobody overtakes
        purse.give_back(100)
        await asyncio.gather(*waiting)
        assert purse.used == 0
        return order

    assert asyncio.run(scene()) == [0, 1, 2]


def test_who_gives_up_waiting_holds_up_nobody() -> None:
    async def scene() -> int:
        purse = ByteBudget(100)
        assert purse.take(60)
        large = asyncio.create_task(purse.wait(90, 5))
        small = asyncio.create_task(purse.wait(30, 5))
        await asyncio.sleep(0)
        large.cancel()
        assert await small
        return purse.used

    assert asyncio.run(scene()) == 90


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=12), st.booleans())
def test_every_body_is_whole_or_refused_and_nothing_stays_reserved(parts: list[bytes], told: bool) -> None:
    whole = b"".join(parts)
    purse = ByteBudget(1000)
    reading = BodyReader(100, purse).read(len(whole) if told else None, Wire(parts), 1)
    if len(whole) > 100:
        with pytest.raises(OversizedError) as caught:
            asyncio.run(reading)
        assert whole.startswith(caught.value.start)
        assert purse.used == 0
        return
    body, held = asyncio.run(reading)
    assert body == whole
    assert held == purse.used == len(whole)
