"""Questions to the authorizer, its answers, and a file of rules that stands for it offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes
from admission.errors import InputError

__all__ = ["KEYS", "AuthorizationAnswer", "AuthorizationAttributes", "AuthorizationRules"]

KEYS: Final = ("verb", "group", "resource", "subresource", "namespace", "name", "path", "user")


@dataclass(frozen=True, slots=True)
class AuthorizationRules:
    """Answers from a file: rules that allow, or one error for every question.

    A rule allows where each of its KEYS has the value asked for; an absent key means any value. `reason` is what the
    answer gives as its reason.
    """

    rules: tuple[Mapping[str, str], ...] = ()
    error: str = ""

    @staticmethod
    def parse(document: Any) -> AuthorizationRules:
        """Make rules of a decoded file: a list of rules, `{rules: [...]}`, or `{error: text}`; InputError otherwise."""
        if isinstance(document, dict) and isinstance(document.get("error"), str):
            return AuthorizationRules(error=document["error"])
        rules = document.get("rules") if isinstance(document, dict) else document
        if not isinstance(rules, list):
            raise InputError("authorizer rules are a list of rules, {rules: [...]} or {error: text}")
        known = {*KEYS, "reason"}
        for index, rule in enumerate(rules):
            if not isinstance(rule, dict) or not all(isinstance(value, str) for value in rule.values()):
                raise InputError(f"authorizer rule {index} is not a map of strings")
            unknown = sorted(set(rule) - known)
            if unknown:
                raise InputError(f"authorizer rule {index} has an unknown key {unknown[0]!r}; known: {sorted(known)}")
        return AuthorizationRules(tuple(rules))

    def answer(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer:
        """Return the answer to one question; what no rule allows is not allowed."""
        if self.error:
            return AuthorizationAnswer(allowed=False, error=self.error)
        asked = {
            "verb": attributes.verb,
            "group": attributes.group,
            "resource": attributes.resource,
            "subresource": attributes.sub_resource,
            "namespace": attributes.namespace,
            "name": attributes.name,
            "path": attributes.path,
            "user": attributes.user,
        }
        for rule in self.rules:
            if all(asked[key] == value for key, value in rule.items() if key != "reason"):
                return AuthorizationAnswer(allowed=True, reason=rule.get("reason", ""))
        return AuthorizationAnswer(allowed=False)
