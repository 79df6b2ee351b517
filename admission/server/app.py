"""The Starlette application: two routes, and one sentence for everything else."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from admission.server.endpoints import ReviewEndpoint
from admission.server.logs import logger

_SENTENCES = {
    404: "there are POST /mutate and POST /validate here; probes and metrics have a port of their own",
    405: "an AdmissionReview is sent with POST",
}


class WebhookApp(Starlette):
    """Starlette with a short way for the two requests that matter.

    Its routing and its two layers of middleware, which serve everything else, would take as long as a fifth of a whole
    review; the endpoints see to their own errors.
    """

    def __init__(self, *, mutate: ReviewEndpoint, validate: ReviewEndpoint) -> None:
        self._endpoints = {"/mutate": mutate, "/validate": validate}
        super().__init__(
            routes=[Route(path, endpoint, methods=["POST"]) for path, endpoint in self._endpoints.items()],
            exception_handlers={HTTPException: _refuse, Exception: _fail},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        endpoint = self._endpoints.get(scope["path"]) if scope.get("method") == "POST" else None
        await (super().__call__ if endpoint is None else endpoint)(scope, receive, send)


async def _refuse(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return PlainTextResponse(_SENTENCES.get(status, "this cannot be done") + "\n", status, headers=headers)


async def _fail(_request: Request, _error: Exception) -> Response:
    """Answer what no endpoint answered; Starlette raises the error again for uvicorn, which logs where it happened."""
    logger().error("internal error outside of any review")
    return PlainTextResponse("internal error; the log of the server says where\n", 500)
