"""Which resources are one and the same thing served under several groups or versions.

The API server asks this for matchPolicy Equivalent (apimachinery pkg/runtime/mapper.go: one identity per storage).
Only what is served counts: an API version that a server does not serve is equivalent to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from admission.review import GroupVersionKind, GroupVersionResource


@dataclass(frozen=True, slots=True)
class ServedResource:
    """One resource (or subresource) in one version, with the kind that its requests carry."""

    resource: GroupVersionResource
    kind: GroupVersionKind
    sub_resource: str = ""


def _versions(
    group_versions: Sequence[tuple[str, str]], resource: str, kind: str, *sub_resources: str
) -> tuple[ServedResource, ...]:
    return tuple(
        ServedResource(GroupVersionResource(group, version, resource), GroupVersionKind(group, version, kind), sub)
        for sub in ("", *sub_resources)
        for group, version in group_versions
    )


BUILT_IN: Final[tuple[tuple[ServedResource, ...], ...]] = (
    _versions((("", "v1"), ("events.k8s.io", "v1")), "events", "Event"),
    _versions(
        (("autoscaling", "v2"), ("autoscaling", "v1")), "horizontalpodautoscalers", "HorizontalPodAutoscaler", "status"
    ),
)
"""What kube-apiserver 1.36 serves in more than one version without any alpha or beta API switched on."""


class Equivalents:
    """A table of equivalent resources; each row is one storage with all that serves it."""

    __slots__ = ("_rows",)

    def __init__(self, storages: Iterable[Sequence[ServedResource]] = BUILT_IN) -> None:
        self._rows: dict[tuple[GroupVersionResource, str], tuple[ServedResource, ...]] = {}
        for storage in storages:
            for served in storage:
                same = tuple(item for item in storage if item.sub_resource == served.sub_resource)
                self._rows[served.resource, served.sub_resource] = same

    def of(self, resource: GroupVersionResource, sub_resource: str) -> tuple[ServedResource, ...]:
        """Return the other resources that serve the same objects, in the order in which they are served."""
        row = self._rows.get((resource, sub_resource), ())
        return tuple(served for served in row if served.resource != resource)


def definition_storage(definition: Mapping[str, Any]) -> tuple[ServedResource, ...]:
    """Return what a CustomResourceDefinition serves: every served version, with its status and scale subresources."""
    spec = definition.get("spec")
    if not isinstance(spec, dict):
        return ()
    names, versions, group = spec.get("names"), spec.get("versions"), spec.get("group")
    if not isinstance(names, dict) or not isinstance(versions, list) or not isinstance(group, str):
        return ()
    plural, kind = names.get("plural"), names.get("kind")
    if not isinstance(plural, str) or not isinstance(kind, str):
        return ()
    served = []
    for version in versions:
        if not isinstance(version, dict) or not version.get("served") or not isinstance(version.get("name"), str):
            continue
        resource = GroupVersionResource(group, version["name"], plural)
        own_kind = GroupVersionKind(group, version["name"], kind)
        served.append(ServedResource(resource, own_kind))
        sub_resources = version.get("subresources")
        if isinstance(sub_resources, dict):
            if "status" in sub_resources:
                served.append(ServedResource(resource, own_kind, "status"))
            if "scale" in sub_resources:
                served.append(ServedResource(resource, GroupVersionKind("autoscaling", "v1", "Scale"), "scale"))
    return tuple(served)
