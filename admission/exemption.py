"""Who is let off: exemptions asked about the findings of one request, after everything was judged.

An exemption changes what is done about a finding, never what was found. It looks at what the policy looked at: the
object, or the Pod of a template. Whatever cannot be said for sure (an error in a condition, no time left, a selector
without an answer) lets nobody off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from admission.cel.activation import Overrun
from admission.compiler import CompiledExemption
from admission.decision import Finding, Outcome
from admission.equivalence import Equivalents
from admission.errors import DeadlineError
from admission.evaluation import Inputs, match_conditions
from admission.matching import NAMESPACES, Criteria, MatchError, Namespace, Request
from admission.policy import FailurePolicy, PolicyRef
from admission.pruning import Steps, parse_path, without
from admission.questions import Questions
from admission.review import AdmissionRequest
from admission.validation import ValidationTask, evaluate
from admission.workload import project

Template: TypeAlias = tuple[str, ...] | None
Judged: TypeAlias = tuple[Finding, ValidationTask | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """An exemption ready to be asked; `paths` is None where it lets off whatever the place."""

    compiled: CompiledExemption
    criteria: Criteria | None
    paths: tuple[Steps, ...] | None


@dataclass(frozen=True, slots=True)
class Exempted:
    """What remains: all findings, in order, and the names of exemptions that would have let off but are over."""

    findings: tuple[Finding, ...]
    expired: tuple[str, ...] = ()


class Exemptions:
    """All exemptions of a set of policies, by the policy that they are from.

    `exemptable` are the names of the policies from which somebody may be let off.
    """

    def __init__(
        self, compiled: Iterable[CompiledExemption], exemptable: Iterable[str], equivalents: Equivalents
    ) -> None:
        self._equivalents = equivalents
        self._by_policy: dict[str, list[tuple[_Prepared, PolicyRef]]] = {name: [] for name in exemptable}
        for one in compiled:
            exemption = one.exemption
            paths = tuple(parse_path(path) or () for path in exemption.paths) if exemption.paths else None
            criteria = Criteria(exemption.match) if exemption.match is not None else None
            prepared = _Prepared(one, criteria, paths)
            for reference in exemption.policy_refs:
                if reference.name in self._by_policy:
                    self._by_policy[reference.name].append((prepared, reference))

    def names(self, policy: str) -> frozenset[str]:
        """Return the root variables that conditions of the policy's exemptions mention."""
        found = self._by_policy.get(policy)
        return frozenset[str]().union(*(prepared.compiled.names for prepared, _ in found)) if found else _NO_NAMES

    def concern(self, findings: Iterable[Finding]) -> bool:
        """Return whether there is an exemption from anything that was found."""
        return any(finding.actions and self._by_policy.get(finding.policy) for finding in findings)

    def apply(
        self,
        judged: Sequence[Judged],
        request: AdmissionRequest,
        namespace: Namespace,
        inputs: Mapping[Template, Inputs],
        questions: Questions | None,
        now: float | None,
        check: Callable[[], None],
    ) -> Exempted:
        """Return the findings, those let off without actions and with the name of the exemption.

        `now` is Unix time, None where nobody knows; `check` raises DeadlineError when time is up.
        """
        asked = _Asked(self._equivalents, request, namespace, inputs, questions, check)
        expired: dict[str, None] = {}
        findings = []
        for finding, task in judged:
            for prepared, reference in self._by_policy.get(finding.policy, ()) if finding.actions else ():
                exemption = prepared.compiled.exemption
                if reference.validations is not None and finding.index not in reference.validations:
                    continue
                template = task.template if task is not None else None
                if not asked.reaches(prepared, template):
                    continue
                if exemption.expired(now):
                    expired[exemption.full_name] = None
                elif asked.lets_off(prepared, finding, task):
                    finding = replace(finding, actions=(), exemption=exemption.full_name)
                    break
            findings.append(finding)
        return Exempted(tuple(findings), tuple(expired))


_NO_NAMES: Final[frozenset[str]] = frozenset()


class _Asked:
    """The questions about one request, each answered once."""

    def __init__(
        self,
        equivalents: Equivalents,
        request: AdmissionRequest,
        namespace: Namespace,
        inputs: Mapping[Template, Inputs],
        questions: Questions | None,
        check: Callable[[], None],
    ) -> None:
        self._equivalents = equivalents
        self._request = request
        self._whole = Request(request, namespace)
        self._inputs = inputs
        self._questions = questions
        self._check = check
        self._conditions: dict[tuple[_Prepared, Template], bool] = {}

    def reaches(self, prepared: _Prepared, template: Template) -> bool:
        """Return whether namespace, selectors and rules of an exemption cover the request."""
        own = prepared.compiled.exemption.namespace
        # The namespace of a Namespace is its own name, yet it lives in none.
        if own and (own != self._request.namespace or self._request.resource == NAMESPACES):
            return False
        if prepared.criteria is None:
            return True
        subject = self._whole
        if template is not None:
            request = self._request
            pod = project(request.object, template, request.namespace)
            if pod is None:
                return False
            subject = subject.projected(pod, project(request.old_object, template, request.namespace))
        coverage = prepared.criteria.coverage(subject.key, self._equivalents, as_pods=template is not None)
        way = coverage.matches(subject) if coverage is not None else None
        return way is not None and not isinstance(way, MatchError)

    def lets_off(self, prepared: _Prepared, finding: Finding, task: ValidationTask | None) -> bool:
        """Return whether conditions and paths of an exemption let a finding off."""
        template = task.template if task is not None else None
        key = (prepared, template)
        if key not in self._conditions:
            self._conditions[key] = self._certain(lambda: self._condition(prepared, template))
        if not self._conditions[key]:
            return False
        if prepared.paths is None:
            return True
        paths = prepared.paths
        return task is not None and self._certain(lambda: self._holds_without(paths, finding, task))

    def _certain(self, question: Callable[[], bool]) -> bool:
        """Return the answer; False where it needed something that nobody said yet, or where time is up."""
        if self._questions is not None:
            self._questions.asked = False
        try:
            answer = question()
        except DeadlineError:
            return False
        return answer and not (self._questions is not None and self._questions.asked)

    def _seen(self, template: Template) -> Inputs:
        seen = self._inputs[template]
        seen.check = self._check
        return seen

    def _condition(self, prepared: _Prepared, template: Template) -> bool:
        conditions = prepared.compiled.match_conditions
        for exact in (False, True):
            try:
                found = match_conditions(conditions, {}, self._seen(template), None, FailurePolicy.FAIL, exact=exact)
            except Overrun:
                continue
            return found.error is None and found.matches
        return False

    def _holds_without(self, paths: Sequence[Steps], finding: Finding, task: ValidationTask) -> bool:
        """Return whether the validation is true of the object without what stands at the paths."""
        if finding.index is None or finding.outcome not in (Outcome.FAIL, Outcome.ERROR):
            return False
        if task.template is not None:
            length = len(task.template)
            paths = [path[length:] if path[:length] == task.template else path for path in paths]
        seen = self._seen(task.template)
        if seen.object is None:
            return False
        pruned = seen.about(without(seen.object, paths), without(seen.old_object, paths))
        again = evaluate(task.policy, pruned, task.params)
        if again.skipped is not None or finding.index >= len(again.verdicts):
            return False
        return again.verdicts[finding.index].outcome is Outcome.PASS
