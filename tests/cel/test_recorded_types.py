"""Acceptance, static type and whole error text of every recorded expression, as the API server's environment has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from admission.cel import types
from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment
from admission.cel.types import Type
from admission.variables import declare


def cases(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def declared(case: dict[str, Any], base: Environment) -> Environment:
    composed: dict[str, Type] = {}
    for variable in case.get("variables") or ():
        known = base.extend(*declare(case["env"], params=bool(case.get("has_params")), composed=composed))
        try:
            composed[variable["name"]] = known.compile(variable["expression"]).result_type
        except CompileError:
            composed[variable["name"]] = types.DYN
    return base.extend(*declare(case["env"], params=bool(case.get("has_params")), composed=composed))


def refused_by_the_checker(case: dict[str, Any]) -> bool:
    made = str(case.get("error")).startswith(("PROGRAM ", "program instantiation failed"))
    return case["phase"] == "compile" and not made and case["expect"] is not True


@pytest.mark.parametrize("name", ["language.jsonl", "libraries.jsonl"])
def test_every_recorded_expression_is_typed_or_refused_as_upstream(name: str, shared: Path) -> None:
    base = environment("kubernetes")
    differing = []
    for case in cases(shared / "kubernetes-cel" / name):
        try:
            found = declared(case, base).compile(case["expr"]).result_type.full_name
            wanted = "refused" if refused_by_the_checker(case) else case.get("type", found)
        except CompileError as error:
            found = str(error)
            wanted = str(case.get("error_full", found)).removeprefix("compilation failed: ")
            if not refused_by_the_checker(case):
                wanted = "accepted"
        if found != wanted:
            differing.append((case["expr"], found, wanted))
    assert differing == []
