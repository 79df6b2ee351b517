from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from admission.server import assembly
from admission.server.protocol import CorkedTransport
from tests.server.serving import Running, review, serving, trusting


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return name


def corked() -> tuple[Any, Transport]:
    transport = Transport()
    return CorkedTransport(transport), transport  # type: ignore[arg-type]


def test_headers_wait_for_the_body() -> None:
    cork, transport = corked()
    cork.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert transport.written == []
    cork.write(b"body")
    cork.write(b"more")
    assert transport.written == [b"HTTP/1.1 200 OK\r\n\r\nbody", b"more"]


def test_a_request_to_go_on_does_not_wait() -> None:
    cork, transport = corked()
    cork.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert transport.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_nothing_is_lost_at_the_end() -> None:
    cork, transport = corked()
    cork.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    cork.close()
    assert transport.written == [b"HTTP/1.1 204 No Content\r\n\r\n"]
    assert cork.is_closing()
    assert cork.get_extra_info("peername") == "peername"


def talk(running: Running, folder: Path, text: bytes) -> bytes:
    """Send bytes over a connection of its own and return all that comes back until it is closed."""
    port = int(running.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trusting(folder).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(text)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


def request(body: bytes, *headers: str, path: str = "/validate") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def encoded(**changes: Any) -> bytes:
    import json

    return json.dumps(review(**changes)).encode()


def test_a_pipelined_request_is_answered_in_order(server: Running, certificates: Path) -> None:
    first, second = encoded(uid="first"), encoded(uid="second")
    text = request(first, f"content-length: {len(first)}")
    text += request(second, f"content-length: {len(second)}", "connection: close")
    received = talk(server, certificates, text)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.index(b'"first"') < received.index(b'"second"')


def test_a_chunked_body_is_read(server: Running, certificates: Path) -> None:
    body = encoded(uid="chunked")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:50], body[50:])) + b"0\r\n\r\n"
    received = talk(server, certificates, request(chunks, "transfer-encoding: chunked", "connection: close"))
    assert b'"uid":"chunked","allowed":true' in received


def test_who_waits_to_be_asked_on_is_asked_on(server: Running, certificates: Path) -> None:
    body = encoded()
    text = request(body, f"content-length: {len(body)}", "expect: 100-continue", "connection: close")
    received = talk(server, certificates, text)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize("text", [b"hello\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_refused_and_the_server_lives_on(server: Running, certificates: Path, text: bytes) -> None:
    if text != b"\x16\x03\x01":
        assert talk(server, certificates, text).startswith(b"HTTP/1.1 4")
    else:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(text)
    assert server.answer(review())["allowed"] is True


def test_a_body_that_never_comes_is_given_up(server: Running, certificates: Path) -> None:
    received = talk(server, certificates, request(b"{", "content-length: 100", path="/validate?timeout=200ms"))
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in received
    assert server.metric("admission_body_bytes_in_flight") == 0


def test_a_client_that_goes_away_leaves_nothing_behind(server: Running, certificates: Path) -> None:
    port = int(server.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting(certificates).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request(b"{", "content-length: 100"))
        time.sleep(0.05)
    end = time.monotonic() + 5
    while server.assembly.lifecycle.in_flight:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert server.metric("admission_body_bytes_in_flight") == 0


def test_a_connection_that_never_asks_is_closed(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "IDLE_SECONDS", 0.1)
    with serving(certificates) as running:
        started = time.monotonic()
        assert talk(running, certificates, b"") == b""
        assert 0.1 <= time.monotonic() - started < 4
