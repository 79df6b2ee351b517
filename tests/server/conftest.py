from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from admission_certs.__main__ import main
from tests.server.serving import Running, serving


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.crt, tls.crt and tls.key for the loopback address."""
    folder = tmp_path_factory.mktemp("certificates")
    assert main(["bootstrap", "--dir", str(folder), "--dns", "localhost", "127.0.0.1"]) == 0
    return folder


@pytest.fixture
def server(certificates: Path) -> Iterator[Running]:
    """A server that enforces, with a body limit of 64 KiB."""
    with serving(certificates, max_body=65_536, max_in_flight=1_000_000) as running:
        yield running


@pytest.fixture
def auditing(certificates: Path) -> Iterator[Running]:
    """A server in audit-only mode whose policies never warn: it answers first."""
    with serving(certificates, max_body=65_536, audit_only=True) as running:
        yield running
