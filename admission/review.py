"""AdmissionReview, the one document that the API server exchanges with a webhook: decode a request, encode an answer.

Laws of this file: what is a review (its uid can be read) ends as `ReviewError` and is answered, because to the API
server a failed call under failurePolicy Ignore means "allowed"; only what is no review is `NotAReviewError`. Objects
stay the dicts that were decoded; nobody changes them afterwards.
Sources: k8s.io/api admission/v1 types.go, apiserver pkg/admission/plugin/webhook/request.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from admission.errors import NotAReviewError, ReviewError
from admission.rawjson import JsonObject, TooDeepError, decode_deep, glimpse, may_hold_wide_integers, narrow_integers

API_VERSIONS: Final = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
KIND: Final = "AdmissionReview"

_REASONS: Final = {413: "RequestEntityTooLarge", 422: "Invalid", 429: "TooManyRequests", 504: "Timeout"}


class Operation(StrEnum):
    """What the request does to the resource."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class GroupVersionKind(NamedTuple):
    """A kind in one version of its API; the core group is the empty string."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """`group/version`, or just the version in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """Print as Go's schema.GroupVersionKind does: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`."""
        return f"{self.group}/{self.version}, Kind={self.kind}"


class GroupVersionResource(NamedTuple):
    """A resource (plural, lower case) in one version of its API."""

    group: str
    version: str
    resource: str

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, or just `pods` in the core group."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks; `extra` maps a key to its values."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """One request of the API server.

    `kind`, `resource`, `sub_resource` are what the webhook was registered for, the `request_` ones what the client
    used. `object` and `old_object` are raw JSON objects or None (CREATE and CONNECT have no old object, DELETE no new
    one); `namespace` is "" for cluster-scoped resources and a Namespace's own name for Namespaces. `size` is the number
    of bytes that the review came in, 0 where it came in none.
    """

    uid: str
    kind: GroupVersionKind
    resource: GroupVersionResource
    request_kind: GroupVersionKind
    request_resource: GroupVersionResource
    operation: Operation
    sub_resource: str = ""
    request_sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    user: UserInfo = field(default_factory=UserInfo)
    object: JsonObject | None = None
    old_object: JsonObject | None = None
    dry_run: bool = False
    options: JsonObject | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class AdmissionReview:
    """A decoded review; the answer must carry the same `api_version`."""

    api_version: str
    request: AdmissionRequest


@dataclass(frozen=True, slots=True)
class Status:
    """Why a request was denied; `details` as metav1.StatusDetails (name, group, kind, causes)."""

    code: int
    reason: str
    message: str
    details: JsonObject | None = None

    @classmethod
    def of(cls, error: ReviewError) -> Status:
        """Return why a review could not be judged."""
        return cls(int(error.code), _REASONS.get(int(error.code), "InternalError"), str(error))


@dataclass(frozen=True, slots=True)
class AdmissionResponse:
    """The answer to one request.

    `patch` holds JSON Patch operations (only for mutating reviews of a request that has an object); keys of
    `audit_annotations` carry no slash.
    """

    uid: str
    allowed: bool
    status: Status | None = None
    patch: tuple[JsonObject, ...] = ()
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = field(default_factory=dict)


