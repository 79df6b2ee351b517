from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from admission.errors import UsageError
from admission.server.ops import METRICS, OpsAnswer, OpsServer, verdict
from tests.server.serving import Running, review


@dataclass
class Source:
    ready_reason: str = ""
    gate: threading.Event = field(default_factory=threading.Event)

    def live(self) -> OpsAnswer:
        return verdict(True, "")

    def ready(self) -> OpsAnswer:
        return verdict(not self.ready_reason, self.ready_reason)

    def exposition(self) -> OpsAnswer:
        return OpsAnswer(200, b"metrics\n", METRICS)


@contextmanager
def ops(source: Source) -> Iterator[str]:
    server = OpsServer("127.0.0.1", 0, source)
    server.start()
    try:
        yield "http://{}:{}".format(*server.address)
    finally:
        server.stop()


def test_probes_say_yes_or_no_and_why() -> None:
    source = Source()
    with ops(source) as url:
        assert (httpx.get(f"{url}/livez").status_code, httpx.get(f"{url}/livez").text) == (200, "ok\n")
        assert httpx.get(f"{url}/readyz").status_code == 200
        source.ready_reason = "starting"
        response = httpx.get(f"{url}/readyz?verbose")
        assert (response.status_code, response.text) == (503, "starting\n")
        assert httpx.head(f"{url}/readyz").status_code == 503


def test_metrics_have_their_content_type() -> None:
    with ops(Source()) as url:
        response = httpx.get(f"{url}/metrics")
        assert (response.text, response.headers["content-type"]) == ("metrics\n", METRICS)


def test_anything_else_is_answered_in_one_sentence() -> None:
    with ops(Source()) as url:
        assert httpx.get(f"{url}/").status_code == 404
        assert httpx.post(f"{url}/livez").status_code == 501


def test_a_client_that_says_nothing_holds_up_nobody() -> None:
    with ops(Source()) as url:
        port = int(url.rpartition(":")[2])
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        started = time.monotonic()
        assert httpx.get(f"{url}/livez").status_code == 200
        assert time.monotonic() - started < 1
        for connection in silent:
            connection.close()


def test_a_taken_port_is_a_usage_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port} for probes"):
            OpsServer("127.0.0.1", port, Source())


def test_a_server_is_alive_and_ready_and_tells_its_numbers(server: Running) -> None:
    assert server.ops("/livez").status_code == 200
    assert server.ops("/readyz").status_code == 200
    server.answer(review("deny"))
    labels = 'decision="denied",dry_run="false",operation="CREATE",phase="validate"'
    assert server.metric(f"admission_reviews_total{{{labels}}}") == 1
    assert server.metric('admission_policy_results_total{outcome="FAIL",phase="validate",policy="labels"}') == 1
    assert server.metric('admission_review_duration_seconds_count{phase="validate"}') == 1
    assert server.metric("admission_ready") == 1
    assert server.metric("admission_body_bytes_in_flight") == 0
    assert server.metric("admission_certificate_expiry_timestamp_seconds") > time.time()


def test_a_dead_event_loop_is_not_alive(server: Running) -> None:
    server.assembly.lifecycle.beat = time.monotonic() - 1000
    answer = server.assembly.live()  # before the loop's next tick
    assert answer.status in (200, 503)
    server.stop()
    server.assembly.lifecycle.beat = time.monotonic() - 1000
    assert server.assembly.live().status == 503
    assert server.assembly.live().body.startswith(b"the event loop has been silent")


def test_probes_answer_while_the_event_loop_is_busy(server: Running) -> None:
    assert server.assembly.server is not None
    loop = server.assembly.server._loop
    assert loop is not None
    busy = threading.Event()

    def burn() -> None:
        busy.set()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sum(range(1000))

    loop.call_soon_threadsafe(burn)
    assert busy.wait(5)
    slowest = 0.0
    for _ in range(5):
        started = time.monotonic()
        assert server.ops("/livez").status_code == 200
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 0.5
