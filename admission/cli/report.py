"""What `admission check` says about decisions: for people, and as JSON.

Pure: results in, text out. The page for people has one block a finding: where, what, the lines of the file with a caret
under the field that decided, and what to do about it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from admission.audit.masking import mask, sensitive_texts
from admission.decision import Decision, Finding, Outcome
from admission.documents.document import Document, Path
from admission.errors import Position
from admission.policy import Action, Policy
from admission.review import AdmissionRequest, GroupVersionKind
from admission.workload import JsonObject

CONTEXT: Final = 2
"""How many lines of the file stand before the one with the caret."""

NAMESPACE: Final = GroupVersionKind("", "v1", "Namespace")
"""Lives in no namespace, although its requests name one."""

_VERBS: Final = {Action.DENY: "denied", Action.WARN: "warned", Action.AUDIT: "audited"}
_COLOURS: Final = {
    "denied": "31",
    "warned": "33",
    "audited": "36",
    "could not be judged": "33",
    "changed": "36",
    "let off": "36",
}
_ENDS: Final = ("denied", "warned", "changed", "fine")
_STEP: Final = re.compile(r"\[([^\]]*)\]|\.?([^.\[]+)")


@dataclass(frozen=True, slots=True)
class Judged:
    """One manifest, the request that it became, and the decision about it."""

    document: Document
    request: AdmissionRequest
    decision: Decision

    @property
    def name(self) -> str:
        """Kind, namespace and name, as people say them: `Deployment shop/web`."""
        request = self.request
        name = request.name or str(_metadata(request).get("generateName", "")) or "(no name)"
        inside = request.namespace and request.namespace != request.name
        return f"{request.kind.kind} {request.namespace}/{name}" if inside else f"{request.kind.kind} {name}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of the last line; `seconds` of wall time."""

    files: int
    policies: int
    seconds: float

    def line(self, results: Sequence[Judged]) -> str:
        """Return the line: what there was, how it ended, how long it took."""
        numbers = Counter(_end(judged.decision) for judged in results)
        ends = ", ".join(f"{numbers[end]} {end}" for end in _ENDS if numbers[end]) or "nothing to judge"
        counts = f"{_count(self.files, 'file')}, {_count(len(results), 'resource')}"
        return f"{counts}, {_count(self.policies, 'policy', 'policies')}: {ends} in {self.seconds:.2f} s"


def as_json(results: Iterable[Judged]) -> str:
    """Return the one document of `-o json`: a list with an entry for every manifest, in order."""
    return json.dumps([_entry(judged) for judged in results], indent=2, ensure_ascii=False)


def as_page(results: Iterable[Judged], policies: Mapping[str, Policy], *, colour: bool) -> str:
    """Return the findings of all manifests as blocks; empty where there is nothing to say."""
    paint = _Paint(colour)
    blocks = [block for judged in results for block in _blocks(judged, policies, paint)]
    return "\n\n".join(blocks)


def _end(decision: Decision) -> str:
    if not decision.allowed:
        return "denied"
    if decision.warnings:
        return "warned"
    return "changed" if decision.patch else "fine"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _metadata(request: AdmissionRequest) -> JsonObject:
    metadata = request.object.get("metadata") if request.object else None
    return metadata if isinstance(metadata, dict) else {}


def _entry(judged: Judged) -> JsonObject:
    request, decision = judged.request, judged.decision
    findings = list(decision.findings)
    if not decision.allowed and not any(finding.denies for finding in findings):
        findings.append(refusal(decision))
    return {
        "file": judged.document.file,
        "line": judged.document.position_of(()).line,
        "resource": {
            "apiVersion": request.kind.api_version,
            "kind": request.kind.kind,
            "namespace": "" if request.kind == NAMESPACE else request.namespace,
            "name": request.name,
        },
        "allowed": decision.allowed,
        "findings": [_finding(judged.document, finding) for finding in findings],
        "patch": list(decision.patch),
    }


def _finding(document: Document, finding: Finding) -> JsonObject:
    position = None if finding.path is None else document.position_of(path_in(document.data, finding.path))
    return {
        "policy": finding.policy,
        "binding": finding.binding,
        "param": finding.param,
        "index": finding.index,
        "outcome": finding.outcome.value,
        "actions": [action.value for action in finding.actions],
        "message": finding.message,
        "path": finding.path,
        "line": None if position is None else position.line,
        "column": None if position is None else position.column,
        "severity": finding.severity,
        "exemption": finding.exemption,
    }


def refusal(decision: Decision) -> Finding:
    """Return as a finding of no policy why a request fails as a whole: a fact without which nothing can be judged."""
    status = decision.status
    message, reason, code = (status.message, status.reason, status.code) if status else ("denied", "", 0)
    return Finding("", outcome=Outcome.ERROR, actions=(Action.DENY,), message=message, reason=reason, code=code)


