"""The validating phase: one policy, one binding, one param, from match conditions to audit annotations.

Everything of one evaluation runs first as compiled code, which only bounds its cost; where the bound does not prove
that the API server's budgets hold, everything runs again with exact counting. Source: apiserver
pkg/admission/plugin/policy/validating/validator.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from admission.cel.activation import RUNTIME_BUDGET, Budget, Overrun
from admission.cel.origin import deciding_path, render_path
from admission.compiler import CompiledValidatingPolicy
from admission.decision import Finding, Outcome, truncate
from admission.errors import DeadlineError
from admission.evaluation import BudgetExceededError, Inputs, activate, match_conditions, run
from admission.policy import Action, Binding
from admission.verdicts import INVALID, PASSED, Annotation, Result, Verdict, annotate, failed, judge
from admission.workload import JsonObject, object_name, unproject_path

_TRACE_BUDGET: Final = 10 * RUNTIME_BUDGET


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a policy says about a request with one param.

    `skipped` is None where the match conditions held; otherwise the name of the false one, or "" where an error in them
    was ignored.
    """

    verdicts: tuple[Verdict, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    skipped: str | None = None


def evaluate(policy: CompiledValidatingPolicy, inputs: Inputs, params: JsonObject | None) -> Evaluation:
    """Evaluate a policy; never raises for what an expression does, and runs out of time as failurePolicy says."""
    try:
        try:
            return _evaluate(policy, inputs, params, exact=False)
        except Overrun:
            return _evaluate(policy, inputs, params, exact=True)
    except DeadlineError as error:
        return Evaluation((failed(str(error), policy.policy.failure_policy),))


def locate(policy: CompiledValidatingPolicy, index: int, inputs: Inputs, params: JsonObject | None) -> str | None:
    """Return the path in the object of what decided that a validation is not true, None where there is none."""
    program = policy.validations[index].program
    if program is None or inputs.object is None:
        return None
    budget = Budget(_TRACE_BUDGET, check=inputs.check)
    activation = activate(inputs.variables(params), policy.variables, budget, exact=True)
    try:
        path = deciding_path(program.trace(activation, inputs.object))
    except (DeadlineError, RecursionError):
        return None
    return render_path(path) if path else None


def _evaluate(
    policy: CompiledValidatingPolicy, inputs: Inputs, params: JsonObject | None, *, exact: bool
) -> Evaluation:
    model = policy.policy
    failure_policy = model.failure_policy
    condition = match_conditions(policy.match_conditions, policy.variables, inputs, params, failure_policy, exact=exact)
    if condition.error is not None:
        return Evaluation((failed(condition.error, failure_policy),))
    if not condition.matches:
        return Evaluation(skipped=condition.unmet)
    budget = Budget(RUNTIME_BUDGET, check=inputs.check)
    activation = activate(inputs.variables(params), policy.variables, budget, exact=exact)
    try:
        results = [run(compiled, activation) for compiled in policy.validations]
    except BudgetExceededError as error:
        return Evaluation((failed(str(error), failure_policy),))
    messages, messages_error = _messages(policy, inputs, params, budget, exact=exact)
    verdicts = judge(model.validations, results, messages, messages_error, failure_policy)
    if not policy.audit_annotations:
        return Evaluation(tuple(verdicts))
    try:
        annotations = _annotations(policy, inputs, params, exact=exact)
    except BudgetExceededError as error:
        return Evaluation((failed(str(error), failure_policy),))
    return Evaluation(tuple(verdicts), annotations)


def _messages(
    policy: CompiledValidatingPolicy, inputs: Inputs, params: JsonObject | None, budget: Budget, *, exact: bool
) -> tuple[list[Result | None], str | None]:
    """Evaluate all message expressions, also of validations that hold: their cost counts as well."""
    if not any(policy.messages):
        return [], None
    variables = inputs.variables(params, authorizer=False)
    activation = activate(variables, policy.variables, budget, exact=exact)
    try:
        return [run(compiled, activation) if compiled is not None else None for compiled in policy.messages], None
    except BudgetExceededError as error:
        return [], str(error)


def _annotations(
    policy: CompiledValidatingPolicy, inputs: Inputs, params: JsonObject | None, *, exact: bool
) -> tuple[Annotation, ...]:
    """Evaluate the audit annotations: a budget of their own, and no authorizer, although they compile with one."""
    budget = Budget(RUNTIME_BUDGET, check=inputs.check)
    variables = inputs.variables(params, authorizer=False)
    activation = activate(variables, policy.variables, budget, exact=exact)
    results = [run(compiled, activation) for compiled in policy.audit_annotations]
    return tuple(
        annotate(annotation, result, policy.policy.failure_policy)
        for annotation, result in zip(policy.policy.audit_annotations, results, strict=True)
    )


@dataclass(frozen=True, slots=True)
class ValidationTask:
    """One policy to be evaluated for one binding and one param.

    `template` is the path of the pod template that `inputs` show as the object, None where they show the object itself.
    """

    policy: CompiledValidatingPolicy
    binding: Binding
    params: JsonObject | None
    inputs: Inputs
    template: tuple[str, ...] | None = None

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is done about a finding."""
        if self.template is not None and self.binding.pod_template_actions is not None:
            return self.binding.pod_template_actions
        return self.binding.actions


def run_validation(task: ValidationTask) -> tuple[tuple[Finding, ...], tuple[Annotation, ...]]:
    """Evaluate one task; return its findings in order of validation, and the audit annotations to publish.

    A task that finds nothing makes one finding, PASS or SKIP. An audit annotation that fails denies whatever the
    actions of the binding are (validating/dispatcher.go).
    """
    evaluation = evaluate(task.policy, task.inputs, task.params)
    if evaluation.skipped is not None:
        why = f"match condition '{evaluation.skipped}' is false" if evaluation.skipped else _IGNORED_CONDITION
        return (_finding(task, Verdict(Outcome.SKIP, message=why)),), ()
    findings = [_finding(task, verdict) for verdict in evaluation.verdicts if verdict is not PASSED]
    published = []
    for annotation in evaluation.annotations:
        if annotation.error is not None:
            verdict = Verdict(Outcome.ERROR, True, annotation.error, INVALID)
            findings.append(_finding(task, verdict, (Action.DENY,)))
        elif annotation.value:
            published.append(Annotation(annotation.key, truncate(annotation.value)))
    return tuple(findings) or (_finding(task, PASSED),), tuple(published)


_IGNORED_CONDITION: Final = "an error in the match conditions is ignored"


def _finding(task: ValidationTask, verdict: Verdict, actions: tuple[Action, ...] | None = None) -> Finding:
    policy = task.policy.policy
    denies = verdict.denies
    path = None
    if verdict.outcome is Outcome.FAIL and verdict.index is not None:
        path = locate(task.policy, verdict.index, task.inputs, task.params)
        if path is not None and task.template is not None:
            path = unproject_path(path, task.template)
    return Finding(
        policy=policy.name,
        binding=task.binding.name,
        param=object_name(task.params) if task.params is not None else None,
        index=verdict.index,
        outcome=verdict.outcome,
        actions=(actions if actions is not None else task.actions) if denies else (),
        message=verdict.message,
        path=path,
        severity=policy.severity,
        reason=verdict.reason if denies else "",
        code=verdict.code if denies else 0,
        policy_kind=policy.kind,
    )


def merge_annotations(published: Sequence[tuple[str, Sequence[Annotation]]]) -> dict[str, str]:
    """Return the audit annotations of all policies by `<policy>/<key>`.

    `published` are (policy name, annotations) in order; different values of one key are joined by commas, equal ones
    are taken once.
    """
    values: dict[str, dict[str, None]] = {}
    for policy, made in published:
        for annotation in made:
            values.setdefault(f"{policy}/{annotation.key}", {})[annotation.value] = None
    return {key: ", ".join(found) for key, found in values.items()}
