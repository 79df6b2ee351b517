"""The server's own log: JSON lines in a pod, short coloured lines on a terminal, both on standard error.

An exception is told by its type and where it happened, never by its text: the text may hold values of an object that
must not leave the engine. Where standard error is no terminal, lines go through a bounded queue, because a stalled
log must not stall answers.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TextIO

from admission.audit.sink import Dispatcher, Event, write_all

LOGGER: Final = "admission"
_OTHERS: Final = ("uvicorn.error", "asyncio")
_FRAMES: Final = 8
_COLOURS: Final = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
_DIM: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


def logger() -> logging.Logger:
    """Return the logger of the server; facts go into `extra={"facts": {...}}`."""
    return logging.getLogger(LOGGER)


class Log:
    """Sends the log of the server, of uvicorn and of asyncio to `stream` until it is closed."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stderr if stream is None else stream
        self._dispatcher: Dispatcher | None = None
        handler: logging.Handler
        if stream.isatty():
            handler = logging.StreamHandler(stream)
            handler.setFormatter(TerminalFormatter())
        else:
            self._dispatcher = Dispatcher([_StderrSink(stream.fileno())])
            handler = _QueueingHandler(self._dispatcher)
        self._handler = handler
        for name in (LOGGER, *_OTHERS):
            log = logging.getLogger(name)
            log.addHandler(handler)
            log.propagate = False
            log.setLevel(logging.INFO if name == LOGGER else logging.WARNING)

    def close(self, timeout: float = 2.0) -> None:
        """Write what is queued, for at most `timeout` seconds, and let go of the loggers."""
        for name in (LOGGER, *_OTHERS):
            log = logging.getLogger(name)
            log.removeHandler(self._handler)
            log.propagate = True
        if self._dispatcher is not None:
            self._dispatcher.close(timeout)


class TerminalFormatter(logging.Formatter):
    """Formats a record as one short line: time, message, facts; trouble in colour."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        event = log_event(record)
        facts = " ".join(f"{key}={value}" for key, value in event.items() if key not in _HEAD)
        colour = _COLOURS.get(record.levelno, "")
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        message = f"{colour}{event['message']}{_PLAIN if colour else ''}"
        return f"{_DIM}{time}{_PLAIN} {message}" + (f" {_DIM}{facts}{_PLAIN}" if facts else "")


_HEAD: Final = frozenset({"time", "level", "logger", "message"})


def log_event(record: logging.LogRecord) -> Event:
    """Return a log record as a flat JSON object: time, level, logger, message, then its facts."""
    event: Event = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    facts: dict[str, Any] = getattr(record, "facts", {})
    event.update(facts)
    if record.exc_info and record.exc_info[1] is not None:
        event["error"] = type(record.exc_info[1]).__name__
        event["at"] = list(_places(record.exc_info[1]))
    return event


def _places(error: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]:
        yield f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}"


class _QueueingHandler(logging.Handler):
    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def emit(self, record: logging.LogRecord) -> None:
        self._dispatcher.publish(log_event(record))  # the lock of the handler makes this one thread at a time


class _StderrSink:
    name: ClassVar[str] = "stderr"
    is_log: ClassVar[bool] = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, lines: bytes) -> None:
        write_all(self._descriptor, lines)

    def close(self) -> None:
        """Do nothing: standard error is not ours to close."""
