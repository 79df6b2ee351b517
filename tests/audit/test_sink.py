from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import orjson

from admission.audit.sink import Dispatcher, Event, SinkError, encode


class Memory:
    """A sink that keeps what it gets; `gate` closed makes it stall, `faults` makes the next writes fail."""

    name: ClassVar[str] = "memory"
    is_log: ClassVar[bool] = False

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.gate = threading.Event()
        self.gate.set()
        self.faults = 0
        self.closed = False

    def write(self, lines: bytes) -> None:
        self.gate.wait()
        if self.faults:
            self.faults -= 1
            raise SinkError(OSError(errno.ENOSPC, "No space left on device"))
        self.lines += lines.splitlines()

    def close(self) -> None:
        self.closed = True

    def events(self) -> list[Any]:
        return [orjson.loads(line) for line in self.lines]


class Log(Memory):
    name: ClassVar[str] = "log"
    is_log: ClassVar[bool] = True


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition did not come true in time"
        time.sleep(0.002)


def test_every_event_reaches_every_sink_in_order() -> None:
    first, second = Memory(), Memory()
    dispatcher = Dispatcher([first, second])
    for number in range(1000):
        dispatcher.publish({"number": number})
    assert dispatcher.close(5) == 0
    for sink in (first, second):
        assert [event["number"] for event in sink.events()] == list(range(1000))
        assert sink.closed


def test_a_stalled_sink_holds_up_neither_the_publisher_nor_other_sinks() -> None:
    stalled, fine = Memory(), Memory()
    stalled.gate.clear()
    dispatcher = Dispatcher([stalled, fine], queue_size=10)
    started = time.monotonic()
    for number in range(5):
        dispatcher.publish({"number": number})
    assert time.monotonic() - started < 1
    wait_for(lambda: len(fine.lines) == 5)
    assert stalled.lines == []
    stalled.gate.set()
    assert dispatcher.close(5) == 0


def test_what_was_dropped_is_counted_and_told_in_the_next_event() -> None:
    sink = Memory()
    sink.gate.clear()
    dispatcher = Dispatcher([sink], queue_size=3)
    dispatcher.publish({"number": 0})
    wait_for(lambda: dispatcher.counts()[0].queued == 1 and dispatcher.counts()[0].written == 0)
    time.sleep(0.05)  # the writer has taken the first event and stalls with it
    for number in range(1, 10):
        dispatcher.publish({"number": number})
    counts = dispatcher.counts()[0]
    assert (counts.sink, counts.dropped, counts.queued) == ("memory", 6, 4)
    sink.gate.set()
    assert dispatcher.close(5) == 0
    assert sink.events() == [{"number": 0}, {"number": 1, "dropped": 6}, {"number": 2}, {"number": 3}]


def test_events_that_could_not_be_written_are_told_too() -> None:
    sink = Memory()
    sink.faults = 1
    dispatcher = Dispatcher([sink])
    dispatcher.publish({"number": 0})
    wait_for(lambda: dispatcher.counts()[0].dropped == 1)
    dispatcher.publish({"number": 1})
    assert dispatcher.close(5) == 0
    assert sink.events() == [{"number": 1, "dropped": 1}]


def test_losses_that_nobody_was_told_of_are_returned_at_the_end() -> None:
    sink = Memory()
    sink.faults = 100
    dispatcher = Dispatcher([sink])
    dispatcher.publish({})
    dispatcher.publish({})
    assert dispatcher.close(5) == 2


def test_closing_gives_a_stalled_sink_only_its_time() -> None:
    sink = Memory()
    sink.gate.clear()
    dispatcher = Dispatcher([sink])
    dispatcher.publish({})
    started = time.monotonic()
    assert dispatcher.close(0.1) == 1
    assert time.monotonic() - started < 1
    sink.gate.set()


def test_events_of_dry_runs_reach_only_the_log() -> None:
    log, other = Log(), Memory()
    dispatcher = Dispatcher([log, other])
    dispatcher.publish({"number": 1}, dry_run=True)
    dispatcher.publish({"number": 2})
    dispatcher.close(5)
    assert [event["number"] for event in log.events()] == [1, 2]
    assert [event["number"] for event in other.events()] == [2]


def test_an_event_that_orjson_refuses_is_still_one_line_of_json() -> None:
    event: Event = {"message": "\ud800", "count": 2**70}
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"ud800" in line
