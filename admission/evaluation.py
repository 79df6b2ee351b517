"""What expressions of a policy see, and how one of them is run.

The values of `request` and `namespaceObject` are the API server's: JSON with everything empty left out, and of a
Namespace only the fields that it shows (apiserver pkg/admission/plugin/cel/condition.go). Match conditions work alike
for both kinds of policies (plugin/webhook/matchconditions/matcher.go). This file may not know which phase it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from admission.cel.activation import Activation, Budget, LazyVariables, Overrun
from admission.cel.program import Program
from admission.cel.values import CelError, Value
from admission.compiler import CompiledExpression
from admission.errors import DeadlineError
from admission.policy import FailurePolicy
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource
from admission.verdicts import OUT_OF_BUDGET, Result
from admission.workload import JsonObject

Programs: TypeAlias = Mapping[str, Program | str]

MATCH_CONDITIONS_BUDGET: Final = 2_500_000  # apiserver pkg/apis/cel/config.go RuntimeCELCostBudgetMatchConditions

_NAMESPACE_METADATA: Final = (
    *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "labels", "annotations", "finalizers"),
)
_CONDITION_FIELDS: Final = ("type", "status", "lastTransitionTime", "reason", "message")


class BudgetExceededError(Exception):
    """The evaluations of one policy together cost more than their budget; everything they found is void."""

    def __init__(self) -> None:
        super().__init__(OUT_OF_BUDGET)


def request_value(request: AdmissionRequest, kind: GroupVersionKind, resource: GroupVersionResource) -> JsonObject:
    """Return the value of `request`; `kind` and `resource` are those under which the policy matched."""
    own_kind, own_resource = _kind(kind), _resource(resource)
    value: JsonObject = {
        "uid": "",
        "kind": own_kind,
        "resource": own_resource,
        "requestKind": own_kind if request.request_kind == kind else _kind(request.request_kind),
        "requestResource": (
            own_resource if request.request_resource == resource else _resource(request.request_resource)
        ),
        "operation": request.operation.value,
        "userInfo": _user(request),
        "object": None,
        "oldObject": None,
        "dryRun": request.dry_run,
        "options": request.options if request.options is not None else {},
    }
    if request.sub_resource:
        value["subResource"] = request.sub_resource
    if request.request_sub_resource:
        value["requestSubResource"] = request.request_sub_resource
    if request.name:
        value["name"] = request.name
    if request.namespace:
        value["namespace"] = request.namespace
    return value


def _kind(kind: GroupVersionKind) -> JsonObject:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(resource: GroupVersionResource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "resource": resource.resource}


def _user(request: AdmissionRequest) -> JsonObject:
    user = request.user
    value: JsonObject = {}
    if user.username:
        value["username"] = user.username
    if user.uid:
        value["uid"] = user.uid
    if user.groups:
        value["groups"] = list(user.groups)
    if user.extra:
        value["extra"] = {key: list(values) for key, values in user.extra.items()}
    return value


def namespace_value(namespace: JsonObject | None) -> JsonObject | None:
    """Return the value of `namespaceObject`; None for what lives in no namespace, and for Namespaces."""
    if namespace is None:
        return None
    metadata, spec, status = (_map(namespace.get(part)) for part in ("metadata", "spec", "status"))
    shown = _shown(metadata, _NAMESPACE_METADATA)
    if metadata.get("deletionGracePeriodSeconds") is not None:
        shown["deletionGracePeriodSeconds"] = metadata["deletionGracePeriodSeconds"]
    shown_status = _shown(status, ("phase",))
    conditions = status.get("conditions")
    if isinstance(conditions, list) and conditions:
        shown_status["conditions"] = [_shown(_map(item), _CONDITION_FIELDS) for item in conditions]
    return {"metadata": shown, "spec": _shown(spec, ("finalizers",)), "status": shown_status}


def _map(value: Value) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _shown(part: JsonObject, keys: Sequence[str]) -> JsonObject:
    return {key: part[key] for key in keys if part.get(key) not in (None, "", 0, [], {})}


class Inputs:
    """What all expressions about one object see, whatever the policy.

    `authorizer` holds the two variables that ask the authorizer. `size` is a bound of what the documents hold, in bytes
    of JSON; 0 where it is not known. `check` raises DeadlineError when time is up.
    """

    __slots__ = ("_shared", "authorizer", "check", "namespace", "object", "old_object", "request", "size")

    def __init__(
        self,
        *,
        object: JsonObject | None,  # noqa: A002 - the name that expressions have for it
        old_object: JsonObject | None,
        request: JsonObject,
        namespace: JsonObject | None,
        authorizer: Mapping[str, Value],
        size: int = 0,
        check: Callable[[], None] | None = None,
    ) -> None:
        self.object = object
        self.old_object = old_object
        self.request = request
        self.namespace = namespace
        self.authorizer = authorizer
        self.size = size
        self.check = check
        self._shared: Activation | None = None

    def shared(self, params: JsonObject | None) -> Activation:
        """Return the one activation for expressions that name no variables of a policy, with a fresh budget."""
        shared = self._shared
        if shared is None:
            shared = self._shared = Activation(self.variables(None), Budget())
        shared.variables["params"] = params
        shared.budget.renew(self.check)
        return shared

    def about(self, object: JsonObject | None, old_object: JsonObject | None) -> Inputs:  # noqa: A002 - as above
        """Return the same inputs about other objects."""
        return Inputs(
            object=object,
            old_object=old_object,
            request=self.request,
            namespace=self.namespace,
            authorizer=self.authorizer,
            size=self.size,
            check=self.check,
        )

    def variables(
        self, params: JsonObject | None, *, namespace: bool = True, authorizer: bool = True
    ) -> dict[str, Value]:
        """Return the variables of one activation by name; match conditions see no Namespace."""
        found: dict[str, Value] = {
            "object": self.object,
            "oldObject": self.old_object,
            "request": self.request,
            "namespaceObject": self.namespace if namespace else None,
            "params": params,
        }
        if authorizer:
            found.update(self.authorizer)
        return found


def activate(variables: dict[str, Value], programs: Programs, budget: Budget, *, exact: bool) -> Activation:
    """Return an activation in which the policy's own variables can be named too, each evaluated when it first is."""
    activation = Activation(variables, budget, exact=exact)
    variables["variables"] = LazyVariables(programs, activation) if programs else _NO_VARIABLES
    return activation


