"""`admission cel`: one expression, or a file of recorded cases, evaluated as the API server does."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from admission.cel.encoding import encode_value
from admission.cel.environment import NEWEST
from admission.cel.explain import Explained
from admission.cel_cases import CaseRunner
from admission.errors import AdmissionError, DeadlineError, InputError, UsageError

EXAMPLES: Final = (
    'admission cel "[1, 2, 3].filter(x, x > 1).map(x, x * 2)"',
    'admission cel --vars examples/pod-variables.json "object.spec.containers.all(c, has(c.resources))" --explain',
)
ENGINES: Final = ("admission", "cel-python")

TIMEOUT_SECONDS: Final = 10.0  # for one expression
_WIDTH: Final = 96


def command(
    expression: Annotated[str | None, typer.Argument(metavar="[EXPR]", help="The expression.")] = None,
    env: Annotated[
        str, typer.Option("--env", metavar="NAME", help="kubernetes: what policies see; extended: with our additions.")
    ] = "kubernetes",
    variables: Annotated[
        Path | None, typer.Option("--vars", metavar="FILE", help="Variables by name: one JSON object. - is stdin.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show every sub-expression with its value.")] = False,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Answer each line, {expr, env, vars, ...}, with one.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="admission, or cel-python for a second opinion.")
    ] = "admission",
    kubernetes_version: Annotated[
        str, typer.Option("--kubernetes-version", metavar="1.N", help="Whose functions exist.")
    ] = "",
) -> None:
    """Evaluate CEL expressions as the API server does."""
    runner = CaseRunner(kubernetes_version or NEWEST, _begin)
    if cases is not None:
        _answer_cases(runner, cases)
        return
    if expression is None:
        raise UsageError("give an expression, or --cases FILE")
    if engine not in ENGINES:
        raise UsageError(f"no engine {engine!r}; there are {' and '.join(ENGINES)}")
    if env not in ("kubernetes", "extended"):
        raise UsageError(f"no environment {env!r}; there are kubernetes and extended")
    given = _variables(variables)
    if engine == "cel-python":
        from admission.cel.second_opinion import evaluate

        print(json.dumps(evaluate(expression, given), ensure_ascii=False))
        return
    case = {"expr": expression, "env": env, "vars": given}
    answer = runner.answer(case)
    if "error" in answer:
        raise InputError(str(answer.get("error_full", answer["error"])))
    if explain:
        for line in _tree(runner.explain(case)):
            print(line)
        return
    print(json.dumps(answer["value"], ensure_ascii=False))


def _begin() -> Callable[[], None]:
    end = time.monotonic() + TIMEOUT_SECONDS

    def check() -> None:
        if time.monotonic() > end:
            raise DeadlineError(f"not evaluated within {TIMEOUT_SECONDS:g} seconds")

    return check


def _answer_cases(runner: CaseRunner, path: Path) -> None:
    text = sys.stdin.read() if str(path) == "-" else _read(path)
    for line in text.splitlines():
        if line.strip():
            print(json.dumps(_answer(runner, line), ensure_ascii=False))


def _answer(runner: CaseRunner, line: str) -> dict[str, Any]:
    """Answer one line; one that is no case, or that we fail at, does not keep the others from being answered."""
    try:
        return runner.answer(json.loads(line))
    except (AdmissionError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"no case: {error}", "phase": "compile", "cost": 0}
    except Exception as error:
        return {"error": f"internal error: {type(error).__name__}: {error}", "phase": "runtime", "cost": 0}


def _variables(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(sys.stdin.read() if str(path) == "-" else _read(path))
    except ValueError as error:
        raise InputError(f"{path}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: variables are one JSON object, by name")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _tree(step: Explained, lead: str = "", indent: str = "") -> Iterator[str]:
    if step.error is not None:
        shown = f"error: {step.error}"
    else:
        shown = json.dumps(encode_value(step.value), ensure_ascii=False)
    round_ = f"[{step.round}] " if step.round is not None else ""
    yield _short(f"{lead}{round_}{' '.join(step.text.split())}") + "  =  " + _short(shown)
    for number, child in enumerate(step.children, 1):
        last = number == len(step.children)
        yield from _tree(child, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  "))


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
