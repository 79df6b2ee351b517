"""docs/differences.md: each row names the test that holds it; those that belong nowhere else are here."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from admission.compiler import ExpressionCompiler, Scope
from admission.errors import LoadError
from admission.loader import load_policies
from admission.policy import Expression
from tests.judging import Object, validating

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "differences.md").read_text("utf-8")


def rows() -> Iterator[list[str]]:
    """Yield the cells of every row of every table but its head."""
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| here |"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_there_are_rows() -> None:
    assert len(list(rows())) >= 20


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row[0][:50])
def test_every_row_says_what_and_why_and_names_a_test_that_exists(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    named = re.fullmatch(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", row[3])
    assert named is not None, row[3]
    path, name = named.groups()
    module = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}, row[3]


@pytest.mark.parametrize("strict", [True, False])
def test_a_policy_in_a_file_needs_a_name_of_its_own(strict: bool, tmp_path: Path) -> None:
    policy: Object = {**validating("p", "true"), "metadata": {"generateName": "p-"}}
    (tmp_path / "policy.json").write_text(json.dumps(policy), "utf-8")
    with pytest.raises(LoadError, match=r"a policy in a file needs metadata\.name"):
        load_policies([tmp_path], strict=strict)


@pytest.mark.parametrize("text", ["[Object{}].size() == 1", "[Object{}, Object{}] == []"])
def test_a_list_of_object_literals_compiles_in_a_mutation(text: str) -> None:
    assert not ExpressionCompiler().compile(Expression(text), Scope(mutation=True)).error
