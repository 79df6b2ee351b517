"""The sink that writes to a file and rotates it by size: FILE, FILE.1 (newer) ... FILE.n (oldest).

The file may also be moved away by another program, or be a named pipe, which is opened when the first event is
written, blocks until somebody reads, and is never rotated.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import ClassVar, Final

from admission.audit.sink import SinkError, write_all
from admission.errors import InputError

MAX_BYTES: Final = 100 * 1024 * 1024
KEEP: Final = 5
_MODE: Final = 0o600


class FileSink:
    """Appends lines to a file that its owner alone can read; at most `keep` older files of `max_bytes` stay."""

    name: ClassVar[str] = "file"
    is_log: ClassVar[bool] = False

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._descriptor: int | None = None
        self._torn = False

    def check(self) -> None:
        """Try to open the file, so that a wrong path is told at the start; raises InputError."""
        try:
            if self._path.exists() and not self._path.is_file():
                if self._path.is_dir():
                    raise InputError(f"the audit log {self._path} is a folder; give the path of a file")
                return
            os.close(self._open())
        except OSError as error:
            raise InputError(f"cannot write the audit log {self._path}: {error.strerror}") from None

    def write(self, lines: bytes) -> None:
        """Append whole lines, rotating first where they would not fit; raises SinkError."""
        try:
            descriptor = self._ready(len(lines))
        except OSError as error:
            raise SinkError(error) from None
        try:
            if self._torn:  # the rest of a line that could not be written must not spoil the next one
                write_all(descriptor, b"\n")
                self._torn = False
            write_all(descriptor, lines)
        except SinkError as error:
            self._torn = self._torn or error.torn
            self.close()
            raise

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _ready(self, size: int) -> int:
        """Return the descriptor to write to, reopened where the path stands for another file by now."""
        if self._descriptor is not None and not self._is_current(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = self._open()
        status = os.fstat(self._descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size > 0 and status.st_size + size > self._max_bytes:
            self.close()
            self._rotate()
            self._descriptor = self._open()
        return self._descriptor

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except OSError:
            return False

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._keep + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        if not self._keep:
            self._path.unlink(missing_ok=True)
