"""From selected policies to what is to be evaluated: which bindings with which params, and what cannot be configured.

Sources: apiserver pkg/admission/plugin/policy/validating/dispatcher.go (Dispatch, addConfigError) and
policy/generic/policy_dispatcher.go. An error of configuration denies whatever the binding's actions are, unless
failurePolicy is Ignore.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from admission.decision import DEFAULT_CODE, Finding, Outcome
from admission.facts import FactSource, collect_params, unresolvable
from admission.matching import Selected
from admission.policy import Action, Binding, FailurePolicy, Policy, ValidatingPolicy
from admission.review import AdmissionRequest, GroupVersionKind
from admission.workload import JsonObject

P = TypeVar("P", bound=Policy)


@dataclass(frozen=True, slots=True)
class Planned:
    """A binding that applies, with the params to evaluate its policy with, each by itself; None is "without params"."""

    binding: Binding
    params: tuple[JsonObject | None, ...]


def is_fixed(selected: Selected[P]) -> bool:
    """Return whether the plan for a selected policy is the same for every request: nothing to look up or convert."""
    return (
        selected.error is None
        and selected.kind is None
        and selected.entry.policy.param_kind is None
        and all(bound.error is None for bound in selected.bindings)
    )


async def plan(selected: Selected[P], request: AdmissionRequest, facts: FactSource) -> Sequence[Finding | Planned]:
    """Return what is to be evaluated for a selected policy, and its errors of configuration, in order of binding."""
    policy = selected.entry.policy
    if selected.error is not None:
        return (configuration_error(policy, None, selected.error),)
    kind = policy.param_kind
    if kind is not None and facts.param_scope(kind.api_version, kind.kind) is None:
        return (configuration_error(policy, None, unresolvable(kind)),)
    unconverted = _conversion_error(request, selected.kind)
    steps: list[Finding | Planned] = []
    for bound in selected.bindings:
        binding = bound.binding
        if bound.error is not None:
            steps.append(configuration_error(policy, binding, bound.error))
            continue
        if unconverted is not None and not isinstance(policy, ValidatingPolicy):
            steps.append(configuration_error(policy, None, unconverted))
            continue
        params = await collect_params(facts, kind, binding.param_ref, request.namespace)
        if isinstance(params, str):
            steps.append(configuration_error(policy, binding, params))
        elif unconverted is not None and params:
            steps.append(configuration_error(policy, binding, f"failed to convert object version: {unconverted}"))
        else:
            steps.append(Planned(binding, params))
    return steps


def without_params(policy: Policy, binding: Binding) -> Finding:
    """Return the finding about a binding whose params are not there, and allowed not to be."""
    return Finding(
        policy=policy.name,
        binding=binding.name,
        outcome=Outcome.SKIP,
        message="there are no params, which the binding allows",
        severity=policy.severity,
        policy_kind=policy.kind,
    )


def sees_namespace(step: object) -> bool:
    """Return whether the API server looks up the Namespace for a step: for each configured binding, params or none."""
    return not isinstance(step, Finding) or step.outcome is Outcome.SKIP


def configuration_error(policy: Policy, binding: Binding | None, error: str) -> Finding:
    """Return the finding about a policy (or one binding of it) that cannot be put to work."""
    ignored = policy.failure_policy is FailurePolicy.IGNORE
    validating = isinstance(policy, ValidatingPolicy)
    subject = "policy" if binding is None else "binding"
    return Finding(
        policy=policy.name,
        binding=binding.name if binding is not None else "",
        outcome=Outcome.ERROR,
        actions=() if ignored else (Action.DENY,),
        message=f"failed to configure {subject}: {error}",
        severity=policy.severity,
        reason="" if ignored else "Invalid" if validating else "Forbidden",
        code=0 if ignored else DEFAULT_CODE if validating else 403,
        policy_kind=policy.kind,
    )


def _conversion_error(request: AdmissionRequest, wanted: GroupVersionKind | None) -> str | None:
    """Return why the objects cannot be shown in the version under which a policy matched; None where they need not."""
    if wanted in (None, request.kind) or (request.object is None and request.old_object is None):
        return None
    return f"cannot convert {request.kind} to {wanted}"
