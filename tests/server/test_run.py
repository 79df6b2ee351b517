from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.server.serving import trusting

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = (ROOT / "examples" / "privileged-pod-review.json").read_bytes()

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@dataclass
class Process:
    process: subprocess.Popen[bytes]
    url: str
    ops_url: str
    folder: Path
    certificates: Path

    def post(self) -> httpx.Response:
        headers = {"content-type": "application/json"}
        context = trusting(self.certificates)
        return httpx.post(f"{self.url}/validate", content=SAMPLE, headers=headers, verify=context)

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert self.process.poll() is None, self.said
            try:
                if httpx.get(f"{self.ops_url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(self.said)

    def wait_until_said(self, text: str) -> None:
        end = time.monotonic() + 10
        while text not in self.said:
            assert time.monotonic() < end, self.said
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    @property
    def said(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "stdout").read_text().splitlines()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def environment() -> dict[str, str]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "certs")))
    return {name: value for name, value in os.environ.items() if not name.startswith("ADMISSION_")} | {
        "PYTHONPATH": path
    }


@contextmanager
def admission_serve(folder: Path, certificates: Path, *options: str) -> Iterator[Process]:
    port, ops_port = free_port(), free_port()
    command = [
        *(sys.executable, "-m", "admission", "serve", "--policies", "builtin:pod-security", "--host", "127.0.0.1"),
        *("--port", str(port), "--ops-port", str(ops_port), "--tls-dir", str(certificates), *options),
    ]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as error:
        process = subprocess.Popen(command, stdout=out, stderr=error, env=environment(), cwd=folder)
    try:
        yield Process(process, f"https://127.0.0.1:{port}", f"http://127.0.0.1:{ops_port}", folder, certificates)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_serve_tells_what_it_serves_answers_records_and_ends(tmp_path: Path, certificates: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with admission_serve(tmp_path, certificates, "--drain-delay", "0.3", "--audit-log", str(log)) as server:
        server.wait_until_ready()
        assert server.post().json()["response"]["allowed"] is False
        assert server.end() == 0
        (event,) = server.events
        assert event["decision"] == "denied"
        assert log.read_text().count("\n") == (0 if event["dryRun"] else 1)
        messages = [json.loads(line)["message"] for line in server.said.splitlines()]
    assert messages[0].startswith("admission ")
    for part in (
        "loaded ",
        "enforcing",
        "certificate for localhost, 127.0.0.1 until",
        "ready: reviews on https://",
        "draining",
    ):
        assert any(message.startswith(part) for message in messages), part
    assert "Traceback" not in server.said


def test_an_interrupt_ends_it_at_once(tmp_path: Path, certificates: Path) -> None:
    with admission_serve(tmp_path, certificates, "--drain-delay", "60") as server:
        server.wait_until_ready()
        assert server.end(signal.SIGINT) == 0


def test_audit_only_is_said_in_words(tmp_path: Path, certificates: Path) -> None:
    with admission_serve(tmp_path, certificates, "--audit-only", "--drain-delay", "0") as server:
        server.wait_until_ready()
        assert server.post().json()["response"]["allowed"] is True
        assert server.end() == 0
        assert server.events[0]["would_deny"] is True
        assert "AUDIT ONLY: nothing is denied" in server.said


def test_several_workers_serve_one_port_and_are_counted_together(tmp_path: Path, certificates: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with admission_serve(
        tmp_path, certificates, "--workers", "2", "--drain-delay", "0.2", "--audit-log", str(log)
    ) as server:
        server.wait_until_ready()
        assert all(server.post().json()["response"]["allowed"] is False for _ in range(8))
        metrics = httpx.get(f"{server.ops_url}/metrics").text
        counts = [
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith("admission_reviews_total{") and 'worker="' in line
        ]
        assert sum(counts) == 8
        assert metrics.count("admission_ready{worker=") == 2
        server.wait_until_said("ready: reviews on https://")
        assert server.end() == 0
        assert len(server.events) == 8
    assert sorted(path.name for path in tmp_path.glob("audit*")) == ["audit-0.jsonl", "audit-1.jsonl"]
    assert "Traceback" not in server.said


def test_a_worker_that_dies_is_started_again(tmp_path: Path, certificates: Path) -> None:
    with admission_serve(tmp_path, certificates, "--workers", "2", "--drain-delay", "0") as server:
        server.wait_until_ready()
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc to find a worker")
        workers = [
            int(child)
            for child in children.read_text().split()
            if b"multiprocessing.spawn" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        end = time.monotonic() + 20
        while "ended unasked" not in server.said:
            assert time.monotonic() < end
            time.sleep(0.05)
        server.wait_until_ready()
        assert server.post().status_code == 200
        assert server.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_faults_of_policies_keep_it_from_starting(tmp_path: Path, certificates: Path, workers: str) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text("apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nspec: [\n")
    with admission_serve(tmp_path, certificates, "--policies", str(policies), "--workers", workers) as server:
        assert server.process.wait(30) == 2
        assert f"{policies}:" in server.said
        assert "Traceback" not in server.said


def test_a_taken_port_keeps_it_from_starting(tmp_path: Path, certificates: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with admission_serve(tmp_path, certificates, "--port", port) as server:
            assert server.process.wait(30) == 2
            assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in server.said


def test_a_missing_certificate_keeps_it_from_starting(tmp_path: Path) -> None:
    with admission_serve(tmp_path, tmp_path) as server:
        assert server.process.wait(30) == 2
        assert "tls.crt" in server.said
