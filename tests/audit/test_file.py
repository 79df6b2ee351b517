from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from admission.audit import open_sink
from admission.audit.file import FileSink
from admission.audit.sink import SinkError, write_all
from admission.errors import InputError, UsageError

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"old\n")
    sink = FileSink(path)
    sink.write(b"a\nb\n")
    sink.write(b"c\n")
    sink.close()
    assert path.read_bytes() == b"old\na\nb\nc\n"


@posix
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    FileSink(path).write(b"a\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_rotated_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = FileSink(path, max_bytes=10, keep=2)
    for letter in (b"a", b"b", b"c", b"d"):
        sink.write(letter * 8 + b"\n")
    sink.close()
    assert {file.name: file.read_bytes()[:1] for file in tmp_path.iterdir()} == {
        "audit.jsonl": b"d",
        "audit.jsonl.1": b"c",
        "audit.jsonl.2": b"b",
    }


def test_no_older_file_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = FileSink(path, max_bytes=10, keep=0)
    sink.write(b"aaaaaaaa\n")
    sink.write(b"bbbbbbbb\n")
    sink.close()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"audit.jsonl": b"bbbbbbbb\n"}


def test_a_line_larger_than_the_limit_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = FileSink(path, max_bytes=4)
    sink.write(b"longer than four\n")
    assert path.read_bytes() == b"longer than four\n"


def test_a_file_moved_away_by_somebody_else_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    sink = FileSink(path)
    sink.write(b"a\n")
    path.rename(tmp_path / "moved")
    sink.write(b"b\n")
    assert path.read_bytes() == b"b\n"


def test_a_folder_that_vanished_is_an_error_and_its_return_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    sink = FileSink(folder / "audit.jsonl")
    sink.write(b"a\n")
    (folder / "audit.jsonl").unlink()
    folder.rmdir()
    with pytest.raises(SinkError) as caught:
        sink.write(b"b\n")
    assert caught.value.written == 0
    folder.mkdir()
    sink.write(b"c\n")
    assert (folder / "audit.jsonl").read_bytes() == b"c\n"


@posix
def test_a_named_pipe_waits_for_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sink = FileSink(path)
    sink.check()  # does not block
    writer = threading.Thread(target=sink.write, args=(b"a\n",), daemon=True)
    writer.start()
    with path.open("rb") as reader:
        assert reader.readline() == b"a\n"
        writer.join(5)
        sink.close()
        assert reader.read() == b""


@posix
def test_a_write_that_fails_half_way_tells_how_many_lines_were_written() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    size = 0
    while True:  # fill the pipe but for a little
        try:
            size += os.write(writer, b"x" * 1024)
        except BlockingIOError:
            break
    os.read(reader, 4096)
    os.set_blocking(writer, True)
    closer = threading.Timer(0.1, os.close, [reader])
    closer.start()
    with pytest.raises(SinkError) as caught:
        write_all(writer, b"123456789\n" * 1000)
    assert caught.value.errno is not None
    assert caught.value.written == 409
    assert caught.value.torn
    os.close(writer)
    closer.join()


def test_a_path_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write the audit log .*: No such file or directory"):
        open_sink(f"file:{tmp_path}/missing/audit.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        open_sink(f"file:{tmp_path}")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("kafka:x", "unknown sink 'kafka'; there are stdout, file"),
        ("file", "needs a path"),
        ("stdout:x", "takes nothing or `shared`"),
    ],
)
def test_a_wrong_address_says_what_there_is(address: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_sink(address)
