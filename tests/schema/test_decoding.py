"""Whether documents decode into the Go types of their kinds, and what is said where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from admission.schema.bundle import bundled
from admission.schema.decoding import decoding_fault
from admission.schema.definitions import KindName
from admission.schema.go_types import GoTypes, go_types

POD = KindName("", "v1", "Pod")


@pytest.fixture(scope="module")
def types() -> GoTypes:
    return go_types(bundled())


def pod(**changes: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80}]}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {**spec, **changes}}


@pytest.mark.parametrize(
    "document",
    [
        pod(),
        pod(nodeSelector=None, tolerations=[{"key": "a", "tolerationSeconds": 300}]),
        pod(overhead={"cpu": "1", "memory": 5}),
        pod(volumes=[{"name": "v", "secret": {"secretName": "s", "defaultMode": 420}}]),
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"fieldsV1": {"f:a": {}}}]}},
        {"metadata": {"creationTimestamp": None}},
    ],
)
def test_what_fits_decodes(document: dict[str, Any], types: GoTypes) -> None:
    assert decoding_fault(document, None, POD, types) is None


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (pod(a=1, b={"c": 1}), 'strict decoding error: unknown field "spec.a", unknown field "spec.b"'),
        (
            pod(containers=[{"name": "a"}, {"nam": "b"}]),
            'strict decoding error: unknown field "spec.containers[1].nam"',
        ),
        (
            pod(hostNetwork="yes"),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            pod(containers={"a": 1}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            pod(containers=[{"name": "a", "ports": [{"containerPort": 8.5}]}]),
            (
                "json: cannot unmarshal number 8.5 into Go struct field "
                "ContainerPort.spec.containers.ports.containerPort of type int32"
            ),
        ),
        (
            pod(nodeSelector={"a": 1}),
            "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
        (
            pod(volumes=[{"name": "v", "secret": {"defaultMode": "x"}}]),
            (
                "json: cannot unmarshal string into Go struct field "
                "SecretVolumeSource.spec.volumes.VolumeSource.secret.defaultMode of type int32"
            ),
        ),
        (
            pod(overhead={"cpu": True}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {"metadata": {"creationTimestamp": "x"}},
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
        ({"kind": "Node"}, 'no kind "Node" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"'),
    ],
)
def test_what_does_not_fit_is_said_as_go_says_it(document: dict[str, Any], fault: str, types: GoTypes) -> None:
    assert decoding_fault(document, None, POD, types) == fault


def test_parts_that_were_there_before_are_not_looked_at(types: GoTypes) -> None:
    before = pod(a=1)
    after = {**before, "metadata": {"name": "q"}}
    assert decoding_fault(after, before, POD, types) is None
    assert decoding_fault(after, None, POD, types) is not None


def test_a_kind_without_a_schema_takes_anything_but_the_loss_of_its_kind(types: GoTypes) -> None:
    kind = KindName("acme.io", "v1", "Thing")
    assert decoding_fault({"kind": "Thing", "x": 1}, None, kind, types) is None
    assert decoding_fault({"x": 1}, None, kind, types) == """Object 'Kind' is missing in '{"x":1}'"""


def test_a_document_that_is_no_object_is_nothing(types: GoTypes) -> None:
    assert str(decoding_fault([], None, POD, types)).startswith("couldn't get version/kind")