_NO_VARIABLES: Final = LazyVariables({}, Activation({}))


def run(compiled: CompiledExpression, activation: Activation) -> Result:
    """Run one expression.

    Raises BudgetExceededError where the budget does not cover it, Overrun where that cannot be said without counting
    exactly, DeadlineError that names the expression where time is up.
    """
    program = compiled.program
    if program is None:
        return Result(error=f"compilation error: {compiled.error}")
    error: str | None = None
    value: Value = None
    try:
        value = program.evaluate(activation)
    except CelError as fault:
        error = str(fault)
    except RecursionError:
        error = "the value is nested too deeply to be evaluated"
    except DeadlineError as late:
        raise DeadlineError(_failure(compiled, str(late))) from None
    settle(activation)
    if error is not None:
        return Result(error=_failure(compiled, error))
    return Result(value)


def _failure(compiled: CompiledExpression, error: str) -> str:
    return f"expression '{compiled.expression.text}' resulted in error: {error}"


def settle(activation: Activation) -> None:
    """Look at the account: BudgetExceededError where it is overdrawn, Overrun where it might be."""
    budget = activation.budget
    if activation.exact:
        if budget.exhausted:
            raise BudgetExceededError
    elif budget.spent + budget.bound > budget.limit:
        raise Overrun


@dataclass(frozen=True, slots=True)
class Condition:
    """What the match conditions of a policy came to: `error`, or `matches`; `unmet` names the first false one."""

    matches: bool = True
    unmet: str = ""
    error: str | None = None

    @property
    def reason(self) -> str:
        """Why a policy is skipped, for people."""
        return f"match condition '{self.unmet}' is false" if self.unmet else "an error in a match condition is ignored"


MATCHED: Final = Condition()


def match_conditions(
    conditions: Sequence[tuple[str, CompiledExpression]],
    programs: Programs,
    inputs: Inputs,
    params: JsonObject | None,
    failure_policy: FailurePolicy,
    *,
    exact: bool,
) -> Condition:
    """Evaluate named match conditions: a false one beats errors, errors beat truth; failurePolicy Ignore skips them."""
    if not conditions:
        return MATCHED
    budget = Budget(MATCH_CONDITIONS_BUDGET, check=inputs.check)
    activation = activate(inputs.variables(params, namespace=False), programs, budget, exact=exact)
    ignored = failure_policy is FailurePolicy.IGNORE
    try:
        results = [(name, run(compiled, activation)) for name, compiled in conditions]
    except BudgetExceededError as error:
        return Condition(matches=False) if ignored else Condition(error=str(error))
    errors = []
    for name, result in results:
        if result.error is not None:
            errors.append(result.error)
        elif result.value is False:
            return Condition(matches=False, unmet=name)
    if not errors:
        return MATCHED
    if ignored:
        return Condition(matches=False)
    errors = list(dict.fromkeys(errors))
    return Condition(error=errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
