"""Questions to the authorizer: may the user who sent the request, or a service account, do this.

    authorizer.path(string) -> PathCheck                      a path such as '/healthz'; '' is an error
    authorizer.group(string) -> GroupCheck                    an API group, '' for the core
    authorizer.serviceAccount(namespace, name) -> Authorizer  asks for that account instead of the user
    g.resource(string) -> ResourceCheck                       a lower-case plural; '' is an error
    r.subresource(string), r.namespace(string), r.name(string) -> ResourceCheck
    r.fieldSelector(string), r.labelSelector(string) -> ResourceCheck   ignored where they cannot be parsed
    authorizer.requestResource -> ResourceCheck               the resource of the request itself
    check.check(verb) -> Decision                             asks
    d.allowed() -> bool, d.reason() -> string
    d.errored() -> bool, d.error() -> string                  '' where nothing went wrong

    authorizer.group('apps').resource('deployments').namespace('prod').check('delete').allowed()
    authorizer.serviceAccount('ci', 'bot').path('/metrics').check('get').allowed()

None of these values can be compared. Cost: 350,000 for check, so that an expression may ask twice; a selector 10 plus a
tenth plus 25 for each of its characters; else 1. Since Kubernetes 1.27, selectors 1.31. Source: apiserver
pkg/cel/library/authz.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from admission.cel import names, types
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes, Authorize
from admission.cel.function import Function, Implementation, Library, Overload
from admission.cel.sizes import LIST_CREATION, STRUCT_CREATION, size_of, string_cost
from admission.cel.types import Type
from admission.cel.values import CelError, Opaque, Value

_CHECK_COST = 350_000


class _Incomparable(Opaque):
    """A value that exists for its functions only."""

    __slots__ = ()
    __hash__ = Opaque.__hash__
    unit_equality = True

    def __eq__(self, other: object) -> bool:
        raise CelError("no such overload")

    def comparable(self, other: object) -> bool:
        """Return that nothing can be compared with it, not even itself."""
        del other
        return False


class Authorizer(_Incomparable):
    """Whom questions are put to; `subject` is who they are about, with an empty user for the request's own."""

    __slots__ = ("authorize", "subject")
    cel_type = types.AUTHORIZER

    def __init__(self, authorize: Authorize, subject: AuthorizationAttributes | None = None) -> None:
        self.authorize = authorize
        self.subject = subject if subject is not None else AuthorizationAttributes(user="", verb="")


class _Question(_Incomparable):
    """A question that is being put together."""

    __slots__ = ("attributes", "authorize")

    def __init__(self, authorize: Authorize, attributes: AuthorizationAttributes) -> None:
        self.authorize = authorize
        self.attributes = attributes


class PathCheck(_Question):
    """A question about a path."""

    __slots__ = ()
    cel_type = types.PATH_CHECK


class GroupCheck(_Question):
    """An API group, of which a resource will be asked about."""

    __slots__ = ()
    cel_type = types.GROUP_CHECK


class ResourceCheck(_Question):
    """A question about a resource; every refinement is a new value."""

    __slots__ = ()
    cel_type = types.RESOURCE_CHECK


class Decision(_Incomparable):
    """The authorizer's answer."""

    __slots__ = ("answer",)
    cel_type = types.DECISION

    def __init__(self, answer: AuthorizationAnswer) -> None:
        self.answer = answer


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise CelError("path must not be empty")
    return PathCheck(authorizer.authorize, replace(authorizer.subject, path=path))


def _group(authorizer: Authorizer, group: str) -> GroupCheck:
    return GroupCheck(authorizer.authorize, replace(authorizer.subject, group=group))


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if names.subdomain_faults(name):
        raise CelError("Invalid service account name")
    if names.dns_label_faults(namespace):
        raise CelError("Invalid service account namespace")
    user = f"system:serviceaccount:{namespace}:{name}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return Authorizer(authorizer.authorize, AuthorizationAttributes(user=user, groups=groups, verb=""))


def _resource(group: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise CelError("resource must not be empty")
    return ResourceCheck(group.authorize, replace(group.attributes, resource=resource, version="*"))


def _refined(check: ResourceCheck, attributes: AuthorizationAttributes) -> ResourceCheck:
    return ResourceCheck(check.authorize, attributes)


def _check(question: _Question, verb: str) -> Decision:
    return Decision(question.authorize(replace(question.attributes, verb=verb)))


def _fixed_check_cost(_args: Sequence[Value], _result: Value) -> int:
    return _CHECK_COST


def _selector_cost(args: Sequence[Value], _: Value) -> int:
    size = size_of(args[1])
    requirements = -(-size // 2)
    return LIST_CREATION + string_cost(size) + requirements * (LIST_CREATION + STRUCT_CREATION)


_STRING, _BOOL = types.STRING, types.BOOL


def _builder(name: str, id_: str, receiver: Type, result: Type, implementation: Implementation) -> Function:
    return Function(name, (Overload(id_, (receiver, _STRING), result, implementation, member=True),))


def _refinement(name: str, implementation: Implementation) -> Function:
    return _builder(name, f"resourcecheck_{name}", types.RESOURCE_CHECK, types.RESOURCE_CHECK, implementation)


def _selector(name: str, implementation: Implementation) -> Function:
    params = (types.RESOURCE_CHECK, _STRING)
    id_ = f"authorizer_{name.lower()}"
    overload = Overload(id_, params, types.RESOURCE_CHECK, implementation, member=True, cost=_selector_cost)
    return Function(name, (overload,), since="1.31")


def _asking(id_: str, receiver: Type) -> Overload:
    return Overload(id_, (receiver, _STRING), types.DECISION, _check, member=True, cost=_fixed_check_cost)


def _reading(name: str, result: Type, implementation: Implementation) -> Function:
    return Function(name, (Overload(f"decision_{name}", (types.DECISION,), result, implementation, member=True),))


LIBRARY = Library(
    "kubernetes.authz",
    functions=(
        _builder("path", "authorizer_path", types.AUTHORIZER, types.PATH_CHECK, _path),
        _builder("group", "authorizer_group", types.AUTHORIZER, types.GROUP_CHECK, _group),
        Function(
            "serviceAccount",
            (
                Overload(
                    "authorizer_serviceaccount",
                    (types.AUTHORIZER, _STRING, _STRING),
                    types.AUTHORIZER,
                    _service_account,
                    member=True,
                ),
            ),
        ),
        _builder("resource", "groupcheck_resource", types.GROUP_CHECK, types.RESOURCE_CHECK, _resource),
        _refinement("subresource", lambda check, value: _refined(check, replace(check.attributes, sub_resource=value))),
        _refinement("namespace", lambda check, value: _refined(check, replace(check.attributes, namespace=value))),
        _refinement("name", lambda check, value: _refined(check, replace(check.attributes, name=value))),
        _selector(
            "fieldSelector", lambda check, value: _refined(check, replace(check.attributes, field_selector=value))
        ),
        _selector(
            "labelSelector", lambda check, value: _refined(check, replace(check.attributes, label_selector=value))
        ),
        Function(
            "check",
            (
                _asking("pathcheck_check", types.PATH_CHECK),
                _asking("resourcecheck_check", types.RESOURCE_CHECK),
            ),
        ),
        _reading("errored", _BOOL, lambda decision: bool(decision.answer.error)),
        _reading("error", _STRING, lambda decision: decision.answer.error),
        _reading("allowed", _BOOL, lambda decision: decision.answer.allowed),
        _reading("reason", _STRING, lambda decision: decision.answer.reason),
    ),
    since="1.27",
    environments=frozenset({"kubernetes", "extended"}),
)
