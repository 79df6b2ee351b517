"""uvicorn's server with an end of our own: no connection is closed under a client that may be about to use it.

The API server keeps idle connections and does not retry a POST on one that was closed, so: SIGTERM turns readiness red
and nothing else until the drain delay is over; then no new connections are taken, every answer carries
`Connection: close`, and when nothing is in flight the process ends. A second signal, or Ctrl-C, skips the delay.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

import uvicorn

from admission.server.backlog import Backlog
from admission.server.lifecycle import Lifecycle, Phase
from admission.server.logs import logger
from admission.server.watchdog import Watchdog

LINGER_SECONDS: Final = 0.5
"""How long nothing may have been in flight before the end, so that one more request can still be told to go."""

MAX_CLOSING_SECONDS: Final = 40.0
"""No review may take longer, so whatever is in flight after this is stuck."""

BACKLOG_SECONDS: Final = 5.0
"""How long reviews that were answered but not evaluated yet may still take at the end."""

_GOODBYE_SECONDS: Final = 0.3
_TICK_SECONDS: Final = 0.05


class WebhookServer(uvicorn.Server):
    """Serves until it is told to stop: by a signal (where `signals`, and in the main thread), or by `stop`."""

    def __init__(
        self,
        config: uvicorn.Config,
        lifecycle: Lifecycle,
        *,
        drain_delay: float,
        watchdog: Watchdog,
        backlog: Backlog | None = None,
        signals: bool = True,
        started: Callable[[tuple[str, int]], None] = lambda _address: None,
    ) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_delay = drain_delay
        self._backlog = backlog
        self._signals = signals
        self._watchdog = watchdog
        self._tasks: list[asyncio.Task[None]] = []
        self._tell_started = started
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain: asyncio.Task[None] | None = None
        self._skip_delay = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `startup`, which has an event loop to wake."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and turn readiness green."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_log_loop_error)
        if self._signals:
            self._listen_to_signals(self._loop)
        await super().startup(sockets=sockets)
        self._tasks.append(self._loop.create_task(self._watchdog.run()))
        if self._backlog is not None:
            self._tasks.append(self._loop.create_task(self._backlog.work()))
        if self.started and self.servers:
            self._lifecycle.move_to(Phase.READY)
            self._tell_started(self.servers[0].sockets[0].getsockname()[:2])

    async def on_tick(self, counter: int) -> bool:
        """Show a sign of life ten times a second."""
        self._lifecycle.beat = time.monotonic()
        return await super().on_tick(counter)

    def stop(self, *, at_once: bool = False) -> None:
        """Begin to drain; may be called from any thread, and again to skip the delay."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._begin_drain, at_once)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is left: connections without a request. Called by uvicorn when draining is done."""
        self._stop_listening()
        for task in self._tasks:
            task.cancel()
        if self._backlog is not None:
            await self._backlog.finish(BACKLOG_SECONDS)
        for listening in sockets or []:
            listening.close()
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        end = time.monotonic() + _GOODBYE_SECONDS
        while connections and time.monotonic() < end:
            await asyncio.sleep(_TICK_SECONDS / 5)
        for connection in list(connections):
            connection.transport.abort()

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number, at_once in ((signal.SIGTERM, False), (signal.SIGINT, True)):
            try:
                loop.add_signal_handler(number, self._begin_drain, at_once)
            except (NotImplementedError, RuntimeError):  # Windows
                signal.signal(number, self._on_signal)
            except ValueError:  # not in the main thread: whoever started the thread calls stop()
                return

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.stop(at_once=number == signal.SIGINT)

    def _begin_drain(self, at_once: bool) -> None:
        if at_once or self._drain is not None:
            self._skip_delay.set()
        if self._drain is None:
            self._drain = asyncio.get_running_loop().create_task(self._run_drain())

    async def _run_drain(self) -> None:
        lifecycle = self._lifecycle
        lifecycle.move_to(Phase.DRAINING)
        logger().info("draining: not ready any more, accepting for %g s", self._drain_delay)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain_delay):
                await self._skip_delay.wait()
        lifecycle.move_to(Phase.CLOSING)
        self._stop_listening()
        end = time.monotonic() + MAX_CLOSING_SECONDS
        lifecycle.last_end = time.monotonic()
        while time.monotonic() < end and self._is_busy():
            await asyncio.sleep(_TICK_SECONDS)
        self.should_exit = True

    def _is_busy(self) -> bool:
        if self._lifecycle.in_flight:
            return True
        return bool(self.server_state.connections) and time.monotonic() - self._lifecycle.last_end < LINGER_SECONDS

    def _stop_listening(self) -> None:
        for server in self.servers:
            server.close()


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio has to tell, without the texts of errors and objects, which may hold values of a review."""
    error = context.get("exception")
    logger().error(
        "event loop: %s",
        str(context.get("message", "")).partition(" <")[0],
        exc_info=error if isinstance(error, BaseException) else None,
    )
