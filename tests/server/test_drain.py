from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from admission.server.lifecycle import Phase
from tests.server.serving import Running, review, serving, trusting


def in_background(running: Running, body: Any) -> tuple[threading.Thread, list[httpx.Response]]:
    responses: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: responses.append(running.post(body)), daemon=True)
    thread.start()
    return thread, responses


def wait_for(running: Running, phase: Phase) -> None:
    end = time.monotonic() + 5
    while running.assembly.lifecycle.phase is not phase:
        assert time.monotonic() < end
        time.sleep(0.005)


def stop(running: Running, *, at_once: bool = False) -> None:
    assert running.assembly.server is not None
    running.assembly.server.stop(at_once=at_once)


def release(running: Running) -> None:
    assert running.assembly.server is not None
    loop = running.assembly.server._loop
    assert loop is not None
    loop.call_soon_threadsafe(running.engine.gate.set)


def test_while_draining_readiness_is_red_and_reviews_go_on(certificates: Path) -> None:
    with serving(certificates, drain_delay=0.5) as running:
        assert running.answer(review())["allowed"] is True
        stop(running)
        wait_for(running, Phase.DRAINING)
        assert (running.ops("/readyz").status_code, running.ops("/readyz").text) == (503, "draining\n")
        assert running.ops("/livez").status_code == 200
        response = running.post(review())
        assert response.json()["response"]["allowed"] is True
        assert "connection" not in response.headers
        with httpx.Client(verify=trusting(certificates)) as newcomer:  # new connections are taken, too
            assert newcomer.post(f"{running.url}/validate", json=review()).status_code == 200
        running.thread.join(5)
        assert not running.thread.is_alive()


def test_after_the_delay_an_answer_tells_its_connection_to_go(certificates: Path) -> None:
    with serving(certificates) as running:
        thread, responses = in_background(running, review("wait"))
        while not running.assembly.lifecycle.in_flight:
            time.sleep(0.005)
        stop(running)
        wait_for(running, Phase.CLOSING)
        time.sleep(0.1)
        assert running.thread.is_alive()  # something is in flight
        release(running)
        thread.join(5)
        assert responses[0].status_code == 200
        assert responses[0].headers["connection"] == "close"
        running.thread.join(5)
        assert not running.thread.is_alive()


def test_an_idle_connection_may_send_one_more_request(certificates: Path) -> None:
    with serving(certificates) as running:
        assert running.answer(review())["allowed"] is True
        stop(running)
        wait_for(running, Phase.CLOSING)
        response = running.post(review())
        assert response.json()["response"]["allowed"] is True
        assert response.headers["connection"] == "close"
        running.thread.join(5)
        assert not running.thread.is_alive()


def test_idle_connections_do_not_hold_up_the_end(certificates: Path) -> None:
    with serving(certificates) as running:
        assert running.answer(review())["allowed"] is True
        started = time.monotonic()
        stop(running)
        running.thread.join(5)
        assert time.monotonic() - started < 3


def test_a_second_stop_skips_the_delay(certificates: Path) -> None:
    with serving(certificates, drain_delay=60) as running:
        stop(running)
        wait_for(running, Phase.DRAINING)
        stop(running)
        running.thread.join(5)
        assert not running.thread.is_alive()


@pytest.mark.parametrize("delay", [0, 60])
def test_a_stop_at_once_has_no_delay(certificates: Path, delay: float) -> None:
    with serving(certificates, drain_delay=delay) as running:
        stop(running, at_once=True)
        running.thread.join(5)
        assert not running.thread.is_alive()


def test_many_requests_over_one_connection_see_no_end_of_it(server: Running) -> None:
    ports = set()
    for _ in range(50):
        with server.client.stream("POST", f"{server.url}/validate", json=review()) as response:
            ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
            response.read()
        assert response.status_code == 200
        assert "connection" not in response.headers
    assert len(ports) == 1
