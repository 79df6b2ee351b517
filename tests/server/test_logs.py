from __future__ import annotations

import io
import json
import logging
import os
import sys
from pathlib import Path

import pytest

from admission.server.logs import Log, TerminalFormatter, log_event, logger


def record(level: int, message: str, *, error: bool = False, **facts: str) -> logging.LogRecord:
    exc_info = None
    if error:
        try:
            raise ValueError("a text with a canary")
        except ValueError:
            exc_info = sys.exc_info()
    made = logging.LogRecord("admission", level, __file__, 1, message, (), exc_info)
    made.facts = facts
    return made


def test_a_record_becomes_a_flat_object() -> None:
    event = log_event(record(logging.WARNING, "message", file="x"))
    assert event.pop("time").endswith("Z")
    assert event == {"level": "warning", "logger": "admission", "message": "message", "file": "x"}


def test_an_error_is_told_by_type_and_place_but_not_by_its_text() -> None:
    event = log_event(record(logging.ERROR, "broken", error=True))
    assert event["error"] == "ValueError"
    assert event["at"][-1].endswith(" record")
    assert "canary" not in json.dumps(event)
    assert "canary" not in TerminalFormatter().format(record(logging.ERROR, "broken", error=True))


def test_on_a_terminal_trouble_is_coloured() -> None:
    formatter = TerminalFormatter()
    assert "\x1b[31mbroken\x1b[0m" in formatter.format(record(logging.ERROR, "broken"))
    line = formatter.format(record(logging.INFO, "fine", file="x"))
    assert " fine " in line
    assert "file=x" in line
    assert "\n" not in line


def test_off_a_terminal_there_is_one_json_object_a_line(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        log = Log(stream)
        logger().info("first %d", 1)
        logging.getLogger("uvicorn.error").warning("second")
        logging.getLogger("uvicorn.error").info("not told")
        log.close()
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(event["logger"], event["message"]) for event in events] == [
        ("admission", "first 1"),
        ("uvicorn.error", "second"),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows differ")
def test_a_stalled_log_holds_up_nobody() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        log = Log(stream)
        for _ in range(5000):
            logger().info("x" * 1000)
        log.close(0.1)
        os.close(reader)


def test_a_closed_log_lets_go_of_the_loggers() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    before = list(logger().handlers)
    stream = Terminal()
    log = Log(stream)
    logger().warning("told")
    log.close()
    assert logger().handlers == before
    assert "told" in stream.getvalue()
