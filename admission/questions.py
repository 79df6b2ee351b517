"""What expressions ask the authorizer: arguments that CEL computes, so that nobody can look them up beforehand.

A question without an answer is an error to the expression and is written down; whoever evaluates gets all answers that
are wanted and evaluates again. Whatever was computed meanwhile is void, even where `||` absorbed the error. Source of
the values: apiserver pkg/cel/library/authz.go (NewAuthorizerVal, NewResourceAuthorizerVal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes
from admission.cel.library.authz import Authorizer, ResourceCheck
from admission.cel.values import CelError, Value
from admission.review import AdmissionRequest

ROUNDS: Final = 4
"""How often answers are fetched for one request before what is still unknown becomes an error."""

UNANSWERED: Final = f"the authorizer was asked for more than {ROUNDS} rounds; simplify what the policy asks"


class Questions:
    """The questions of one request; `asked` is set whenever one without an answer is asked.

    An answer is either what the authorizer says, or the reason why it says nothing: then it is an error to the
    expression, never an allow.
    """

    __slots__ = ("_answers", "_request", "_user", "asked", "final", "wanted")

    def __init__(self, request: AdmissionRequest) -> None:
        user = request.user
        self._user = AuthorizationAttributes(user=user.username, uid=user.uid, groups=user.groups, verb="")
        resource = request.request_resource
        self._request = AuthorizationAttributes(
            user="",
            verb="",
            group=resource.group,
            version="*",
            resource=resource.resource,
            sub_resource=request.request_sub_resource,
            namespace=request.namespace,
            name=request.name,
        )
        self._answers: dict[AuthorizationAttributes, AuthorizationAnswer | str] = {}
        self.wanted: dict[AuthorizationAttributes, None] = {}
        self.asked = False
        self.final = False

    def variables(self) -> Mapping[str, Value]:
        """Return the variables through which expressions ask."""
        return {
            "authorizer": Authorizer(self.ask),
            "authorizer.requestResource": ResourceCheck(self.ask, self._request),
        }

    def ask(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer:
        """Return the answer; CelError where there is none yet, or none to be had."""
        if not attributes.user:
            user = self._user
            attributes = replace(attributes, user=user.user, uid=user.uid, groups=user.groups)
        answer = self._answers.get(attributes)
        if answer is None:
            self.asked = True
            self.wanted[attributes] = None
            raise CelError("the authorizer has not answered yet")
        if isinstance(answer, str):
            raise CelError(answer)
        return answer

    def answer(self, attributes: AuthorizationAttributes, answer: AuthorizationAnswer | str) -> None:
        """Keep the answer to a question that was wanted; a text is why there is none."""
        self._answers[attributes] = answer
        self.wanted.pop(attributes, None)
