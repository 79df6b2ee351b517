"""Several serving processes behind one socket, and the process that watches over them.

The parent opens the socket for reviews and answers the probes; each worker is a process of its own (started afresh,
not forked) with its own engine and audit file. A worker tells the parent its phase over a pipe, and hands over its
metrics when asked: the parent shows them all with the label `worker`. A worker that dies is started again.
"""

from __future__ import annotations

import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from admission.errors import AdmissionError
from admission.server.assembly import Assembly, listen, tell_ready
from admission.server.lifecycle import Lifecycle, Phase
from admission.server.loading import Load
from admission.server.logs import Log, logger
from admission.server.ops import METRICS, OpsAnswer, OpsServer, verdict
from admission.server.settings import Settings

T = TypeVar("T")

RESTART_SECONDS: Final = 1.0
METRICS_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.2
_ASK: Final = b"metrics"
_STOP: Final = b"stop"
_STOP_AT_ONCE: Final = b"stop at once"
_GIVE_UP_SECONDS: Final = 60.0


def supervise(settings: Settings, load: Load) -> int:
    """Serve with `settings.workers` processes until a signal; return the exit code.

    Raises UsageError, InputError and LoadError for what no worker could start with.
    """
    load(settings, _here)  # so that faults of policies are told once, not by every worker
    with listen(settings.host, settings.port) as listening:
        return _Supervisor(settings, load, listening).run()


async def _here(work: Callable[[], T], /) -> T:
    return work()


class _Supervisor:
    def __init__(self, settings: Settings, load: Load, listening: socket.socket) -> None:
        self._settings = settings
        self._workers = [_Worker(number, settings, load, listening) for number in range(settings.workers)]
        self._address: tuple[str, int] = listening.getsockname()[:2]
        self._stopping: int | None = None

    def run(self) -> int:
        source = _Workers(self._workers)
        ops = OpsServer(self._settings.host, self._settings.ops_port, source)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        ops.start()
        try:
            for worker in self._workers:
                worker.start()
            return self._watch(ops.address)
        finally:
            for worker in self._workers:
                worker.kill()
            ops.stop()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = number
        for worker in self._workers:
            worker.signal(number)

    def _watch(self, ops: tuple[str, int]) -> int:
        """Restart what dies until everything was told to stop; a worker that cannot start at all ends everything."""
        until = None
        told = False
        while True:
            wait([worker.sentinel for worker in self._workers if worker.is_alive], _TICK_SECONDS)
            if self._stopping is not None:
                until = until or time.monotonic() + self._settings.drain_delay + _GIVE_UP_SECONDS
                if not any(worker.is_alive for worker in self._workers):
                    return 0
                if time.monotonic() > until:
                    logger().error("workers did not end in time and are killed")
                    return 3
                continue
            if not told and all(map(_is_ready, self._workers)):
                tell_ready(self._address, ops)
                told = True
            for worker in self._workers:
                if worker.is_alive:
                    continue
                if not worker.was_ready:
                    logger().error("worker %d could not start", worker.number)
                    return worker.exit_code or 3
                logger().error(
                    "worker %d ended unasked with code %s; starting it again", worker.number, worker.exit_code
                )
                time.sleep(RESTART_SECONDS)
                worker.start()


