"""The kinds of objects that are read as policies, with the fields that they have: the API server's four, and our own.

Tables only: what does not fit a schema is the business of `admission.decoding`. Source: k8s.io/api
admissionregistration v1, v1beta1 and v1alpha1 types.go (the fields are the same in all three).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

GROUP: Final = "admissionregistration.k8s.io"
OWN_GROUP: Final = "admission.dev"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of `item`."""

    item: FieldType


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with these fields and no others."""

    fields: Mapping[str, FieldType] = field(hash=False)


Simple: TypeAlias = Literal["string", "boolean", "integer", "strings by key", "anything"]
FieldType: TypeAlias = Simple | Listed | Struct

STRINGS: Final = Listed("string")
_SELECTOR: Final = Struct(
    {
        "matchLabels": "strings by key",
        "matchExpressions": Listed(Struct({"key": "string", "operator": "string", "values": STRINGS})),
    }
)
_RULE: Final = Struct(
    {
        "resourceNames": STRINGS,
        "operations": STRINGS,
        "apiGroups": STRINGS,
        "apiVersions": STRINGS,
        "resources": STRINGS,
        "scope": "string",
    }
)
_MATCH: Final = Struct(
    {
        "namespaceSelector": _SELECTOR,
        "objectSelector": _SELECTOR,
        "resourceRules": Listed(_RULE),
        "excludeResourceRules": Listed(_RULE),
        "matchPolicy": "string",
    }
)
_PARAM_REF: Final = Struct(
    {"name": "string", "namespace": "string", "selector": _SELECTOR, "parameterNotFoundAction": "string"}
)
_NAMED_EXPRESSIONS: Final = Listed(Struct({"name": "string", "expression": "string"}))
_EXPRESSION: Final = Struct({"expression": "string"})
_POLICY_FIELDS: Final[Mapping[str, FieldType]] = {
    "paramKind": Struct({"apiVersion": "string", "kind": "string"}),
    "matchConstraints": _MATCH,
    "failurePolicy": "string",
    "matchConditions": _NAMED_EXPRESSIONS,
    "variables": _NAMED_EXPRESSIONS,
}
_VALIDATING_SPEC: Final = Struct(
    {
        **_POLICY_FIELDS,
        "validations": Listed(
            Struct({"expression": "string", "message": "string", "reason": "string", "messageExpression": "string"})
        ),
        "auditAnnotations": Listed(Struct({"key": "string", "valueExpression": "string"})),
    }
)
_MUTATING_SPEC: Final = Struct(
    {
        **_POLICY_FIELDS,
        "mutations": Listed(
            Struct({"patchType": "string", "applyConfiguration": _EXPRESSION, "jsonPatch": _EXPRESSION})
        ),
        "reinvocationPolicy": "string",
    }
)
_BINDING_FIELDS: Final[Mapping[str, FieldType]] = {
    "policyName": "string",
    "paramRef": _PARAM_REF,
    "matchResources": _MATCH,
}
_OWN_POLICY_FIELDS: Final[Mapping[str, FieldType]] = {
    "paramRef": _PARAM_REF,
    "podTemplates": "boolean",
    "exemptable": "boolean",
}
_VALIDATING_WEBHOOK_SPEC: Final = Struct(
    {**_VALIDATING_SPEC.fields, **_OWN_POLICY_FIELDS, "validationActions": STRINGS}
)
_MUTATING_WEBHOOK_SPEC: Final = Struct({**_MUTATING_SPEC.fields, **_OWN_POLICY_FIELDS})
_EXEMPTION_SPEC: Final = Struct(
    {
        "policyRefs": Listed(Struct({"name": "string", "validations": Listed("integer")})),
        "paths": STRINGS,
        "matchResources": _MATCH,
        "matchConditions": _NAMED_EXPRESSIONS,
        "reason": "string",
        "owner": "string",
        "expiresAt": "string",
    }
)
_METADATA: Final = Struct(
    {
        "name": "string",
        "generateName": "string",
        "namespace": "string",
        "labels": "strings by key",
        "annotations": "strings by key",
        "generation": "integer",
        "finalizers": STRINGS,
        "resourceVersion": "string",
        "uid": "string",
        "selfLink": "string",
        "creationTimestamp": "anything",
        "deletionTimestamp": "anything",
        "deletionGracePeriodSeconds": "integer",
        "ownerReferences": "anything",
        "managedFields": "anything",
    }
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object that this project reads as a policy."""

    name: str
    schema: Struct = field(hash=False)
    versions: tuple[str, ...] = ("v1", "v1beta1", "v1alpha1")
    group: str = GROUP

    @property
    def group_kind(self) -> str:
        """`Kind.group`, as the API server names it in messages."""
        return f"{self.name}.{self.group}"

    @property
    def api_versions(self) -> tuple[str, ...]:
        """Every apiVersion that it may be written in, the newest first."""
        return tuple(f"{self.group}/{version}" for version in self.versions)

    @property
    def own(self) -> bool:
        """Whether it is a kind of this project, which no API server knows by itself."""
        return self.group == OWN_GROUP


def _object(spec: Struct, *, status: bool = False) -> Struct:
    fields: dict[str, FieldType] = {"apiVersion": "string", "kind": "string", "metadata": _METADATA, "spec": spec}
    return Struct({**fields, "status": "anything"} if status else fields)


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("ValidatingAdmissionPolicy", _object(_VALIDATING_SPEC, status=True)),
        Kind(
            "ValidatingAdmissionPolicyBinding",
            _object(Struct({**_BINDING_FIELDS, "validationActions": STRINGS})),
        ),
        Kind("MutatingAdmissionPolicy", _object(_MUTATING_SPEC)),
        Kind("MutatingAdmissionPolicyBinding", _object(Struct(_BINDING_FIELDS))),
        Kind("ValidatingWebhookPolicy", _object(_VALIDATING_WEBHOOK_SPEC), ("v1alpha1",), OWN_GROUP),
        Kind("MutatingWebhookPolicy", _object(_MUTATING_WEBHOOK_SPEC), ("v1alpha1",), OWN_GROUP),
        Kind("PolicyExemption", _object(_EXEMPTION_SPEC), ("v1alpha1",), OWN_GROUP),
    )
}


def kind_of(data: Mapping[str, Any]) -> Kind | None:
    """Return the registered kind of an object, None where it is none or the apiVersion is unknown."""
    group, _, version = str(data.get("apiVersion", "")).partition("/")
    kind = KINDS.get(str(data.get("kind", "")))
    return kind if kind is not None and group == kind.group and version in kind.versions else None
