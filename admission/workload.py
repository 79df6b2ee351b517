"""Pod templates inside controllers, seen as Pods.

A policy written for Pods can judge what a Deployment will create: the template becomes a Pod, the policy is evaluated
as it stands, and the path of what it finds gets the template's place put back in front. Objects are never changed.
"""

from __future__ import annotations

from typing import Any, Final

JsonObject = dict[str, Any]

TEMPLATE_PATHS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
    ("", "podtemplates"): ("template",),
}
"""Where the pod template stands, by group and resource of what holds it."""


def object_name(document: JsonObject) -> str:
    """Return metadata.name, "" where there is none."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def template_path(group: str, resource: str) -> tuple[str, ...] | None:
    """Return the path of the pod template in objects of a resource, None where they hold none."""
    return TEMPLATE_PATHS.get((group, resource))


def project(document: JsonObject | None, path: tuple[str, ...], namespace: str) -> JsonObject | None:
    """Return the Pod that a template describes: its metadata with the namespace, and its spec.

    None where there is no object, or no template at `path` in it.
    """
    template: Any = document
    for key in path:
        if not isinstance(template, dict):
            return None
        template = template.get(key)
    if not isinstance(template, dict):
        return None
    metadata = template.get("metadata")
    pod: JsonObject = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**(metadata if isinstance(metadata, dict) else {}), "namespace": namespace},
    }
    if "spec" in template:
        pod["spec"] = template["spec"]
    return pod


def unproject_path(found: str, path: tuple[str, ...]) -> str:
    """Return the path in the controller of what was found at `found` in the projected Pod."""
    place = ".".join(path)
    return f"{place}.{found}" if found else place
