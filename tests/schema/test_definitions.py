"""Kinds, resources and schemas: the built-in ones and those of CustomResourceDefinitions."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from admission.schema.bundle import bundled, pack
from admission.schema.definitions import Definitions, KindName

DEPLOYMENT = KindName("apps", "v1", "Deployment")


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return bundled()


def crontab(**changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "CronTab", "plural": "crontabs", "singular": "crontab"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"cronSpec": {"type": "string"}}}},
                    }
                },
            },
            {"name": "v1alpha1", "served": False},
        ],
        **changes,
    }
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}


def test_the_shipped_file_holds_the_recorded_facts(shared: Path) -> None:
    schemas = json.loads((shared / "kubernetes" / "schemas-v1.36.json").read_bytes())
    resources = json.loads((shared / "kubernetes" / "resources-v1.36.json").read_bytes())
    shipped = files("admission.schema").joinpath("kubernetes-1.36.json.gz").read_bytes()
    assert shipped == pack(schemas, resources)


def test_a_resource_names_its_kind(definitions: Definitions) -> None:
    assert definitions.kinds_for("apps", "v1", "deployments") == (DEPLOYMENT,)
    assert definitions.kinds_for("apps", "v1", "Deployments") == (DEPLOYMENT,)
    assert definitions.kinds_for("apps", "v1", "deployment") == (DEPLOYMENT,)
    assert definitions.kinds_for("batch", "v1", "deployments") == ()
    assert definitions.kinds_for("apps", "v1beta1", "deployments") == ()


def test_the_core_group_stands_for_every_group_as_in_the_api_server(definitions: Definitions) -> None:
    assert definitions.kinds_for("", "v1", "events") == (
        KindName("", "v1", "Event"),
        KindName("events.k8s.io", "v1", "Event"),
    )


def test_kinds_print_as_the_api_server_prints_them() -> None:
    assert str(DEPLOYMENT) == "apps/v1, Kind=Deployment"
    assert str(KindName("", "v1", "Pod")) == "/v1, Kind=Pod"
    assert KindName("", "v1", "Pod").api_version == "v1"


def test_references_are_followed_through_allof(definitions: Definitions) -> None:
    schema = definitions.schema(DEPLOYMENT)
    assert schema is not None
    referred = definitions.referred(schema["properties"]["spec"])
    assert referred is not None
    assert referred[0] == "io.k8s.api.apps.v1.DeploymentSpec"
    assert definitions.referred({"type": "string"}) is None
    assert definitions.referred({"$ref": "#/components/schemas/nope"}) == ("nope", None)


def test_custom_resources_are_known_by_their_definitions(definitions: Definitions) -> None:
    extended = definitions.with_custom_resources([crontab(), {"kind": "Pod"}])
    kind = KindName("example.com", "v1", "CronTab")
    assert extended.kinds_for("example.com", "v1", "crontabs") == (kind,)
    assert extended.kinds_for("example.com", "v1alpha1", "crontabs") == ()
    schema = extended.schema(kind)
    assert schema is not None
    assert set(schema["properties"]) == {"spec", "apiVersion", "kind", "metadata"}
    assert definitions.schema(kind) is None


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "CustomResourceDefinition"},
        {"kind": "CustomResourceDefinition", "spec": []},
        crontab(names=None),
        crontab(versions="v1"),
        crontab(versions=[None, 1, {"name": 2}, {"name": "v1", "schema": []}]),
    ],
)
def test_definitions_that_are_not_well_formed_do_no_harm(document: dict[str, Any], definitions: Definitions) -> None:
    definitions.with_custom_resources([document])
