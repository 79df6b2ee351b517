from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.audit.masking import Masking
from admission.audit.sink import Dispatcher
from admission.decision import Decision, Finding, Outcome
from admission.policy import PolicySet
from admission.review import (
    API_VERSIONS,
    AdmissionRequest,
    AdmissionResponse,
    AdmissionReview,
    GroupVersionKind,
    GroupVersionResource,
    Operation,
    encode_response,
)
from admission.server.judging import Judge, Judged, encode_allowed
from admission.server.metrics import Metrics
from tests.server.serving import LogRecorder

POD = GroupVersionKind("", "v1", "Pod")
PODS = GroupVersionResource("", "v1", "pods")


class OneDecision:
    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    async def mutate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        return self.decision

    async def validate(self, request: AdmissionRequest, deadline: float | None) -> Decision:
        return self.decision


def judge_twice(decision: Decision, *, audit_only: bool = False) -> tuple[list[Judged], str, LogRecorder]:
    """Return what a judge makes of two reviews about which the engine gives the same decision."""
    log, metrics = LogRecorder(), Metrics()
    dispatcher = Dispatcher([log])
    judge = Judge(
        OneDecision(decision),
        policy_set="abc",
        audit_only=audit_only,
        metrics=metrics,
        dispatcher=dispatcher,
        masking=Masking(PolicySet()),
        clock=time.monotonic,
        wall=time.time,
    )
    judged = []
    for uid in ("first", "second"):
        review = AdmissionReview(API_VERSIONS[0], AdmissionRequest(uid, POD, PODS, POD, PODS, Operation.CREATE))
        judged.append(asyncio.run(judge.judge("validate", review, 0, 0)))
        judge.record(judged[-1])
    dispatcher.close(5)
    return judged, metrics.exposition().decode(), log


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(API_VERSIONS))
def test_the_short_way_to_say_allowed_says_the_same(uid: str, api_version: str) -> None:
    assert encode_allowed(uid, api_version) == encode_response(AdmissionResponse(uid, allowed=True), api_version)


@pytest.mark.parametrize("audit_only", [False, True])
def test_a_decision_that_was_met_before_is_answered_counted_and_recorded_alike(audit_only: bool) -> None:
    decision = Decision(allowed=True, findings=(Finding("a"), Finding("b")), audit_only=audit_only)
    (first, second), exposition, log = judge_twice(decision, audit_only=audit_only)
    assert (first.quiet, second.quiet is not None) == (None, True)
    assert first.body.replace(b"first", b"second") == second.body
    for policy in ("a", "b"):
        labels = f'outcome="PASS",phase="validate",policy="{policy}"'
        assert f"admission_policy_results_total{{{labels}}} 2.0" in exposition
    events = log.events
    assert [event["passed"] for event in events] == [2, 2]
    assert set(events[0]) == set(events[1])


@pytest.mark.parametrize(
    "decision",
    [
        Decision(allowed=True, warnings=("careful",)),
        Decision(allowed=True, audit_annotations={"key": "value"}),
        Decision(allowed=True, patch=({"op": "remove", "path": "/x"},)),
        Decision(allowed=True, findings=(Finding("a", outcome=Outcome.ERROR, message="ignored"),)),
        Decision(allowed=False),
    ],
)
def test_a_decision_that_says_something_is_never_cut_short(decision: Decision) -> None:
    judged, _, _ = judge_twice(decision)
    assert [item.quiet for item in judged] == [None, None]
    assert judged[0].body.replace(b"first", b"second") == judged[1].body
