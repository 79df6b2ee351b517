"""The validating phase: one policy, one binding, one param, from match conditions to audit annotations.

Most evaluations find nothing, so `run_validation` first runs only what is needed to know that, as compiled code.
Where anything is not plainly fine, everything runs as the API server does it; where compiled code cannot prove that the
API server's budgets hold, once more with exact counting. Source: apiserver
pkg/admission/plugin/policy/validating/validator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from admission.cel.activation import RUNTIME_BUDGET, Budget, Overrun
from admission.cel.conjunction import Conjunction
from admission.cel.origin import deciding_path, render_path
from admission.compiler import ASKS_OTHERS, CompiledValidatingPolicy
from admission.decision import Decision, Finding, Outcome, truncate
from admission.errors import DeadlineError
from admission.evaluation import (
    BudgetExceededError,
    Inputs,
    activate,
    match_conditions,
    run,
)
from admission.policy import Action, Binding
from admission.questions import UNANSWERED, Questions
from admission.verdicts import INVALID, PASSED, Annotation, Result, Verdict, annotate, failed, judge
from admission.workload import JsonObject, object_name, unproject_path

_TRACE_BUDGET: Final = 10 * RUNTIME_BUDGET
_NOTHING: Final[tuple[Annotation, ...]] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a policy says about an object with one param; `skipped` is why it was not asked, None where it was."""

    verdicts: tuple[Verdict, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    skipped: str | None = None


class ValidationTask:
    """One policy to be evaluated for one binding and one param; what can be prepared for that is.

    `template` is the path of the pod template that stands for the object, None where the object itself is judged.
    """

    __slots__ = ("binding", "params", "passed", "policy", "template")

    def __init__(
        self,
        policy: CompiledValidatingPolicy,
        binding: Binding,
        params: JsonObject | None = None,
        template: tuple[str, ...] | None = None,
    ) -> None:
        self.policy = policy
        self.binding = binding
        self.params = params
        self.template = template
        self.passed = (self.finding(PASSED),)

    @property
    def actions(self) -> tuple[Action, ...]:
        """What is done about a finding."""
        if self.template is not None and self.binding.pod_template_actions is not None:
            return self.binding.pod_template_actions
        return self.binding.actions

    def finding(self, verdict: Verdict, actions: tuple[Action, ...] | None = None, path: str | None = None) -> Finding:
        """Return the finding that a verdict is; `actions` instead of those of the binding."""
        policy = self.policy.policy
        denies = verdict.denies
        return Finding(
            policy=policy.name,
            binding=self.binding.name,
            param=object_name(self.params) if self.params is not None else None,
            index=verdict.index,
            outcome=verdict.outcome,
            actions=(actions if actions is not None else self.actions) if denies else (),
            message=verdict.message,
            path=path,
            severity=policy.severity,
            reason=verdict.reason if denies else "",
            code=verdict.code if denies else 0,
            policy_kind=policy.kind,
        )

    def holds(self, inputs: Inputs) -> bool:
        """Return whether everything is plainly fine; False means "look closer", not "fails"."""
        together = self.policy.together
        return together is not None and together.holds(inputs.shared(self.params))


def run_validation(task: ValidationTask, inputs: Inputs) -> tuple[tuple[Finding, ...], tuple[Annotation, ...]]:
    """Evaluate one task; return its findings in order of validation, and the audit annotations to publish.

    A task that finds nothing makes one finding, PASS or SKIP. An audit annotation that fails denies whatever the
    actions of the binding are (validating/dispatcher.go).
    """
    try:
        plain = task.holds(inputs)
    except DeadlineError:
        plain = False
    if plain:
        return task.passed, _NOTHING
    evaluation = evaluate(task.policy, inputs, task.params)
    if evaluation.skipped is not None:
        return (_skipped(task, evaluation.skipped),), _NOTHING
    findings = [
        task.finding(verdict, path=_path(task, verdict, inputs))
        for verdict in evaluation.verdicts
        if verdict is not PASSED
    ]
    published = []
    for annotation in evaluation.annotations:
        if annotation.error is not None:
            findings.append(task.finding(Verdict(Outcome.ERROR, True, annotation.error, INVALID), (Action.DENY,)))
        elif annotation.value:
            published.append(Annotation(annotation.key, truncate(annotation.value)))
    return tuple(findings) or task.passed, tuple(published)


def _skipped(task: ValidationTask, why: str) -> Finding:
    return task.finding(Verdict(Outcome.SKIP, message=why))


def _path(task: ValidationTask, verdict: Verdict, inputs: Inputs) -> str | None:
    if verdict.outcome is not Outcome.FAIL or verdict.index is None:
        return None
    path = locate(task.policy, verdict.index, inputs, task.params)
    return unproject_path(path, task.template) if path is not None and task.template is not None else path


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
        return Evaluation(skipped=condition.reason)
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


class ValidationPlan:
    """All tasks of a selection, for the common case that every one of them passes: one question, one answer.

    `passed` is the decision that they all make then.
    """

    __slots__ = ("_together", "passed")

    def __init__(self, together: Conjunction, passed: Decision) -> None:
        self._together = together
        self.passed = passed

    @classmethod
    def of(cls, steps: Sequence[Finding | ValidationTask]) -> ValidationPlan | None:
        """Return the plan for steps; None where one of them needs to be looked at by itself."""
        tasks = [step for step in steps if isinstance(step, ValidationTask)]
        together = [task.policy.together for task in tasks if task.template is None and task.params is None]
        clauses = [clause for one in together if one is not None for clause in one.clauses]
        if len(clauses) < len(steps):
            return None
        passed = Decision(allowed=True, findings=tuple(finding for task in tasks for finding in task.passed))
        return cls(Conjunction(clauses, unsupported=ASKS_OTHERS), passed)

    def holds(self, inputs: Inputs) -> bool:
        """Return whether all pass for sure; raises what `inputs.check` raises."""
        return self._together.holds(inputs.shared(None))


class ValidationRun:
    """All validations about one request, run in order, and again where an answer was missing.

    `steps` are findings that stand already, and tasks; `inputs` are by the template that stands for the object, None
    for the object itself.
    """

    def __init__(
        self,
        steps: Sequence[Finding | ValidationTask],
        inputs: Mapping[tuple[str, ...] | None, Inputs],
        questions: Questions | None = None,
    ) -> None:
        self._steps = steps
        self._inputs = inputs
        self._questions = questions
        self._findings: list[tuple[Finding, ...]] = [() for _ in steps]
        self._published: dict[int, tuple[Annotation, ...]] = {}
        self.unanswered = list(range(len(steps)))
        """The steps that must run, or run again."""

    def go(self, check: Callable[[], None]) -> None:
        """Run what must run; `check` raises DeadlineError when time is up."""
        for seen in self._inputs.values():
            seen.check = check
        questions = self._questions
        again = []
        for number in self.unanswered:
            step = self._steps[number]
            if isinstance(step, Finding):
                self._findings[number] = (step,)
                continue
            if questions is not None:
                questions.asked = False
            found, published = run_validation(step, self._inputs[step.template])
            if questions is not None and questions.asked:
                again.append(number)
                found, published = (step.finding(failed(UNANSWERED, step.policy.policy.failure_policy)),), _NOTHING
            self._findings[number] = found
            self._published.pop(number, None)
            if published:
                self._published[number] = published
        self.unanswered = again

    def findings(self) -> list[Finding]:
        """Return the findings of all steps, in order."""
        return [finding for found in self._findings for finding in found]

    def judged(self) -> list[tuple[Finding, ValidationTask | None]]:
        """Return the findings of all steps, in order, each with the task that found it."""
        every = zip(self._steps, self._findings, strict=True)
        return [(one, None if isinstance(step, Finding) else step) for step, found in every for one in found]

    def annotations(self) -> dict[str, str]:
        """Return the audit annotations of all policies by `<policy>/<key>`.

        Different values of one key are joined by commas, equal ones are taken once.
        """
        values: dict[str, dict[str, None]] = {}
        for number in sorted(self._published):
            step = self._steps[number]
            if isinstance(step, ValidationTask):
                for made in self._published[number]:
                    values.setdefault(f"{step.policy.policy.name}/{made.key}", {})[made.value] = None
        return {key: ", ".join(found) for key, found in values.items()}
