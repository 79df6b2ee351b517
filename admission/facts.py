"""Facts: what a decision needs beyond the request, and where it comes from.

A fact that is not to be had is a value (`Missing`), never an exception: whoever needs it turns it into the error that
the API server would give. `FileFacts` answers from documents, for offline use; a source that asks a cluster has the
same shape. Params: apiserver pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from admission.authorization import AuthorizationAnswer, AuthorizationAttributes, AuthorizationRules
from admission.equivalence import BUILT_IN, Equivalents, definition_storage
from admission.policy import ParamKind, ParamRef
from admission.schema.bundle import bundled
from admission.schema.merging import MergeTypes
from admission.schema.rare import rare
from admission.scopes import CLUSTER_KINDS, NAMESPACED_KINDS, ParamScope
from admission.selector import Selector, labels_of
from admission.workload import JsonObject

NAME_LABEL: Final = "kubernetes.io/metadata.name"
_DEFINITION: Final = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that is not to be had; `reason` in the API server's words, `absent` where the thing is just not there."""

    reason: str
    absent: bool = True


class FactSource(Protocol):
    """Where facts come from; the two lookups that never wait are plain functions."""

    async def namespace(self, name: str) -> JsonObject | Missing:
        """Return the Namespace of that name."""
        ...

    def param_scope(self, api_version: str, kind: str) -> ParamScope | None:
        """Return whether objects of a kind live in namespaces, None where the kind is not known."""
        ...

    async def params(
        self, api_version: str, kind: str, namespace: str | None, name: str | None, selector: Selector | None
    ) -> tuple[JsonObject, ...] | Missing:
        """Return the params of that name, or all that `selector` selects, in order of name; none is an empty tuple.

        `namespace` is None for cluster-scoped kinds.
        """
        ...

    async def authorize(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer | Missing:
        """Return the authorizer's answer; Missing where there is nobody to ask."""
        ...

    def equivalents(self) -> Equivalents:
        """Return which resources are served under several groups or versions."""
        ...

    def merge_types(self) -> MergeTypes:
        """Return how objects of each kind are merged."""
        ...


async def collect_params(
    facts: FactSource, param_kind: ParamKind | None, param_ref: ParamRef | None, namespace: str
) -> tuple[JsonObject | None, ...] | str:
    """Return the params that a binding evaluates its policy with, or why it cannot be evaluated.

    One None stands for "without params". No params at all means that the binding is not evaluated.
    """
    if param_kind is None or param_ref is None:
        return (None,)
    scope = facts.param_scope(param_kind.api_version, param_kind.kind)
    where: str | None = None
    if scope == "Namespaced":
        where = param_ref.namespace or namespace
        if not where:
            return "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
    elif param_ref.namespace:
        return "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
    selector = Selector(param_ref.selector) if param_ref.selector is not None else None
    if param_ref.name and selector is not None:
        return "paramRef.name and paramRef.selector are mutually exclusive"
    if not param_ref.name and selector is None:
        return "one of name or selector must be provided"
    if selector is not None and selector.fault is not None:
        return selector.fault
    found = await facts.params(param_kind.api_version, param_kind.kind, where, param_ref.name or None, selector)
    if isinstance(found, Missing):
        return found.reason
    if not found and param_ref.not_found_action == "Deny":
        return "no params found for policy binding with `Deny` parameterNotFoundAction"
    return found


def unresolvable(param_kind: ParamKind) -> str:
    """Return what the API server says about a paramKind that it does not know."""
    group, _, version = param_kind.api_version.rpartition("/")
    return f"failed to find resource referenced by paramKind: '{group}/{version}, Kind={param_kind.kind}'"


@dataclass(slots=True)
class FileFacts:
    """Facts from documents: Namespaces, params of any kind, CustomResourceDefinitions, and rules for the authorizer.

    A Namespace that is not among them is one with just its name label, and `note` is told so; with `strict` it is
    missing. Namespaces get the name label that the API server gives to all of them, where `complete` is set.
    """

    documents: Iterable[Mapping[str, Any]] = ()
    authorization: AuthorizationRules | None = None
    strict: bool = False
    complete: bool = True
    note: Callable[[str], None] = lambda _: None
    scopes: Mapping[tuple[str, str], ParamScope | None] = field(default_factory=dict)
    _namespaces: dict[str, JsonObject] = field(init=False, default_factory=dict)
    _objects: dict[tuple[str, str], list[JsonObject]] = field(init=False, default_factory=dict)
    _scopes: dict[tuple[str, str], ParamScope] = field(init=False, default_factory=dict)
    _equivalents: Equivalents = field(init=False)
    _merge_types: MergeTypes | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        storages = list(BUILT_IN)
        for document in _flatten(self.documents):
            api_version, kind = str(document.get("apiVersion", "")), str(document.get("kind", ""))
            if (api_version, kind) == ("v1", "Namespace"):
                self._namespaces[_name(document)] = self._completed(document)
            elif kind == _DEFINITION:
                self._define(document)
                storages.append(definition_storage(document))
            self._objects.setdefault((api_version, kind), []).append(document)
        self._equivalents = Equivalents(storages)

    async def namespace(self, name: str) -> JsonObject | Missing:
        """Return the Namespace of that name, a plain one where none was given."""
        found = self._namespaces.get(name)
        if found is not None:
            return found
        if self.strict:
            self.note(f"namespace {name!r} is in no resource given")
            return Missing(f'namespaces "{name}" not found')
        self.note(f"namespace {name!r} is in no resource given; assuming one with just its name label")
        found = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {NAME_LABEL: name}}}
        self._namespaces[name] = found
        return found

    def param_scope(self, api_version: str, kind: str) -> ParamScope | None:
        """Return the scope of a kind: as told, built in, as its definition says, or as its objects suggest."""
        if (api_version, kind) in self.scopes:
            return self.scopes[api_version, kind]
        group = api_version.rpartition("/")[0]
        if (group, kind) in NAMESPACED_KINDS:
            return "Namespaced"
        if (group, kind) in CLUSTER_KINDS:
            return "Cluster"
        defined = self._scopes.get((api_version, kind))
        if defined is not None:
            return defined
        objects = self._objects.get((api_version, kind))
        if not objects:
            return None
        return "Namespaced" if any(_namespace(item) for item in objects) else "Cluster"

    async def params(
        self, api_version: str, kind: str, namespace: str | None, name: str | None, selector: Selector | None
    ) -> tuple[JsonObject, ...] | Missing:
        """Return the params among the documents."""
        found = [
            item
            for item in self._objects.get((api_version, kind), ())
            if (namespace is None or _namespace(item) == namespace)
            and (name is None or _name(item) == name)
            and (selector is None or selector.selects(labels_of(item)))
        ]
        return tuple(sorted(found, key=_name))

    async def authorize(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer | Missing:
        """Return the answer of the rules; Missing where there are none, so that nothing is allowed by accident."""
        if self.authorization is None:
            return Missing("no answer from the authorizer: there are no authorizer rules to ask")
        return self.authorization.answer(attributes)

    def equivalents(self) -> Equivalents:
        """Return what is served in several versions: built in, and by the definitions given."""
        return self._equivalents

    def merge_types(self) -> MergeTypes:
        """Return how objects are merged: of Kubernetes' own kinds, and of those that the definitions given define."""
        if self._merge_types is None:
            definitions = [item for (_, kind), items in self._objects.items() if kind == _DEFINITION for item in items]
            native = bundled()
            self._merge_types = MergeTypes(
                native.with_custom_resources(definitions), native, rare=lambda: rare(native), complete=self.strict
            )
        return self._merge_types

    def _completed(self, namespace: JsonObject) -> JsonObject:
        labels = labels_of(namespace)
        if not self.complete or NAME_LABEL in labels:
            return namespace
        metadata = namespace.get("metadata")
        own = metadata if isinstance(metadata, dict) else {}
        return {**namespace, "metadata": {**own, "labels": {**labels, NAME_LABEL: _name(namespace)}}}

    def _define(self, definition: JsonObject) -> None:
        spec = definition.get("spec")
        scope: ParamScope = "Namespaced" if isinstance(spec, dict) and spec.get("scope") == "Namespaced" else "Cluster"
        for served in definition_storage(definition):
            if not served.sub_resource:
                self._scopes[served.kind.api_version, served.kind.kind] = scope


def _flatten(documents: Iterable[Mapping[str, Any]]) -> Iterable[JsonObject]:
    for document in documents:
        items = document.get("items")
        if isinstance(items, list) and str(document.get("kind", "")).endswith("List"):
            yield from (item for item in items if isinstance(item, dict))
        else:
            yield dict(document)


def _metadata_text(document: Mapping[str, Any], key: str) -> str:
    metadata = document.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else ""


def _name(document: Mapping[str, Any]) -> str:
    return _metadata_text(document, "name")


def _namespace(document: Mapping[str, Any]) -> str:
    return _metadata_text(document, "namespace")
