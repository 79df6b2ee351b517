"""Loading: parse, check, plan and compile a thousand typical expressions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import celpy

from admission.cel import types
from admission.cel.environment import environment

EXPRESSIONS = Path(__file__).parent.parent / "tests" / "assets" / "bench" / "exprs.json"
COUNT = 1000


def run() -> dict[str, Any]:
    """Return the seconds for COUNT expressions, and what cel-python takes for its grammar and one expression."""
    texts = list(json.loads(EXPRESSIONS.read_text()).values())
    env = environment("kubernetes").extend({"object": types.DYN})
    start = time.perf_counter()
    for index in range(COUNT):
        # a different constant each time: nothing may be remembered from an equal expression
        env.program(env.compile(f"({texts[index % len(texts)]}) || object.metadata.name == 'n{index}'"))
    ours = time.perf_counter() - start
    start = time.perf_counter()
    other = celpy.Environment()
    grammar = time.perf_counter() - start
    start = time.perf_counter()
    for text in texts:
        other.program(other.compile(text))
    each = (time.perf_counter() - start) / len(texts)
    return {f"ours_{COUNT}_s": ours, "cel_python_grammar_s": grammar, "cel_python_each_ms": each * 1e3}
