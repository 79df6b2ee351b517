"""Defaults against recorded objects: what was applied becomes what the API server showed to its webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from admission.defaults import TABLES, Table, apply_defaults

ASSETS = Path(__file__).parent / "assets"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What a cluster hands out, and no table can know.
ALLOCATED = {
    ("Service", "spec", "clusterIP"),
    ("Service", "spec", "clusterIPs"),
    ("Service", "spec", "ipFamilies"),
    ("Service", "spec", "ipFamilyPolicy"),
    ("Job", "spec", "selector"),
}


def recorded() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((ASSETS / "reviews").glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))["request"]
    for path in sorted((ASSETS / "golden").glob("*.json")):
        for index, review in enumerate(json.loads(path.read_text("utf-8")).get("reviews", ())):
            yield f"{path.stem}-{index}", review["request"]


def objects() -> list[Any]:
    return [pytest.param(request["object"], id=name) for name, request in recorded() if request.get("object")]


def applied() -> list[Any]:
    params = []
    for name, request in recorded():
        annotations = ((request.get("object") or {}).get("metadata") or {}).get("annotations") or {}
        if request["operation"] != "CREATE" or LAST_APPLIED not in annotations:
            continue
        manifest = json.loads(annotations[LAST_APPLIED])
        if manifest["kind"] == request["kind"]["kind"] and (manifest["apiVersion"], manifest["kind"]) in TABLES:
            params.append(pytest.param(manifest, request["object"], id=name))
    return params


def differences(ours: Any, theirs: Any, *path: str) -> Iterator[tuple[str, ...]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            if key in ours and key in theirs:
                yield from differences(ours[key], theirs[key], *path, key)
            else:
                yield (*path, key)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, *path, str(index))
    elif ours != theirs:
        yield path


@pytest.mark.parametrize("document", objects())
def test_an_object_that_has_its_defaults_stays_as_it_is(document: dict[str, Any]) -> None:
    before = deepcopy(document)
    assert apply_defaults(document) == document
    assert document == before


@pytest.mark.parametrize(("manifest", "document"), applied())
def test_what_was_applied_becomes_what_was_recorded(manifest: dict[str, Any], document: dict[str, Any]) -> None:
    found = set(differences(apply_defaults(manifest), document))
    ignored = {path for path in found if path[0] in ("metadata", "status") or (document["kind"], *path) in ALLOCATED}
    if document["kind"] == "Job":  # labels with the uid of the Job
        ignored.add(("spec", "template", "metadata", "labels"))
    assert found - ignored == set()


def test_every_kind_that_holds_a_pod_is_recorded() -> None:
    names = {param.values[1]["kind"] for param in applied()}
    assert {"Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service"} <= names


def strip(table: Table, document: dict[str, Any]) -> dict[str, Any]:
    """Take away every field that holds just its default."""
    stripped = {key: value for key, value in document.items() if table.values.get(key, ...) != value}
    for key, inner in table.inside.items():
        if isinstance(stripped.get(key), dict):
            stripped[key] = strip(inner, stripped[key])
    for key, inner in table.each.items():
        if isinstance(stripped.get(key), list):
            stripped[key] = [strip(inner, item) for item in stripped[key]]
    return stripped


@pytest.mark.parametrize("document", objects())
def test_stripped_defaults_come_back(document: dict[str, Any]) -> None:
    table = TABLES.get((document["apiVersion"], document["kind"]))
    if table is None:
        assert apply_defaults(document) is document
    else:
        assert apply_defaults(strip(table, document)) == document


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "app", "image": "nginx:1.25", **fields}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [*containers], **spec}}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("registry:5000/nginx", "Always"),
        ("nginx:1.25", "IfNotPresent"),
        ("registry:5000/nginx:1.25", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
        ("nginx:latest@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_image(image: str, policy: str) -> None:
    [filled] = apply_defaults(pod(container(image=image)))["spec"]["containers"]
    assert filled["imagePullPolicy"] == policy


def test_requests_follow_limits_in_pods_and_not_in_templates() -> None:
    limited = container(resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}})
    [filled] = apply_defaults(pod(limited))["spec"]["containers"]
    assert filled["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}
    template = {"apiVersion": "v1", "kind": "PodTemplate", "template": {"spec": {"containers": [limited]}}}
    [untouched] = apply_defaults(template)["template"]["spec"]["containers"]
    assert untouched["resources"]["requests"] == {"cpu": "100m"}


def test_ports_on_the_network_of_the_host_are_ports_of_the_host() -> None:
    filled = apply_defaults(pod(container(ports=[{"containerPort": 80}]), hostNetwork=True))
    assert filled["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


def test_null_is_absent() -> None:
    filled = apply_defaults(pod(container(securityContext=None, resources=None), dnsPolicy=None))
    assert filled["spec"]["dnsPolicy"] == "ClusterFirst"
    assert filled["spec"]["containers"][0]["resources"] == {}
    assert "securityContext" not in filled["spec"]["containers"][0]


def test_a_service_account_has_both_names() -> None:
    assert apply_defaults(pod(serviceAccountName="robot"))["spec"]["serviceAccount"] == "robot"
    assert apply_defaults(pod(serviceAccount="robot"))["spec"]["serviceAccountName"] == "robot"
    assert "serviceAccount" not in apply_defaults(pod())["spec"]


def test_volumes_are_completed() -> None:
    filled = apply_defaults(
        pod(
            volumes=[
                {"name": "scratch"},
                {"name": "keys", "secret": {"secretName": "keys"}},
                {"name": "host", "hostPath": {"path": "/var/log"}},
                {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            ]
        )
    )
    assert filled["spec"]["volumes"] == [
        {"name": "scratch", "emptyDir": {}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 420}},
        {"name": "host", "hostPath": {"path": "/var/log", "type": ""}},
        {
            "name": "token",
            "projected": {
                "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}],
                "defaultMode": 420,
            },
        },
    ]


def test_a_toleration_for_everything_needs_no_other() -> None:
    assert len(apply_defaults(pod(tolerations=[{"operator": "Exists"}]))["spec"]["tolerations"]) == 1
    assert len(apply_defaults(pod())["spec"]["tolerations"]) == 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "NodePort"}, {"internalTrafficPolicy": "Cluster", "externalTrafficPolicy": "Cluster"}),
        ({"type": "LoadBalancer"}, {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster"}),
        ({"sessionAffinity": "ClientIP"}, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10_800}}}),
        ({"ports": [{"port": 80}]}, {"ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]}),
    ],
)
def test_services_are_completed(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    filled = apply_defaults({"apiVersion": "v1", "kind": "Service", "spec": spec})
    assert expected.items() <= filled["spec"].items()


def test_an_external_name_has_no_traffic_policy() -> None:
    filled = apply_defaults({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName"}})
    assert filled["spec"] == {"type": "ExternalName", "sessionAffinity": "None"}


@pytest.mark.parametrize("spec", [None, [], "text", {"containers": "none"}, {"containers": [None, 3]}, {"template": 3}])
@pytest.mark.parametrize(("api_version", "kind"), sorted(TABLES))
def test_nonsense_passes_through(api_version: str, kind: str, spec: Any) -> None:
    apply_defaults({"apiVersion": api_version, "kind": kind, "spec": spec, "template": spec})
