"""One serving process, put together: settings and policies in, a server that runs until it is told to stop.

`Assembly` is made before the policies are compiled, so that probes answer meanwhile: alive, not ready.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import uvicorn

from admission import __version__
from admission.audit import open_sink
from admission.audit.masking import Masking
from admission.audit.sink import Dispatcher, Sink, SinkCounts
from admission.errors import InputError, UsageError
from admission.policy import Action, PolicySet
from admission.server import metrics as metric
from admission.server.app import WebhookApp
from admission.server.backlog import Backlog
from admission.server.bodies import BodyReader, ByteBudget
from admission.server.drain import WebhookServer
from admission.server.endpoints import ReviewEndpoint
from admission.server.judging import MUTATE, VALIDATE, Judge
from admission.server.lifecycle import Lifecycle
from admission.server.loading import Loaded
from admission.server.logs import logger
from admission.server.metrics import Labels, Metrics, one
from admission.server.offload import HeavyWork
from admission.server.ops import METRICS, OpsAnswer, verdict
from admission.server.protocol import http_protocol
from admission.server.settings import Settings
from admission.server.tls import CertificateInfo, CertificateWatch, LiveCertificate
from admission.server.watchdog import Watchdog

IDLE_SECONDS: Final = 120
"""How long an idle connection is kept: the API server keeps its own for 90 s and must be the first to close."""

SWITCH_SECONDS: Final = 0.001
"""How long one thread may hold the interpreter while others wait: probes and small reviews beside heavy ones."""

DEAF_SECONDS: Final = 60.0
"""Without a sign of life of the event loop for so long the process is not alive; no review may take half of it."""

FLUSH_SECONDS: Final = 5.0
BACKLOG: Final = 2_048
_GARBAGE_THRESHOLD: Final = 20_000
"""Containers allocated between collections; decoded reviews have many and leave no cycles."""


class Assembly:
    """Everything of one serving process but its policies; also answers its probes.

    `worker` is the number of this process among several, None where there is one. Raises UsageError and InputError
    for settings that cannot work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker: int | None = None,
        lifecycle: Lifecycle | None = None,
        sinks: Iterable[Sink] | None = None,
    ) -> None:
        self._settings = settings
        self.lifecycle = lifecycle if lifecycle is not None else Lifecycle()
        self.metrics = Metrics()
        self.offload = HeavyWork()
        self._certificate = LiveCertificate(settings.certificate_path, settings.key_path)
        self._dispatcher = Dispatcher(tuple(sinks) if sinks is not None else open_sinks(settings, worker))
        self._watch = CertificateWatch(self._certificate, renewed=self._renewed, failed=self._not_renewed)
        self.server: WebhookServer | None = None
        self._measure()

    def live(self) -> OpsAnswer:
        """Answer /livez."""
        silent = self._silence()
        return verdict(silent < DEAF_SECONDS, f"the event loop has been silent for {silent:.0f} s")

    def ready(self) -> OpsAnswer:
        """Answer /readyz."""
        return verdict(self.lifecycle.is_ready, self.lifecycle.phase.value)

    def exposition(self) -> OpsAnswer:
        """Answer /metrics."""
        return OpsAnswer(200, self.metrics.exposition(), METRICS)

    def serve(
        self,
        loaded: Loaded,
        listening: socket.socket,
        *,
        signals: bool = True,
        started: Callable[[tuple[str, int]], None] = lambda _address: None,
    ) -> None:
        """Serve on a listening socket until told to stop; returns when nothing is in flight any more.

        `started` is told the address as soon as reviews are welcome.
        """
        settings, lifecycle, metrics = self._settings, self.lifecycle, self.metrics
        budget = ByteBudget(settings.max_in_flight)
        judge = Judge(
            loaded.engine,
            policy_set=loaded.policies.version,
            audit_only=settings.audit_only,
            metrics=metrics,
            dispatcher=self._dispatcher,
            masking=Masking(loaded.policies),
            clock=time.monotonic,
            wall=time.time,
        )
        backlog = None
        if settings.audit_only and not warns(loaded.policies):
            backlog = Backlog(judge.evaluate_later, lifecycle, time.monotonic)
            judge.missed = lambda: backlog.dropped
        watchdog = Watchdog(time.monotonic)
        mutate, validate = (
            ReviewEndpoint(
                phase,
                judge=judge,
                reader=BodyReader(settings.max_body, budget),
                lifecycle=lifecycle,
                watchdog=watchdog,
                clock=time.monotonic,
                backlog=backlog,
            )
            for phase in (MUTATE, VALIDATE)
        )
        metrics.read(metric.BYTES, lambda: one(budget.used))
        metrics.read(metric.DEFERRED_QUEUED, lambda: one(len(backlog) if backlog is not None else 0))
        metrics.read(metric.DEFERRED_DROPPED, lambda: one(backlog.dropped if backlog is not None else 0))
        metrics.read(metric.POLICY_SET, lambda: (((loaded.policies.version,), 1),))
        metrics.read(metric.POLICIES, lambda: one(len(loaded.policies.policies)))
        config = uvicorn.Config(
            WebhookApp(mutate=mutate, validate=validate),
            lifespan="off",
            ws="none",
            http=http_protocol(),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            workers=1,
            timeout_keep_alive=IDLE_SECONDS,
            backlog=BACKLOG,
            ssl_context_factory=lambda _config, _default: self._certificate.context,
        )
        self.server = WebhookServer(
            config,
            lifecycle,
            drain_delay=settings.drain_delay,
            watchdog=watchdog,
            backlog=backlog,
            signals=signals,
            started=started,
        )
        self._tell(loaded)
        _tune()
        self._watch.start()
        self.server.run(sockets=[listening])

    def close(self) -> None:
        """Write what is queued and let go of everything; call it once, whatever happened before."""
        self._watch.stop()
        self.offload.close()
        lost = self._dispatcher.close(FLUSH_SECONDS)
        if lost:
            logger().error("%d audit events were lost and no event says so", lost)

    def _tell(self, loaded: Loaded) -> None:
        """Log what matters to whoever started the server."""
        policies, settings = loaded.policies, self._settings
        log = logger()
        log.info(
            "loaded %s and %s",
            _number(len(policies.policies), "policy", "policies"),
            _number(len(policies.bindings), "binding", "bindings"),
            extra={"facts": {"files": len(loaded.files), "policy_set": policies.version}},
        )
        if settings.audit_only:
            log.warning("AUDIT ONLY: nothing is denied and nothing is changed, only recorded")
        else:
            log.info("enforcing: requests are denied and changed as the policies say")
        info = self._certificate.info
        log.info("certificate for %s until %s", ", ".join(info.names), _day(info.not_after), extra=_facts(info))

    def _renewed(self, info: CertificateInfo) -> None:
        self.metrics.reloaded("success")
        names = ", ".join(info.names)
        logger().info("new certificate for %s until %s", names, _day(info.not_after), extra=_facts(info))

    def _not_renewed(self, error: InputError) -> None:
        self.metrics.reloaded("failure")
        logger().error("the certificate files have changed but cannot be used, the old one stays: %s", error)

    def _measure(self) -> None:
        read = self.metrics.read
        read(metric.BUILD, lambda: (((__version__,), 1),))
        read(metric.READY, lambda: one(self.lifecycle.is_ready))
        read(metric.IN_FLIGHT, lambda: one(self.lifecycle.in_flight))
        read(metric.HEAVY, lambda: one(self.offload.started))
        read(metric.HEAVY_WAITING, lambda: one(self.offload.waiting))
        read(metric.LAST_TICK, lambda: one(self._silence()))
        read(metric.EXPIRY, lambda: one(self._certificate.info.not_after.timestamp()))
        read(metric.EVENTS, lambda: self._counts(lambda counts: counts.written))
        read(metric.EVENTS_DROPPED, lambda: self._counts(lambda counts: counts.dropped))
        read(metric.EVENTS_QUEUED, lambda: self._counts(lambda counts: counts.queued))

    def _counts(self, number: Callable[[SinkCounts], int]) -> list[tuple[Labels, float]]:
        return [((counts.sink,), number(counts)) for counts in self._dispatcher.counts()]

    def _silence(self) -> float:
        beat = self.lifecycle.beat
        return 0.0 if beat is None else time.monotonic() - beat


