"""Matching and verdicts against the recorded tables: matching.jsonl and decisions.jsonl, every line of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from admission.decision import Outcome
from admission.equivalence import Equivalents, ServedResource
from admission.matching import MatchError, match_resources
from admission.policy import (
    AuditAnnotation,
    Expression,
    FailurePolicy,
    LabelRequirement,
    LabelSelector,
    Match,
    Rule,
    Validation,
)
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation
from admission.verdicts import OUT_OF_BUDGET, Result, Verdict, annotate, failed, judge

_DEPLOYMENTS = (("apps", "v1"), ("apps", "v1beta1"), ("apps", "v1alpha1"), ("extensions", "v1beta1"))


def _table() -> Equivalents:
    """Deployments in four versions are one resource; their scale has a kind of its own in each."""
    scales = {("apps", "v1"): ("autoscaling", "v1")}
    storage = []
    for group, version in _DEPLOYMENTS:
        resource = GroupVersionResource(group, version, "deployments")
        storage.append(ServedResource(resource, GroupVersionKind(group, version, "Deployment")))
        scale = GroupVersionKind(*scales.get((group, version), (group, version)), "Scale")
        storage.append(ServedResource(resource, scale, "scale"))
    return Equivalents((storage,))


def _rule(spec: dict[str, Any]) -> Rule:
    return Rule(
        operations=tuple(spec.get("operations", ())),
        api_groups=tuple(spec.get("apiGroups", ())),
        api_versions=tuple(spec.get("apiVersions", ())),
        resources=tuple(spec.get("resources", ())),
        resource_names=tuple(spec.get("resourceNames", ())),
        scope=spec.get("scope", "*"),
    )


def _selector(spec: dict[str, Any] | None) -> LabelSelector | None:
    if spec is None:
        return None
    labels = [LabelRequirement(key, "In", (value,)) for key, value in spec.get("matchLabels", {}).items()]
    expressions = [
        LabelRequirement(item["key"], item["operator"], tuple(item.get("values", ())))
        for item in spec.get("matchExpressions", ())
    ]
    return LabelSelector((*labels, *expressions))


def _match(spec: dict[str, Any]) -> Match:
    return Match(
        rules=tuple(map(_rule, spec.get("resourceRules", ()))),
        exclude_rules=tuple(map(_rule, spec.get("excludeResourceRules", ()))),
        match_policy=spec.get("matchPolicy", "Exact"),
        namespace_selector=_selector(spec.get("namespaceSelector")),
        object_selector=_selector(spec.get("objectSelector")),
    )


def _request(spec: dict[str, Any]) -> AdmissionRequest:
    kind, resource = GroupVersionKind(**spec["kind"]), GroupVersionResource(**spec["resource"])
    return AdmissionRequest(
        uid="1",
        kind=kind,
        resource=resource,
        request_kind=kind,
        request_resource=resource,
        operation=Operation(spec["operation"]),
        sub_resource=spec["subResource"],
        name=spec["name"],
        namespace=spec["namespace"],
        object=spec.get("object"),
        old_object=spec.get("oldObject"),
    )


def _one_dimension(case: dict[str, Any]) -> Match:
    """A rule that is open in all dimensions but the one that the case is about."""
    open_rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    rule = {**open_rule, **case["rule"]}
    if case["dimension"] == "scope":
        rule["resources"] = ["*/*"]
    return Match(rules=(_rule(rule),), match_policy="Exact")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_recorded_match(shared: Path) -> None:
    table = _table()
    live: dict[str, Any] = {"metadata": {"name": "ns"}}
    failures = []
    for case in _lines(shared / "kubernetes-policies" / "matching.jsonl"):
        request = _request(case["request"])
        if "rule" in case:
            matched: Any = match_resources(_one_dimension(case), request, live, table) is not None
            expected: Any = case["match"]
        else:
            way = match_resources(_match(case["matchResources"]), request, live, table)
            if isinstance(way, MatchError):
                matched = way.message
            else:
                kind, resource = (way.kind or request.kind, way.resource or request.resource) if way else (None, None)
                matched = (kind, resource)
            expected = case["error"] or (None, None)
            if case["matches"]:
                expected = (GroupVersionKind(**case["matchedKind"]), GroupVersionResource(**case["matchedResource"]))
        if matched != expected:
            failures.append(f"{case['src']}: {matched} instead of {expected}")
    assert failures == []


def _result(spec: dict[str, Any]) -> Result:
    return Result(error=spec["error"]) if "error" in spec else Result(spec["result"])


def _verdicts(case: dict[str, Any]) -> list[Verdict]:
    policy = FailurePolicy(case["failurePolicy"] or "Fail")
    matcher = case["matcher"]
    if matcher.get("error"):
        return [failed(matcher["error"], policy)]
    if not matcher["matches"]:
        return []
    if case["throwError"]:
        return [failed("test error", policy)]
    validations = [
        Validation(Expression(spec["expression"]), spec["message"], reason=spec.get("reason", ""))
        for spec in case["evaluations"]
    ]
    results = [_result(spec) for spec in case["evaluations"]]
    messages = [_result(spec) if spec else None for spec in case["messageEvaluations"]]
    return judge(validations, results, messages, OUT_OF_BUDGET if case["costBudget"] else None, policy)


def _described(verdict: Verdict) -> dict[str, str]:
    evaluations = {Outcome.PASS: "admit", Outcome.FAIL: "deny", Outcome.ERROR: "error"}
    return {
        "action": "deny" if verdict.denies else "admit",
        "evaluation": evaluations[verdict.outcome],
        "message": verdict.message,
        "reason": "" if verdict.outcome is Outcome.ERROR else verdict.reason,
    }


def _annotations(case: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    policy = FailurePolicy(case["failurePolicy"] or "Fail")
    for spec in case["auditEvaluations"]:
        made = annotate(AuditAnnotation(spec["key"], Expression(spec["valueExpression"])), _result(spec), policy)
        action = "error" if made.error is not None else "publish" if made.value else "exclude"
        found.append({"action": action, "error": made.error or "", "key": made.key, "value": made.value})
    return found


def test_every_recorded_verdict(shared: Path) -> None:
    failures = []
    for case in _lines(shared / "kubernetes-policies" / "decisions.jsonl"):
        verdicts = [_described(verdict) for verdict in _verdicts(case)]
        if verdicts != case["decisions"]:
            failures.append(f"{case['src']}: {verdicts} instead of {case['decisions']}")
        expected = [
            {**item, "error": "" if item["action"] == "exclude" else item["error"]} for item in case["auditAnnotations"]
        ]
        if _annotations(case) != expected:
            failures.append(f"{case['src']}: {_annotations(case)} instead of {expected}")
    assert failures == []
