"""The engine: one request in, one decision out; the only place where judging waits for facts.

`validate` and `mutate` follow one path: select the policies (pure), await the facts they need, run them (pure), decide
(pure). A review that is large, or takes longer than a slice of time, is run where `offload` says, so that small ones
never wait behind it. Sources of the order of things: apiserver pkg/admission/plugin/policy/{validating,mutating}/
dispatcher.go, policy/generic/policy_dispatcher.go, pkg/admission/reinvocation.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol, TypeVar

from admission.compiler import CompiledPolicySet
from admission.decision import ALLOWED, Decision, Finding, decide_mutation, decide_validation, refuse
from admission.diff import diff
from admission.errors import AdmissionError, DeadlineError
from admission.evaluation import Inputs, namespace_value, request_value
from admission.exemption import Exempted, Exemptions
from admission.facts import FactSource, Missing
from admission.matching import Key, MatchError, MatchIndex, Selected
from admission.mutation import InvocationKey, MutationPass, MutationTask, RefusedError, run_mutations
from admission.planning import is_fixed, plan, sees_namespace, without_params
from admission.policy import ValidatingPolicy
from admission.questions import ROUNDS, Questions
from admission.review import AdmissionRequest, GroupVersionKind, Operation, Status
from admission.validation import ValidationPlan, ValidationRun, ValidationTask
from admission.workload import JsonObject, project

NAMESPACE_KIND: Final = GroupVersionKind("", "v1", "Namespace")

SLICE_SECONDS: Final = 0.004
"""How long a review may run on the event loop before it is started again off it."""

LARGE_BYTES: Final = 256 * 1024
"""Reviews of this size are never tried on the event loop."""

_SHOWN_NAMESPACES: Final = 4_096
_PREPARED_SELECTIONS: Final = 20_000

T = TypeVar("T")
Phase = Literal["mutate", "validate", "both"]


class Offload(Protocol):
    """Runs a function where it cannot hold up the event loop, with bounded concurrency."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Return what awaits the function's result."""
        ...


class SliceOverError(AdmissionError):
    """The slice of time on the event loop is used up; a signal, never shown to anybody."""


@dataclass(frozen=True, slots=True)
class LiveNamespace:
    """The live Namespace of a request: the object, or why it cannot be had; neither where it lives in none."""

    namespace: JsonObject | None = None
    missing: Missing | None = None

    @property
    def matched(self) -> JsonObject | MatchError | None:
        """The Namespace as matching wants it."""
        if self.missing is None or self.missing.absent:
            return self.namespace
        return MatchError(f"Internal error occurred: {self.missing.reason}")

    def failure(self, request: AdmissionRequest) -> Status | None:
        """Return what a request fails with whose policies were to see a Namespace that cannot be had."""
        if self.missing is None or not _shows_namespace(request):
            return None
        if self.missing.absent:
            details: JsonObject = {"name": request.namespace, "kind": "namespaces"}
            return Status(404, "NotFound", f'namespaces "{request.namespace}" not found', details)
        return Status(500, "InternalError", f"Internal error occurred: {self.missing.reason}")


