"""Where the server stands between its start and its end, and how many requests are in flight.

Written by the event loop's thread only; other threads read single attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Phase(Enum):
    """STARTING (policies are compiled) -> READY -> DRAINING (still accepting) -> CLOSING (connections are retired)."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CLOSING = "closing"


class Lifecycle:
    """The phase of this process, its requests in flight and so far, and the last sign of life of its event loop.

    `changed` is told every new phase.
    """

    __slots__ = ("_changed", "beat", "in_flight", "last_end", "phase", "requests")

    def __init__(self, changed: Callable[[Phase], None] = lambda _phase: None) -> None:
        self._changed = changed
        self.phase = Phase.STARTING
        self.in_flight = 0
        self.requests = 0
        self.last_end = 0.0
        """Monotonic time at which a request was last done with."""
        self.beat: float | None = None
        """Monotonic time of the event loop's last tick; None before the first."""

    @property
    def is_ready(self) -> bool:
        """Whether new requests should come here."""
        return self.phase is Phase.READY

    @property
    def retires_connections(self) -> bool:
        """Whether every answer must carry `Connection: close`."""
        return self.phase is Phase.CLOSING

    def move_to(self, phase: Phase) -> None:
        """Enter a phase."""
        self.phase = phase
        self._changed(phase)

    def enter(self) -> None:
        """Count a request that begins."""
        self.in_flight += 1
        self.requests += 1

    def leave(self, now: float) -> None:
        """Count a request that is done with, at a monotonic time."""
        self.in_flight -= 1
        self.last_end = now
