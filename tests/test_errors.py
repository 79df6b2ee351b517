from __future__ import annotations

from admission.errors import Issue, LoadError, Position


def test_an_issue_is_place_message_line_and_caret() -> None:
    issue = Issue("is wrong", Position("f.yaml", 3, 5), source="a: bcd", length=2, help="do this")
    assert issue.render() == "f.yaml:3:5: is wrong\n    3 | a: bcd\n            ^^\n  = help: do this"


def test_an_issue_without_a_place_is_its_message() -> None:
    assert Issue("is wrong").render() == "is wrong"


def test_a_warning_says_that_it_is_one() -> None:
    assert Issue("is odd", Position("f", 1, 1), severity="warning").render() == "f:1:1: warning: is odd"


def test_of_a_long_line_only_the_part_around_the_caret_is_shown() -> None:
    line = "x" * 1000 + "HERE" + "y" * 1000
    first, shown, caret = Issue("m", Position("f", 1, 1001), source=line, length=4).render().split("\n")
    assert first == "f:1:1001: m"
    assert len(shown) < 180
    assert shown[caret.index("^") :].startswith("HERE")
    assert caret.strip() == "^^^^"
    start = Issue("m", Position("f", 1, 1), source=line, length=5000).render().split("\n")
    assert start[1].startswith("    1 | xxx")
    assert len(start[2]) <= len(start[1])


def test_a_load_error_tells_all_issues() -> None:
    assert str(LoadError((Issue("a"), Issue("b")))) == "a\nb"
