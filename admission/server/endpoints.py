"""The one path of a request: read the body, decode, judge, answer; then count and record.

Laws of this file: whatever is a review is answered with HTTP 200, because to the API server any other status is a
failed call, which failurePolicy Ignore turns into "allowed"; 4xx with one sentence is for what is no review. No
answer holds a stack trace or the text of an unexpected error. Counting and recording come after the answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from admission.errors import DeadlineError, NotAReviewError, ReviewError
from admission.review import (
    AdmissionReview,
    decode_review,
    oversized_error,
)
from admission.server.backlog import Backlog, Deferred
from admission.server.bodies import BodyReader, BusyError, DisconnectedError, OversizedError, Receive
from admission.server.deadline import seconds_allowed
from admission.server.judging import Judge, Judged, encode_allowed
from admission.server.lifecycle import Lifecycle
from admission.server.logs import logger
from admission.server.watchdog import Watch, Watchdog

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_GRACE: Final = 1.02
"""Share of the time allowed after which a review is given up from outside; inside, the engine keeps the deadline."""

_PATIENCE: Final = 0.5
"""Share of the time allowed that a review waits for the budget of bytes."""

_REMEMBERED: Final = 100
_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; charset=utf-8"

_USUAL_START: Final = re.compile(
    rb'\{\s*"kind"\s*:\s*"AdmissionReview"\s*,\s*"apiVersion"\s*:\s*"(admission\.k8s\.io/v1(?:beta1)?)"\s*,'
    rb'\s*"request"\s*:\s*\{\s*"uid"\s*:\s*"([A-Za-z0-9._-]{1,128})"'
)
"""How every API server begins a review: what an answer needs stands in the first hundred bytes."""


@dataclass(slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    content_type: bytes = _JSON
    closes: bool = False


class ReviewEndpoint:
    """The ASGI application behind /mutate or /validate; `phase` is `mutate` or `validate`.

    With a `backlog` (audit-only, and no policy warns) reviews are answered first and evaluated afterwards.
    """

    def __init__(
        self,
        phase: str,
        *,
        judge: Judge,
        reader: BodyReader,
        lifecycle: Lifecycle,
        watchdog: Watchdog,
        clock: Callable[[], float],
        backlog: Backlog | None = None,
    ) -> None:
        self._phase = phase
        self._judge = judge
        self._reader = reader
        self._lifecycle = lifecycle
        self._watchdog = watchdog
        self._clock = clock
        self._backlog = backlog
        self._allowed: dict[bytes, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = self._clock()
        self._lifecycle.enter()
        seconds = self._seconds(scope["query_string"])
        watch = self._watchdog.begin(started + seconds * _GRACE)
        held = 0
        judged: Judged | None = None
        try:
            try:
                length = _body_length(scope["headers"])
                body, held = await self._reader.read(length, receive, seconds * _PATIENCE)
            except DisconnectedError:
                return
            except asyncio.CancelledError:
                _must_be_over(watch)
                answer = _refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time", closes=True)
            except NotAReviewError as error:
                answer = _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
            except (OversizedError, BusyError) as error:
                answer, judged = self._answer_unread(error, started)
            else:
                answer, judged = await self._answer(body, started, started + seconds, watch)
            self._watchdog.end(watch)
            await self._send(answer, send)
            if judged is not None:
                self._judge.record(judged)
            elif answer.status != HTTPStatus.OK:
                self._judge.refused(answer.status)
        finally:
            self._watchdog.end(watch)
            if held:
                self._reader.budget.give_back(held)
            self._lifecycle.leave(self._clock())

    async def _answer(self, body: bytes, started: float, deadline: float, watch: Watch) -> tuple[Answer, Judged | None]:
        if self._backlog is not None:
            start = _USUAL_START.match(body)
            if start:
                return self._answer_first(start, body, self._backlog), None
        try:
            review = decode_review(body)
        except NotAReviewError as error:
            return _refusal(HTTPStatus.BAD_REQUEST, str(error)), None
        except ReviewError as error:
            return self._answer_unjudged(error, started)
        try:
            judged = await self._judge.judge(self._phase, review, started, deadline)
            return Answer(HTTPStatus.OK, judged.body), judged
        except ReviewError as error:
            return self._answer_unjudged(error, started, review)
        except DeadlineError:
            fault = _unjudged(review, "the review could not be judged in time", HTTPStatus.GATEWAY_TIMEOUT)
        except asyncio.CancelledError:
            _must_be_over(watch)
            fault = _unjudged(review, "the review could not be judged in time", HTTPStatus.GATEWAY_TIMEOUT)
        except Exception:
            logger().exception("internal error while judging a review", extra={"facts": {"uid": review.request.uid}})
            fault = _unjudged(
                review,
                "the review could not be judged because of an internal error; the log of the server says where",
                HTTPStatus.INTERNAL_SERVER_ERROR,
            )
        return self._answer_unjudged(fault, started, review)

    def _seconds(self, query_string: bytes) -> float:
        """Return the seconds allowed; an API server asks with few different query strings."""
        seconds = self._allowed.get(query_string)
        if seconds is None:
            seconds = seconds_allowed(query_string)
            if len(self._allowed) < _REMEMBERED:
                self._allowed[query_string] = seconds
        return seconds

    def _answer_first(self, start: re.Match[bytes], body: bytes, backlog: Backlog) -> Answer:
        """Answer `allowed` and leave the evaluation for later."""
        backlog.offer(Deferred(self._phase, body, self._judge.now()))
        return Answer(HTTPStatus.OK, encode_allowed(start[2].decode("ascii"), start[1].decode("ascii")))

    def _answer_unread(self, error: OversizedError | BusyError, started: float) -> tuple[Answer, Judged | None]:
        """Answer a review of which only the start was read."""
        reply = oversized_error(error.start, self._reader.limit)
        if isinstance(error, BusyError):
            message = "too many bytes of reviews are in flight; try again"
            if isinstance(reply, NotAReviewError):
                return _refusal(HTTPStatus.TOO_MANY_REQUESTS, message, closes=not error.complete), None
            reply = ReviewError(
                message, uid=reply.uid, code=HTTPStatus.TOO_MANY_REQUESTS, api_version=reply.api_version
            )
        if isinstance(reply, NotAReviewError):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return _refusal(status, str(reply), closes=not error.complete), None
        return self._answer_unjudged(reply, started, closes=not error.complete)

    def _answer_unjudged(
        self, error: ReviewError, started: float, review: AdmissionReview | None = None, *, closes: bool = False
    ) -> tuple[Answer, Judged]:
        judged = self._judge.unjudged(self._phase, error, started, review)
        return Answer(HTTPStatus.OK, judged.body, closes=closes), judged

    async def _send(self, answer: Answer, send: Send) -> None:
        headers = [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(answer.body))]
        if answer.closes or self._lifecycle.retires_connections:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def _must_be_over(watch: Watch) -> None:
    """Take back the cancellation of a request that is over; one that came from elsewhere goes on."""
    if not watch.is_over:
        raise asyncio.CancelledError
    watch.task.uncancel()


def _body_length(headers: Headers) -> int | None:
    """Return the length of the body, if it is told; raises NotAReviewError for a body that cannot be a review."""
    content_type = b""
    length = None
    for name, value in headers:
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise NotAReviewError("the body is compressed; send it as it is")
    if content_type != _JSON and content_type.partition(b";")[0].strip().lower() != _JSON:
        raise NotAReviewError("the content type is not application/json; an AdmissionReview is sent as JSON")
    return length


def _refusal(status: HTTPStatus, sentence: str, *, closes: bool = False) -> Answer:
    return Answer(status, f"{sentence}\n".encode("utf-8", "replace"), _TEXT, closes)


def _unjudged(review: AdmissionReview, message: str, code: HTTPStatus) -> ReviewError:
    return ReviewError(message, uid=review.request.uid, code=code, api_version=review.api_version)
