"""A load generator: one request over and over on a few TLS keep-alive connections, latencies of every answer.

    python -m benchmarks.load URL BODY --connections 16 --seconds 3

prints one JSON line: {"requests", "failed", "seconds", "per_second", "p50_ms", "p99_ms", "max_ms"}. It is a process of
its own so that it does not share an interpreter with what it measures, and speaks just enough HTTP/1.1 to be cheaper
than any server under it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import statistics
import time
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit


class Connection(asyncio.Protocol):
    """One keep-alive connection that sends the next request as soon as the last one is answered."""

    def __init__(self, request: bytes, stop_at: float, latencies: list[float], pause: float) -> None:
        self.request = request
        self.stop_at = stop_at
        self.latencies = latencies
        self.pause = pause
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.sent_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._send()

    def _send(self) -> None:
        assert self.transport is not None
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        now = time.perf_counter()
        self.latencies.append(now - self.sent_at)
        if not head.startswith(b"HTTP/1.1 200"):
            self.failed += 1
        self.buffer = b""
        if now >= self.stop_at or b"connection: close" in lowered:
            self._finish()
        elif self.pause:
            asyncio.get_running_loop().call_later(self.pause, self._send)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.done.done():
            self.failed += 1
            self.done.set_result(None)

    def _finish(self) -> None:
        assert self.transport is not None
        if not self.done.done():
            self.done.set_result(None)
        self.transport.close()


async def load(url: str, body: bytes, connections: int, seconds: float, pause: float = 0.0) -> dict[str, Any]:
    """Return what the answers were like."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    context = None
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    host, port = parts.hostname or "127.0.0.1", parts.port or 443
    latencies: list[float] = []
    start = time.perf_counter()
    made = []
    for _ in range(connections):
        _, protocol = await asyncio.get_running_loop().create_connection(
            lambda: Connection(request, start + seconds, latencies, pause), host, port, ssl=context
        )
        made.append(protocol)
    await asyncio.wait_for(asyncio.gather(*(protocol.done for protocol in made)), seconds + 60)
    took = time.perf_counter() - start
    ordered = sorted(latencies)
    return {
        "requests": len(ordered),
        "failed": sum(protocol.failed for protocol in made),
        "seconds": took,
        "per_second": len(ordered) / took,
        "p50_ms": statistics.median(ordered) * 1e3 if ordered else None,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3 if ordered else None,
        "max_ms": ordered[-1] * 1e3 if ordered else None,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("body", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between an answer and the next request")
    given = parser.parse_args()
    try:
        import uvloop

        runner: Any = uvloop.run
    except ImportError:
        runner = asyncio.run
    work = load(given.url, given.body.read_bytes(), given.connections, given.seconds, given.pause)
    print(json.dumps(runner(work)))


if __name__ == "__main__":
    main()
