"""Decoding and encoding of AdmissionReviews: what is a review is answered, what is none is refused."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.errors import NotAReviewError, ReviewError
from admission.rawjson import MAX_DEPTH, decode_deep, glimpse
from admission.review import (
    AdmissionResponse,
    GroupVersionKind,
    GroupVersionResource,
    Operation,
    Status,
    decode_review,
    encode_response,
    oversized_error,
)

UID = "6d5974b8-f3d3-4446-967d-a96f71b4093e"


def body(**changes: Any) -> bytes:
    request: dict[str, Any] = {
        "uid": UID,
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "web",
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "ann", "groups": ["dev"], "extra": {"scopes": ["a", "b"]}},
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}},
        "oldObject": None,
        "dryRun": True,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    request.update(changes)
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}).encode()


def test_every_field_of_a_request_is_read() -> None:
    request = decode_review(body()).request
    assert request.uid == UID
    assert request.kind == GroupVersionKind("apps", "v1", "Deployment")
    assert request.resource == GroupVersionResource("apps", "v1", "deployments")
    assert (request.name, request.namespace, request.operation) == ("web", "shop", Operation.CREATE)
    assert request.user.username == "ann"
    assert request.user.groups == ("dev",)
    assert request.user.extra == {"scopes": ("a", "b")}
    assert request.object is not None
    assert request.object["kind"] == "Deployment"
    assert request.old_object is None
    assert request.dry_run is True
    assert request.options == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}


def test_what_the_client_used_is_what_was_matched_where_it_is_not_said() -> None:
    request = decode_review(body(subResource="scale")).request
    assert request.request_kind == request.kind
    assert request.request_resource == request.resource
    assert request.request_sub_resource == "scale"


def test_what_the_client_used_is_kept_apart_where_it_is_said() -> None:
    request = decode_review(
        body(
            requestKind={"group": "extensions", "version": "v1beta1", "kind": "Deployment"},
            requestResource={"group": "extensions", "version": "v1beta1", "resource": "deployments"},
        )
    ).request
    assert request.request_kind.api_version == "extensions/v1beta1"
    assert request.request_resource.group_resource == "deployments.extensions"
    assert request.kind.api_version == "apps/v1"


def test_the_old_version_of_the_protocol_is_read_and_answered_alike() -> None:
    old = body().replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1")
    review = decode_review(old)
    assert review.api_version == "admission.k8s.io/v1beta1"
    answer = orjson.loads(encode_response(AdmissionResponse(UID, allowed=True), review.api_version))
    assert answer["apiVersion"] == "admission.k8s.io/v1beta1"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "the body is not JSON"),
        (b"not json", "the body is not JSON"),
        (b"[]", "the body is not a JSON object; send an AdmissionReview"),
        (b"{}", "kind is missing; expected AdmissionReview"),
        (b'{"kind":["Pod"]}', "kind is no string; expected AdmissionReview"),
        (b'{"kind":"Pod","apiVersion":"v1"}', "kind is 'Pod'; expected AdmissionReview"),
        (
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v2","request":{"uid":"1"}}',
            "apiVersion is 'admission.k8s.io/v2'; expected admission.k8s.io/v1 or admission.k8s.io/v1beta1",
        ),
        (
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
            "the AdmissionReview has no request; a webhook is asked, not answered",
        ),
        (
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":""}}',
            "request.uid is missing; without it no answer can be given",
        ),
    ],
)
def test_what_is_no_review_is_refused_in_one_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(NotAReviewError) as caught:
        decode_review(text)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"operation": "PATCH"},
            "request.operation of the AdmissionReview is not one of CREATE, UPDATE, DELETE, CONNECT",
        ),
        ({"operation": None}, "request.operation of the AdmissionReview is not one of CREATE, UPDATE, DELETE, CONNECT"),
        ({"kind": None}, "request.kind of the AdmissionReview is not an object with group, version and kind"),
        ({"kind": {"group": 1}}, "request.kind.group of the AdmissionReview is not a string"),
        ({"resource": []}, "request.resource of the AdmissionReview is not an object with group, version and resource"),
        ({"object": []}, "request.object of the AdmissionReview is not an object or null"),
        ({"oldObject": "x"}, "request.oldObject of the AdmissionReview is not an object or null"),
        ({"options": 1}, "request.options of the AdmissionReview is not an object or null"),
        ({"name": 1}, "request.name of the AdmissionReview is not a string"),
        ({"dryRun": "yes"}, "request.dryRun of the AdmissionReview is not true or false"),
        ({"userInfo": []}, "request.userInfo of the AdmissionReview is not an object"),
        ({"userInfo": {"groups": ["a", 1]}}, "request.userInfo.groups of the AdmissionReview is not a list of strings"),
        ({"userInfo": {"extra": []}}, "request.userInfo.extra of the AdmissionReview is not an object"),
    ],
)
def test_a_review_with_a_field_of_the_wrong_type_is_answered(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReviewError) as caught:
        decode_review(body(**changes))
    assert (str(caught.value), caught.value.uid, caught.value.code) == (sentence, UID, 422)


@pytest.mark.parametrize(
    "broken",
    [
        b"NaN",
        b"Infinity",
        b"1e999",
        b'"\\ud800"',
        b'"\xff"',
        b"01",
        b'"unfinished',
        b"{",
        b"[1,]",
        b"'x'",
    ],
)
def test_an_undecodable_review_is_answered_where_its_uid_can_be_read(broken: bytes) -> None:
    text = body(object={"x": "HERE"}).replace(b'"HERE"', broken)
    with pytest.raises(ReviewError) as caught:
        decode_review(text)
    assert caught.value.uid == UID
    assert caught.value.code == 422
    assert str(caught.value).startswith("the AdmissionReview cannot be decoded")


def test_an_undecodable_review_answers_in_its_own_version() -> None:
    text = body(object={"x": "HERE"}).replace(b'"HERE"', b"NaN").replace(b"io/v1", b"io/v1beta1")
    with pytest.raises(ReviewError) as caught:
        decode_review(text)
    assert caught.value.api_version == "admission.k8s.io/v1beta1"


def test_an_uid_anywhere_else_is_not_the_uid_of_the_review() -> None:
    text = b'{"request":{"object":{"uid":"no","metadata":{"uid":"no"}},"x":[{"uid":"no"}],"uid":NaN}}'
    with pytest.raises(NotAReviewError):
        decode_review(text)


def test_the_last_of_duplicate_keys_wins_as_in_the_api_server() -> None:
    text = body().replace(b'"name": "web"', b'"name": "first", "name": "second"', 1)
    assert decode_review(text).request.name == "second"


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", 2.0**63),
        ("18446744073709551616", 2.0**64),
        ("-9223372036854775809", -(2.0**63)),
        ("100000000000000000000", 1e20),
    ],
)
def test_integers_beyond_64_bit_are_floats_as_in_the_api_server(literal: str, value: float) -> None:
    text = body(object={"deep": [{"x": "HERE"}]}).replace(b'"HERE"', literal.encode())
    document = decode_review(text).request.object
    assert document is not None
    found = document["deep"][0]["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("depth", [1_000, 1_100, MAX_DEPTH - 10])
def test_a_review_as_deep_as_the_api_server_allows_is_decoded(depth: int) -> None:
    text = body(object={"x": "HERE"}).replace(b'"HERE"', b'{"a":[' * (depth // 2) + b"]}" * (depth // 2))
    request = decode_review(text).request
    assert request.uid == UID
    node: Any = request.object["x"] if request.object else None
    seen = 0
    while node:
        node = node["a"] if isinstance(node, dict) else node[0]
        seen += 1
    assert seen == depth // 2 * 2 - 1


def test_a_review_deeper_than_the_api_server_allows_is_answered() -> None:
    text = body(object={"x": "HERE"}).replace(b'"HERE"', b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    with pytest.raises(ReviewError, match=r"^the AdmissionReview is nested deeper than 10000 levels$") as caught:
        decode_review(text)
    assert caught.value.uid == UID


def test_a_deep_body_without_uid_is_no_review() -> None:
    with pytest.raises(NotAReviewError):
        decode_review(b"[" * 100_000)


def test_an_oversized_review_is_answered_with_413_from_its_first_bytes() -> None:
    error = oversized_error(body()[:300], 1_000)
    assert isinstance(error, ReviewError)
    assert (str(error), error.uid, error.code) == ("the AdmissionReview is larger than 1000 bytes", UID, 413)


def test_an_oversized_body_that_is_no_review_is_refused() -> None:
    assert isinstance(oversized_error(b'{"kind":"Pod","request":{"uid":"1"}', 10), NotAReviewError)
    assert isinstance(oversized_error(b"x" * 100, 10), NotAReviewError)


def test_a_hostile_body_is_given_up_in_bounded_time() -> None:
    assert glimpse(b'{"a":"' + b'\\"' * 1_000_000).uid == ""
    assert glimpse(b'{"a":' + b"[" * 3_000_000).uid == ""
    assert glimpse(b'{"a":"b",' * 500_000).uid == ""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(json_values)
def test_the_deep_decoder_agrees_with_the_fast_one(value: Any) -> None:
    text = json.dumps(value).encode("utf-8", "surrogatepass")
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(ValueError):
            decode_deep(text)
    else:
        assert decode_deep(text) == expected


@given(st.binary(max_size=200))
def test_any_bytes_end_as_one_of_the_two_errors(text: bytes) -> None:
    for candidate in (text, body()[:150] + text, body().replace(b'"web"', text)):
        with contextlib.suppress(NotAReviewError, ReviewError):
            decode_review(candidate)
        glimpse(candidate)


def test_an_allowed_answer_is_as_small_as_it_can_be() -> None:
    assert orjson.loads(encode_response(AdmissionResponse(UID, allowed=True))) == {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "response": {"uid": UID, "allowed": True},
    }


def test_a_denial_carries_the_whole_status() -> None:
    status = Status(422, "Invalid", "no", {"name": "web", "kind": "pods", "causes": [{"message": "no"}]})
    response = AdmissionResponse(UID, allowed=False, status=status, warnings=("w",), audit_annotations={"k": "v"})
    assert orjson.loads(encode_response(response))["response"] == {
        "uid": UID,
        "allowed": False,
        "status": {
            "metadata": {},
            "status": "Failure",
            "message": "no",
            "reason": "Invalid",
            "details": {"name": "web", "kind": "pods", "causes": [{"message": "no"}]},
            "code": 422,
        },
        "auditAnnotations": {"k": "v"},
        "warnings": ["w"],
    }


def test_patch_and_patch_type_come_together() -> None:
    patch = ({"op": "add", "path": "/a", "value": 1},)
    answer = orjson.loads(encode_response(AdmissionResponse(UID, allowed=True, patch=patch)))["response"]
    assert answer["patchType"] == "JSONPatch"
    assert orjson.loads(base64.b64decode(answer["patch"])) == list(patch)


def test_a_patch_too_deep_to_be_written_is_an_answerable_error() -> None:
    value: dict[str, Any] = {}
    for _ in range(2_000):
        value = {"a": value}
    response = AdmissionResponse(UID, allowed=True, patch=({"op": "add", "path": "/a", "value": value},))
    with pytest.raises(ReviewError) as caught:
        encode_response(response)
    assert caught.value.uid == UID


def test_every_recorded_review_is_decoded(shared: Path) -> None:
    files = sorted((shared / "reviews").glob("*.json"))
    assert len(files) == 58
    for file in files:
        request = decode_review(file.read_bytes()).request
        phase, operation, resource, *_ = file.stem.split("-")
        assert phase in ("mutating", "validating")
        assert request.operation == operation.upper()
        assert request.resource.resource == resource
