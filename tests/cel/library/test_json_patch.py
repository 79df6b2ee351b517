from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.diagnostic import CompileError

Evaluate = Callable[..., Any]


def test_keys_become_steps_of_a_path(evaluate: Evaluate) -> None:
    assert evaluate("jsonpatch.escapeKey('k8s.io/my~label')", env="extended") == "k8s.io~1my~0label"
    assert evaluate("jsonpatch.escapeKey('~1')", env="extended") == "~01"
    assert evaluate("jsonpatch.escapeKey('')", env="extended") == ""


def test_only_mutations_have_it(evaluate: Evaluate) -> None:
    with pytest.raises(CompileError):
        evaluate("jsonpatch.escapeKey('a')")
