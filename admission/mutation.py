"""The mutating phase: each mutation sees what the ones before it made of the object.

Errors are collected and the other mutations still run; only some faults end the request at once. A pass says which
policies may be invoked again: after one that applied anything there is one more, in which only those run. Sources:
apiserver pkg/admission/plugin/policy/mutating/{dispatcher,compilation,reinvocationcontext}.go, patch/*.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from admission.apply_configuration import ApplyError, apply_configuration
from admission.cel.activation import RUNTIME_BUDGET, Budget, Overrun
from admission.cel.values import StructValue
from admission.compiler import CompiledExpression, CompiledMutatingPolicy
from admission.decision import Finding, Outcome
from admission.errors import DeadlineError
from admission.evaluation import BudgetExceededError, Condition, Inputs, activate, match_conditions, run
from admission.jsonpatch import PatchError, TestFailedError, apply
from admission.object_values import Originals, UnwritableError
from admission.patching import operations
from admission.policy import Action, Binding, FailurePolicy, Mutation
from admission.questions import UNANSWERED, Questions
from admission.review import Status
from admission.schema.decoding import decoding_fault
from admission.schema.definitions import KindName
from admission.schema.merging import MergeTypes
from admission.verdicts import INVALID, Result
from admission.workload import JsonObject, object_name

EVALUATION_CODE: Final = 403

InvocationKey: TypeAlias = tuple[str, str, str, str]
"""Policy, binding, namespace and name of the param: what a second pass knows an invocation by."""


_UNKNOWN_KIND: Final = (
    "Resource kind {kind} not found. "
    "There can be a delay between when CustomResourceDefinitions are created and when they are available."
)


class MutationError(Exception):
    """A mutation that cannot be made; the text is the API server's."""


