"""Pod templates seen as Pods, and paths put back in front."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from admission.workload import TEMPLATE_PATHS, object_name, project, template_path, unproject_path

TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}}


def holder(path: tuple[str, ...]) -> dict[str, Any]:
    document: Any = TEMPLATE
    for key in reversed(path):
        document = {key: document}
    return {"metadata": {"name": "x"}, **document}


@pytest.mark.parametrize(("group", "resource"), sorted(TEMPLATE_PATHS))
def test_every_controller_holds_a_pod(group: str, resource: str) -> None:
    path = template_path(group, resource)
    assert path is not None
    document = holder(path)
    before = copy.deepcopy(document)
    assert project(document, path, "shop") == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": {"a": "b"}, "namespace": "shop"},
        "spec": {"containers": [{"name": "c"}]},
    }
    assert document == before


def test_there_are_eight_controllers_and_a_pod_is_none() -> None:
    assert len(TEMPLATE_PATHS) == 8
    assert template_path("", "pods") is None
    assert template_path("extensions", "deployments") is None


@pytest.mark.parametrize(
    "document", [None, {}, {"spec": None}, {"spec": {"template": None}}, {"spec": {"template": []}}]
)
def test_what_has_no_template_is_no_pod(document: dict[str, Any] | None) -> None:
    assert project(document, ("spec", "template"), "shop") is None


def test_a_template_without_metadata_still_has_its_namespace() -> None:
    pod = project({"spec": {"template": {"metadata": None}}}, ("spec", "template"), "shop")
    assert pod == {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop"}}


def test_paths_point_into_the_template() -> None:
    path = ("spec", "jobTemplate", "spec", "template")
    assert unproject_path("spec.containers[1]", path) == "spec.jobTemplate.spec.template.spec.containers[1]"
    assert unproject_path("", ("template",)) == "template"


@pytest.mark.parametrize("document", [{}, {"metadata": None}, {"metadata": {"name": 1}}])
def test_a_name_that_is_none_is_empty(document: dict[str, Any]) -> None:
    assert object_name(document) == ""
