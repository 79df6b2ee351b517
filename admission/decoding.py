"""Policies and bindings compared with the schema of their kind: strictly, and with every fault at once.

The kinds are registered here, with the fields that they have. What does not fit is reported and left out; whether the
rest makes sense is the question of `admission.creation`, and `admission.building` makes the frozen value of it.
Source: k8s.io/api admissionregistration v1, v1beta1 and v1alpha1 types.go (the fields are the same in all three).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from admission import policy as model
from admission.policy import Action

Path: TypeAlias = tuple[str | int, ...]
Object: TypeAlias = dict[str, Any]

GROUP: Final = "admissionregistration.k8s.io"
OWN_PREFIX: Final = "admission.dev/"


@dataclass(frozen=True, slots=True)
class DecodeFault:
    """A field that the API server would not take: `part` says whether to point at its key or at its value."""

    message: str
    path: Path
    part: Literal["entry", "key", "value"] = "value"
    help: str = ""
    severity: Literal["error", "warning"] = "error"
    mistyped: bool = False


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

    @property
    def group_kind(self) -> str:
        """`Kind.group`, as the API server names it in messages."""
        return f"{self.name}.{GROUP}"


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds after strict decoding: fields by their Kubernetes names, nulls left out."""

    kind: Kind
    data: Object = field(hash=False)
    faults: tuple[DecodeFault, ...] = ()

    @property
    def name(self) -> str:
        """The name of the object, empty where it has none."""
        name: str = self.data.get("metadata", {}).get("name", "")
        return name

    @property
    def usable(self) -> bool:
        """Whether every value had the type of its field."""
        return not any(fault.mistyped for fault in self.faults)


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
    )
}


def kind_of(data: Mapping[str, Any]) -> Kind | None:
    """Return the registered kind of an object, None where it is none or the apiVersion is unknown."""
    group, _, version = str(data.get("apiVersion", "")).partition("/")
    kind = KINDS.get(str(data.get("kind", "")))
    return kind if kind is not None and group == GROUP and version in kind.versions else None


def decode(data: Mapping[str, Any]) -> Content:
    """Compare an object of a registered kind with its schema and return what fits; KeyError for other kinds."""
    kind = KINDS[str(data.get("kind"))]
    faults: list[DecodeFault] = []
    content = _struct(kind.schema, data, (), faults)
    faults += _annotation_faults(kind, content.get("metadata", {}).get("annotations", {}))
    return Content(kind, content, tuple(faults))


def _struct(schema: Struct, value: Mapping[str, Any], path: Path, faults: list[DecodeFault]) -> Object:
    decoded: Object = {}
    for name, inner in value.items():
        known = schema.fields.get(name)
        if known is None:
            faults.append(_unknown_field(name, schema, value, path))
        elif inner is not None:
            fitting = _value(known, inner, (*path, name), faults)
            if fitting is not None:
                decoded[name] = fitting
    return decoded


def _value(schema: FieldType, value: Any, path: Path, faults: list[DecodeFault]) -> Any:
    if isinstance(schema, Struct):
        if isinstance(value, dict):
            return _struct(schema, value, path, faults)
        wanted = "an object"
    elif isinstance(schema, Listed):
        if isinstance(value, list):
            empty: Any = {} if isinstance(schema.item, Struct) else ""
            return [
                _value(schema.item, item, (*path, index), faults) if item is not None else empty
                for index, item in enumerate(value)
            ]
        wanted = "a list"
    elif schema == "strings by key":
        if isinstance(value, dict):
            return {
                name: _value("string", inner, (*path, name), faults) if inner is not None else ""
                for name, inner in value.items()
            }
        wanted = "an object"
    else:
        wanted, python_type = _SIMPLE[schema]
        if isinstance(value, python_type) and (schema != "integer" or not isinstance(value, bool)):
            return value
    help_text = "put quotes around it" if wanted == "a string" and isinstance(value, bool | int | float) else ""
    faults.append(DecodeFault(f"must be {wanted}, but is {_type_name(value)}", path, help=help_text, mistyped=True))
    return {} if isinstance(schema, Struct) else "" if wanted == "a string" else None


_SIMPLE: Final[Mapping[str, tuple[str, type]]] = {
    "string": ("a string", str),
    "boolean": ("true or false", bool),
    "integer": ("an integer", int),
    "anything": ("anything", object),
}


def _type_name(value: Any) -> str:
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number"),
        (str, "a string"),
        (list, "a list"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "an object")


def _unknown_field(name: str, schema: Struct, value: Mapping[str, Any], path: Path) -> DecodeFault:
    message = f'strict decoding error: unknown field "{field_path((*path, name))}"'
    near = suggestion(name, [known for known in schema.fields if known not in value])
    help_text = f"did you mean `{near}`?" if near else "fields here: " + ", ".join(sorted(schema.fields))
    return DecodeFault(message, (*path, name), "key", help_text)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a wrong one was probably meant to be."""
    from difflib import get_close_matches  # only faults need it, and it costs start-up time

    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_lower, 1, 0.7)
    return by_lower[close[0]] if close else None


def field_path(path: Path) -> str:
    """Print a path as Kubernetes does: `spec.validations[0].expression`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


_POLICY_ANNOTATIONS: Final = (
    model.POD_TEMPLATES,
    model.SEVERITY,
    model.TITLE,
    model.CATEGORY,
    model.DESCRIPTION,
    model.REMEDY,
)
_BINDING_ANNOTATIONS: Final = (model.POD_TEMPLATE_ACTIONS,)


def _annotation_faults(kind: Kind, annotations: Mapping[str, str]) -> list[DecodeFault]:
    faults = []
    known = _BINDING_ANNOTATIONS if kind.name.endswith("Binding") else _POLICY_ANNOTATIONS
    for name, value in annotations.items():
        path: Path = ("metadata", "annotations", name)
        if not name.startswith(OWN_PREFIX):
            continue
        if name not in known:
            near = suggestion(name, known)
            help_text = f"did you mean `{near}`?" if near else f"a {kind.name} knows " + ", ".join(known)
            faults.append(DecodeFault(f"annotation {name} has no meaning here", path, "key", help_text, "warning"))
        elif name == model.POD_TEMPLATES and value not in ("true", "false"):
            faults.append(DecodeFault(f'annotation {name} must be "true" or "false"', path))
        elif name == model.SEVERITY and value not in model.SEVERITIES:
            faults.append(DecodeFault(f"annotation {name} must be one of {', '.join(model.SEVERITIES)}", path))
        elif name == model.POD_TEMPLATE_ACTIONS and not _are_actions(value):
            faults.append(DecodeFault(f"annotation {name} must be a list of Deny, Warn, Audit, such as `Audit`", path))
    return faults


def listed_actions(text: str) -> list[str]:
    """Return the names in a list such as `Warn, Audit` or `["Audit"]`."""
    return [part.strip(" \"'") for part in text.strip(" []").split(",")]


def _are_actions(text: str) -> bool:
    return all(name in tuple(Action) for name in listed_actions(text))
