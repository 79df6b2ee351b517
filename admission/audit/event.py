"""What an audit event says: one JSON object a decision, in the schema that docs/audit-events.md explains.

Laws of this file: pure. An event names policies, places and people; of objects it holds names, and of patches
operations and paths, never values. Give it decisions that were masked (`masking.masked`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from admission.audit.sink import Event
from admission.decision import Decision, Finding, Outcome
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, Status

API_VERSION: Final = "admission.dev/v1alpha1"
KIND: Final = "AuditEvent"

MAX_FINDINGS: Final = 100
MAX_OPERATIONS: Final = 100
MAX_MESSAGE: Final = 2_048

_PASS: Final = Outcome.PASS  # looked up for every policy of every review
_SKIP: Final = Outcome.SKIP

_NO_KIND: Final = GroupVersionKind("", "", "")
_NO_RESOURCE: Final = GroupVersionResource("", "", "")
_NOTHING: Final = (_NO_KIND, _NO_RESOURCE, _NO_KIND, _NO_RESOURCE, Operation.CREATE)
_OF_REQUEST: Final = ("who", "operation", "resource", "namespace", "name", "dryRun")


def event(
    decision: Decision,
    request: AdmissionRequest,
    *,
    time: float,
    latency: float,
    phase: str,
    policy_set: str,
    audit_only: bool,
) -> Event:
    """Return the event of a decision.

    `time` is when the review arrived (Unix time), `latency` seconds until its answer, `phase` mutate or validate,
    `policy_set` the version of the policies that decided.
    """
    resource = request.resource
    others = [finding for finding in decision.findings if finding.outcome is not _PASS]
    telling = [finding for finding in others if finding.outcome is not _SKIP or finding.exemption is not None]
    patch = decision.patch if decision.allowed else ()
    made: Event = {  # in one piece: this is done for every review
        "apiVersion": API_VERSION,
        "kind": KIND,
        "time": timestamp(time),
        "latency_ms": round(latency * 1000, 3),
        "phase": phase,
        "policy_set": policy_set,
        "uid": request.uid,
        "who": {"username": request.user.username, "groups": request.user.groups},
        "operation": request.operation,
        "resource": {
            "group": resource.group,
            "version": resource.version,
            "resource": resource.resource,
            "subresource": request.sub_resource,
            "kind": request.kind.kind,
        },
        "namespace": request.namespace,
        "name": request.name or _generated_name(request),
        "dryRun": request.dry_run,
        "decision": "allowed" if decision.allowed or audit_only else "denied",
        "audit_only": audit_only,
        "passed": len(decision.findings) - len(others),
        "skipped": sum(finding.outcome is _SKIP for finding in others) if others else 0,
        "findings": [_finding(finding) for finding in telling[:MAX_FINDINGS]] if telling else [],
        "patch": [_operation(operation) for operation in patch[:MAX_OPERATIONS]] if patch else [],
    }
    if not decision.allowed and decision.status is not None:
        made["status"] = _status(decision.status)
    if audit_only:
        made["would_deny"] = not decision.allowed
        made["would_patch"] = bool(patch)
    if decision.expired_exemptions:
        made["expired_exemptions"] = list(decision.expired_exemptions)
    if len(telling) > MAX_FINDINGS:
        made["findings_omitted"] = len(telling) - MAX_FINDINGS
    if len(patch) > MAX_OPERATIONS:
        made["patch_omitted"] = len(patch) - MAX_OPERATIONS
    return made


def unjudged_event(
    status: Status,
    uid: str,
    request: AdmissionRequest | None,
    *,
    time: float,
    latency: float,
    phase: str,
    policy_set: str,
    audit_only: bool,
) -> Event:
    """Return the event of a review that was answered without being judged; `request` is None where it is unreadable."""
    made = event(
        Decision(allowed=False, status=status),
        request if request is not None else AdmissionRequest(uid, *_NOTHING),
        time=time,
        latency=latency,
        phase=phase,
        policy_set=policy_set,
        audit_only=audit_only,
    )
    if request is None:
        for key in _OF_REQUEST:
            del made[key]
    return made | {"unjudged": True}


def timestamp(time: float) -> str:
    """Return a Unix time as RFC 3339 in UTC with milliseconds."""
    whole = int(time)
    return f"{_second(whole)}.{int((time - whole) * 1000):03d}Z"


@lru_cache(maxsize=8)
def _second(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _generated_name(request: AdmissionRequest) -> str:
    """Return the name an object asks for, or the start of the one it will get: `web-*`."""
    metadata = (request.object or {}).get("metadata")
    if not isinstance(metadata, dict):
        return ""
    name, start = metadata.get("name"), metadata.get("generateName")
    if isinstance(name, str) and name:
        return name
    return f"{start}*" if isinstance(start, str) and start else ""


def _status(status: Status) -> Event:
    return {"code": status.code, "reason": status.reason, "message": _short(status.message)}


def _finding(finding: Finding) -> Event:
    return {
        "policy": finding.policy,
        "binding": finding.binding,
        "param": finding.param,
        "index": finding.index,
        "outcome": finding.outcome.value,
        "actions": [action.value for action in finding.actions],
        "message": _short(finding.message),
        "path": finding.path,
        "severity": finding.severity,
        "exemption": finding.exemption,
    }


def _operation(operation: Any) -> Event:
    return {"op": str(operation.get("op", "")), "path": str(operation.get("path", ""))}


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
