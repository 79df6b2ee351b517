"""What the policies found, and what becomes of the request.

An `Outcome` is what happened, an `Action` what is done about it: a `Finding` has both, and findings are all that a
decision is made of. Texts, codes and their order are the API server's (apiserver pkg/admission/plugin/policy:
validating/dispatcher.go, generic/policy_dispatcher.go; pkg/admission/errors.go) with the differences of a webhook:
every denial is a cause, and audit annotations carry no slash in their keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from admission.policy import Action
from admission.review import AdmissionRequest, AdmissionResponse, Status
from admission.workload import JsonObject

CODES: Final = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}
DEFAULT_CODE: Final = 422
FAILURES_KEY: Final = "validation_failure"
ANNOTATIONS_KEY: Final = "audit_annotations"
MAX_ANNOTATION_BYTES: Final = 10 * 1024

_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Outcome(StrEnum):
    """What happened when a policy was evaluated: SKIP where a match condition was false."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    ERROR = "ERROR"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that evaluating a policy brought to light.

    `binding` is empty for an error of the policy itself. `index` is the validation's, None for what belongs to none
    of them: conditions, configuration, budgets, and the one PASS or SKIP of an evaluation. `actions` is what is done:
    none for PASS, SKIP, and errors that failurePolicy ignores. `path` is where in the object, `reason` and `code` as
    in a denial's status, `policy_kind` the kind of the policy, `exemption` the exemption that let it off.
    """

    policy: str
    binding: str = ""
    param: str | None = None
    index: int | None = None
    outcome: Outcome = Outcome.PASS
    actions: tuple[Action, ...] = ()
    message: str = ""
    path: str | None = None
    severity: str = ""
    exemption: str | None = None
    reason: str = ""
    code: int = 0
    policy_kind: str = "ValidatingAdmissionPolicy"

    @property
    def denies(self) -> bool:
        """Whether this alone is enough to deny the request."""
        return Action.DENY in self.actions


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request, and why.

    `allowed`, `status` and `patch` are what the policies want; an `audit_only` decision is recorded but not enforced,
    which `response` sees to. `object` is the object after mutation, `mutated_by` the policies that changed it, in
    order; `audit_annotations` are those of the answer, `policy_annotations` those that policies made:
    `<policy>/<key>`; `expired_exemptions` would have let somebody off, were they not over.
    """

    allowed: bool
    findings: tuple[Finding, ...] = ()
    status: Status | None = None
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = field(default_factory=dict)
    policy_annotations: Mapping[str, str] = field(default_factory=dict)
    patch: tuple[JsonObject, ...] = ()
    object: JsonObject | None = None
    mutated_by: tuple[str, ...] = ()
    reinvoked: bool = False
    audit_only: bool = False
    expired_exemptions: tuple[str, ...] = ()

    def response(self, uid: str) -> AdmissionResponse:
        """Return the answer to the request of that uid; an audit-only decision always allows and never patches."""
        if self.audit_only:
            return AdmissionResponse(uid, True, None, (), self.warnings, self.audit_annotations)
        patch = self.patch if self.allowed else ()
        return AdmissionResponse(uid, self.allowed, self.status, patch, self.warnings, self.audit_annotations)


ALLOWED: Final = Decision(allowed=True)


def trim(text: str) -> str:
    """Strip what Go's strings.TrimSpace strips (Python's strip takes four control characters more)."""
    return text.strip(_SPACE)


def flatten(text: str) -> str:
    """Make a text fit for a warning header: each run of control characters becomes one space."""
    return _CONTROL.sub(" ", text)


