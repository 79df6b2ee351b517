"""uvicorn's HTTP protocol with one write for an answer instead of two.

uvicorn writes the headers of an answer and its body each for itself; over TLS that is two records, and a tenth of all
the time that a short answer takes. Here the headers wait for what is written next.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

_ANSWER: Final = b"HTTP/1.1 "
_CONTINUE: Final = b"HTTP/1.1 100"


class CorkedTransport:
    """A transport that holds back the headers of an answer until the next write; all else is the transport's own."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or hold back until there is more."""
        if self._held:
            data = self._held + data
            self._held = b""
        elif data.startswith(_ANSWER) and not data.startswith(_CONTINUE):
            self._held = data
            return
        self._transport.write(data)

    def close(self) -> None:
        """Write what is held back and close."""
        if self._held:
            self._transport.write(self._held)
            self._held = b""
        self._transport.close()

    def is_closing(self) -> bool:
        """Return whether the transport is closing."""
        return self._transport.is_closing()


def http_protocol() -> type[asyncio.Protocol] | Literal["auto"]:
    """Return the protocol for uvicorn; where httptools is not installed, whatever uvicorn finds."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return "auto"

    class CorkedProtocol(HttpToolsProtocol):
        """HTTP/1.1 parsed by httptools, over a transport that holds back headers."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.transport = CorkedTransport(transport)  # type: ignore[assignment]  # it is one by behaviour
            # uvicorn begins to count idle seconds at the first answer; who never asks is idle, too
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    return CorkedProtocol
