"""All of the restricted profile of Pod Security on the pod of three containers, beside decoding the request."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from admission.cel.activation import RUNTIME_BUDGET, Budget
from admission.compiler import CompiledValidatingPolicy
from admission.engine import Engine, base_inputs
from admission.evaluation import Inputs, activate, match_conditions
from admission.evaluation import run as run_expression
from admission.facts import FileFacts
from admission.loader import load_policies
from admission.review import decode_review

ASSETS = Path(__file__).parent.parent / "tests" / "assets" / "bench"
PROFILE = "builtin:pod-security/restricted"
TURNS, CALLS = 15, 100
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}


def body() -> bytes:
    """Return the recorded review with the pod of three containers, which passes the whole profile, in it."""
    review = json.loads((ASSETS / "review.json").read_text())
    review["request"]["object"] = json.loads((ASSETS / "pod.json").read_text())
    review["request"]["namespace"] = NAMESPACE["metadata"]["name"]  # type: ignore[index]
    return orjson.dumps(review)


def exactly(policies: tuple[CompiledValidatingPolicy, ...], inputs: Inputs) -> bool:
    """Evaluate all conditions and validations of all policies on the exact path; return whether all are true."""
    good = True
    for compiled in policies:
        failure_policy = compiled.policy.failure_policy
        known = match_conditions(
            compiled.match_conditions, compiled.variables, inputs, None, failure_policy, exact=True
        )
        if not known.matches:
            continue
        budget = Budget(RUNTIME_BUDGET, check=inputs.check)
        activation = activate(inputs.variables(None), compiled.variables, budget, exact=True)
        for validation in compiled.validations:
            good = run_expression(validation, activation).value is True and good
    return good


def median_us(call: Callable[[], Any], turns: int = TURNS, calls: int = CALLS) -> float:
    """Return the median over turns of the microseconds of one call."""
    samples = []
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        samples.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(samples)


def run() -> dict[str, Any]:
    """Return the median microseconds of the profile on both paths, and of decoding the request."""
    raw = body()
    request = decode_review(raw).request
    compiled = load_policies([PROFILE]).compile()
    engine = Engine(compiled, FileFacts([NAMESPACE]), clock=time.monotonic)
    inputs = base_inputs(request, NAMESPACE, None)
    with asyncio.Runner() as runner:

        async def optimistic() -> float:
            samples = []
            for _ in range(TURNS):
                start = time.perf_counter()
                for _ in range(CALLS * 10):
                    await engine.validate(request, None)
                samples.append((time.perf_counter() - start) / (CALLS * 10) * 1e6)
            return statistics.median(samples)

        decision = runner.run(engine.validate(request, None))
        if not decision.allowed or not exactly(compiled.validating, inputs):
            raise AssertionError("the pod does not pass the profile")
        optimistic_us = runner.run(optimistic())
    exact_us = median_us(lambda: exactly(compiled.validating, inputs), calls=10)
    loads_us = median_us(lambda: orjson.loads(raw))
    return {
        "policies": len(compiled.validating),
        "optimistic_us": optimistic_us,
        "exact_us": exact_us,
        "orjson_loads_us": loads_us,
        "decode_review_us": median_us(lambda: decode_review(raw)),
        "optimistic_to_loads": optimistic_us / loads_us,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
