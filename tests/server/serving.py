"""A real server in a thread, with a certificate of its own and an engine that does what its test says."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx
import orjson

from admission.audit.sink import Sink
from admission.decision import Decision, Finding, Outcome, decide_validation
from admission.policy import Action, Binding, Expression, PolicySet, ValidatingPolicy, Validation
from admission.review import AdmissionRequest
from admission.server.assembly import Assembly, listen
from admission.server.loading import Load, Loaded
from admission.server.ops import OpsServer
from admission.server.settings import Settings

POLICIES = PolicySet.of(
    [ValidatingPolicy(name="labels", validations=(Validation(Expression("false"), message="no verdict"),))],
    [Binding(kind="Validating", name="all", policy_name="labels", actions=(Action.DENY,))],
)
WARNING = PolicySet.of(
    POLICIES.policies, [Binding(kind="Validating", name="all", policy_name="labels", actions=(Action.WARN,))]
)


class LabelEngine:
    """Does what the label `verdict` of the object says: deny, warn, patch, wait, burn, break; else it allows."""

    def __init__(self) -> None:
        self.deadlines: list[float | None] = []
        self.gate = asyncio.Event()

    async def mutate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        decision = await self._decide(request, deadline)
        if _label(request) == "patch":
            return Decision(allowed=True, patch=({"op": "add", "path": "/metadata/labels/x", "value": "canary"},))
        return decision

    async def validate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        return await self._decide(request, deadline)

    async def _decide(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        self.deadlines.append(deadline)
        verdict = _label(request)
        if verdict == "wait":
            await self.gate.wait()
        if verdict == "hang":
            await asyncio.Event().wait()
        if verdict == "break":
            raise ValueError("a text with a canary in it")
        finding = Finding(policy="labels", binding="all")
        if verdict in ("deny", "warn"):
            action = Action.DENY if verdict == "deny" else Action.WARN
            message = f"the verdict is {_environment(request)}"
            finding = Finding(
                policy="labels",
                binding="all",
                index=0,
                outcome=Outcome.FAIL,
                actions=(action,),
                message=message,
                path="metadata.labels.verdict",
                reason="Invalid",
                code=422,
            )
        return decide_validation([finding], request, {})


def _label(request: AdmissionRequest) -> str:
    metadata = (request.object or {}).get("metadata") or {}
    return str((metadata.get("labels") or {}).get("verdict", ""))


def _environment(request: AdmissionRequest) -> str:
    containers = ((request.object or {}).get("spec") or {}).get("containers") or [{}]
    return str((containers[0].get("env") or [{}])[0].get("value", "no"))


def review(verdict: str = "", *, uid: str = "uid-1", dry_run: bool = False, **request: Any) -> dict[str, Any]:
    """Return an AdmissionReview that creates a Pod with the label `verdict`."""
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": uid,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "web",
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": "jane", "groups": ["dev"], "extra": {"token": ["extra-canary"]}},
            "object": {"kind": "Pod", "metadata": {"name": "web", "labels": {"verdict": verdict}}},
            "oldObject": None,
            "dryRun": dry_run,
            **request,
        },
    }


@dataclass
class Recorder:
    """A sink that keeps events in memory."""

    name: ClassVar[str] = "recorder"
    is_log: ClassVar[bool] = False
    lines: list[bytes] = field(default_factory=list)

    def write(self, lines: bytes) -> None:
        self.lines += lines.splitlines()

    def close(self) -> None:
        pass

    @property
    def events(self) -> list[Any]:
        return [orjson.loads(line) for line in self.lines]


class LogRecorder(Recorder):
    """The same, but a log, so that it gets the events of dry runs too."""

    name: ClassVar[str] = "log"
    is_log: ClassVar[bool] = True


@dataclass
class Running:
    """A server that runs; `events` are complete once it was stopped."""

    url: str
    ops_url: str
    client: httpx.Client
    assembly: Assembly
    engine: LabelEngine
    log: LogRecorder
    other: Recorder
    thread: threading.Thread

    def post(self, body: Any, path: str = "/validate", **options: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("headers", {"content-type": "application/json"})
        return self.client.post(f"{self.url}{path}", content=content, **options)

    def answer(self, body: Any, path: str = "/validate", **options: Any) -> Any:
        """Return the `response` of the answer, which must be a review."""
        response = self.post(body, path, **options)
        assert response.status_code == 200, response.text
        document = response.json()
        assert document["kind"] == "AdmissionReview"
        return document["response"]

    def ops(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.ops_url}{path}", timeout=5)

    def metric(self, sample: str) -> float:
        """Return the value of a sample by its name and labels, as it is printed; 0 where there is none."""
        for line in self.ops("/metrics").text.splitlines():
            if line.startswith(f"{sample} "):
                return float(line.rpartition(" ")[2])
        return 0

    def stop(self, *, at_once: bool = True) -> None:
        self.client.close()
        assert self.assembly.server is not None
        self.assembly.server.stop(at_once=at_once)
        self.thread.join(10)
        assert not self.thread.is_alive()


def settings_for(folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "policies": ("unused",),
        "host": "127.0.0.1",
        "port": 0,
        "ops_port": 0,
        "tls_dir": folder,
        "audit_stdout": False,
        "drain_delay": 0,
    }
    return Settings(**(values | changes))


def trusting(folder: Path) -> ssl.SSLContext:
    """Return a client's context that trusts the authority of a folder."""
    return ssl.create_default_context(cafile=str(folder / "ca.crt"))


@contextmanager
def serving(
    folder: Path,
    policies: PolicySet = POLICIES,
    *,
    sinks: tuple[Sink, ...] = (),
    load: Load | None = None,
    policies_from: tuple[str, ...] = ("unused",),
    **changes: Any,
) -> Iterator[Running]:
    """Run a server over the certificate in `folder` until the end of the block.

    It judges by labels, or with the engine that `load` returns.
    """
    settings = settings_for(folder, policies=policies_from, **changes)
    log, other, engine = LogRecorder(), Recorder(), LabelEngine()
    assembly = Assembly(settings, sinks=[log, other, *sinks])
    ops = OpsServer(settings.host, settings.ops_port, assembly)
    ops.start()
    started = threading.Event()
    addresses: list[tuple[str, int]] = []

    def run() -> None:
        def tell(address: tuple[str, int]) -> None:
            addresses.append(address)
            started.set()

        try:
            with listen(settings.host, settings.port) as listening:
                loaded = Loaded(policies, engine) if load is None else load(settings, assembly.offload)
                assembly.serve(loaded, listening, signals=False, started=tell)
        finally:
            assembly.close()
            started.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    if not addresses:
        ops.stop()
        raise AssertionError("the server did not start")
    host, port = addresses[0]
    with httpx.Client(verify=trusting(folder), timeout=10) as client:
        running = Running(
            f"https://{host}:{port}",
            "http://{}:{}".format(*ops.address),
            client,
            assembly,
            engine,
            log,
            other,
            thread,
        )
        try:
            yield running
        finally:
            if thread.is_alive():
                running.stop()
            ops.stop()
