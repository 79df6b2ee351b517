"""The sink that writes to standard output, which in a pod is the log."""

from __future__ import annotations

from typing import ClassVar, Final

from admission.audit.sink import SinkError, write_all

_STDOUT: Final = 1
_ATOMIC: Final = 4_096
"""Bytes that a pipe takes without mixing them with those of another process (PIPE_BUF on Linux)."""


class StdoutSink:
    """Writes lines to standard output, past Python's buffers, so that a line is never torn.

    `shared`: other processes write there too, so no write is larger than a pipe takes in one piece, but for single
    lines that are.
    """

    name: ClassVar[str] = "stdout"
    is_log: ClassVar[bool] = True

    def __init__(self, descriptor: int = _STDOUT, *, shared: bool = False) -> None:
        self._descriptor = descriptor
        self._shared = shared

    def write(self, lines: bytes) -> None:
        """Write whole lines; blocks where the reader does not read. Raises SinkError."""
        if not self._shared:
            write_all(self._descriptor, lines)
            return
        at = written = 0
        while at < len(lines):
            cut = lines.rfind(b"\n", at, at + _ATOMIC) + 1 or lines.find(b"\n", at) + 1 or len(lines)
            try:
                write_all(self._descriptor, lines[at:cut])
            except SinkError as error:
                error.written += written
                raise
            written += lines.count(b"\n", at, cut)
            at = cut

    def close(self) -> None:
        """Do nothing: standard output is not ours to close."""
