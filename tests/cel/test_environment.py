"""Which version of Kubernetes has what, and what is said of what it does not have yet."""

from __future__ import annotations

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.environment import environment, minor_version
from admission.errors import UsageError

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36")


@pytest.mark.parametrize(
    ("text", "since", "said"),
    [
        ("ip('1.2.3.4').family() == 4", "1.30", ""),
        ("quantity('1').isInteger()", "1.30", ""),
        ("format.named('uuid').hasValue()", "1.31", "format.* exist since Kubernetes 1.31"),
        ("[1].all(i, v, v > i)", "1.32", "exists since Kubernetes 1.32"),
        ("[1].exists(i, v, v > i)", "1.32", "exists since Kubernetes 1.32"),
        ("[1].transformList(i, v, v)", "1.32", "exists since Kubernetes 1.32"),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", "1.32", "exists since Kubernetes 1.32"),
        ("isSemver('1.0.0')", "1.33", "exists since Kubernetes 1.33"),
        ("semver('v1.0', true).major() == 1", "1.33", "exists since Kubernetes 1.33"),
        ("[1].first().hasValue()", "1.33", "exists since Kubernetes 1.33"),
        ("optional.unwrap([optional.of(1)])", "1.33", "optional.unwrap exists since Kubernetes 1.33"),
        ("[2, 1].sort()", "1.34", "exists since Kubernetes 1.34"),
        ("[2, 1].sortBy(x, -x)", "1.34", "exists since Kubernetes 1.34"),
        ("lists.range(3)", "1.34", "lists.range exists since Kubernetes 1.34"),
    ],
)
def test_an_older_version_refuses_what_came_later_and_says_since_when(text: str, since: str, said: str) -> None:
    for version in VERSIONS:
        known = environment("kubernetes", version)
        if VERSIONS.index(version) >= VERSIONS.index(since):
            known.compile(text)
            continue
        with pytest.raises(CompileError) as refused:
            known.compile(text)
        assert said in str(refused.value)


def test_a_macro_of_one_variable_is_no_newer_than_the_language() -> None:
    assert environment("kubernetes", "1.30").compile("[1].all(v, v > 0)").result_type.name == "bool"


def test_what_no_version_of_kubernetes_has_is_said_to_be_in_none() -> None:
    for text in ("cel.bind(x, 1, x)", "math.greatest(1, 2)", "base64.encode(b'a')"):
        environment("extended").compile(text)
        with pytest.raises(CompileError) as refused:
            environment("kubernetes").compile(text)
        assert "since" not in str(refused.value)


@pytest.mark.parametrize("text", ["1.29", "v1.3", "2.0", "newest", ""])
def test_a_version_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        minor_version(text)
