"""A running server beside the barest webhook on the same uvicorn: throughput, latency, isolation, memory.

Servers are processes of their own, measured in turns (bare, ours, bare, ours, ...), so that a machine whose speed
drifts changes both alike; ratios are of medians over the turns.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
REVIEW = ROOT / "tests" / "assets" / "bench" / "review.json"
CONNECTIONS = 16
TURNS = 5
SECONDS = 3.0
PROFILE = "builtin:pod-security/restricted"

BURNING = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: burning}
spec:
  failurePolicy: Ignore
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}
  validations:
    - expression: object.list.all(x, object.list.all(y, object.list.all(z, x + y + z >= 0)))
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: burning}
spec: {policyName: burning, validationActions: [Deny]}
"""


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: list[str], *, wait: str | int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; `wait` is the readiness URL, or the port that must accept."""
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
        try:
            _wait_for(wait, started)
            yield started
        except BaseException:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace")[-2000:])
            raise
        finally:
            started.kill()
            started.wait()


def _wait_for(wait: str | int, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if started.poll() is not None:
            raise RuntimeError(f"the server ended with {started.returncode}")
        try:
            if isinstance(wait, int):
                socket.create_connection(("127.0.0.1", wait), 1).close()
            else:
                urllib.request.urlopen(wait, timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not become ready in a minute")


class Certificate:
    """A throw-away certificate in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        command = [sys.executable, "-m", "admission_certs", "bootstrap", "--dir", folder, "--dns", "localhost"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


class Ours:
    """`admission serve` and its addresses."""

    def __init__(self, certificate: Certificate, *policies: str, audit_only: bool = False) -> None:
        self.port, self.ops = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}/validate?timeout=10s"
        self.command = [
            *(sys.executable, "-m", "admission", "serve", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--ops-port", str(self.ops), "--tls-dir", str(certificate.folder), "--drain-delay", "0"),
            *(part for path in policies for part in ("--policies", path)),
            *(["--audit-only"] if audit_only else []),
        ]
        self.ready = f"http://127.0.0.1:{self.ops}/readyz"


def load(
    url: str, body: Path, *, connections: int = CONNECTIONS, seconds: float = SECONDS, pause: float = 0.0
) -> subprocess.Popen[bytes]:
    """Start a load generator."""
    command = [
        *(sys.executable, "-m", "benchmarks.load", url, str(body), "--connections", str(connections)),
        *("--seconds", str(seconds), "--pause", str(pause)),
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def result(running: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return what a load generator measured."""
    said, _ = running.communicate()
    answer: dict[str, Any] = json.loads(said)
    return answer


def throughput(certificate: Certificate, *, audit_only: bool = False) -> dict[str, Any]:
    """Return requests per second, p50 and p99 of the bare app and of ours with the restricted profile."""
    ours = Ours(certificate, PROFILE, audit_only=audit_only)
    bare_port = free_port()
    bare_command = [
        *(sys.executable, "-m", "benchmarks.bare_app", str(bare_port)),
        *(str(certificate.folder / "tls.crt"), str(certificate.folder / "tls.key")),
    ]
    turns: dict[str, list[dict[str, Any]]] = {"bare": [], "ours": []}
    with process(bare_command, wait=bare_port), process(ours.command, wait=ours.ready):
        urls = {"bare": f"https://127.0.0.1:{bare_port}/validate", "ours": ours.url}
        for name, url in urls.items():
            result(load(url, REVIEW, seconds=1.0))
            turns[name].clear()
        for _ in range(TURNS):
            for name, url in urls.items():
                turns[name].append(result(load(url, REVIEW)))
    table: dict[str, Any] = {
        name: {key: statistics.median(turn[key] for turn in measured) for key in ("per_second", "p50_ms", "p99_ms")}
        | {"failed": sum(turn["failed"] for turn in measured), "requests": sum(turn["requests"] for turn in measured)}
        for name, measured in turns.items()
    }
    table["ratio"] = table["ours"]["per_second"] / table["bare"]["per_second"]
    return table


def isolation(certificate: Certificate) -> dict[str, Any]:
    """Return how probes and ordinary reviews fare while 16 reviews burn their whole budget."""
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "burning.yaml"
        policy.write_text(BURNING)
        burning = Path(folder) / "review.json"
        burning.write_text(json.dumps(_burning_review()))
        ours = Ours(certificate, PROFILE, str(policy))
        with process(ours.command, wait=ours.ready):
            result(load(ours.url, REVIEW, seconds=1.0))
            calm = result(load(ours.url, REVIEW, connections=2, seconds=SECONDS, pause=0.02))
            fire = load(ours.url, burning, connections=16, seconds=10)
            time.sleep(1.0)
            ordinary = load(ours.url, REVIEW, connections=2, seconds=8, pause=0.02)
            probes = [_probe(f"http://127.0.0.1:{ours.ops}/livez") for _ in range(200)]
            measured = result(ordinary)
            burned = result(fire)
    return {
        "livez_max_ms": max(probes),
        "ordinary_p50_ms": measured["p50_ms"],
        "ordinary_p99_ms": measured["p99_ms"],
        "ordinary_failed": measured["failed"],
        "ordinary_p99_ms_without_fire": calm["p99_ms"],
        "burning_answered": burned["requests"],
        "burning_failed": burned["failed"],
    }


def _burning_review() -> dict[str, Any]:
    review = json.loads(REVIEW.read_text())
    request = review["request"]
    kind, resource = (
        {"group": "", "version": "v1", "kind": "ConfigMap"},
        {"group": "", "version": "v1", "resource": "configmaps"},
    )
    request |= {"kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource}
    request["object"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "list": list(range(300))}
    return review  # type: ignore[no-any-return]


def _probe(url: str) -> float:
    start = time.perf_counter()
    urllib.request.urlopen(url, timeout=5).read()
    took = (time.perf_counter() - start) * 1e3
    time.sleep(0.03)
    return took


def memory(certificate: Certificate, reviews: int = 20_000) -> dict[str, Any]:
    """Return the resident memory after half of the reviews and after all of them."""
    ours = Ours(certificate, PROFILE)
    sizes: list[float] = []
    answered = 0
    with process(ours.command, wait=ours.ready) as server:
        sizes.append(resident_mib(server.pid))
        for half in (1, 2):
            while answered < reviews * half // 2:
                answered += int(result(load(ours.url, REVIEW, seconds=2.0))["requests"])
            sizes.append(resident_mib(server.pid))
    return {"reviews": answered, "start_mib": sizes[0], "half_mib": sizes[1], "end_mib": sizes[2]}


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmRSS for {pid}")


def cold_start() -> dict[str, Any]:
    """Return the wall time of `admission check` on one manifest, from a cold interpreter."""
    manifest = ROOT / "tests" / "assets" / "bench" / "pod.json"
    command = [sys.executable, "-m", "admission", "check", "--policies", PROFILE, str(manifest)]
    times = []
    for _ in range(8):
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - start)
    bare = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - start)
    return {"check_s": statistics.median(times[1:]), "python_s": statistics.median(bare)}
