"""Probes and metrics, on a port of their own and from a thread of their own.

The event loop of the reviews has no part in this: a busy engine must never fail a probe. Every answer closes its
connection and no client is waited for longer than a few seconds.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

from admission.errors import UsageError

CLIENT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
TEXT: Final = "text/plain; charset=utf-8"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class OpsAnswer:
    """Status and body of an answer to a probe."""

    status: int
    body: bytes
    content_type: str = TEXT


class OpsSource(Protocol):
    """Who answers; called from threads of the ops server."""

    def live(self) -> OpsAnswer:
        """Answer /livez."""
        ...

    def ready(self) -> OpsAnswer:
        """Answer /readyz."""
        ...

    def exposition(self) -> OpsAnswer:
        """Answer /metrics."""
        ...


def verdict(is_good: bool, reason: str) -> OpsAnswer:
    """Return the answer of a probe: 200 `ok`, or 503 with the reason in one line."""
    if is_good:
        return OpsAnswer(HTTPStatus.OK, b"ok\n")
    return OpsAnswer(HTTPStatus.SERVICE_UNAVAILABLE, reason.encode() + b"\n")


class OpsServer:
    """A small plain HTTP server for GET /livez, /readyz and /metrics.

    Raises UsageError where the address cannot be listened on. Port 0 takes a free one; `address` tells which.
    """

    def __init__(self, host: str, port: int, source: OpsSource) -> None:
        try:
            self._server = _Server(host, port, source)
        except OSError as error:
            raise UsageError(f"cannot listen on {host}:{port} for probes and metrics: {error.strerror}") from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="ops", daemon=True
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are listened on."""
        host, port = self._server.socket.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and let go of the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, source: OpsSource) -> None:
        self.source = source
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no event."""


class _Request(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS
    server_version = "admission"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        source = self.server.source
        if path == "/livez":
            answer = source.live()
        elif path == "/readyz":
            answer = source.ready()
        elif path == "/metrics":
            answer = source.exposition()
        else:
            answer = OpsAnswer(HTTPStatus.NOT_FOUND, b"there are /livez, /readyz and /metrics\n")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class says so)
        """Say nothing: probes come every few seconds."""
