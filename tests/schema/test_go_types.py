"""Go's names for what schemas describe."""

from __future__ import annotations

import pytest

from admission.schema.bundle import bundled
from admission.schema.definitions import REFERENCE_PREFIX, KindName
from admission.schema.go_types import GoType, GoTypes, bundled_names, go_types

POD = KindName("", "v1", "Pod")


@pytest.fixture(scope="module")
def types() -> GoTypes:
    return go_types(bundled())


def at(types: GoTypes, kind: KindName, *path: str) -> GoType:
    found = types.of(kind)
    assert found is not None
    for step in path:
        found = found.element if step == "[]" else found.fields[step].type
    return found


@pytest.mark.parametrize(
    ("path", "shape", "name"),
    [
        ((), "struct", "v1.Pod"),
        (("spec", "containers"), "list", "[]v1.Container"),
        (("spec", "containers", "[]"), "struct", "v1.Container"),
        (("spec", "containers", "[]", "imagePullPolicy"), "string", "v1.PullPolicy"),
        (("spec", "containers", "[]", "command"), "list", "[]string"),
        (("spec", "containers", "[]", "resources", "limits"), "map", "v1.ResourceList"),
        (("spec", "containers", "[]", "resources", "limits", "[]"), "quantity", "resource.Quantity"),
        (("spec", "containers", "[]", "securityContext", "capabilities", "drop"), "list", "[]v1.Capability"),
        (("spec", "containers", "[]", "securityContext", "capabilities", "drop", "[]"), "string", "v1.Capability"),
        (("spec", "nodeSelector"), "map", "map[string]string"),
        (("spec", "priority"), "integer", "int32"),
        (("spec", "activeDeadlineSeconds"), "integer", "int64"),
        (("spec", "hostNetwork"), "boolean", "bool"),
        (("metadata", "creationTimestamp"), "time", "v1.Time"),
        (("metadata", "managedFields", "[]", "fieldsV1"), "anything", "v1.FieldsV1"),
        (("metadata", "uid"), "string", "types.UID"),
    ],
)
def test_types_of_pods(path: tuple[str, ...], shape: str, name: str, types: GoTypes) -> None:
    found = at(types, POD, *path)
    assert (found.shape, found.name) == (shape, name)


def test_other_versions_and_groups(types: GoTypes) -> None:
    scaler = KindName("autoscaling", "v2", "HorizontalPodAutoscaler")
    assert at(types, scaler, "spec", "metrics", "[]", "type").name == "v2.MetricSourceType"
    assert at(types, scaler, "spec").name == "v2.HorizontalPodAutoscalerSpec"
    assert at(types, KindName("", "v1", "Secret"), "data", "[]").shape == "bytes"
    assert at(types, KindName("", "v1", "Service"), "spec", "ports", "[]", "targetPort").shape == "int or string"
    assert at(types, KindName("apps", "v1", "ControllerRevision"), "data").shape == "anything"


def test_a_schema_within_itself_goes_on(types: GoTypes) -> None:
    definition = KindName("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    schema = at(types, definition, "spec", "versions", "[]", "schema", "openAPIV3Schema")
    assert schema.fields["properties"].type.element.fields["properties"].type.element.name == schema.name
    assert schema.fields["items"].type.shape == "anything"


def test_embedded_structs_are_part_of_paths(types: GoTypes) -> None:
    pod = at(types, POD)
    volume = at(types, POD, "spec", "volumes", "[]")
    assert pod.fields["kind"].embedded == "TypeMeta."
    assert pod.fields["spec"].embedded == ""
    assert volume.fields["secret"].embedded == "VolumeSource."
    assert volume.fields["name"].embedded == ""


def test_a_kind_without_a_schema_has_no_type(types: GoTypes) -> None:
    assert types.of(KindName("acme.io", "v1", "Thing")) is None


def test_all_names_are_of_fields_that_there_are() -> None:
    definitions = bundled()
    for model, fields in bundled_names().items():
        referred = definitions.referred({"$ref": REFERENCE_PREFIX + model})
        assert referred is not None
        assert fields.keys() <= (referred[1] or {})["properties"].keys(), model
