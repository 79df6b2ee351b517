"""JSON Schemas of all kinds that are read as policies, for editors: names, types, choices, and a word about each field.

Made of the same tables that strict decoding uses (`admission.kinds`), so that an editor never takes what loading
refuses. What a schema cannot say (expressions, names, limits) `admission lint` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from admission.kinds import FieldType, Kind, Listed, Struct

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"

_CHOICES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("spec", "failurePolicy"): ("Fail", "Ignore"),
    ("spec", "reinvocationPolicy"): ("Never", "IfNeeded"),
    ("spec", "validationActions"): ("Deny", "Warn", "Audit"),
    ("validations", "reason"): ("Forbidden", "Invalid", "RequestEntityTooLarge"),
    ("mutations", "patchType"): ("ApplyConfiguration", "JSONPatch"),
    ("paramRef", "parameterNotFoundAction"): ("Allow", "Deny"),
    ("matchExpressions", "operator"): ("In", "NotIn", "Exists", "DoesNotExist"),
    **{(match, "matchPolicy"): ("Exact", "Equivalent") for match in ("matchConstraints", "matchResources")},
    **{
        (rules, field): choices
        for rules in ("resourceRules", "excludeResourceRules")
        for field, choices in (
            ("operations", ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")),
            ("scope", ("*", "Cluster", "Namespaced")),
        )
    },
}
"""What a field may say, by the name of the field and of the one around it."""

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("apiVersion", "kind", "metadata", "spec"),
    "metadata": ("name",),
    "paramKind": ("apiVersion", "kind"),
    "matchExpressions": ("key", "operator"),
    "resourceRules": ("operations", "apiGroups", "apiVersions", "resources"),
    "excludeResourceRules": ("operations", "apiGroups", "apiVersions", "resources"),
    "matchConditions": ("name", "expression"),
    "variables": ("name", "expression"),
    "validations": ("expression",),
    "auditAnnotations": ("key", "valueExpression"),
    "mutations": ("patchType",),
    "applyConfiguration": ("expression",),
    "jsonPatch": ("expression",),
    "paramRef": ("parameterNotFoundAction",),
    "policyRefs": ("name",),
}
_REQUIRED_IN_SPEC: Final[Mapping[str, tuple[str, ...]]] = {
    "ValidatingAdmissionPolicy": ("matchConstraints",),
    "ValidatingAdmissionPolicyBinding": ("policyName", "validationActions"),
    "MutatingAdmissionPolicy": ("matchConstraints", "mutations", "reinvocationPolicy"),
    "MutatingAdmissionPolicyBinding": ("policyName",),
    "ValidatingWebhookPolicy": ("matchConstraints", "validationActions"),
    "MutatingWebhookPolicy": ("matchConstraints", "mutations", "reinvocationPolicy"),
    "PolicyExemption": ("policyRefs", "reason", "owner"),
}

_WORDS: Final[Mapping[str, str]] = {
    "ValidatingAdmissionPolicy": "A policy that the API server enforces too: what must be true of a request.",
    "ValidatingAdmissionPolicyBinding": "Puts a ValidatingAdmissionPolicy to work: where, and to what effect.",
    "MutatingAdmissionPolicy": "A policy that the API server enforces too: changes that are made to an object.",
    "MutatingAdmissionPolicyBinding": "Puts a MutatingAdmissionPolicy to work: where, and with which params.",
    "ValidatingWebhookPolicy": "A validating policy that only the webhook enforces; it needs no binding.",
    "MutatingWebhookPolicy": "A mutating policy that only the webhook enforces; it needs no binding.",
    "PolicyExemption": "Who is let off from which policies, why, on whose word, and until when.",
    "apiGroups": "API groups; the core group is the empty string, * is all of them.",
    "apiVersions": "Versions of those groups; * is all of them.",
    "auditAnnotations": "Texts that are recorded about every request, by key.",
    "excludeResourceRules": "What the policy does not look at, whatever resourceRules say.",
    "exemptable": "Whether a PolicyExemption may let somebody off; true where it is not said.",
    "expiresAt": "When it ends, such as 2030-01-31T00:00:00Z; from that moment on it lets nobody off.",
    "expression": "CEL.",
    "failurePolicy": "What an error means: Fail denies the request, Ignore lets it pass.",
    "jsonPatch": "The change as a list of JSONPatch{...}.",
    "applyConfiguration": "The change as Object{...}, merged into the object as server-side apply does.",
    "matchConditions": "Expressions that must be true before anything else is looked at.",
    "matchConstraints": "The requests that the policy looks at.",
    "matchPolicy": "Whether a rule also covers other versions of the same resource.",
    "matchResources": "The requests that this narrows down to.",
    "message": "What somebody who is denied reads; one line.",
    "messageExpression": "CEL that makes the message; where it fails, message is used.",
    "mutations": "Changes, each seeing what those before it made.",
    "namespaceSelector": "Labels of the namespaces.",
    "objectSelector": "Labels of the objects, new or old.",
    "operations": "What is done to the resource.",
    "owner": "Who answers for it.",
    "paramKind": "The kind of object that parametrises the policy.",
    "paramRef": "Which params the policy is evaluated with.",
    "parameterNotFoundAction": "What no params at all mean.",
    "paths": "Places in the object: who is let off is judged without what stands there.",
    "podTemplates": "Whether a policy for Pods also judges the templates in Deployments, Jobs and the like.",
    "policyName": "The policy that is bound.",
    "policyRefs": "The policies from which somebody is let off.",
    "reinvocationPolicy": "Whether the policy runs again after others changed the object.",
    "resourceRules": "What is covered: at least one rule must fit.",
    "resources": "Resources such as pods, pods/exec, pods/*; * is every resource without its subresources.",
    "validationActions": "What is done where a validation is not true.",
    "validations": "Expressions that must be true; in an exemption, their indexes.",
    "valueExpression": "CEL that makes a text, or null for none.",
    "variables": "Named expressions that later ones read as variables.NAME.",
}


def json_schema(kind: Kind) -> Schema:
    """Return the JSON Schema of one kind."""
    schema = _schema(kind.schema, "", "", kind)
    schema["properties"] |= {"apiVersion": {"enum": list(kind.api_versions)}, "kind": {"const": kind.name}}
    return {"$schema": DIALECT, "title": kind.name, "description": _WORDS[kind.name], **schema}


def any_schema(kinds: Iterable[Kind]) -> Schema:
    """Return the one JSON Schema of all kinds: a document is of the kind that it says, or it is wrong."""
    known = {kind.name: json_schema(kind) for kind in kinds}
    for schema in known.values():
        del schema["$schema"]
    return {
        "$schema": DIALECT,
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"kind": {"enum": list(known)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}}, "then": {"$ref": f"#/definitions/{name}"}}
            for name in known
        ],
        "definitions": known,
    }


def _schema(of: FieldType, around: str, name: str, kind: Kind) -> Schema:
    if isinstance(of, Struct):
        required = _REQUIRED_IN_SPEC[kind.name] if name == "spec" else _REQUIRED.get(name, ())
        schema: Schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {field: _described(inner, name, field, kind) for field, inner in of.fields.items()},
        }
        return schema | ({"required": list(required)} if required else {})
    if isinstance(of, Listed):
        return {"type": "array", "items": _schema(of.item, around, name, kind)}
    if of == "strings by key":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if of == "anything":
        return {}
    choices = _CHOICES.get((around, name))
    if choices is not None:
        return {"enum": list(choices)}
    return {"type": of, "format": "date-time"} if name == "expiresAt" else {"type": of}


def _described(of: FieldType, around: str, name: str, kind: Kind) -> Schema:
    words = _WORDS.get(name) if around != "metadata" else None
    return _schema(of, around, name, kind) | ({"description": words} if words else {})
