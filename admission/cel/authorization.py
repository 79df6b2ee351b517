"""What an expression asks the authorizer, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AuthorizationAttributes:
    """One question to the authorizer, about a path or about a resource.

    From an expression `user` is empty where the request's own user is meant (whoever answers knows it), else a service
    account with its groups. Selectors are as written; one that cannot be parsed counts as absent.
    """

    user: str
    verb: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    sub_resource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """What the authorizer says; `error` is what went wrong while it decided, empty where nothing did."""

    allowed: bool
    reason: str = ""
    error: str = ""


Authorize: TypeAlias = Callable[[AuthorizationAttributes], AuthorizationAnswer]
