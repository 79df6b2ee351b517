from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.server.serving import Running, review


def test_a_review_is_allowed(server: Running) -> None:
    response = server.post(review(uid="abc"))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "response": {"uid": "abc", "allowed": True},
    }


def test_a_denial_carries_the_status_of_the_decision(server: Running) -> None:
    answer = server.answer(review("deny"))
    assert answer["allowed"] is False
    assert answer["status"]["code"] == 422
    assert answer["status"]["details"]["causes"][0]["field"] == "metadata.labels.verdict"


def test_a_warning_is_passed_on(server: Running) -> None:
    answer = server.answer(review("warn"))
    assert answer["allowed"] is True
    assert len(answer["warnings"]) == 1


def test_a_patch_is_passed_on_by_mutate_only(server: Running) -> None:
    answer = server.answer(review("patch"), "/mutate")
    assert answer["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(answer["patch"]))[0]["op"] == "add"
    assert "patch" not in server.answer(review("patch"), "/validate")


def test_the_answer_speaks_the_version_of_the_question(server: Running) -> None:
    body = review() | {"apiVersion": "admission.k8s.io/v1beta1"}
    assert server.post(body).json()["apiVersion"] == "admission.k8s.io/v1beta1"


@pytest.mark.parametrize(("query", "seconds"), [("?timeout=10s", 9.5), ("?timeout=1s", 0.9), ("", 9.5)])
def test_the_deadline_is_the_callers_timeout_less_a_margin(server: Running, query: str, seconds: float) -> None:
    import time

    before = time.monotonic()
    server.answer(review(), f"/validate{query}")
    deadline = server.engine.deadlines[-1]
    assert deadline is not None
    assert before + seconds <= deadline <= time.monotonic() + seconds


def test_an_engine_that_does_not_keep_its_deadline_is_given_up(server: Running) -> None:
    answer = server.answer(review("hang"), "/validate?timeout=200ms")
    assert answer == {
        "uid": "uid-1",
        "allowed": False,
        "status": {
            "metadata": {},
            "status": "Failure",
            "message": "the review could not be judged in time",
            "reason": "Timeout",
            "code": 504,
        },
    }


def test_an_internal_error_denies_without_telling_its_text(server: Running) -> None:
    response = server.post(review("break"))
    assert response.status_code == 200
    assert response.json()["response"]["status"]["code"] == 500
    assert "canary" not in response.text
    assert "Traceback" not in response.text
    assert server.answer(review())["allowed"] is True


NO_REVIEWS: list[tuple[Any, int, str]] = [
    (b"", 400, "not JSON"),
    (b"hello", 400, "not JSON"),
    (b"\xff\xfe", 400, "not JSON"),
    (b"[]", 400, "not a JSON object"),
    (b"null", 400, "not a JSON object"),
    ({"kind": "Pod", "apiVersion": "v1"}, 400, "kind is 'Pod'"),
    (review() | {"apiVersion": "admission.k8s.io/v2"}, 400, "apiVersion is"),
    ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}, 400, "no request"),
    (review(uid=""), 400, "request.uid is missing"),
    (b"[" * 50_000, 400, "not JSON"),
    (b"x" * 70_000, 413, "larger than 65536 bytes"),
]


@pytest.mark.parametrize(("body", "status", "sentence"), NO_REVIEWS)
def test_what_is_no_review_gets_4xx_and_one_sentence(server: Running, body: Any, status: int, sentence: str) -> None:
    response = server.post(body)
    assert response.status_code == status
    assert sentence in response.text
    assert response.text.count("\n") == 1
    assert server.answer(review())["allowed"] is True
    assert server.metric(f'admission_refused_requests_total{{status="{status}"}}') == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_another_content_type_is_refused(server: Running, content_type: str) -> None:
    response = server.post(review(), headers={"content-type": content_type})
    assert response.status_code == 415
    assert "application/json" in response.text


def test_a_charset_in_the_content_type_is_fine(server: Running) -> None:
    assert server.answer(review(), headers={"content-type": "Application/JSON; charset=utf-8"})["allowed"] is True


def test_a_compressed_body_is_refused(server: Running) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert server.post(b"x", headers=headers).status_code == 415


def test_another_path_or_method_gets_one_sentence(server: Running) -> None:
    response = server.post(review(), "/other")
    assert (response.status_code, response.text.count("\n")) == (404, 1)
    response = server.client.get(f"{server.url}/validate")
    assert (response.status_code, response.text.count("\n")) == (405, 1)
    assert "POST" in response.headers["allow"]


def deep(levels: int) -> bytes:
    body = json.dumps(review()).encode()
    return body.replace(b'"oldObject": null', b'"oldObject": {"a":' + b"[" * levels + b"]" * levels + b"}")


def test_a_deep_review_within_the_api_servers_limit_is_judged(server: Running) -> None:
    assert server.answer(deep(9_000))["allowed"] is True


BAD_REVIEWS: list[tuple[bytes, int]] = [
    (deep(10_000), 422),
    (deep(30_000), 422),
    (json.dumps(review()).encode()[:-20], 422),
    (json.dumps(review()).encode().replace(b'"jane"', b'"\xff\xfe"'), 422),
    (json.dumps(review()).encode().replace(b'"jane"', rb'"\ud800"'), 422),
    (json.dumps(review()).encode().replace(b'"jane"', b"NaN"), 422),
    (json.dumps(review(operation="PATCH")).encode(), 422),
    (json.dumps(review(object=[])).encode(), 422),
    (json.dumps(review()).encode() + b" " * 66_000, 413),
]


@pytest.mark.parametrize(("body", "code"), BAD_REVIEWS)
@pytest.mark.parametrize("path", ["/mutate", "/validate"])
def test_a_review_that_cannot_be_judged_is_answered_all_the_same(
    server: Running, body: bytes, code: int, path: str
) -> None:
    answer = server.answer(body, path)
    assert answer["uid"] == "uid-1"
    assert answer["allowed"] is False
    assert answer["status"]["code"] == code
    assert answer["status"]["message"]
    assert "\n" not in answer["status"]["message"]
    server.stop()
    assert [(event["unjudged"], event["status"]["code"]) for event in server.log.events] == [(True, code)]


@pytest.mark.parametrize(("body", "code"), BAD_REVIEWS)
def test_in_audit_only_it_is_allowed_and_recorded(auditing: Running, body: bytes, code: int) -> None:
    assert auditing.answer(body) == {"uid": "uid-1", "allowed": True}
    auditing.stop()
    events = auditing.log.events
    assert [(event["decision"], event["would_deny"], event["status"]["code"]) for event in events] == [
        ("allowed", True, code)
    ]


@pytest.mark.parametrize(
    "object_",
    [
        b'{"metadata": {"labels": {"a": 123456789012345678901234567890}}}',
        b'{"metadata": {"labels": {"a": 1e400}}}',
        b'{"metadata": {"labels": {"a": -0.0}}}',
        b'{"metadata": {"labels": {"verdict": "deny", "verdict": ""}}}',
        b'{"metadata": {"labels": null}}',
        b'{"metadata": []}',
    ],
)
def test_strange_values_neither_crash_nor_hang(server: Running, object_: bytes) -> None:
    body = json.dumps(review(object={})).encode().replace(b'"object": {}', b'"object": ' + object_)
    assert server.answer(body)["uid"] == "uid-1"
    assert server.answer(review())["allowed"] is True
