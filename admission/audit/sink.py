"""Carry audit events to sinks without ever making an answer wait, and without losing one silently.

Each sink has a bounded queue and a thread of its own: a sink that stalls holds up neither requests nor other sinks.
What does not fit its queue, or could not be written, is counted, and the next event that reaches the sink says how
many were lost before it (`dropped`).
"""

from __future__ import annotations

import json
import os
import select
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Final, Protocol, TypeAlias

import orjson

Event: TypeAlias = dict[str, Any]

QUEUE_SIZE: Final = 4_096
_BATCH: Final = 256
_GATHER_SECONDS: Final = 0.01
"""How long a writer waits for company for the first event of a batch: waking for each would cost requests time."""


class Sink(Protocol):
    """Where events go. Methods are called from one thread only and may block."""

    name: ClassVar[str]
    is_log: ClassVar[bool]
    """Whether this is the process's own log; events of dry runs go nowhere else."""

    def write(self, lines: bytes) -> None:
        """Write whole lines; raises SinkError where not all could be written."""
        ...

    def close(self) -> None:
        """Let go of files; called once, after the last write."""
        ...


class SinkError(OSError):
    """Not everything could be written: `written` whole lines were, and where `torn` also the start of the next."""

    def __init__(self, cause: OSError, written: int = 0, *, torn: bool = False) -> None:
        super().__init__(cause.errno, cause.strerror)
        self.written = written
        self.torn = torn


@dataclass(frozen=True, slots=True)
class SinkCounts:
    """What became of the events of one sink since the start, and how many wait."""

    sink: str
    written: int
    dropped: int
    queued: int


def write_all(descriptor: int, lines: bytes) -> None:
    """Write all of `lines` to a file descriptor, waiting where it is not blocking; raises SinkError."""
    view = memoryview(lines)
    written = 0
    while written < len(view):
        try:
            written += os.write(descriptor, view[written:])
        except BlockingIOError:
            select.select([], [descriptor], [], 1.0)
        except OSError as error:
            torn = written > 0 and lines[written - 1 : written] != b"\n"
            raise SinkError(error, lines[:written].count(b"\n"), torn=torn) from None


def encode(event: Event) -> bytes:
    """Encode an event as one line of JSON; never fails for what an event can hold."""
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(event, default=str, separators=(",", ":")).encode("ascii") + b"\n"


class Dispatcher:
    """Hands every event to every sink that may have it; `publish` never blocks."""

    def __init__(self, sinks: Sequence[Sink], *, queue_size: int = QUEUE_SIZE) -> None:
        self._lanes = tuple(_Lane(sink, queue_size) for sink in sinks)

    def publish(self, event: Event, *, dry_run: bool = False) -> None:
        """Queue an event; that of a dry run reaches only the log. Call it from one thread only."""
        for lane in self._lanes:
            if not dry_run or lane.sink.is_log:
                lane.put(event)

    def counts(self) -> tuple[SinkCounts, ...]:
        """Return what became of the events so far; may be called from any thread."""
        return tuple(lane.counts() for lane in self._lanes)

    def close(self, timeout: float) -> int:
        """Write what is queued, for at most `timeout` seconds; return how many events stay unwritten and untold."""
        end = time.monotonic() + timeout
        for lane in self._lanes:
            lane.finish()
        return sum(lane.join(max(0.0, end - time.monotonic())) for lane in self._lanes)


class _Lane:
    """One sink, its queue and its thread.

    `_accepted` and `_overflowed` are written by the publisher only, the other numbers by the thread.
    """

    def __init__(self, sink: Sink, size: int) -> None:
        self.sink = sink
        self._size = size
        self._queue: SimpleQueue[Event | None] = SimpleQueue()
        self._accepted = 0
        self._overflowed = 0
        self._failed = 0
        self._told = 0
        self._written = 0
        self._thread = threading.Thread(target=self._run, name=f"audit-{sink.name}", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        if self._queue.qsize() >= self._size:
            self._overflowed += 1
        else:
            self._accepted += 1
            self._queue.put(event)

    def counts(self) -> SinkCounts:
        written, failed = self._written, self._failed
        waiting = max(0, self._accepted - written - failed)
        return SinkCounts(self.sink.name, written, self._overflowed + failed, waiting)

    def finish(self) -> None:
        self._queue.put(None)

    def join(self, timeout: float) -> int:
        self._thread.join(timeout)
        counts = self.counts()
        return counts.dropped - self._told + counts.queued

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._next_batch()
            if batch:
                self._write(batch)
        self.sink.close()

    def _next_batch(self) -> tuple[list[Event], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        time.sleep(_GATHER_SECONDS)
        batch = [first]
        while len(batch) < _BATCH:
            try:
                event = self._queue.get_nowait()
            except Empty:
                break
            if event is None:
                return batch, True
            batch.append(event)
        return batch, False

    def _write(self, batch: list[Event]) -> None:
        lost = self._overflowed + self._failed - self._told
        if lost:
            batch[0] = {**batch[0], "dropped": lost}
        try:
            self.sink.write(b"".join(map(encode, batch)))
        except SinkError as error:
            written = error.written
        except OSError:
            written = 0
        else:
            written = len(batch)
        self._written += written
        self._failed += len(batch) - written
        if written:
            self._told += lost