class RefusedError(Exception):
    """A fault that ends the request, whatever any failurePolicy says; `status` is the answer."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass(frozen=True, slots=True)
class MutationTask:
    """One policy to be applied for one binding and one param."""

    policy: CompiledMutatingPolicy
    binding: Binding
    params: JsonObject | None

    @property
    def key(self) -> InvocationKey:
        """What a second pass knows this invocation by."""
        metadata = self.params.get("metadata") if self.params is not None else None
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        name = object_name(self.params) if self.params is not None else ""
        return (self.policy.policy.name, self.binding.name, namespace if isinstance(namespace, str) else "", name)


@dataclass(frozen=True, slots=True)
class MutationPass:
    """What one walk through the policies came to.

    `applied` says that a mutation was made, even one that changed nothing: that alone calls for a second pass, in which
    `reinvocable` run again. `changed_by` names the policies that changed the object, in order.
    """

    object: JsonObject | None
    findings: tuple[Finding, ...] = ()
    applied: bool = False
    reinvocable: frozenset[InvocationKey] = frozenset()
    changed_by: tuple[str, ...] = ()


def run_mutations(
    tasks: Sequence[MutationTask],
    inputs: Inputs,
    types: MergeTypes,
    reinvoked: frozenset[InvocationKey] | None = None,
    questions: Questions | None = None,
) -> MutationPass:
    """Apply policies in order; in a second pass (`reinvoked` is not None) only those that may run again.

    Match conditions are looked at in both passes, and for all policies: their errors count. What asked `questions` in
    vain comes to an error; unless they are final the caller throws the whole pass away. Raises RefusedError.
    """
    current = inputs.object
    findings: list[Finding] = []
    applied = False
    reinvocable: set[InvocationKey] = set()
    changed_by: dict[str, None] = {}
    for task in tasks:
        policy = task.policy.policy
        if questions is not None:
            questions.asked = False
        condition = _condition(task, inputs.about(current, inputs.old_object))
        if questions is not None and questions.asked:
            condition = Condition(error=UNANSWERED)
        if condition.error is not None:
            findings.append(_error(task, condition.error, None))
            continue
        if not condition.matches:
            findings.append(_finding(task, Outcome.SKIP, condition.reason))
            continue
        if reinvoked is not None and task.key not in reinvoked:
            continue
        faults = 0
        for index, (mutation, compiled) in enumerate(zip(policy.mutations, task.policy.mutations, strict=True)):
            if current is None:
                break
            try:
                mutated = mutate(task, mutation, compiled, inputs.about(current, inputs.old_object), types)
                if questions is not None and questions.asked:
                    raise MutationError(UNANSWERED)
            except MutationError as error:
                findings.append(_error(task, str(error), index))
                faults += 1
                continue
            applied = True
            if _differ(mutated, current):
                changed_by[policy.name] = None
            current = mutated
        if not faults:
            findings.append(_finding(task, Outcome.PASS))
        if policy.reinvocation_policy == "IfNeeded":
            reinvocable.add(task.key)
    return MutationPass(current, tuple(findings), applied, frozenset(reinvocable), tuple(changed_by))


def mutate(
    task: MutationTask, mutation: Mutation, compiled: CompiledExpression, inputs: Inputs, types: MergeTypes
) -> JsonObject:
    """Return the object after one mutation.

    Raises MutationError where it cannot be made, RefusedError where that ends the request: upstream looks for the types
    of an object's group and version first, and for JSON patches too. Where the types are not complete a patch that does
    not need them goes without.
    """
    kind = _kind_of(inputs)
    if (types.complete or mutation.patch_type != "JSONPatch") and not types.serves(kind):
        raise RefusedError(Status(503, "ServiceUnavailable", _UNKNOWN_KIND.format(kind=kind)))
    if compiled.program is None:
        raise MutationError(compiled.error)
    try:
        try:
            result = _evaluate(task, compiled, inputs, exact=False)
        except Overrun:
            result = _evaluate(task, compiled, inputs, exact=True)
    except (BudgetExceededError, DeadlineError) as error:
        raise MutationError(str(error)) from None
    if result.error is not None:
        raise MutationError(result.error)
    assert inputs.object is not None  # noqa: S101 - callers see to it
    try:
        if mutation.patch_type == "JSONPatch":
            return _apply_json_patch(result, inputs.object, inputs, task.params, kind, types)
        return _apply_configuration(result, inputs.object, inputs, task.params, kind, types)
    except RecursionError:
        raise MutationError("the object is nested too deeply to be mutated") from None


def _evaluate(task: MutationTask, compiled: CompiledExpression, inputs: Inputs, *, exact: bool) -> Result:
    budget = Budget(RUNTIME_BUDGET, check=inputs.check)
    return run(compiled, activate(inputs.variables(task.params), task.policy.variables, budget, exact=exact))


def _apply_json_patch(
    result: Result,
    document: JsonObject,
    inputs: Inputs,
    params: JsonObject | None,
    kind: KindName,
    types: MergeTypes,
) -> JsonObject:
    originals = Originals(document, inputs.old_object, inputs.request, inputs.namespace, params)
    try:
        patched = apply(document, operations(result.value, originals))
    except UnwritableError as error:
        raise MutationError(str(error)) from None
    except TestFailedError:
        return document
    except PatchError as error:
        raise MutationError(f"JSON Patch: {error}") from None
    fault = decoding_fault(patched, document, kind, types.native)
    if fault is not None or not isinstance(patched, dict):
        details: JsonObject = {"causes": [{"message": fault}]}
        raise RefusedError(Status(500, "InternalError", f"Internal error occurred: {fault}", details))
    lost = [key for key in ("apiVersion", "kind") if document.get(key) and not patched.get(key)]
    return {**patched, **{key: document[key] for key in lost}} if lost else patched


def _apply_configuration(
    result: Result,
    document: JsonObject,
    inputs: Inputs,
    params: JsonObject | None,
    kind: KindName,
    types: MergeTypes,
) -> JsonObject:
    value = result.value
    if not isinstance(value, StructValue):
        raise MutationError("unsupported return type from ApplyConfiguration expression")
    originals = Originals(document, inputs.old_object, inputs.request, inputs.namespace, params)
    try:
        return apply_configuration(value, originals, document, kind, types)
    except ApplyError as error:
        raise MutationError(str(error)) from None


def _differ(one: JsonObject, other: JsonObject) -> bool:
    try:
        return one != other
    except RecursionError:
        return True


def _kind_of(inputs: Inputs) -> KindName:
    kind = inputs.request["kind"]
    return KindName(kind["group"], kind["version"], kind["kind"])


def _condition(task: MutationTask, inputs: Inputs) -> Condition:
    compiled = task.policy
    policy = compiled.policy
    try:
        for exact in (False, True):
            try:
                return match_conditions(
                    compiled.match_conditions,
                    compiled.variables,
                    inputs,
                    task.params,
                    policy.failure_policy,
                    exact=exact,
                )
            except Overrun:
                continue
    except DeadlineError as error:
        return Condition(error=str(error))
    raise AssertionError("exact evaluation has no overrun")


def _error(task: MutationTask, message: str, index: int | None) -> Finding:
    if task.policy.policy.failure_policy is FailurePolicy.IGNORE:
        return _finding(task, Outcome.ERROR, message, index)
    finding = _finding(task, Outcome.ERROR, message, index)
    return replace(finding, actions=(Action.DENY,), reason=INVALID, code=EVALUATION_CODE)


def _finding(task: MutationTask, outcome: Outcome, message: str = "", index: int | None = None) -> Finding:
    policy = task.policy.policy
    return Finding(
        policy=policy.name,
        binding=task.binding.name,
        param=object_name(task.params) if task.params is not None else None,
        index=index,
        outcome=outcome,
        message=message,
        severity=policy.severity,
        policy_kind=policy.kind,
    )
