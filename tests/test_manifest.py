from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from admission.errors import InputError
from admission.manifest import Kinds, Requester, plural_of
from admission.review import GroupVersionResource, Operation, UserInfo

DATABASE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "db.example.com",
        "scope": "Cluster",
        "names": {"kind": "PostgresDB", "plural": "postgresdbs"},
        "versions": [{"name": "v1", "served": True}],
    },
}


def manifest(api_version: str, kind: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def test_every_kind_that_is_served_has_its_resource(shared: Path) -> None:
    kinds = Kinds()
    for served in json.loads((shared / "kubernetes" / "resources-v1.36.json").read_text("utf-8")):
        if "/" in served["resource"] or "create" not in served["verbs"] or "list" not in served["verbs"]:
            continue
        found = kinds.find(served["group"], served["kind"])
        assert found is not None, served["kind"]
        assert (found.resource, found.namespaced) == (served["resource"], served["namespaced"])


def test_a_manifest_is_created_without_being_stored() -> None:
    request = Requester(Kinds()).request(manifest("apps/v1", "Deployment", name="web", namespace="shop"))
    assert (request.operation, request.dry_run, request.namespace, request.name) == (
        Operation.CREATE,
        True,
        "shop",
        "web",
    )
    assert request.resource == GroupVersionResource("apps", "v1", "deployments")
    assert request.user == UserInfo(username="admission:check", groups=("system:authenticated",))
    assert request.old_object is None
    assert request.options == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"]}


def test_the_namespace_is_the_manifests_else_the_one_given() -> None:
    requester = Requester(Kinds(), namespace="given")
    assert requester.request(manifest("v1", "ConfigMap", name="c", namespace="own")).namespace == "own"
    request = requester.request(manifest("v1", "ConfigMap", name="c"))
    assert request.namespace == "given"
    assert request.object is not None
    assert request.object["metadata"]["namespace"] == "given"


def test_a_namespace_is_in_itself_and_other_cluster_kinds_are_nowhere() -> None:
    requester = Requester(Kinds(), namespace="given")
    assert requester.request(manifest("v1", "Namespace", name="shop")).namespace == "shop"
    role = requester.request(manifest("rbac.authorization.k8s.io/v1", "ClusterRole", name="r"))
    assert role.namespace == ""
    assert role.object == manifest("rbac.authorization.k8s.io/v1", "ClusterRole", name="r")


def test_defaults_are_applied_or_not() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    filled = Requester(Kinds()).request(pod).object
    assert filled is not None
    assert filled["spec"]["restartPolicy"] == "Always"
    assert Requester(Kinds(), defaults=False).request(pod).object is pod


def test_a_definition_says_what_a_custom_resource_is() -> None:
    request = Requester(Kinds([DATABASE])).request(manifest("db.example.com/v1", "PostgresDB", name="d"))
    assert request.resource.resource == "postgresdbs"
    assert request.namespace == ""


def test_what_nobody_defines_is_guessed_and_said() -> None:
    notes: list[str] = []
    request = Requester(Kinds(), note=notes.append).request(manifest("example.com/v1", "Gateway", name="g"))
    assert request.namespace == "default"
    [note] = notes
    assert note.startswith("example.com/v1 Gateway is in no resource given; assuming namespaced gateways (")


def test_a_generated_name_is_none_yet() -> None:
    assert Requester(Kinds()).request(manifest("v1", "Pod", generateName="p-")).name == ""


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Endpoints", "endpoints"), ("Ingress", "ingresses"), ("NetworkPolicy", "networkpolicies"), ("Pod", "pods")],
)
def test_plurals(kind: str, plural: str) -> None:
    assert plural_of(kind) == plural


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (["a"], "not a Kubernetes object"),
        ({"kind": "Pod"}, "apiVersion or kind is missing"),
        ({"apiVersion": "v1", "kind": 3}, "apiVersion or kind is missing"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": []}, "metadata is not a map"),
    ],
)
def test_what_is_no_object_is_refused(document: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Requester(Kinds()).request(document)
