from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel import types
from admission.cel.activation import Activation, Budget
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes
from admission.cel.diagnostic import CompileError
from admission.cel.environment import environment
from admission.cel.library.authz import Authorizer, ResourceCheck
from admission.cel.values import CelError

Evaluate = Callable[..., Any]


class Desk:
    """An authorizer that keeps what it was asked."""

    def __init__(self, answer: AuthorizationAnswer | None = None) -> None:
        self.answer = answer or AuthorizationAnswer(allowed=True, reason="because")
        self.asked: list[AuthorizationAttributes] = []

    def authorize(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer:
        """Answer one question."""
        self.asked.append(attributes)
        return self.answer


def ask(text: str, desk: Desk, version: str = "1.36", **variables: Any) -> Any:
    """Evaluate an expression that may use `authorizer`."""
    declared = {"authorizer": types.AUTHORIZER, **dict.fromkeys(variables, types.RESOURCE_CHECK)}
    env = environment("kubernetes", version).extend(declared)
    program = env.program(env.compile(text))
    return program.evaluate(Activation({"authorizer": Authorizer(desk.authorize), **variables}))


def test_a_resource_check_asks_with_all_that_was_said() -> None:
    desk = Desk()
    text = (
        "authorizer.group('apps').resource('deployments').subresource('scale').namespace('prod').name('web')"
        ".fieldSelector('a=b').labelSelector('c in (d)').check('update').allowed()"
    )
    assert ask(text, desk) is True
    assert desk.asked == [
        AuthorizationAttributes(
            user="",
            verb="update",
            group="apps",
            version="*",
            resource="deployments",
            sub_resource="scale",
            namespace="prod",
            name="web",
            field_selector="a=b",
            label_selector="c in (d)",
        )
    ]


def test_a_path_check_asks_about_a_path() -> None:
    desk = Desk()
    assert ask("authorizer.path('/healthz').check('get').reason()", desk) == "because"
    assert desk.asked == [AuthorizationAttributes(user="", verb="get", path="/healthz")]


def test_a_service_account_is_asked_about_with_its_groups() -> None:
    desk = Desk()
    ask("authorizer.serviceAccount('ci', 'bot').group('').resource('pods').check('list').allowed()", desk)
    (asked,) = desk.asked
    assert asked.user == "system:serviceaccount:ci:bot"
    assert asked.groups == ("system:serviceaccounts", "system:serviceaccounts:ci")


def test_a_ready_made_check_can_be_asked() -> None:
    desk = Desk(AuthorizationAnswer(allowed=False, error="no authorizer"))
    about = AuthorizationAttributes(user="", verb="", group="", version="*", resource="pods", name="web")
    check = ResourceCheck(desk.authorize, about)
    assert ask("given.check('delete').errored()", desk, given=check) is True
    assert ask("given.check('delete').error()", desk, given=check) == "no authorizer"
    assert {asked.name for asked in desk.asked} == {"web"}


def test_refining_a_check_leaves_the_first_as_it_was() -> None:
    desk = Desk()
    text = (
        "[authorizer.group('').resource('pods')].all(r, r.name('a').check('get').allowed() && r.check('get').allowed())"
    )
    assert ask(text, desk) is True
    assert [asked.name for asked in desk.asked] == ["a", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("authorizer.path(' ').check('get').allowed()", "path must not be empty"),
        ("authorizer.group('').resource('').check('get').allowed()", "resource must not be empty"),
        ("authorizer.serviceAccount('a', 'B').path('/').check('get').allowed()", "Invalid service account name"),
        ("authorizer.serviceAccount('a.b', 'c').path('/').check('get').allowed()", "Invalid service account namespace"),
        ("authorizer == authorizer", "no such overload"),
    ],
)
def test_errors_are_those_of_the_api_server(text: str, message: str) -> None:
    desk = Desk()
    with pytest.raises(CelError) as caught:
        ask(text, desk)
    assert str(caught.value) == message
    assert desk.asked == []


def test_an_error_of_whoever_answers_is_the_error_of_the_expression() -> None:
    class Closed(Desk):
        def authorize(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer:
            raise CelError(f"nobody to ask about {attributes.path}")

    with pytest.raises(CelError, match="nobody to ask about /"):
        ask("authorizer.path('/').check('get').allowed()", Closed())


def test_two_checks_fit_into_an_expression_and_three_do_not() -> None:
    one = "authorizer.path('/').check('get').allowed()"
    env = environment("kubernetes").extend({"authorizer": types.AUTHORIZER})
    for count, fits in ((1, True), (2, True), (3, False)):
        program = env.program(env.compile(" && ".join([one] * count)))
        budget = Budget()
        activation = Activation({"authorizer": Authorizer(Desk().authorize)}, budget)
        if fits:
            assert program.evaluate_exact(activation) is True
            assert budget.spent == count * 350_003
        else:
            with pytest.raises(CelError, match="actual cost limit exceeded"):
                program.evaluate_exact(activation)


def test_selectors_came_later() -> None:
    text = "authorizer.group('').resource('pods').labelSelector('a').check('list').allowed()"
    with pytest.raises(CompileError, match=r"1\.31"):
        ask(text, Desk(), version="1.30")