class Engine:
    """Judges requests by one set of policies.

    `clock` is the monotonic clock that deadlines are on, `wall` tells the Unix time; without it every exemption that
    ends is over. With `audit_only` decisions say what would have happened, and their responses allow. Without `offload`
    everything runs where it is called.
    """

    def __init__(
        self,
        policies: CompiledPolicySet,
        facts: FactSource,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float] | None = None,
        audit_only: bool = False,
        offload: Offload | None = None,
    ) -> None:
        self._facts = facts
        self._clock = clock
        self._wall = wall
        self._audit_only = audit_only
        self._offload = offload
        equivalents = facts.equivalents()
        bindings = policies.source.bindings
        self._validating_policies = {compiled.policy.name: compiled for compiled in policies.validating}
        self._validating = MatchIndex(
            [compiled.policy for compiled in policies.validating],
            [binding for binding in bindings if binding.kind == "Validating"],
            equivalents,
        )
        exemptable = [compiled.policy.name for compiled in policies.validating if not compiled.policy.unexemptable]
        self._exemptions = Exemptions(policies.exemptions, exemptable, equivalents)
        self._prepared: dict[Selected[ValidatingPolicy], Sequence[Finding | ValidationTask]] = {}
        self._shown_namespaces: dict[int, tuple[JsonObject, JsonObject | None]] = {}
        self._plans: dict[tuple[Selected[ValidatingPolicy], ...], ValidationPlan | None] = {}
        self._mutating_policies = {compiled.policy.name: compiled for compiled in policies.mutating}
        self._mutating = MatchIndex(
            [compiled.policy for compiled in policies.mutating],
            [binding for binding in bindings if binding.kind == "Mutating"],
            equivalents,
        )

    def prepare(self) -> None:
        """Do now what the first requests would wait for: compile what is asked most, read the schemas of merges."""
        for compiled in self._validating_policies.values():
            if compiled.together is not None:
                compiled.together.prepare()
        if self._mutating_policies:
            self._facts.merge_types()

    async def review(self, request: AdmissionRequest, deadline: float | None = None, phase: Phase = "both") -> Decision:
        """Return what the API server would end with: mutate; if that denies, that; else validate what came out.

        The decision about both phases has the findings and the patch of both.
        """
        if phase == "validate":
            return await self.validate(request, deadline)
        mutated = await self.mutate(request, deadline)
        if phase == "mutate" or not mutated.allowed:
            return mutated
        changed = replace(request, object=mutated.object) if mutated.patch else request
        validated = await self.validate(changed, deadline)
        return replace(
            validated,
            findings=mutated.findings + validated.findings,
            patch=mutated.patch,
            object=changed.object,
            mutated_by=mutated.mutated_by,
            reinvoked=mutated.reinvoked,
        )

    async def mutate(self, request: AdmissionRequest, deadline: float | None = None) -> Decision:
        """Return what mutating policies make of a request: a patch, unless one of them fails."""
        key = Key(request.resource, request.sub_resource, request.operation)
        if request.operation is Operation.DELETE or not self._mutating.candidates(key):
            return self._marked(replace(ALLOWED, object=request.object))
        live = await self._live_namespace(request)
        first = await self._mutation_pass(request, live, deadline, None)
        if isinstance(first, Status):
            return self._marked(refuse((), first))
        decision = decide_mutation(first.findings, request)
        if not decision.allowed:
            return self._marked(decision)
        last = first
        changed_by = first.changed_by
        if first.applied:
            again = replace(request, object=first.object)
            second = await self._mutation_pass(again, live, deadline, first.reinvocable)
            if isinstance(second, Status):
                return self._marked(refuse(first.findings, second))
            last = second
            changed_by = tuple(dict.fromkeys(changed_by + second.changed_by))
            repeated = decide_mutation(second.findings, again)
            if not repeated.allowed:
                return self._marked(replace(repeated, reinvoked=True))
        patch: tuple[JsonObject, ...] = ()
        if changed_by and request.object is not None and last.object is not None:
            patch = tuple(diff(request.object, last.object))
        return self._marked(
            replace(decision, patch=patch, object=last.object, mutated_by=changed_by, reinvoked=first.applied)
        )

    async def _mutation_pass(
        self,
        request: AdmissionRequest,
        live: LiveNamespace,
        deadline: float | None,
        reinvoked: frozenset[InvocationKey] | None,
    ) -> MutationPass | Status:
        """Select and apply mutating policies once; a Status is what the request fails with as a whole."""
        findings: list[Finding] = []
        tasks: list[MutationTask] = []
        for selected in self._mutating.select(request, live.matched):
            compiled = self._mutating_policies[selected.entry.policy.name]
            for step in await plan(selected, request, self._facts):
                if isinstance(step, Finding):
                    findings.append(step)
                else:
                    tasks += (MutationTask(compiled, step.binding, params) for params in step.params)
        failure = live.failure(request) if tasks else None
        if failure is not None:
            return failure
        questions = _questions(request, (task.policy.names for task in tasks))
        inputs = base_inputs(request, self._shown(live.namespace), questions)

        def work(check: Callable[[], None]) -> MutationPass:
            inputs.check = check
            return run_mutations(tasks, inputs, self._facts.merge_types(), reinvoked, questions)

        try:
            found = await self._timed(request, deadline, work)
            for _ in range(ROUNDS if questions is not None else 0):
                if questions is None or not questions.wanted:
                    break
                await self._answer(questions)
                found = await self._timed(request, deadline, work)
            if questions is not None and questions.wanted:
                questions.final = True
                found = await self._timed(request, deadline, work)
        except RefusedError as refused:
            return refused.status
        return replace(found, findings=(*findings, *found.findings))

    async def validate(self, request: AdmissionRequest, deadline: float | None = None) -> Decision:
        """Return what validating policies say about a request."""
        if not self._validating.candidates(Key(request.resource, request.sub_resource, request.operation)):
            return self._marked(ALLOWED)
        live = await self._live_namespace(request)
        selection = self._validating.select(request, live.matched)
        if not selection:
            return self._marked(ALLOWED)
        plan = self._plans.get(selection)
        if plan is not None and live.missing is None and self._all_pass(plan, request, live.namespace):
            return plan.passed
        steps: list[Finding | ValidationTask] = []
        for selected in selection:
            steps += self._prepared.get(selected) or await self._validation_steps(selected, request)
        if selection not in self._plans:
            self._remember_plan(selection, steps)
        if live.missing is not None and any(map(sees_namespace, steps)):
            failure = live.failure(request)
            if failure is not None:
                return self._marked(refuse((), failure))
        policies, names = self._validating_policies, [selected.entry.policy.name for selected in selection]
        questions = _questions(request, (policies[name].names | self._exemptions.names(name) for name in names))
        whole = base_inputs(request, self._shown(live.namespace), questions)
        inputs: dict[tuple[str, ...] | None, Inputs] = {None: whole}
        for selected in selection:
            template = selected.template
            if template is not None and template not in inputs:
                inputs[template] = _projected(whole, request, template)
        run = ValidationRun(steps, inputs, questions)
        await self._timed(request, deadline, run.go)
        for _ in range(ROUNDS if questions is not None else 0):
            if questions is None or not run.unanswered:
                break
            await self._answer(questions)
            await self._timed(request, deadline, run.go)
        if questions is not None and run.unanswered:
            questions.final = True
            await self._timed(request, deadline, run.go)
        findings = run.findings()
        if not self._exemptions.concern(findings):
            return self._marked(decide_validation(findings, request, run.annotations()))
        exempted = await self._exempted(run, request, live, inputs, questions, deadline)
        decision = decide_validation(exempted.findings, request, run.annotations())
        return self._marked(replace(decision, expired_exemptions=exempted.expired))

    async def _exempted(
        self,
        run: ValidationRun,
        request: AdmissionRequest,
        live: LiveNamespace,
        inputs: Mapping[tuple[str, ...] | None, Inputs],
        questions: Questions | None,
        deadline: float | None,
    ) -> Exempted:
        """Return the findings of a run after all exemptions were asked, with the answers that their conditions want."""
        judged, now = run.judged(), self._wall() if self._wall is not None else None

        def work(check: Callable[[], None]) -> Exempted:
            return self._exemptions.apply(judged, request, live.matched, inputs, questions, now, check)

        found = await self._timed(request, deadline, work)
        for _ in range(ROUNDS):
            if questions is None or not questions.wanted:
                break
            await self._answer(questions)
            found = await self._timed(request, deadline, work)
        return found

    def _remember_plan(
        self, selection: tuple[Selected[ValidatingPolicy], ...], steps: Sequence[Finding | ValidationTask]
    ) -> None:
        if not all(map(is_fixed, selection)):
            return
        if len(self._plans) >= _PREPARED_SELECTIONS:
            self._plans.clear()
        plan = ValidationPlan.of(steps)
        if plan is not None:
            plan.passed = self._marked(plan.passed)
        self._plans[selection] = plan

    def _all_pass(self, plan: ValidationPlan, request: AdmissionRequest, namespace: JsonObject | None) -> bool:
        """Whether a small review passes all policies of a plan, asked on the event loop for no more than a slice."""
        if request.size >= LARGE_BYTES:
            return False
        inputs = base_inputs(request, self._shown(namespace), None)
        clock = self._clock
        slice_end = clock() + SLICE_SECONDS

        def check_slice() -> None:
            if clock() > slice_end:
                raise SliceOverError

        inputs.check = check_slice
        try:
            return plan.holds(inputs)
        except SliceOverError:
            return False

    async def _answer(self, questions: Questions) -> None:
        """Fetch all answers that are wanted, at once."""
        wanted = tuple(questions.wanted)
        answers = await asyncio.gather(*(self._facts.authorize(attributes) for attributes in wanted))
        for attributes, answer in zip(wanted, answers, strict=True):
            questions.answer(attributes, answer.reason if isinstance(answer, Missing) else answer)

    async def _validation_steps(
        self, selected: Selected[ValidatingPolicy], request: AdmissionRequest
    ) -> Sequence[Finding | ValidationTask]:
        """Return what to evaluate for a selected policy, and what is wrong with its configuration."""
        compiled = self._validating_policies[selected.entry.policy.name]
        steps: list[Finding | ValidationTask] = []
        for step in await plan(selected, request, self._facts):
            if isinstance(step, Finding):
                steps.append(step)
            elif not step.params:
                steps.append(without_params(compiled.policy, step.binding))
            else:
                steps += (ValidationTask(compiled, step.binding, params, selected.template) for params in step.params)
        if is_fixed(selected):
            if len(self._prepared) >= _PREPARED_SELECTIONS:
                self._prepared.clear()
            self._prepared[selected] = steps
        return steps

    async def _live_namespace(self, request: AdmissionRequest) -> LiveNamespace:
        if not request.namespace:
            return LiveNamespace()
        found = await self._facts.namespace(request.namespace)
        return LiveNamespace(missing=found) if isinstance(found, Missing) else LiveNamespace(found)

    def _shown(self, namespace: JsonObject | None) -> JsonObject | None:
        """Return what expressions see of a Namespace; of one that is the same object as before, without making it."""
        if namespace is None:
            return None
        known = self._shown_namespaces.get(id(namespace))
        if known is not None and known[0] is namespace:
            return known[1]
        if len(self._shown_namespaces) >= _SHOWN_NAMESPACES:
            self._shown_namespaces.clear()
        shown = namespace_value(namespace)
        self._shown_namespaces[id(namespace)] = (namespace, shown)
        return shown

    def _marked(self, decision: Decision) -> Decision:
        return replace(decision, audit_only=True) if self._audit_only else decision

    async def _timed(
        self, request: AdmissionRequest, deadline: float | None, work: Callable[[Callable[[], None]], T]
    ) -> T:
        """Run `work`, which calls what it is given from time to time: on the event loop for a slice, then off it."""
        clock = self._clock

        def check() -> None:
            if deadline is not None and clock() > deadline:
                raise DeadlineError("the deadline of the request passed before the policy was evaluated")

        if self._offload is None:
            return work(check)
        if request.size < LARGE_BYTES:
            slice_end = clock() + SLICE_SECONDS

            def check_slice() -> None:
                if clock() > slice_end:
                    raise SliceOverError

            try:
                return work(check_slice)
            except SliceOverError:
                pass
        return await self._offload(lambda: work(check))


def base_inputs(request: AdmissionRequest, namespace: JsonObject | None, questions: Questions | None) -> Inputs:
    """Return what expressions see of a request whose object is judged as it is; `namespace` is as it is shown."""
    return Inputs(
        object=request.object,
        old_object=request.old_object,
        request=request_value(request, request.kind, request.resource),
        namespace=namespace if _shows_namespace(request) else None,
        authorizer=questions.variables() if questions is not None else {},
        size=request.size,
    )


def _projected(inputs: Inputs, request: AdmissionRequest, template: tuple[str, ...]) -> Inputs:
    return inputs.about(
        project(request.object, template, request.namespace), project(request.old_object, template, request.namespace)
    )


def _shows_namespace(request: AdmissionRequest) -> bool:
    """Whether `namespaceObject` has a value: not for what lives in no namespace, and not for Namespaces."""
    return bool(request.namespace) and request.kind != NAMESPACE_KIND


def _questions(request: AdmissionRequest, mentioned: Iterable[frozenset[str]]) -> Questions | None:
    """Return a place for questions where any of the policies can ask some."""
    return Questions(request) if any("authorizer" in names for names in mentioned) else None
