"""The public Python API: what `import admission` offers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

import admission

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_every_public_name_is_there() -> None:
    for name in admission.__all__:
        assert getattr(admission, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = admission.nonsense


def test_the_map_of_the_package_shows_how_to_judge_a_review() -> None:
    loaded = admission.load_policies(["builtin:pod-security"])
    engine = admission.Engine(loaded.compile(), admission.FileFacts(), clock=time.monotonic)
    body = (EXAMPLES / "privileged-pod-review.json").read_bytes()
    decision = asyncio.run(engine.review(admission.decode_review(body).request))
    assert not decision.allowed


def test_a_manifest_is_judged_in_python() -> None:
    loaded = admission.load_policies(["builtin:pod-security/baseline"])
    engine = admission.Engine(loaded.compile(), admission.FileFacts(), clock=time.monotonic)
    requester = admission.Requester(admission.Kinds())
    [document] = admission.load_documents([EXAMPLES / "deployment.yaml"])
    decision = asyncio.run(engine.review(requester.request(document.data)))
    assert [finding.policy for finding in decision.findings if finding.denies] == ["privileged-containers"]


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, admission; print(*(name for name in sys.modules if name.startswith('admission.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.split() == []