class _Worker:
    """One worker as its parent sees it."""

    def __init__(self, number: int, settings: Settings, load: Load, listening: socket.socket) -> None:
        self.number = number
        self._settings = settings
        self._load = load
        self._listening = listening
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._answers: SimpleQueue[bytes] = SimpleQueue()
        self._asking = threading.Lock()
        self.phase = Phase.STARTING
        self.was_ready = False

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def sentinel(self) -> int:
        return self._process.sentinel if self._process is not None else -1

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode if self._process is not None else None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self.phase = Phase.STARTING
        self.was_ready = False
        self._pipe = ours
        self._process = context.Process(
            target=work, args=(self.number, self._settings, self._load, self._listening, theirs), daemon=False
        )
        self._process.start()
        theirs.close()
        threading.Thread(target=self._listen, args=(ours,), name=f"worker-{self.number}", daemon=True).start()

    def signal(self, number: int) -> None:
        if self._pipe is not None:
            with suppress(OSError):  # the worker is gone already
                self._pipe.send_bytes(_STOP if number == signal.SIGTERM else _STOP_AT_ONCE)

    def kill(self) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()

    def metrics(self) -> bytes | None:
        """Return the worker's exposition, or None where it does not answer in time."""
        if self._pipe is None:
            return None
        with self._asking:
            with suppress(Empty):
                while True:
                    self._answers.get_nowait()  # an answer that came too late
            with suppress(OSError, Empty):
                self._pipe.send_bytes(_ASK)
                return self._answers.get(timeout=METRICS_SECONDS)
        return None

    def _listen(self, pipe: Connection) -> None:
        with suppress(EOFError, OSError):
            while True:
                kind, _, rest = pipe.recv_bytes().partition(b"\n")
                if kind == b"phase":
                    self.phase = Phase(rest.decode())
                    self.was_ready = self.was_ready or self.phase is Phase.READY
                else:
                    self._answers.put(rest)
        pipe.close()


def work(number: int, settings: Settings, load: Load, listening: socket.socket, pipe: Connection) -> None:
    """Be worker `number`: the whole life of a process that `supervise` has started."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)  # the parent says when to stop, also where the terminal tells all
    log = Log()
    sending = threading.Lock()

    def send(message: bytes) -> None:
        with sending, suppress(OSError):
            pipe.send_bytes(message)

    code = 0
    try:
        lifecycle = Lifecycle(changed=lambda phase: send(b"phase\n" + phase.value.encode()))
        assembly = Assembly(settings, worker=number, lifecycle=lifecycle)
        threading.Thread(target=_obey, args=(assembly, pipe, send), name="parent", daemon=True).start()
        try:
            assembly.serve(load(settings, assembly.offload), listening, signals=False)
        finally:
            assembly.close()
    except AdmissionError as error:
        logger().error("worker %d: %s", number, error)
        code = error.exit_code
    finally:
        log.close()
    raise SystemExit(code)


def _obey(assembly: Assembly, pipe: Connection, send: Callable[[bytes], None]) -> None:
    """Do what the parent says; where the parent is gone, stop."""
    while True:
        try:
            word = pipe.recv_bytes()
        except (EOFError, OSError):
            _stop(assembly, at_once=False)
            return
        if word == _ASK:
            send(_ASK + b"\n" + assembly.exposition().body)
        else:
            _stop(assembly, at_once=word == _STOP_AT_ONCE)


def _stop(assembly: Assembly, *, at_once: bool) -> None:
    while assembly.server is None:  # policies are still being compiled
        time.sleep(_TICK_SECONDS)
    assembly.server.stop(at_once=at_once)


class _Workers:
    """Answers probes for all workers."""

    def __init__(self, workers: list[_Worker]) -> None:
        self._workers = workers

    def live(self) -> OpsAnswer:
        return verdict(True, "")

    def ready(self) -> OpsAnswer:
        waiting = [f"worker {worker.number}: {worker.phase.value}" for worker in self._workers if not _is_ready(worker)]
        return verdict(not waiting, ", ".join(waiting))

    def exposition(self) -> OpsAnswer:
        texts = [(worker.number, text) for worker in self._workers if (text := worker.metrics()) is not None]
        return OpsAnswer(200, merge(texts), METRICS)


def _is_ready(worker: _Worker) -> bool:
    return worker.is_alive and worker.phase is Phase.READY


def merge(expositions: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the metrics of several workers as one exposition, each sample with the label `worker`."""
    families: dict[str, Metric] = {}
    for number, text in expositions:
        for family in text_string_to_metric_families(text.decode()):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                merged.add_sample(sample.name, {**sample.labels, "worker": str(number)}, sample.value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(families.values()))
    return generate_latest(registry)


class _Given(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
