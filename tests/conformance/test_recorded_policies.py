"""Whole policies against the recorded outcomes: validating.jsonl and mutating.jsonl, every line of them.

What differs on purpose is mapped as the README of the recorded data says: upstream puts the resource before the
message of a denial, keeps only the first audited failure, and drops warnings with control characters.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any, Final

import pytest

from admission.authorization import AuthorizationRules
from admission.building import read
from admission.compiler import compile_policies
from admission.decision import ANNOTATIONS_KEY, FAILURES_KEY, Decision
from admission.engine import Engine
from admission.facts import FileFacts
from admission.policy import Binding, PolicySet
from admission.review import decode_review

UPSTREAM_FAILURES: Final = "validation.policy.admission.k8s.io/validation_failure"
POLICY_GROUP: Final = "admissionregistration.k8s.io/"


def review(request: dict[str, Any]) -> bytes:
    """The body that a webhook would get about a recorded request."""
    return json.dumps(
        {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "1", **request}}
    ).encode()


def authorization(case: dict[str, Any]) -> AuthorizationRules | None:
    if "authzError" in case:
        return AuthorizationRules(error=case["authzError"])
    return AuthorizationRules.parse(case["authz"]) if "authz" in case else AuthorizationRules()


def engine(case: dict[str, Any]) -> Engine:
    """An engine with the recorded policies, as stored ones, and the recorded facts."""
    policies = [read(item) for item in case["objects"] if item["apiVersion"].startswith(POLICY_GROUP)]
    rest = [item for item in case["objects"] if not item["apiVersion"].startswith(POLICY_GROUP)]
    policy_set = PolicySet.of(
        [item for item in policies if not isinstance(item, Binding)],
        [item for item in policies if isinstance(item, Binding)],
    )
    scopes: dict[tuple[str, str], Any] = {}
    for kind in {(item.param_kind.api_version, item.param_kind.kind) for item in policy_set.policies if item.param_kind}:
        if "paramScope" in case:
            scopes[kind] = {"namespace": "Namespaced", "root": "Cluster"}.get(case["paramScope"], case["paramScope"])
        if "/".join(kind) in case.get("unknownParamKinds", ()):
            scopes[kind] = None
    facts = FileFacts(rest, authorization(case), strict=True, complete=False, scopes=scopes)
    return Engine(compile_policies(policy_set)[0], facts, clock=time.monotonic)


def differences(expected: dict[str, Any], decision: Decision) -> list[str]:
    """What of a recorded result the decision does not give."""
    found = []
    status = decision.status
    code, reason, message = (status.code, status.reason, status.message) if status else (None, None, None)
    wanted = expected.get("message")
    if wanted is not None:
        wanted = re.sub(r'^\S+ "[^"]*" is forbidden: (?=ValidatingAdmissionPolicy )', "", wanted)
    for name, ours, theirs in (
        ("allowed", decision.allowed, expected["allowed"]),
        ("code", code, expected.get("code")),
        ("reason", reason, expected.get("reason")),
        ("message", message, wanted),
    ):
        if ours != theirs:
            found.append(f"{name} {ours!r} instead of {theirs!r}")
    flattened = [re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text) for text in expected.get("dropped_warnings") or ()]
    warnings = sorted(dict.fromkeys((*(expected.get("warnings") or ()), *flattened)))
    if sorted(decision.warnings) != warnings:
        found.append(f"warnings {sorted(decision.warnings)} instead of {warnings}")
    recorded = dict(expected.get("auditAnnotations") or {})
    failures = json.loads(recorded.pop(UPSTREAM_FAILURES, "[]"))
    own = json.loads(decision.audit_annotations.get(FAILURES_KEY, "[]"))
    if own[:1] != failures:
        found.append(f"first failure {own[:1]} instead of {failures}")
    annotations = json.loads(decision.audit_annotations.get(ANNOTATIONS_KEY, "{}"))
    if annotations != recorded:
        found.append(f"audit annotations {annotations} instead of {recorded}")
    return found


def cases(name: str, shared: Path) -> list[dict[str, Any]]:
    lines = (shared / "kubernetes-policies" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


NOT_YET_VALIDATING: Final[frozenset[str]] = frozenset()
"""Recorded validating cases that are known not to pass; one that passes fails the test."""

NOT_YET_MUTATING: Final[frozenset[str]] = frozenset()
"""Recorded mutating cases that are known not to pass; one that passes fails the test."""


def test_every_recorded_validating_policy(shared: Path) -> None:
    failures = {}
    for case in cases("validating.jsonl", shared):
        request = decode_review(review(case["request"])).request
        found = differences(case["result"], asyncio.run(engine(case).validate(request)))
        if found:
            failures[case["name"]] = found
    assert {name: found for name, found in failures.items() if name not in NOT_YET_VALIDATING} == {}
    assert set(failures) == NOT_YET_VALIDATING


@pytest.mark.skip
def test_every_recorded_mutating_policy(shared: Path) -> None:
    failures = {}
    for case in cases("mutating.jsonl", shared):
        request = decode_review(review(case["request"])).request
        decision = asyncio.run(engine(case).mutate(request))
        found = differences(case["result"], decision)
        if case["result"]["allowed"] and decision.object != case["result"]["object"]:
            found.append(f"object {decision.object} instead of {case['result']['object']}")
        if decision.reinvoked is not case["result"].get("reinvoked", False):
            found.append(f"reinvoked {decision.reinvoked}")
        if found:
            failures[case["name"]] = found
    assert {name: found for name, found in failures.items() if name not in NOT_YET_MUTATING} == {}
    assert set(failures) == NOT_YET_MUTATING
