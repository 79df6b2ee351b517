"""Five checks on one pod: our compiled code beside a bare hand-written loop, cel-python, and cel-go where there is Go.

Ratios taken in one run on one machine: absolute times differ from machine to machine, ratios hardly.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from admission.cel import types
from admission.cel.activation import Activation, Budget
from admission.cel.environment import environment
from benchmarks import cel_go

ASSETS = Path(__file__).parent.parent / "tests" / "assets" / "bench"
ROUNDS = 15


def by_hand() -> dict[str, Callable[[dict[str, Any]], bool]]:
    """Return the same checks as somebody would write them in Python, without any guarantee."""

    def labels(o: dict[str, Any]) -> bool:
        found = o["metadata"].get("labels")
        return found is not None and "team" in found and found["team"] != ""

    def priv(o: dict[str, Any]) -> bool:
        for c in o["spec"]["containers"]:
            context = c.get("securityContext")
            if context is not None and "privileged" in context and context["privileged"] is not False:
                return False
        return True

    def caps(o: dict[str, Any]) -> bool:
        for c in o["spec"]["containers"]:
            context = c.get("securityContext")
            if context is None:
                return False
            capabilities = context.get("capabilities")
            if capabilities is None or "drop" not in capabilities:
                return False
            for d in capabilities["drop"]:
                if d == "ALL":
                    break
            else:
                return False
        return True

    def limits(o: dict[str, Any]) -> bool:
        for c in o["spec"]["containers"]:
            resources = c.get("resources")
            if resources is None or "limits" not in resources or "memory" not in resources["limits"]:
                return False
        return True

    def latest(o: dict[str, Any]) -> bool:
        for c in o["spec"]["containers"]:
            image = c["image"]
            if image.endswith(":latest") or "@sha256:" not in image:
                return False
        return True

    return {"labels": labels, "priv": priv, "caps": caps, "limits": limits, "latest": latest}


def median_us(call: Callable[[], Any], *, number: int) -> float:
    """Return the median time of one call in microseconds, over ROUNDS rounds of `number` calls."""
    samples = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(number):
            call()
        samples.append((time.perf_counter() - start) / number * 1e6)
    return statistics.median(samples)


def cel_python(expression: str, pod: dict[str, Any]) -> Callable[[], Any]:
    """Return the same check evaluated by cel-python's interpreter."""
    import celpy
    from celpy.adapter import json_to_cel

    env = celpy.Environment()
    program = env.program(env.compile(expression))
    activation = {"object": json_to_cel(pod)}
    return lambda: program.evaluate(activation)


def run() -> dict[str, Any]:
    """Return, for each check, the median times in microseconds and our ratio to the loop."""
    pod = json.loads((ASSETS / "pod.json").read_text())
    expressions = json.loads((ASSETS / "exprs.json").read_text())
    env = environment("kubernetes").extend({"object": types.DYN})
    loops = by_hand()
    table: dict[str, Any] = {}
    others = cel_go.run(expressions, pod)
    for name, text in expressions.items():
        program = env.program(env.compile(text))
        loop = loops[name]

        def ours(evaluate: Callable[[Activation], Any] = program.evaluate) -> Any:
            return evaluate(Activation({"object": pod}, Budget(check=_no_deadline)))

        def exact(evaluate: Callable[[Activation], Any] = program.evaluate_exact) -> Any:
            return evaluate(Activation({"object": pod}, Budget(check=_no_deadline)))

        shared = Activation({"object": pod}, Budget(check=_no_deadline))

        def in_policy(evaluate: Callable[[Activation], Any] = program.evaluate, act: Activation = shared) -> Any:
            act.budget.bound = 0
            return evaluate(act)

        if not ours() == exact() == loop(pod):
            raise AssertionError(f"{name}: the answers differ")
        table[name] = {
            "ours_us": median_us(in_policy, number=2000),
            "ours_with_activation_us": median_us(ours, number=2000),
            "exact_us": median_us(exact, number=200),
            "loop_us": median_us(partial(loop, pod), number=5000),
            "cel_python_us": median_us(cel_python(text, pod), number=10),
        }
        table[name]["ours_to_loop"] = table[name]["ours_us"] / table[name]["loop_us"]
        if others is not None:
            table[name] |= {"cel_go_us": others[name], "ours_to_cel_go": table[name]["ours_us"] / others[name]}
    return table


def _no_deadline() -> None:
    """The clock of a request that has all the time in the world; checking it still costs what it costs."""


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
