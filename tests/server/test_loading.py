"""From settings to an engine: what the version of the cluster has, and what schemas say against expressions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from admission.errors import LoadError
from admission.server import loading
from admission.server.settings import Settings

T = TypeVar("T")
POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: probe}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - expression: "[1].all(i, v, v > i) && size(object.spec.?containrs.orValue([])) == 0"
"""


class _Log:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, dict[str, str]]]] = []

    def warning(self, message: str, *, extra: dict[str, dict[str, str]] | None = None) -> None:
        self.said.append((message, extra or {}))


def offload(work: Callable[[], T], /) -> Awaitable[T]:
    raise AssertionError("loading evaluates nothing")


def settings(folder: Path, version: str) -> Settings:
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return Settings(policies=(str(folder),), tls_dir=folder, kubernetes_version=version)


def test_what_a_schema_does_not_have_is_logged_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _Log()
    monkeypatch.setattr(loading, "logger", lambda: log)
    loading.load_engine(settings(tmp_path, "1.36"), offload)
    message, extra = next((message, extra) for message, extra in log.said if "containrs" in message)
    assert message == "undefined field 'containrs' (for v1 Pod)"
    assert extra["facts"]["where"].startswith(f"{tmp_path}/policy.yaml:9:")
    assert extra["facts"]["help"] == "did you mean 'containers'?"


def test_policies_are_held_to_the_version_of_the_cluster(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"exists since Kubernetes 1\.32"):
        loading.load_engine(settings(tmp_path, "1.31"), offload)
