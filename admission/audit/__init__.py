"""Audit events: one JSON object a decision, and the sinks that they go to.

Reading order: `event` (what an event says), `masking` (what it must not say), `sink` (the dispatcher: bounded, never
blocking, never silent about a loss), then one file per sink. SINKS is the registry: the word before the colon of a
sink's address, such as `file:/var/log/audit.jsonl`, says which sink it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from admission.audit.file import FileSink
from admission.audit.sink import Sink
from admission.audit.stdout import StdoutSink
from admission.errors import UsageError


def _stdout(rest: str) -> Sink:
    if rest not in ("", "shared"):
        raise UsageError(f"the sink stdout takes nothing or `shared`, got {rest!r}")
    return StdoutSink(shared=rest == "shared")


def _file(rest: str) -> Sink:
    if not rest:
        raise UsageError("the sink file needs a path: file:/var/log/audit.jsonl")
    sink = FileSink(Path(rest))
    sink.check()
    return sink


SINKS: Final[Mapping[str, Callable[[str], Sink]]] = {"stdout": _stdout, "file": _file}


def open_sink(address: str) -> Sink:
    """Return the sink for an address such as `stdout` or `file:PATH`; raises UsageError and InputError."""
    name, _, rest = address.partition(":")
    if name not in SINKS:
        raise UsageError(f"unknown sink {name!r}; there are {', '.join(SINKS)}")
    return SINKS[name](rest)
