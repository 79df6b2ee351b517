"""Whether merged objects become the Go types of their kinds again."""

from __future__ import annotations

from typing import Any

import pytest

from admission.schema.bundle import bundled
from admission.schema.conversion import conversion_fault
from admission.schema.definitions import KindName
from admission.schema.go_types import GoTypes, go_types

DEPLOYMENT = KindName("apps", "v1", "Deployment")


@pytest.fixture(scope="module")
def types() -> GoTypes:
    return go_types(bundled())


def deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


@pytest.mark.parametrize(
    "document",
    [
        deployment(replicas=3, paused=None),
        deployment(template={"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 1}}}]}}),
        deployment(strategy={"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}),
        deployment(nobody={"declares": "this"}),
    ],
)
def test_what_fits_becomes_the_kind(document: dict[str, Any], types: GoTypes) -> None:
    assert conversion_fault(document, None, DEPLOYMENT, types) is None


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (deployment(replicas=5.5), "cannot convert float64 to int32"),
        (deployment(replicas=2**31), "2147483648 does not fit int32"),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": True}}),
            "json: cannot unmarshal bool into Go value of type int32",
        ),
        (
            {"metadata": {"creationTimestamp": "x"}},
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
        (
            deployment(template={"spec": {"overhead": {"cpu": "x"}}}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_what_does_not_fit_is_said(document: dict[str, Any], fault: str, types: GoTypes) -> None:
    whole = f"unable to convert unstructured object to apps/v1, Kind=Deployment: {fault}"
    assert conversion_fault(document, None, DEPLOYMENT, types) == whole


def test_bytes_are_base64(types: GoTypes) -> None:
    secret = KindName("", "v1", "Secret")
    assert conversion_fault({"data": {"a": "YQ=="}}, None, secret, types) is None
    assert conversion_fault({"data": {"a": "?"}}, None, secret, types) == (
        "unable to convert unstructured object to /v1, Kind=Secret: "
        "error decoding from json: illegal base64 data at input byte 0"
    )


def test_parts_that_were_there_before_are_not_looked_at(types: GoTypes) -> None:
    metadata = {"creationTimestamp": "x"}
    owners = [{"uid": 5}, {"uid": 6}]
    before = {"metadata": metadata, "owners": owners}
    assert conversion_fault({"metadata": metadata}, before, DEPLOYMENT, types) is None
    assert conversion_fault({"metadata": dict(metadata)}, None, DEPLOYMENT, types) is not None


def test_custom_resources_stay_as_they_are(types: GoTypes) -> None:
    assert conversion_fault({"spec": {"replicas": 5.5}}, None, KindName("acme.io", "v1", "Thing"), types) is None