def decode_review(body: bytes) -> AdmissionReview:
    """Decode the body of a webhook call.

    Raises NotAReviewError for what is no JSON, of another kind or apiVersion, without `request` or without uid in it;
    ReviewError (code 422) for a review that is undecodable, nested too deeply or has fields of wrong types.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        document = _decode_again(body, error)
    if may_hold_wide_integers(body):
        document = narrow_integers(document)
    if not isinstance(document, dict):
        raise NotAReviewError("the body is not a JSON object; send an AdmissionReview")
    api_version = _check_type_meta(document.get("apiVersion"), document.get("kind"))
    request = document.get("request")
    if not isinstance(request, dict):
        raise NotAReviewError("the AdmissionReview has no request; a webhook is asked, not answered")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise NotAReviewError("request.uid is missing; without it no answer can be given")
    return AdmissionReview(api_version, _Fields(request, uid, api_version).request(len(body)))


def oversized_error(start: bytes, limit: int) -> NotAReviewError | ReviewError:
    """Return the error to answer with where a body is larger than `limit` bytes; `start` is what was read of it.

    It is a ReviewError (code 413) where the uid stands in `start`, as it does in every body of an API server.
    """
    seen = glimpse(start)
    message = f"the AdmissionReview is larger than {limit} bytes"
    if not _is_review(seen.api_version, seen.kind, seen.uid):
        return NotAReviewError(f"{message} and its request.uid cannot be read")
    return ReviewError(message, uid=seen.uid, code=413, api_version=seen.api_version or API_VERSIONS[0])


def _decode_again(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """Decode what orjson refused for its depth alone; everything else ends as an error."""
    fault = f"cannot be decoded: {error}"
    if "depth limit" in str(error) or "recursion" in str(error).lower():
        try:
            return decode_deep(body)
        except TooDeepError as deep:
            fault = f"is {deep}"
        except ValueError as other:
            fault = f"cannot be decoded: {other}"
    seen = glimpse(body)
    if not _is_review(seen.api_version, seen.kind, seen.uid):
        raise NotAReviewError(f"the body is not JSON: {error}") from None
    version = seen.api_version or API_VERSIONS[0]
    raise ReviewError(f"the AdmissionReview {fault}", uid=seen.uid, api_version=version) from None


def _is_review(api_version: str, kind: str, uid: str) -> bool:
    return bool(uid) and (api_version in API_VERSIONS or not api_version) and kind in (KIND, "")


def _check_type_meta(api_version: object, kind: object) -> str:
    if kind != KIND:
        raise NotAReviewError(f"kind is {_shown(kind)}; expected {KIND}")
    if not isinstance(api_version, str) or api_version not in API_VERSIONS:
        raise NotAReviewError(f"apiVersion is {_shown(api_version)}; expected {' or '.join(API_VERSIONS)}")
    return api_version


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    return f"{value!r:.80}" if isinstance(value, str) else "no string"


class _Fields:
    """Reads the fields of `request`; a wrong type is a ReviewError that names the field."""

    __slots__ = ("_api_version", "_request", "_uid")

    def __init__(self, request: JsonObject, uid: str, api_version: str) -> None:
        self._request = request
        self._uid = uid
        self._api_version = api_version

    def request(self, size: int) -> AdmissionRequest:
        get = self._request.get
        kind = self._kind("kind", get("kind"))
        resource = self._resource("resource", get("resource"))
        sub_resource = self._text("subResource", get("subResource"))
        original = get("requestResource")
        original_kind = get("requestKind")
        operation = get("operation")
        if not isinstance(operation, str) or operation not in _OPERATIONS:
            raise self._wrong("operation", f"one of {', '.join(_OPERATIONS)}")
        dry_run = get("dryRun")
        if dry_run is not None and not isinstance(dry_run, bool):
            raise self._wrong("dryRun", "true or false")
        return AdmissionRequest(
            uid=self._uid,
            kind=kind,
            resource=resource,
            operation=_OPERATIONS[operation],
            sub_resource=sub_resource,
            request_kind=(kind if original_kind in (None, get("kind")) else self._kind("requestKind", original_kind)),
            request_resource=(
                resource if original in (None, get("resource")) else self._resource("requestResource", original)
            ),
            request_sub_resource=(
                sub_resource if original is None else self._text("requestSubResource", get("requestSubResource"))
            ),
            name=self._text("name", get("name")),
            namespace=self._text("namespace", get("namespace")),
            user=self._user(get("userInfo")),
            object=self._object("object", get("object")),
            old_object=self._object("oldObject", get("oldObject")),
            dry_run=bool(dry_run),
            options=self._object("options", get("options")),
            size=size,
        )

    def _wrong(self, name: str, expected: str) -> ReviewError:
        message = f"request.{name} of the AdmissionReview is not {expected}"
        return ReviewError(message, uid=self._uid, api_version=self._api_version)

    def _text(self, name: str, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def _object(self, name: str, value: object) -> JsonObject | None:
        if value is not None and not isinstance(value, dict):
            raise self._wrong(name, "an object or null")
        return value

    def _texts(self, name: str, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(value)

    def _kind(self, name: str, value: object) -> GroupVersionKind:
        if not isinstance(value, dict):
            raise self._wrong(name, "an object with group, version and kind")
        group, version, kind = value.get("group"), value.get("version"), value.get("kind")
        if type(group) is str and type(version) is str and type(kind) is str:
            return GroupVersionKind(group, version, kind)
        return GroupVersionKind(*(self._text(f"{name}.{key}", value.get(key)) for key in ("group", "version", "kind")))

    def _resource(self, name: str, value: object) -> GroupVersionResource:
        if not isinstance(value, dict):
            raise self._wrong(name, "an object with group, version and resource")
        group, version, resource = value.get("group"), value.get("version"), value.get("resource")
        if type(group) is str and type(version) is str and type(resource) is str:
            return GroupVersionResource(group, version, resource)
        return GroupVersionResource(
            *(self._text(f"{name}.{key}", value.get(key)) for key in ("group", "version", "resource"))
        )

    def _user(self, value: object) -> UserInfo:
        if value is None:
            return UserInfo()
        if not isinstance(value, dict):
            raise self._wrong("userInfo", "an object")
        extra = value.get("extra")
        if extra is not None and not isinstance(extra, dict):
            raise self._wrong("userInfo.extra", "an object")
        return UserInfo(
            username=self._text("userInfo.username", value.get("username")),
            uid=self._text("userInfo.uid", value.get("uid")),
            groups=self._texts("userInfo.groups", value.get("groups")),
            extra={key: self._texts(f"userInfo.extra[{key}]", item) for key, item in extra.items()} if extra else {},
        )


_OPERATIONS: Final[dict[str, Operation]] = {operation.value: operation for operation in Operation}


def encode_response(response: AdmissionResponse, api_version: str = API_VERSIONS[0]) -> bytes:
    """Encode the AdmissionReview that answers a request.

    A patch is sent, base64-encoded and with its patchType, only where it has operations: the API server refuses one
    without the other, and a patch on a validating call (apiserver pkg/admission/plugin/webhook/request).

    Raises ReviewError where the answer cannot be written as JSON (a patch nested too deeply).
    """
    answer: JsonObject = {"uid": response.uid, "allowed": response.allowed}
    status = response.status
    if status is not None:
        answer["status"] = {
            "metadata": {},
            "status": "Success" if response.allowed else "Failure",
            "message": status.message,
            "reason": status.reason,
            **({"details": status.details} if status.details else {}),
            "code": status.code,
        }
    if response.audit_annotations:
        answer["auditAnnotations"] = dict(response.audit_annotations)
    if response.warnings:
        answer["warnings"] = list(response.warnings)
    try:
        if response.patch:
            answer["patch"] = base64.b64encode(orjson.dumps(list(response.patch))).decode("ascii")
            answer["patchType"] = "JSONPatch"
        return orjson.dumps({"kind": KIND, "apiVersion": api_version, "response": answer})
    except TypeError as error:
        message = f"the answer cannot be written as JSON: {error}"
        raise ReviewError(message, uid=response.uid, api_version=api_version) from None