def path_in(data: Any, text: str) -> Path:
    """Return a printed path (`spec.containers[1]`, `metadata.labels[a/b]`) as steps into the data that it is about."""
    steps: list[str | int] = []
    current = data
    for match in _STEP.finditer(text):
        inner, name = match.groups()
        step: str | int = inner if inner is not None else name
        if isinstance(step, str) and inner is not None and isinstance(current, list) and inner.isdecimal():
            step = int(inner)
        steps.append(step)
        try:
            current = current[step]
        except (KeyError, IndexError, TypeError):
            current = None
    return tuple(steps)


class _Paint:
    """Colours words on a terminal, and nowhere else."""

    __slots__ = ("_colour",)

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _blocks(judged: Judged, policies: Mapping[str, Policy], paint: _Paint) -> Iterator[str]:
    """Yield the blocks about one manifest in the order of its lines, without what must not be shown."""
    blocks = [
        _block(judged, finding, verb, policies.get(finding.policy), paint)
        for finding in judged.decision.findings
        if (verb := _verb(finding))
    ]
    if not judged.decision.allowed and not any(finding.denies for finding in judged.decision.findings):
        blocks.append(_block(judged, refusal(judged.decision), "denied", None, paint))
    if judged.decision.allowed and judged.decision.patch:
        blocks.append(_change(judged, paint))
    if not blocks:
        return
    sensitive = sensitive_texts(judged.document.data, judged.request.object, judged.decision.object)
    for block in sorted(blocks, key=lambda block: (block.position.line, block.position.column)):
        yield block.text(lambda line: mask(line, sensitive))


@dataclass(frozen=True, slots=True)
class _Block:
    """A headline, lines of a file or a patch (prefix and text, which may hold secrets), and what is said about them."""

    position: Position
    head: str
    shown: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()

    def text(self, masked: Callable[[str], str]) -> str:
        """Return the block as lines; shown texts are masked."""
        gutter = [] if not self.said or not self.shown else [" " * (len(self.shown[0][0]) - 2) + "|"]
        shown = [f"{prefix}{masked(line)}".rstrip() for prefix, line in self.shown]
        return "\n".join([self.head, *gutter, *shown, *self.said])


def _verb(finding: Finding) -> str:
    """Return what was done because of a finding; empty for what concerns nobody."""
    if finding.exemption is not None:
        return "let off"
    for action, verb in _VERBS.items():
        if action in finding.actions:
            return verb
    return "could not be judged" if finding.outcome is Outcome.ERROR else ""


def _block(judged: Judged, finding: Finding, verb: str, policy: Policy | None, paint: _Paint) -> _Block:
    document = judged.document
    path = () if finding.path is None else path_in(document.data, finding.path)
    position, length = document.span_of(path)
    painted = paint(_COLOURS[verb], verb)
    by = f" by {paint('1', finding.policy)}" if finding.policy else ""
    if finding.exemption is not None:
        by = f" from {paint('1', finding.policy)} by exemption {finding.exemption}"
    head = f"{paint('1', str(position))}: {judged.name}  {painted}{by}"
    message = finding.message.splitlines() or [""]
    help_text = (f"   = help: {policy.remedy}",) if policy is not None and policy.remedy else ()
    if finding.path is None:
        return _Block(
            position, head, said=(f"   = {message[0]}", *(f"     {line}" for line in message[1:]), *help_text)
        )
    width = len(str(position.line))
    shown = range(max(1, position.line - CONTEXT), position.line + 1)
    excerpt = tuple((f"{number:>{width}} | ", document.line_text(number)) for number in shown)
    indent = " " * width + " | " + " " * (position.column - 1)
    caret = f"{indent}{paint(_COLOURS[verb], '^' * length)} {message[0]}"
    rest = (f"{indent}{' ' * length} {line}" for line in message[1:])
    return _Block(position, head, excerpt, said=(caret, *rest, *help_text))


def _change(judged: Judged, paint: _Paint) -> _Block:
    position = judged.document.position_of(())
    who = ", ".join(dict.fromkeys(judged.decision.mutated_by))
    head = f"{paint('1', str(position))}: {judged.name}  {paint(_COLOURS['changed'], 'changed')} by {paint('1', who)}"
    operations = tuple((f"   = {operation['op']} ", _operand(operation)) for operation in judged.decision.patch)
    return _Block(position, head, operations)


def _operand(operation: JsonObject) -> str:
    value = f" {json.dumps(operation['value'], ensure_ascii=False)}" if "value" in operation else ""
    return f"{operation['path']}{value}"