def go_json(value: object) -> str:
    """Write JSON as Go's encoding/json does: compact, with <, > and & escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def truncate(text: str, limit: int = MAX_ANNOTATION_BYTES) -> str:
    """Cut a text after `limit` bytes of UTF-8; each byte of a character that is cut in two becomes U+FFFD, as in Go."""
    if len(text) * 4 <= limit:
        return text
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    cut = data[:limit].decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", cut)


def decide_validation(
    findings: Sequence[Finding], request: AdmissionRequest, annotations: Mapping[str, str]
) -> Decision:
    """Make the decision of the validating phase.

    `findings` are in order of policy, binding, param and index; `annotations` are the audit annotations of policies by
    `<policy>/<key>`.
    """
    denials = []
    warnings: dict[str, None] = {}
    failures = []
    for finding in findings:
        if not finding.actions:
            continue
        for action in finding.actions:
            if action is Action.DENY:
                denials.append(finding)
            elif action is Action.WARN:
                warnings[flatten(_warning_text(finding))] = None
            else:
                failures.append(_failure(finding))
    answer: dict[str, str] = {}
    if failures:
        answer[FAILURES_KEY] = go_json(failures)
    if annotations:
        answer[ANNOTATIONS_KEY] = go_json(dict(sorted(annotations.items())))
    if not denials and not warnings and not answer:
        return Decision(allowed=True, findings=tuple(findings))
    status = None
    if denials:
        first = denials[0]
        causes = [_cause(_denial_text(denial), denial.path) for denial in denials]
        status = Status(first.code, first.reason, _denial_text(first), _details(request, causes))
    return Decision(
        allowed=not denials,
        findings=tuple(findings),
        status=status,
        warnings=tuple(warnings),
        audit_annotations=answer,
        policy_annotations=annotations,
    )


def decide_mutation(findings: Sequence[Finding], request: AdmissionRequest) -> Decision:
    """Make the decision of the mutating phase, without its patch: denied where a finding denies.

    The code is 403 whatever the reason; the text has no resource in front (policy/generic/policy_dispatcher.go).
    """
    denials = [finding for finding in findings if finding.denies]
    if not denials:
        return Decision(allowed=True, findings=tuple(findings))
    texts = [_mutation_text(denial) for denial in denials]
    causes = [_cause(text, denial.path) for text, denial in zip(texts, denials, strict=True)]
    status = Status(403, denials[0].reason, texts[0], _details(request, causes))
    return Decision(allowed=False, findings=tuple(findings), status=status)


def refuse(findings: Sequence[Finding], status: Status) -> Decision:
    """Make the decision about a request that fails as a whole, whatever any failurePolicy says."""
    return Decision(allowed=False, findings=tuple(findings), status=status)


def object_name(request: AdmissionRequest) -> str:
    """Return the name that messages give the object, also where it has none yet (pkg/admission/errors.go)."""
    if request.name:
        return request.name
    if request.object is None:
        return "Unknown"
    metadata = request.object.get("metadata")
    if not isinstance(metadata, dict):
        return "Unknown/errorGettingName"
    for key in ("name", "generateName"):
        name = metadata.get(key)
        if isinstance(name, str) and name:
            return name
    return "Unknown"


def _details(request: AdmissionRequest, causes: list[JsonObject]) -> JsonObject:
    details: JsonObject = {"name": object_name(request)}
    if request.resource.group:
        details["group"] = request.resource.group
    details["kind"] = request.resource.resource
    details["causes"] = causes
    return details


def _cause(message: str, path: str | None) -> JsonObject:
    return {"message": message, "field": path} if path else {"message": message}


def _denial_text(finding: Finding) -> str:
    binding = f" with binding '{finding.binding}'" if finding.binding else ""
    return f"{finding.policy_kind} '{finding.policy}'{binding} denied request: {finding.message}"


def _mutation_text(finding: Finding) -> str:
    who = f"'{finding.policy}' with binding '{finding.binding}'" if finding.binding else json.dumps(finding.policy)
    return f"policy {who} denied request: {finding.message}"


def _warning_text(finding: Finding) -> str:
    binding = f" with binding '{finding.binding}'" if finding.binding else ""
    return f"Validation failed for {finding.policy_kind} '{finding.policy}'{binding}: {finding.message}"


def _failure(finding: Finding) -> JsonObject:
    return {
        "message": finding.message,
        "policy": finding.policy,
        "binding": finding.binding,
        "expressionIndex": finding.index or 0,
        "validationActions": [action.value for action in finding.actions],
    }
