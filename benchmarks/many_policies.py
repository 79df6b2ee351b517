"""A review among 500 policies of which 5 concern it, beside a review with those 5 alone."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from admission.building import read
from admission.compiler import compile_policies
from admission.engine import Engine
from admission.facts import FileFacts
from admission.policy import Binding, PolicySet
from admission.review import decode_review

REVIEW = Path(__file__).parent.parent / "tests" / "assets" / "bench" / "review.json"
POLICIES, MATCHING = 500, 5
TURNS, CALLS = 15, 200


def documents(count: int) -> list[dict[str, Any]]:
    """Return policies and bindings of which the first MATCHING concern Pods, all others something else."""
    made: list[dict[str, Any]] = []
    for index in range(count):
        resource = "pods" if index < MATCHING else f"things{index}"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}
        made.append(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": f"p{index}"},
                "spec": {
                    "matchConstraints": {"resourceRules": [rule]},
                    "validations": [{"expression": f"object.spec.containers.all(c, c.name != 'forbidden{index}')"}],
                },
            }
        )
        made.append(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": f"p{index}"},
                "spec": {"policyName": f"p{index}", "validationActions": ["Deny"]},
            }
        )
    return made


def engine(count: int) -> Engine:
    """Return an engine with `count` policies."""
    built = [read(document) for document in documents(count)]
    bindings = [item for item in built if isinstance(item, Binding)]
    policies: Any = [item for item in built if not isinstance(item, Binding)]
    return Engine(compile_policies(PolicySet.of(policies, bindings))[0], FileFacts(), clock=time.monotonic)


def run() -> dict[str, Any]:
    """Return the median microseconds of a review with few and with many policies, and their ratio."""
    request = decode_review(REVIEW.read_bytes()).request
    engines = {"few": engine(MATCHING), "many": engine(POLICIES)}
    samples: dict[str, list[float]] = {name: [] for name in engines}

    async def calls(judge: Engine) -> None:
        for _ in range(CALLS):
            decision = await judge.validate(request, None)
            if len(decision.findings) != MATCHING:
                raise AssertionError("another number of policies took part")

    for _ in range(TURNS):
        for name, judge in engines.items():
            start = time.perf_counter()
            asyncio.run(calls(judge))
            samples[name].append((time.perf_counter() - start) / CALLS * 1e6)
    few, many = (statistics.median(samples[name]) for name in ("few", "many"))
    return {"five_policies_us": few, "five_of_500_us": many, "ratio": many / few}
