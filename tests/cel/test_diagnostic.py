from __future__ import annotations

from admission.cel.ast import SourceInfo
from admission.cel.diagnostic import CelIssue, CompileError, issue_at


def test_an_issue_shows_the_line_and_a_caret_below_the_column() -> None:
    source = SourceInfo("first\n  second", "policy")
    assert issue_at(source, 8, "wrong").render(source) == "ERROR: policy:2:3: wrong\n |   second\n | ..^"


def test_tabs_become_spaces_and_wide_characters_get_wide_marks() -> None:
    source = SourceInfo("\té é")
    assert issue_at(source, 2, "wrong").render(source) == "ERROR: <input>:1:3: wrong\n |  é é\n | .．^"
    assert issue_at(source, 3, "wrong").render(source).endswith("\n | .．.＾")


def test_the_caret_may_stand_behind_the_text() -> None:
    source = SourceInfo("a +")
    assert issue_at(source, 3, "wrong").render(source).endswith("\n | a +\n | ...^")


def test_an_issue_without_a_place_has_no_snippet() -> None:
    source = SourceInfo("a")
    assert issue_at(source, -1, "too deep").render(source) == "ERROR: <input>:-1:0: too deep"


def test_no_snippet_of_an_empty_or_an_endless_line() -> None:
    assert issue_at(SourceInfo(""), 0, "wrong").render(SourceInfo("")) == "ERROR: <input>:1:1: wrong"
    endless = SourceInfo("a" * 16385)
    assert issue_at(endless, 0, "wrong").render(endless) == "ERROR: <input>:1:1: wrong"


def test_a_compile_error_tells_all_issues_by_place() -> None:
    source = SourceInfo("ab\ncd")
    error = CompileError(
        [issue_at(source, 4, "third"), issue_at(source, 1, "first"), issue_at(source, 1, "second")], source
    )
    assert [issue.message for issue in error.issues] == ["first", "second", "third"]
    assert str(error) == (
        "ERROR: <input>:1:2: first\n | ab\n | .^\nERROR: <input>:1:2: second\n | ab\n | .^\n"
        "ERROR: <input>:2:2: third\n | cd\n | .^"
    )


def test_after_a_hundred_issues_only_their_number_is_told() -> None:
    source = SourceInfo("a" * 200)
    error = CompileError([CelIssue(at, 1, at, "wrong") for at in range(103)], source)
    assert str(error).endswith("^\n3 more errors were truncated")