def open_sinks(settings: Settings, worker: int | None) -> tuple[Sink, ...]:
    """Return the sinks that the settings ask for; of several workers each writes a file of its own: audit-0.jsonl."""
    addresses = [] if not settings.audit_stdout else ["stdout"] if worker is None else ["stdout:shared"]
    path = settings.audit_log
    if path is not None:
        if worker is not None:
            path = path.with_name(f"{path.stem}-{worker}{path.suffix}")
        addresses.append(f"file:{path}")
    return tuple(open_sink(address) for address in addresses)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises UsageError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def tell_ready(address: tuple[str, int], ops: tuple[str, int]) -> None:
    """Log that reviews are welcome, and where."""
    logger().info("ready: reviews on https://%s:%d, probes and metrics on http://%s:%d", *address, *ops)


def warns(policies: PolicySet) -> bool:
    """Return whether some binding warns, so that an answer cannot be given before the evaluation."""
    return any(
        Action.WARN in (*binding.actions, *(binding.pod_template_actions or ())) for binding in policies.bindings
    )


def _tune() -> None:
    """Set the interpreter up for serving: fair threads, and no collections over what lives as long as the process."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)


def _number(count: int, one_of_them: str, many: str) -> str:
    return f"{count} {one_of_them if count == 1 else many}"


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _facts(info: CertificateInfo) -> dict[str, dict[str, str]]:
    return {"facts": {"subject": info.subject, "sha256": info.fingerprint}}
