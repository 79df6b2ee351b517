"""What is wrong with an expression and where: `CelIssue`, and `CompileError` which carries all of them.

The printed form is the one of cel-go (common/error.go, common/errors.go), because users and tests compare it with what
kube-apiserver says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from admission.cel.ast import SourceInfo
from admission.errors import InputError

_MAX_ISSUES = 100
_MAX_SNIPPET_BYTES = 16384


@dataclass(frozen=True, slots=True)
class CelIssue:
    """One fault of an expression.

    `offset` counts code points, `line` from 1 and `column` from 0. A fault without a place (a limit was exceeded) has
    -1 for all three, which cel-go prints as `-1:0`.
    """

    offset: int
    line: int
    column: int
    message: str

    def render(self, source: SourceInfo) -> str:
        """Return cel-go's text: `ERROR: <input>:1:20: message`, the line, and a caret below the column."""
        head = f"ERROR: {source.description}:{self.line}:{self.column + 1}: {self.message}"
        snippet = _line(source.text, self.line)
        if snippet is None or len(snippet.encode("utf-8", "replace")) > _MAX_SNIPPET_BYTES:
            return head
        before = snippet[: max(0, self.column)]
        dots = "".join("." if char < "\x80" else "．" for char in before)
        under = snippet[len(before) : len(before) + 1]
        caret = "^" if under < "\x80" else "＾"
        return f"{head}\n | {snippet}\n | {dots}{caret}"


NO_PLACE = (-1, -1, -1)


class CompileError(InputError):
    """An expression cannot be parsed or does not pass the type check; `issues` are sorted by place, at least one.

    `omitted` more were found and not kept.
    """

    def __init__(self, issues: Iterable[CelIssue], source: SourceInfo, omitted: int = 0) -> None:
        self.issues = tuple(sorted(issues, key=lambda issue: (issue.line, issue.column)))
        self.source = source
        self.omitted = omitted
        super().__init__(self.issues, source, omitted)

    def __str__(self) -> str:
        """Return the text of all issues as cel-go's Errors.ToDisplayString joins them (at most 100)."""
        lines = [issue.render(self.source) for issue in self.issues[:_MAX_ISSUES]]
        truncated = self.omitted + max(0, len(self.issues) - _MAX_ISSUES)
        if truncated:
            lines.append(f"{truncated} more errors were truncated")
        return "\n".join(lines)


def issue_at(source: SourceInfo, offset: int, message: str) -> CelIssue:
    """Return an issue at a code point offset of the text; a negative offset has no place."""
    if offset < 0:
        return CelIssue(*NO_PLACE, message)
    line, column = source.line_column(offset)
    return CelIssue(offset, line, column, message)


def _line(text: str, number: int) -> str | None:
    """Return a line (from 1) with tabs as spaces, None where cel-go shows no snippet."""
    if not text or number < 1:
        return None
    lines = text.split("\n")
    if number > len(lines):
        return None
    return lines[number - 1].replace("\t", " ")
