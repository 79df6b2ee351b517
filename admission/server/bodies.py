"""Read the body of a request: no larger than the limit, and all bodies together within a budget of bytes.

An API server tells the length in advance, so its bytes are reserved before they are read; a body without a length
reserves the limit. What is too large is read to its end (within bounds) and thrown away, because a client that is
still sending would not read the answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

from admission.errors import AdmissionError

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Turn: TypeAlias = tuple[int, "asyncio.Future[None]"]

DISCARD_FACTOR: Final = 4
"""A body is thrown away up to so many times the limit; after that its connection is closed."""


_START: Final = 256 * 1024
"""Bytes that are kept, to look for request.uid, of a body that is too large by its own words."""


class OversizedError(AdmissionError):
    """The body is larger than the limit; `start` is the part that was read first, at most the limit."""

    http_status = 413

    def __init__(self, start: bytes, *, complete: bool) -> None:
        super().__init__("the body is too large")
        self.start = start
        self.complete = complete


class BusyError(AdmissionError):
    """The budget of bytes in flight is spent; `start` is the first part of the body."""

    http_status = 429

    def __init__(self, start: bytes, *, complete: bool) -> None:
        super().__init__("too many bytes in flight")
        self.start = start
        self.complete = complete


class DisconnectedError(AdmissionError):
    """The client went away before it had sent its body."""


class ByteBudget:
    """How many bytes of bodies may be in memory at one time; first come, first served.

    It belongs to one event loop. `used` may be read from any thread.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0
        self._waiting: deque[_Turn] = deque()

    def take(self, size: int) -> bool:
        """Reserve `size` bytes if they are free and nobody waits; return whether they were."""
        if self._waiting or self.used + size > self._limit:
            return False
        self.used += size
        return True

    async def wait(self, size: int, timeout: float) -> bool:
        """Reserve `size` bytes as soon as they are free; return False where that takes longer than `timeout` s."""
        turn = (size, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(timeout):
                await turn[1]
        except TimeoutError:
            return self._leave(turn)  # the turn may have come in the very moment that time ran out
        except asyncio.CancelledError:
            if self._leave(turn):
                self.give_back(size)
            raise
        return True

    def _leave(self, turn: _Turn) -> bool:
        """Stop waiting; return whether the bytes had been granted already."""
        if turn[1].done() and not turn[1].cancelled():
            return True
        with suppress(ValueError):
            self._waiting.remove(turn)
        self._wake()
        return False

    def give_back(self, size: int) -> None:
        """Return `size` reserved bytes."""
        self.used -= size
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            size, future = self._waiting[0]
            if future.done():
                self._waiting.popleft()
            elif self.used + size <= self._limit:
                self._waiting.popleft()
                self.used += size
                future.set_result(None)
            else:
                return


class BodyReader:
    """Reads bodies for one server; holds the limit and the budget.

    `read` returns the body and how many bytes of the budget it holds: give them back when it is no longer needed.
    """

    def __init__(self, limit: int, budget: ByteBudget) -> None:
        self.limit = limit
        self.budget = budget

    async def read(self, length: int | None, receive: Receive, patience: float) -> tuple[bytes, int]:
        """Read one body of a length that was told, or not, waiting at most `patience` seconds for the budget.

        Raises OversizedError, BusyError and DisconnectedError; no bytes are held then.
        """
        if length is not None and length > self.limit:
            raise await self._declared_too_large(receive)
        reserved = self.limit if length is None else length
        if not self.budget.take(reserved) and not await self.budget.wait(reserved, patience):
            start = await _next_part(receive)
            complete = await self._discard(receive, start, len(start["body"]))
            raise BusyError(start["body"], complete=complete)
        held = reserved
        try:
            message = await receive()
            if message["type"] != "http.request":
                raise DisconnectedError("the client went away")
            body: bytes = message.get("body", b"")
            if message.get("more_body"):
                body = await self._rest(receive, body)
            elif len(body) > self.limit:
                raise OversizedError(body[: self.limit], complete=True)
            held = 0
        finally:
            if held:
                self.budget.give_back(held)
        if len(body) != reserved:
            self.budget.give_back(reserved - len(body))
        return body, len(body)

    async def _rest(self, receive: Receive, first: bytes) -> bytes:
        parts = [first]
        total = len(first)
        message: Mapping[str, Any] = {"more_body": True}
        while message.get("more_body") and total <= self.limit:
            message = await _next_part(receive)
            parts.append(message["body"])
            total += len(message["body"])
        body = b"".join(parts)
        if total <= self.limit:
            return body
        complete = await self._discard(receive, message, total)
        raise OversizedError(body[: self.limit], complete=complete)

    async def _declared_too_large(self, receive: Receive) -> OversizedError:
        """Return the error for a body that is too large by its own words, of which only the start is kept."""
        start = b""
        message: Mapping[str, Any] = {"more_body": True}
        while message.get("more_body") and len(start) < _START:
            message = await _next_part(receive)
            start += message["body"]
        complete = await self._discard(receive, message, len(start))
        return OversizedError(start[: self.limit], complete=complete)

    async def _discard(self, receive: Receive, message: Mapping[str, Any], total: int) -> bool:
        """Throw the rest of a body away; return whether its end was reached."""
        while message.get("more_body"):
            if total > self.limit * DISCARD_FACTOR:
                return False
            message = await _next_part(receive)
            total += len(message["body"])
        return True


async def _next_part(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] != "http.request":
        raise DisconnectedError("the client went away")
    message.setdefault("body", b"")
    return message
