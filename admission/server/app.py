"""The Starlette application: two routes, and one sentence for everything else."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from admission.server.endpoints import ReviewEndpoint
from admission.server.logs import logger

_SENTENCES = {
    404: "there are POST /mutate and POST /validate here; probes and metrics have a port of their own",
    405: "an AdmissionReview is sent with POST",
}


def create_app(*, mutate: ReviewEndpoint, validate: ReviewEndpoint) -> Starlette:
    """Return the application that serves the two endpoints."""
    return Starlette(
        routes=[
            Route("/mutate", mutate, methods=["POST"], name="mutate"),
            Route("/validate", validate, methods=["POST"], name="validate"),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )


async def _refuse(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return PlainTextResponse(_SENTENCES.get(status, "this cannot be done") + "\n", status, headers=headers)


async def _fail(_request: Request, _error: Exception) -> Response:
    """Answer what no endpoint answered; Starlette raises the error again for uvicorn, which logs where it happened."""
    logger().error("internal error outside of any review")
    return PlainTextResponse("internal error; the log of the server says where\n", 500)
