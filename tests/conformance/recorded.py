"""Recorded policies and answers of kube-apiserver, and what of an answer our decision does not give.

What differs on purpose is mapped as the README of the recorded data says: upstream puts the resource before the
message of a denial, keeps only the first audited failure, and drops warnings with control characters.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from admission.authorization import AuthorizationRules
from admission.building import defaulted, read
from admission.compiler import ExpressionCompiler, compile_policies
from admission.creation import creation_errors
from admission.decision import ANNOTATIONS_KEY, FAILURES_KEY, Decision
from admission.decoding import decode
from admission.engine import Engine
from admission.facts import FileFacts
from admission.fielderror import rejection
from admission.policy import Binding, MutatingPolicy, PolicySet, ValidatingPolicy
from admission.review import decode_review
from admission.scopes import ParamScope

Case = dict[str, Any]

UPSTREAM_FAILURES: Final = "validation.policy.admission.k8s.io/validation_failure"
POLICY_GROUP: Final = "admissionregistration.k8s.io/"
SCOPES: Final[dict[str, ParamScope]] = {"namespace": "Namespaced", "root": "Cluster", "cluster": "Cluster"}


def engine(objects: Iterable[Mapping[str, Any]], facts: FileFacts) -> Engine:
    """Return an engine with those of the objects that are policies and bindings, as stored ones."""
    built = [read(item) for item in objects if item["apiVersion"].startswith(POLICY_GROUP)]
    policies = PolicySet.of(
        [item for item in built if isinstance(item, ValidatingPolicy | MutatingPolicy)],
        [item for item in built if isinstance(item, Binding)],
    )
    return Engine(compile_policies(policies)[0], facts, clock=time.monotonic)


def policy_case_engine(case: Case) -> Engine:
    """Return an engine for a line of validating.jsonl or mutating.jsonl."""
    objects = case["objects"]
    rules = AuthorizationRules()
    if "authzError" in case:
        rules = AuthorizationRules(error=case["authzError"])
    elif "authz" in case:
        rules = AuthorizationRules.parse(case["authz"])
    scopes: dict[tuple[str, str], ParamScope | None] = {}
    for item in objects:
        kind = item.get("spec", {}).get("paramKind")
        if kind and "paramScope" in case:
            scopes[kind["apiVersion"], kind["kind"]] = SCOPES.get(case["paramScope"].lower(), "Namespaced")
        if kind and f"{kind['apiVersion']}/{kind['kind']}" in case.get("unknownParamKinds", ()):
            scopes[kind["apiVersion"], kind["kind"]] = None
    rest = [item for item in objects if not item["apiVersion"].startswith(POLICY_GROUP)]
    return engine(objects, FileFacts(rest, rules, strict=True, complete=False, scopes=scopes))


def review_body(request: Mapping[str, Any]) -> bytes:
    """Return the body that a webhook would get about a recorded request."""
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": "1", **request}}
    return json.dumps(review).encode()


def differences(expected: Case, decision: Decision) -> list[str]:
    """Return what of a recorded answer the decision does not give."""
    found = []
    status = decision.status
    code, reason, message = (status.code, status.reason, status.message) if status else (None, None, None)
    wanted = expected.get("message")
    if wanted is not None:
        wanted = re.sub(r'^\S+ "[^"]*" is forbidden: (?=ValidatingAdmissionPolicy )', "", wanted)
    denied = not expected["allowed"]
    for name, ours, theirs in (
        ("allowed", decision.allowed, expected["allowed"]),
        ("code", code, expected.get("code") if denied else None),
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


def object_differences(original: Any, ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Return where the mutated objects differ; defaults of the API server in what was added are no difference."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        before = original if isinstance(original, dict) else None
        found = []
        for key in sorted({*ours, *theirs}):
            if key not in theirs:
                found.append(f"{path}.{key} should not be there")
            elif key not in ours:
                if before is not None:
                    found.append(f"{path}.{key} is missing")
            else:
                inner = before.get(key) if before is not None else None
                found += object_differences(inner, ours[key], theirs[key], f"{path}.{key}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = []
        for index, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            inner = original[index] if isinstance(original, list) and index < len(original) else None
            found += object_differences(inner, own, other, f"{path}[{index}]")
        return found
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{path} is {ours!r} instead of {theirs!r}"]


def policy_case_differences(case: Case, *, mutating: bool) -> list[str]:
    """Run a line of validating.jsonl or mutating.jsonl; return what differs from its result."""
    request = decode_review(review_body(case["request"])).request
    judge = policy_case_engine(case)
    result = case["result"]
    decision = asyncio.run(judge.mutate(request) if mutating else judge.validate(request))
    found = differences(result, decision)
    if mutating and result["allowed"]:
        if decision.object != result["object"]:
            found.append(f"object {decision.object} instead of {result['object']}")
        if decision.reinvoked is not result.get("reinvoked", False):
            found.append(f"reinvoked {decision.reinvoked}")
    return found


def golden_differences(case: Case) -> list[str]:
    """Run all requests of a golden file; return what differs from the recorded answers."""
    facts = FileFacts([case["namespace"], *case["params"]], AuthorizationRules(), strict=True)
    judge = engine([case["policy"], case["binding"]], facts)
    found = []
    for number, (body, answer) in enumerate(zip(case["reviews"], case["expected"], strict=True)):
        request = decode_review(json.dumps(body).encode()).request
        decision = asyncio.run(judge.review(request))
        differing = differences({**answer, "allowed": answer["code"] < 400}, decision)
        if "object" in answer and decision.allowed:
            differing += object_differences(request.object, decision.object, answer["object"])
        details = answer.get("details")
        if details is not None and decision.status is not None:
            own = {**(decision.status.details or {}), "causes": (decision.status.details or {})["causes"][:1]}
            own["causes"] = [{"message": cause["message"]} for cause in own["causes"]]
            if own != details:
                differing.append(f"details {own} instead of {details}")
        found += [f"review {number}: {item}" for item in differing]
    return found


def golden_rejection(case: Case) -> list[str]:
    """Return what differs where the API server refused the policy itself."""
    content = defaulted(decode(case["policy"]))
    said = rejection(content.kind.group_kind, content.name, creation_errors(content, ExpressionCompiler()))
    wanted = case["rejected"]["message"]
    return [] if said == wanted else [f"refused with {said!r} instead of {wanted!r}"]


def single_patch_differences(case: Case) -> list[str]:
    """Run a line of patches.jsonl, one mutation or the mutations of one policy; return what differs from its result."""
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    field = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}
    spec = case.get("spec") or {
        "mutations": [{"patchType": case["patchType"], field[case["patchType"]]: {"expression": case["expr"]}}]
    }
    match = {"matchConstraints": {"resourceRules": [everything]}, "reinvocationPolicy": "Never"}
    params = {"apiVersion": "v1", "kind": "ConfigMap", **case.get("params", {})}
    params["metadata"] = {"name": "params", "namespace": "default"}
    version = f"{POLICY_GROUP}v1"
    reference = {"paramRef": {"name": "params", "parameterNotFoundAction": "Deny"}} if "paramKind" in spec else {}
    objects = [
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": "m"},
            "spec": {**match, **spec},
        },
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": "b"},
            "spec": {"policyName": "m", **reference},
        },
    ]
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    request = {
        "operation": "CREATE",
        "kind": kind,
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "d",
        "namespace": "default",
        "object": case["object"],
        "oldObject": case["oldObject"],
    }
    judge = engine(objects, FileFacts([params]))
    decoded = decode_review(review_body(request)).request
    decision = asyncio.run(judge.mutate(decoded))
    message = decision.status.message if decision.status is not None else None
    wanted = case.get("error")
    if message is not None:
        message = message.removeprefix("policy 'm' with binding 'b' denied request: ")
    found = [] if message == wanted else [f"error {message!r} instead of {wanted!r}"]
    if "result" in case and decision.allowed and pruned(decision.object) != pruned(case["result"]):
        found.append(f"object {pruned(decision.object)} instead of {pruned(case['result'])}")
    return found


def pruned(value: Any) -> Any:
    """Return a value without nulls and empty objects: what Go types add when they are written as JSON."""
    if isinstance(value, dict):
        inner = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in (None, {})}
    return [pruned(item) for item in value] if isinstance(value, list) else value


def lines(path: Path) -> list[Case]:
    """Return the cases of a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
