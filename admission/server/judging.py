"""From a decoded review to its answer, and what is counted and recorded of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Protocol

import orjson

from admission.audit.event import event, unjudged_event
from admission.audit.masking import Masking
from admission.audit.sink import Dispatcher, Event
from admission.decision import Decision, Outcome
from admission.errors import AdmissionError, ReviewError
from admission.review import (
    API_VERSIONS,
    AdmissionRequest,
    AdmissionResponse,
    AdmissionReview,
    Status,
    decode_review,
    encode_response,
)
from admission.server.backlog import Deferred
from admission.server.deadline import DEFAULT_TIMEOUT
from admission.server.logs import logger
from admission.server.metrics import Metrics, Tally

MUTATE: Final = "mutate"
VALIDATE: Final = "validate"
UNKNOWN: Final = "unknown"

_PASS: Final = Outcome.PASS
_REMEMBERED: Final = 256
_ALLOWED: Final = b'{"kind":"AdmissionReview","apiVersion":"%b","response":{"uid":%b,"allowed":true}}'


class DecisionMaker(Protocol):
    """The engine, as the server sees it; deadlines are on the clock that the server uses."""

    async def mutate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        """Return what mutating policies make of a request."""
        ...

    async def validate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        """Return what validating policies say about a request."""
        ...


@dataclass(slots=True)
class Quiet:
    """A decision that allows and says nothing, and what to count for it.

    Nearly all reviews end so, and an engine that is asked the same again gives the same object: then there is nothing
    to mask, to encode, or to count one by one.
    """

    decision: Decision
    tallies: tuple[Tally, ...]


@dataclass(slots=True)
class Judged:
    """An answered review and what is known of it; `decision` or `status` is None: it was judged, or it was not.

    `body` is the answer. `quiet` where the decision is one that was met before.
    """

    phase: str
    uid: str
    body: bytes
    request: AdmissionRequest | None
    decision: Decision | None
    status: Status | None
    started: float
    time: float
    quiet: Quiet | None = None
    deferred: bool = False


class Judge:
    """Asks the engine, makes the answer, counts and records; `audit_only` never denies and never patches.

    `clock` is monotonic and the one of deadlines, `wall` is Unix time. `missed` returns how many deferred reviews
    were never evaluated so far.
    """

    def __init__(
        self,
        engine: DecisionMaker,
        *,
        policy_set: str,
        audit_only: bool,
        metrics: Metrics,
        dispatcher: Dispatcher,
        masking: Masking,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._policy_set = policy_set
        self._audit_only = audit_only
        self._metrics = metrics
        self._dispatcher = dispatcher
        self._masking = masking
        self._clock = clock
        self._wall = wall
        self._quiet: dict[int, Quiet] = {}
        self._missed_told = 0
        self.missed: Callable[[], int] = lambda: 0

    def now(self) -> float:
        """Return the wall clock."""
        return self._wall()

    async def judge(self, phase: str, review: AdmissionReview, started: float, deadline: float) -> Judged:
        """Return the engine's decision as an answer; raises whatever the engine raises."""
        request = review.request
        ask = self._engine.mutate if phase == MUTATE else self._engine.validate
        decision = await ask(request, deadline)
        quiet = self._quiet.get(id(decision))
        if quiet is not None and quiet.decision is decision:
            body = encode_allowed(request.uid, review.api_version)
            return Judged(phase, request.uid, body, request, decision, None, started, self._wall(), quiet)
        if _says_nothing(decision):
            if len(self._quiet) >= _REMEMBERED:
                self._quiet.clear()
            self._quiet[id(decision)] = Quiet(decision, self._metrics.tallies(phase, decision.findings))
        decision = self._masking.masked(decision, request)
        if decision.audit_only is not self._audit_only:
            decision = replace(decision, audit_only=self._audit_only)
        body = encode_response(decision.response(request.uid), review.api_version)
        return Judged(phase, request.uid, body, request, decision, None, started, self._wall())

    def unjudged(self, phase: str, error: ReviewError, started: float, review: AdmissionReview | None = None) -> Judged:
        """Return the answer to a review that cannot be judged: denied with the error's code, allowed in audit-only."""
        status = Status.of(error)
        response = AdmissionResponse(error.uid, self._audit_only, None if self._audit_only else status)
        body = encode_response(response, error.api_version if error.api_version in API_VERSIONS else API_VERSIONS[0])
        return Judged(phase, error.uid, body, review.request if review else None, None, status, started, self._wall())

    async def evaluate_later(self, deferred: Deferred) -> None:
        """Judge a review that was answered already; never raises."""
        started = self._clock()
        review: AdmissionReview | None = None
        try:
            review = decode_review(deferred.body)
            async with asyncio.timeout(DEFAULT_TIMEOUT * 2):
                judged = await self.judge(deferred.phase, review, started, started + DEFAULT_TIMEOUT)
        except ReviewError as error:
            judged = self.unjudged(deferred.phase, error, started, review)
        except AdmissionError:
            self._metrics.refused(HTTPStatus.BAD_REQUEST)
            return
        except Exception:
            logger().exception("internal error while judging a deferred review")
            uid = review.request.uid if review else ""
            fault = ReviewError("internal error", uid=uid, code=HTTPStatus.INTERNAL_SERVER_ERROR)
            judged = self.unjudged(deferred.phase, fault, started, review)
        self.record(replace(judged, time=deferred.time, deferred=True))

    def record(self, judged: Judged) -> None:
        """Count a review that was answered, and publish its event."""
        latency = self._clock() - judged.started
        request, decision = judged.request, judged.decision
        dry_run = request is not None and request.dry_run
        operation = request.operation.value if request is not None else UNKNOWN
        self._metrics.review(judged.phase, operation, self._verdict(judged), latency, dry_run=dry_run)
        if judged.quiet is not None:
            for tally in judged.quiet.tallies:
                tally.times += 1
        elif decision is not None:
            self._metrics.results(judged.phase, decision.findings)
        self._dispatcher.publish(self._event(judged, latency), dry_run=dry_run)

    def refused(self, status: int) -> None:
        """Count a request that was no review."""
        self._metrics.refused(status)

    def _verdict(self, judged: Judged) -> str:
        if judged.decision is None:
            return "unjudged"
        if judged.decision.allowed:
            return "allowed"
        return "would_deny" if self._audit_only else "denied"

    def _event(self, judged: Judged, latency: float) -> Event:
        if judged.decision is not None and judged.request is not None:
            made = event(
                judged.decision,
                judged.request,
                time=judged.time,
                latency=latency,
                phase=judged.phase,
                policy_set=self._policy_set,
                audit_only=self._audit_only,
            )
        else:
            made = unjudged_event(
                judged.status or Status(0, "", ""),
                judged.uid,
                judged.request,
                time=judged.time,
                latency=latency,
                phase=judged.phase,
                policy_set=self._policy_set,
                audit_only=self._audit_only,
            )
        if judged.deferred:
            made["deferred"] = True
        missed = self.missed()
        if missed > self._missed_told:
            made["unevaluated"] = missed - self._missed_told
            self._missed_told = missed
        return made


def encode_allowed(uid: str, api_version: str) -> bytes:
    """Encode the answer that allows and says nothing else, as `encode_response` does."""
    return _ALLOWED % (api_version.encode("ascii"), orjson.dumps(uid))


def _says_nothing(decision: Decision) -> bool:
    """Whether an answer and an event about a decision need nothing of it but that it allows, and who passed."""
    if not decision.allowed or decision.patch or decision.status is not None:
        return False
    if decision.warnings or decision.audit_annotations or decision.policy_annotations:
        return False
    return decision.object is None and all(finding.outcome is _PASS for finding in decision.findings)
