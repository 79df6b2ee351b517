"""Manifests as the requests that applying them would make.

What the API server would know about a kind (its resource, whether it lives in namespaces) comes from the kinds that it
serves and from CustomResourceDefinitions; what neither has is guessed, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from admission.defaults import apply_defaults
from admission.equivalence import definition_storage
from admission.errors import InputError
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, UserInfo
from admission.scopes import CLUSTER_KINDS, NAMESPACED_KINDS
from admission.workload import JsonObject

CHECK_USER: Final = UserInfo(username="admission:check", groups=("system:authenticated",))
DEFAULT_NAMESPACE: Final = "default"

_OPTIONS: Final[JsonObject] = {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"]}
_IRREGULAR: Final = {"Endpoints": "endpoints"}


@dataclass(frozen=True, slots=True)
class ServedKind:
    """The plural name that requests carry, and whether objects of the kind live in namespaces."""

    resource: str
    namespaced: bool


class Kinds:
    """The kinds that a cluster serves: the built-in ones, and those of CustomResourceDefinitions."""

    __slots__ = ("_defined",)

    def __init__(self, documents: Iterable[Mapping[str, Any]] = ()) -> None:
        self._defined: dict[tuple[str, str], ServedKind] = {}
        for document in documents:
            if document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document.get("spec")
            namespaced = isinstance(spec, dict) and spec.get("scope") == "Namespaced"
            for served in definition_storage(document):
                if not served.sub_resource:
                    key = (served.kind.group, served.kind.kind)
                    self._defined[key] = ServedKind(served.resource.resource, namespaced)

    def find(self, group: str, kind: str) -> ServedKind | None:
        """Return what is known about a kind, None for nothing."""
        if (group, kind) in CLUSTER_KINDS:
            return ServedKind(plural_of(kind), namespaced=False)
        if (group, kind) in NAMESPACED_KINDS:
            return ServedKind(plural_of(kind), namespaced=True)
        return self._defined.get((group, kind))


def plural_of(kind: str) -> str:
    """Return the resource that a kind most likely has: the English plural in lower case, as all built-in ones are."""
    if kind in _IRREGULAR:
        return _IRREGULAR[kind]
    name = kind.lower()
    if name.endswith("s"):
        return name + "es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return name[:-1] + "ies"
    return name + "s"


@dataclass(frozen=True, slots=True)
class Requester:
    """Turns manifests into CREATE requests with dryRun.

    `namespace` is for manifests of namespaced kinds that name none. With `defaults` an object gets what the API server
    fills in, its namespace included; else it is judged as written. `note` is told, once a kind, what had to be guessed.
    """

    kinds: Kinds
    namespace: str = DEFAULT_NAMESPACE
    user: UserInfo = CHECK_USER
    defaults: bool = True
    note: Callable[[str], None] = lambda _: None

    def request(self, document: Any) -> AdmissionRequest:
        """Return the request for one manifest; InputError where it is no Kubernetes object."""
        if not isinstance(document, dict):
            raise InputError("not a Kubernetes object; a manifest is a map with apiVersion and kind")
        api_version, kind_name = document.get("apiVersion"), document.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind_name, str) or not api_version or not kind_name:
            raise InputError("apiVersion or kind is missing; without them nobody can tell what this is")
        group, _, version = api_version.rpartition("/")
        metadata = document.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise InputError("metadata is not a map")
        own: JsonObject = metadata or {}
        written = own.get("namespace")
        served = self.kinds.find(group, kind_name)
        if served is None:
            served = ServedKind(plural_of(kind_name), namespaced=True)
            self.note(
                f"{api_version} {kind_name} is in no resource given; assuming namespaced {served.resource} "
                "(give its CustomResourceDefinition with --resources)"
            )
        name = _text(own.get("name"))
        namespace = ""
        if served.namespaced:
            namespace = _text(written) or self.namespace
        elif (group, kind_name) == ("", "Namespace"):
            namespace = name
        kind = GroupVersionKind(group, version, kind_name)
        resource = GroupVersionResource(group, version, served.resource)
        return AdmissionRequest(
            uid=f"{kind_name}/{namespace}/{name}",
            kind=kind,
            resource=resource,
            request_kind=kind,
            request_resource=resource,
            operation=Operation.CREATE,
            name=name,
            namespace=namespace,
            user=self.user,
            object=self._complete(document, own, namespace if served.namespaced else ""),
            dry_run=True,
            options=_OPTIONS,
        )

    def _complete(self, document: JsonObject, metadata: JsonObject, namespace: str) -> JsonObject:
        if not self.defaults:
            return document
        if namespace and metadata.get("namespace") != namespace:
            document = {**document, "metadata": {**metadata, "namespace": namespace}}
        return apply_defaults(document)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
