from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from admission.audit.event import MAX_FINDINGS, MAX_MESSAGE, MAX_OPERATIONS, event, timestamp, unjudged_event
from admission.audit.sink import Event, encode
from admission.decision import Decision, Finding, Outcome
from admission.policy import Action
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, Status, UserInfo

POD = GroupVersionKind("", "v1", "Pod")
PODS = GroupVersionResource("", "v1", "pods")


def request(**changes: Any) -> AdmissionRequest:
    values: dict[str, Any] = {
        "uid": "u-1",
        "kind": POD,
        "resource": PODS,
        "request_kind": POD,
        "request_resource": PODS,
        "operation": Operation.CREATE,
        "name": "web",
        "namespace": "shop",
        "user": UserInfo("jane", "7", ("dev",), {"token": ("canary",)}),
    }
    return AdmissionRequest(**(values | changes))


def made(decision: Decision, asked: AdmissionRequest | None = None, *, audit_only: bool = False) -> Event:
    return event(
        decision,
        asked or request(),
        time=1_772_366_400.1239,
        latency=0.0012345,
        phase="validate",
        policy_set="abc",
        audit_only=audit_only,
    )


def failure(index: int = 0, **changes: Any) -> Finding:
    values: dict[str, Any] = {"policy": "p", "index": index, "outcome": Outcome.FAIL, "actions": (Action.DENY,)}
    return Finding(**(values | changes))


def test_time_and_latency_are_in_milliseconds() -> None:
    found = made(Decision(allowed=True))
    assert found["time"] == "2026-03-01T12:00:00.123Z"
    assert found["latency_ms"] == 1.234


def test_timestamps_are_rfc_3339() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1.9999) == "1970-01-01T00:00:01.999Z"


def test_only_findings_that_tell_something_are_listed() -> None:
    findings = (
        Finding("a"),
        Finding("b", outcome=Outcome.SKIP),
        failure(message="no"),
        Finding("d", outcome=Outcome.ERROR, message="broken"),
        Finding("e", outcome=Outcome.SKIP, exemption="legacy"),
    )
    found = made(Decision(allowed=True, findings=findings))
    assert (found["passed"], found["skipped"]) == (1, 2)
    assert [(item["policy"], item["outcome"]) for item in found["findings"]] == [
        ("p", "FAIL"),
        ("d", "ERROR"),
        ("e", "SKIP"),
    ]


def test_long_lists_and_messages_are_cut_and_say_so() -> None:
    findings = tuple(failure(index, message="x" * 10_000) for index in range(MAX_FINDINGS + 7))
    patch = tuple({"op": "add", "path": f"/{index}", "value": "canary"} for index in range(MAX_OPERATIONS + 5))
    found = made(Decision(allowed=True, findings=findings, patch=patch))
    assert (len(found["findings"]), found["findings_omitted"]) == (MAX_FINDINGS, 7)
    assert (len(found["patch"]), found["patch_omitted"]) == (MAX_OPERATIONS, 5)
    assert len(found["findings"][0]["message"]) == MAX_MESSAGE
    assert b"canary" not in encode(found)


def test_a_denied_mutation_has_no_patch() -> None:
    decision = Decision(allowed=False, status=Status(403, "Invalid", "no"), patch=({"op": "add", "path": "/x"},))
    found = made(decision)
    assert (found["decision"], found["patch"]) == ("denied", [])


def test_audit_only_says_what_would_have_been() -> None:
    found = made(Decision(allowed=False, status=Status(422, "Invalid", "no")), audit_only=True)
    assert (found["decision"], found["would_deny"], found["status"]["code"]) == ("allowed", True, 422)
    found = made(Decision(allowed=True, patch=({"op": "remove", "path": "/x"},)), audit_only=True)
    assert (found["would_deny"], found["would_patch"]) == (False, True)


def test_a_name_still_to_be_generated_is_shown_by_its_start() -> None:
    found = made(Decision(allowed=True), request(name="", object={"metadata": {"generateName": "web-"}}))
    assert found["name"] == "web-*"
    found = made(Decision(allowed=True), request(name="", object={"metadata": []}))
    assert found["name"] == ""


def test_what_is_extra_of_a_user_is_not_told() -> None:
    assert b"canary" not in encode(made(Decision(allowed=True)))


def test_an_unreadable_review_is_known_by_its_uid_alone() -> None:
    common: dict[str, Any] = {"time": 0.0, "latency": 0.0, "phase": "mutate", "policy_set": "abc", "audit_only": False}
    found = unjudged_event(Status(413, "RequestEntityTooLarge", "too large"), "u-1", None, **common)
    assert found["unjudged"] is True
    assert (found["uid"], found["decision"], found["status"]["code"]) == ("u-1", "denied", 413)
    assert not {"who", "operation", "resource", "namespace", "name", "dryRun"} & set(found)
    known = unjudged_event(Status(504, "Timeout", "late"), "u-1", request(), **common)
    assert known["who"]["username"] == "jane"


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.text())
def test_any_text_ends_as_one_line_of_json(username: str, name: str, groups: list[str], message: str) -> None:
    asked = request(name=name, user=UserInfo(username, groups=tuple(groups)))
    line = encode(made(Decision(allowed=True, findings=(failure(message=message),)), asked))
    assert line.count(b"\n") == 1
    assert orjson.loads(line)["uid"] == "u-1"
