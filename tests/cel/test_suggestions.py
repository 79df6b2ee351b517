"""What a refused expression may have meant."""

from __future__ import annotations

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment
from admission.cel.suggestions import suggest
from admission.variables import declare


@pytest.fixture(scope="module")
def kubernetes() -> Environment:
    return environment("kubernetes").extend(*declare("vap"))


def suggestions(text: str, env: Environment) -> tuple[str, ...]:
    ast = env.parse(text)
    with pytest.raises(CompileError) as raised:
        env.check(ast)
    return suggest(ast, env, raised.value.issues)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("request.operaton == 'CREATE'", "did you mean 'operation'?"),
        ("request.userInfo.userName", "did you mean 'username'?"),
        ("namespaceObject.metadata.uid", "did you mean 'UID'?"),
        ("requst.name", "did you mean 'request'?"),
        ("'a'.startWith('b')", "did you mean 'startsWith'?"),
        ("quantiy('1')", "did you mean 'quantity'?"),
        ("nothing.like.this", ""),
        ("request.name == 1", "both sides must be of one type"),
        ("1 + 'a'", "it takes int + int"),
        ("request.name.startsWith(1)", "it takes string.startsWith(string)"),
        ("size(1)", "it takes size(bytes), size(list(A)), size(map(A, B)), size(string)"),
        ("[1][true]", "it takes list(A)[int], map(A, B)[A]"),
        ("1 ? 2 : 3", "it takes bool ? A : A"),
        ("-'a'", "it takes -double, -int"),
        ("'a' in 'abc'", "it takes A in list(A), A in map(A, B)"),
        ("'a'.b", ""),
    ],
)
def test_errors_come_with_what_may_have_been_meant(text: str, expected: str, kubernetes: Environment) -> None:
    assert suggestions(text, kubernetes)[0].startswith(expected)
    assert bool(suggestions(text, kubernetes)[0]) == bool(expected)


def test_every_issue_has_its_own_sentence(kubernetes: Environment) -> None:
    assert suggestions("request.nam == 'a' && requst == 1", kubernetes) == (
        "did you mean 'name'?",
        "did you mean 'request'?",
    )
