"""The one exception tree of the project, and the shape of a diagnostic.

This file may not know anything else of the package. Each class says how it ends: its HTTP status (for the server)
and its exit code (for the command line): 1 denied, 2 usage or input, 3 internal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

Severity = Literal["error", "warning", "info"]

_WIDEST: Final = 160  # characters of a line that are shown


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands in a file; `line` and `column` count from 1, columns in code points."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault found at load: what is wrong, where, and the line it stands on.

    `field` is the field path (`spec.validations[0].expression`), `source` the line of text at `position`, `length`
    the width of the caret, `help` one sentence saying what to do.
    """

    message: str
    position: Position | None = None
    field: str = ""
    source: str = ""
    length: int = 1
    severity: Severity = "error"
    id: str = ""
    help: str = ""

    def render(self) -> str:
        """Return `file:line:col: message` followed by the line and a caret where both are known.

        What is no error says so (`warning: `). Of a very long line only the part around the caret is shown.
        """
        where = f"{self.position}: " if self.position else ""
        weight = "" if self.severity == "error" else f"{self.severity}: "
        lines = [f"{where}{weight}{self.message}"]
        if self.position and self.source:
            gutter = f"{self.position.line:>5} | "
            shown, column = _window(self.source, self.position.column - 1)
            lines.append(gutter + shown)
            lines.append(" " * (len(gutter) + column) + "^" * max(1, min(self.length, len(shown) - column)))
        if self.help:
            lines.append(f"  = help: {self.help}")
        return "\n".join(lines)


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of a line around a column, and where the column is in it."""
    if len(line) <= _WIDEST:
        return line, column
    begin = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
    end = begin + _WIDEST
    before, after = "…" if begin else "", "…" if end < len(line) else ""
    return before + line[begin:end] + after, column - begin + len(before)


class AdmissionError(Exception):
    """Base of every error this project raises on purpose; an instance of it is never a bug."""

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3


class UsageError(AdmissionError):
    """A command or an option was used in a way that cannot work."""

    http_status = 400
    exit_code = 2


class InputError(AdmissionError):
    """A file or a document cannot be read or is not what it should be."""

    http_status = 400
    exit_code = 2


class LoadError(AdmissionError):
    """One or more files hold policies that cannot be used; `issues` has every fault of every file."""

    http_status = 422
    exit_code = 2

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("\n".join(issue.render() for issue in issues))
        self.issues = issues


class NotAReviewError(AdmissionError):
    """The body is no AdmissionReview at all: a bad call, answered with 4xx."""

    http_status = 400
    exit_code = 2


class ReviewError(AdmissionError):
    """The body is a review (its uid is known) that cannot be judged: answered with 200 and `allowed: false`."""

    http_status = 422
    exit_code = 2

    def __init__(self, message: str, *, uid: str, code: int = 422, api_version: str = "admission.k8s.io/v1") -> None:
        super().__init__(message)
        self.uid = uid
        self.code = code
        self.api_version = api_version


class DeadlineError(AdmissionError):
    """The deadline of the request passed while something was still being evaluated."""

    http_status = 504
