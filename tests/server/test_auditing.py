from __future__ import annotations

import base64
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from admission.audit.file import FileSink
from admission.audit.masking import LAST_APPLIED
from tests.server.serving import POLICIES, WARNING, Running, review, serving

POD_WITH_CANARIES: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "labels": {"verdict": "deny"},
        "annotations": {LAST_APPLIED: '{"spec": {"containers": [{"args": ["applied-canary"]}]}}'},
    },
    "spec": {"containers": [{"name": "app", "env": [{"name": "TOKEN", "value": "env-canary"}]}]},
}


def test_a_denial_is_recorded_with_who_what_and_why(server: Running) -> None:
    server.answer(review("deny", uid="u-1"))
    server.stop()
    (event,) = server.log.events
    assert event.pop("time").endswith("Z")
    assert 0 < event.pop("latency_ms") < 10_000
    assert event == {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "AuditEvent",
        "phase": "validate",
        "policy_set": POLICIES.version,
        "uid": "u-1",
        "who": {"username": "jane", "groups": ["dev"]},
        "operation": "CREATE",
        "resource": {"group": "", "version": "v1", "resource": "pods", "subresource": "", "kind": "Pod"},
        "namespace": "shop",
        "name": "web",
        "dryRun": False,
        "decision": "denied",
        "audit_only": False,
        "status": {
            "code": 422,
            "reason": "Invalid",
            "message": "ValidatingAdmissionPolicy 'labels' with binding 'all' denied request: the verdict is no",
        },
        "passed": 0,
        "skipped": 0,
        "findings": [
            {
                "policy": "labels",
                "binding": "all",
                "param": None,
                "index": 0,
                "outcome": "FAIL",
                "actions": ["Deny"],
                "message": "the verdict is no",
                "path": "metadata.labels.verdict",
                "severity": "",
                "exemption": None,
            }
        ],
        "patch": [],
    }


def test_a_patch_is_recorded_without_its_values(server: Running) -> None:
    server.answer(review("patch"), "/mutate")
    server.stop()
    (event,) = server.log.events
    assert event["patch"] == [{"op": "add", "path": "/metadata/labels/x"}]
    assert b"canary" not in server.log.lines[0]


def test_dry_runs_reach_the_log_and_no_other_sink(server: Running) -> None:
    server.answer(review(dry_run=True, uid="dry"))
    server.answer(review(uid="wet"))
    labels = 'decision="allowed",dry_run="true",operation="CREATE",phase="validate"'
    assert server.metric(f"admission_reviews_total{{{labels}}}") == 1
    server.stop()
    assert [(event["uid"], event["dryRun"]) for event in server.log.events] == [("dry", True), ("wet", False)]
    assert [event["uid"] for event in server.other.events] == ["wet"]


def test_what_is_no_review_makes_no_event(server: Running) -> None:
    server.post(b"hello")
    server.stop()
    assert server.log.events == []


@pytest.mark.parametrize("audit_only", [False, True])
@pytest.mark.parametrize("path", ["/validate", "/mutate"])
def test_canaries_leave_neither_in_answers_nor_in_events(
    certificates: Path, audit_only: bool, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = {
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"verdict": "break"}},
        "data": {"key": base64.b64encode(b"secret-canary").decode()},
    }
    with serving(certificates, WARNING if audit_only else POLICIES, audit_only=audit_only) as running:
        bodies = [review(object=POD_WITH_CANARIES), review(object=secret), review("patch"), review("break")]
        answers = [running.post(body, path).text for body in bodies]
        exposition = running.ops("/metrics").text
        running.stop()
    written = b"".join(running.log.lines).decode()
    assert "***" in written
    for text in (*answers, exposition, written, *capfd.readouterr()):
        for canary in ("env-canary", "applied-canary", "secret-canary", "extra-canary", "a canary in it"):
            assert canary not in text
            assert base64.b64encode(canary.encode()).decode() not in text


def test_audit_only_answers_first_and_records_what_would_have_been(auditing: Running) -> None:
    assert auditing.answer(review("deny", uid="1")) == {"uid": "1", "allowed": True}
    assert auditing.answer(review("patch", uid="2"), "/mutate") == {"uid": "2", "allowed": True}
    assert auditing.answer(review("break", uid="3")) == {"uid": "3", "allowed": True}
    auditing.stop()
    events = {event["uid"]: event for event in auditing.log.events}
    assert all(
        event["decision"] == "allowed" and event["audit_only"] and event["deferred"] for event in events.values()
    )
    assert events["1"]["would_deny"] is True
    assert events["1"]["findings"][0]["outcome"] == "FAIL"
    assert (events["2"]["would_deny"], events["2"]["would_patch"]) == (False, True)
    assert events["2"]["patch"] == [{"op": "add", "path": "/metadata/labels/x"}]
    assert (events["3"]["unjudged"], events["3"]["status"]["code"]) == (True, 500)


def test_audit_only_answers_at_once_whatever_the_policies_cost(auditing: Running) -> None:
    started = time.monotonic()
    for _ in range(5):
        assert auditing.answer(review("wait"))["allowed"] is True
    assert time.monotonic() - started < 1
    assert auditing.metric("admission_deferred_reviews_queued") == 4
    assert auditing.assembly.server is not None
    assert auditing.assembly.server._loop is not None
    auditing.assembly.server._loop.call_soon_threadsafe(auditing.engine.gate.set)


def test_audit_only_judges_first_where_a_policy_warns(certificates: Path) -> None:
    with serving(certificates, WARNING, audit_only=True) as running:
        answer = running.answer(review("warn"))
        assert answer["allowed"] is True
        assert len(answer["warnings"]) == 1
        assert running.answer(review("deny")) == {"uid": "uid-1", "allowed": True}
        assert "patch" not in running.answer(review("patch"), "/mutate")
        running.stop()
        assert [event["would_deny"] for event in running.log.events] == [False, True, False]
        assert not any("deferred" in event for event in running.log.events)


def test_a_review_in_an_unusual_spelling_is_judged_in_audit_only_too(auditing: Running) -> None:
    body = review("deny")
    assert auditing.answer({"request": body["request"], "apiVersion": body["apiVersion"], "kind": body["kind"]}) == {
        "uid": "uid-1",
        "allowed": True,
    }
    auditing.stop()
    assert [event["would_deny"] for event in auditing.log.events] == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_that_nobody_reads_holds_up_no_review(certificates: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "audit"
    os.mkfifo(pipe)
    with serving(certificates, sinks=(FileSink(pipe),)) as running:
        started = time.monotonic()
        for number in range(30):
            assert running.answer(review(uid=str(number)))["allowed"] is True
        assert time.monotonic() - started < 5
        assert running.metric('admission_audit_events_queued{sink="file"}') == 30
        lines: list[bytes] = []

        def read() -> None:
            with pipe.open("rb") as reader:
                lines.extend(reader)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        running.stop()
        reader.join(5)
        assert len(lines) == 30
