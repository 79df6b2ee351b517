"""The variables that expressions of admission policies see, and the object types behind them.

Four sets of variables over the `kubernetes` environment: no variables at all, those of a validation, the same without
`authorizer` (message expressions have none), and those of a mutation, which adds the types `Object` and `JSONPatch`.
Sources: apiserver pkg/admission/plugin/cel/compile.go (BuildRequestType, BuildNamespaceType), composition.go
(convertCelTypeToDeclType), pkg/cel/mutation/typeresolver.go and jsonpatch.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from admission.cel import types
from admission.cel.types import Kind, Type, list_of, map_of, struct

VariableSet: TypeAlias = Literal["base", "vap", "vap-noauthz", "map"]

OBJECT = struct("Object")
JSON_PATCH = struct("JSONPatch")

_GROUPS = list_of(types.STRING)
_LABELS = map_of(types.STRING, types.STRING)

VARIABLES_TYPE = "kubernetes.variables"

# No uid, object or oldObject in the request, and no uid, ownerReferences or managedFields in the namespace: upstream
# leaves them out, so that naming them is a compile error there.
VALIDATION_TYPES: Mapping[str, Mapping[str, Type]] = {
    "kubernetes.AdmissionRequest": {
        "kind": struct("kubernetes.GroupVersionKind"),
        "resource": struct("kubernetes.GroupVersionResource"),
        "subResource": types.STRING,
        "requestKind": struct("kubernetes.GroupVersionKind"),
        "requestResource": struct("kubernetes.GroupVersionResource"),
        "requestSubResource": types.STRING,
        "name": types.STRING,
        "namespace": types.STRING,
        "operation": types.STRING,
        "userInfo": struct("kubernetes.UserInfo"),
        "dryRun": types.BOOL,
        "options": types.DYN,
    },
    "kubernetes.GroupVersionKind": {"group": types.STRING, "version": types.STRING, "kind": types.STRING},
    "kubernetes.GroupVersionResource": {"group": types.STRING, "version": types.STRING, "resource": types.STRING},
    "kubernetes.UserInfo": {
        "username": types.STRING,
        "uid": types.STRING,
        "groups": _GROUPS,
        "extra": map_of(types.STRING, list_of(types.STRING)),
    },
    "kubernetes.Namespace": {
        "metadata": struct("kubernetes.NamespaceMetadata"),
        "spec": struct("kubernetes.NamespaceSpec"),
        "status": struct("kubernetes.NamespaceStatus"),
    },
    "kubernetes.NamespaceMetadata": {
        "name": types.STRING,
        "generateName": types.STRING,
        "namespace": types.STRING,
        "labels": _LABELS,
        "annotations": _LABELS,
        "UID": types.STRING,
        "creationTimestamp": types.TIMESTAMP,
        "deletionGracePeriodSeconds": types.INT,
        "deletionTimestamp": types.TIMESTAMP,
        "generation": types.INT,
        "resourceVersion": types.STRING,
        "finalizers": _GROUPS,
    },
    "kubernetes.NamespaceSpec": {"finalizers": _GROUPS},
    "kubernetes.NamespaceStatus": {
        "conditions": list_of(struct("kubernetes.NamespaceCondition")),
        "phase": types.STRING,
    },
    "kubernetes.NamespaceCondition": {
        "status": types.STRING,
        "type": types.STRING,
        "lastTransitionTime": types.TIMESTAMP,
        "message": types.STRING,
        "reason": types.STRING,
    },
}

JSON_PATCH_FIELDS: Mapping[str, Type] = {
    "op": types.STRING,
    "path": types.STRING,
    "from": types.STRING,
    "value": types.DYN,
}

# Names that upstream's types of requests and namespaces bring along as if they were object types; nothing can be made
# of them.
_SIMPLE_TYPES = ("duration", "list", "null_type", "timestamp")
_NO_FIELDS: Mapping[str, Type] = {}

# What a variable of a policy may be for those that use it; everything else is dyn to them.
_COMPOSED_KINDS = frozenset(
    (Kind.ANY, Kind.BOOL, Kind.BYTES, Kind.DOUBLE, Kind.DURATION, Kind.INT, Kind.NULL, Kind.STRING, Kind.TIMESTAMP)
) | {Kind.UINT}


def variables(
    *, params: bool = True, authorizer: bool = True, composed: Mapping[str, Type] | Iterable[str] | None = None
) -> dict[str, Type]:
    """Return the variables of an expression of a policy with their types.

    `params` where the policy has a paramKind, `authorizer` but for message expressions, `composed` (anything but None)
    where the policy's own variables can be named: match conditions have none.
    """
    declared = {
        "object": types.DYN,
        "oldObject": types.DYN,
        "request": struct("kubernetes.AdmissionRequest"),
        "namespaceObject": struct("kubernetes.Namespace"),
    }
    if params:
        declared["params"] = types.DYN
    if authorizer:
        declared["authorizer"] = types.AUTHORIZER
        declared["authorizer.requestResource"] = types.RESOURCE_CHECK
    if composed is not None:
        declared["variables"] = struct(VARIABLES_TYPE)
    return declared


def structs(*, composed: Mapping[str, Type] | None = None, mutation: bool = False) -> dict[str, Mapping[str, Type]]:
    """Return the object types of such an expression: name -> field -> type.

    `composed` are the policy's variables compiled so far, by name, with the result types of their expressions. With
    `mutation` the types `Object` (open: it and every `Object.path` take any field) and `JSONPatch` are declared.
    """
    declared = dict(VALIDATION_TYPES) | dict.fromkeys(_SIMPLE_TYPES, _NO_FIELDS)
    if composed is not None:
        declared[VARIABLES_TYPE] = {name: composed_type(t) for name, t in composed.items()}
    if mutation:
        declared[OBJECT.name] = {}
        declared[JSON_PATCH.name] = JSON_PATCH_FIELDS
    return declared


def composed_type(result: Type) -> Type:
    """Return the type under which the variable of a policy is known to other expressions.

    Optionals, objects and the types of libraries become dyn; a wrapper is no longer the primitive and becomes dyn too.
    """
    if result.kind in _COMPOSED_KINDS:
        return result
    if result.kind is Kind.LIST:
        return list_of(composed_type(result.params[0]))
    if result.kind is Kind.MAP:
        return map_of(composed_type(result.params[0]), composed_type(result.params[1]))
    return types.DYN


def declare(
    name: VariableSet, *, params: bool = True, composed: Mapping[str, Type] | None = None
) -> tuple[dict[str, Type], dict[str, Mapping[str, Type]]]:
    """Return variables and object types of one of the four sets; `composed` empty unless given."""
    if name == "base":
        return {}, {}
    known = composed if composed is not None else {}
    return (
        variables(params=params, authorizer=name != "vap-noauthz", composed=known),
        structs(composed=known, mutation=name == "map"),
    )
