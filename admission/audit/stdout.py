"""The sink that writes to standard output, which in a pod is the log."""

from __future__ import annotations

from typing import ClassVar, Final

from admission.audit.sink import write_all

_STDOUT: Final = 1


class StdoutSink:
    """Writes lines to standard output, past Python's buffers, so that a line is never torn."""

    name: ClassVar[str] = "stdout"
    is_log: ClassVar[bool] = True

    def __init__(self, descriptor: int = _STDOUT) -> None:
        self._descriptor = descriptor

    def write(self, lines: bytes) -> None:
        """Write whole lines; blocks where the reader does not read. Raises SinkError."""
        write_all(self._descriptor, lines)

    def close(self) -> None:
        """Do nothing: standard output is not ours to close."""
