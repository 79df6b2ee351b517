"""Policies and bindings compared with the schema of their kind: strictly, and with every fault at once.

The kinds and their fields are those of `admission.kinds`. What does not fit is reported and left out; whether the rest
makes sense is the question of `admission.creation`, and `admission.building` makes the frozen value of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from admission import policy as model
from admission.kinds import KINDS, FieldType, Kind, Listed, Struct
from admission.policy import Action

Path: TypeAlias = tuple[str | int, ...]
Object: TypeAlias = dict[str, Any]

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
            empty: Any = {} if isinstance(schema.item, Struct) else 0 if schema.item == "integer" else ""
            decoded = (
                _value(schema.item, item, (*path, index), faults) if item is not None else None
                for index, item in enumerate(value)
            )
            return [item if item is not None else empty for item in decoded]
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


_DESCRIPTIONS: Final = (model.SEVERITY, model.TITLE, model.CATEGORY, model.DESCRIPTION, model.REMEDY)
_POLICY_ANNOTATIONS: Final = (model.POD_TEMPLATES, model.EXEMPTABLE, *_DESCRIPTIONS)
_BINDING_ANNOTATIONS: Final = (model.POD_TEMPLATE_ACTIONS,)


def _known_annotations(kind: Kind) -> tuple[str, ...]:
    if kind.name == "ValidatingWebhookPolicy":
        return (*_DESCRIPTIONS, *_BINDING_ANNOTATIONS)
    if kind.name == "MutatingWebhookPolicy":
        return _DESCRIPTIONS
    if kind.name.endswith("Policy"):
        return _POLICY_ANNOTATIONS
    return _BINDING_ANNOTATIONS if kind.name.endswith("Binding") else ()


def _annotation_faults(kind: Kind, annotations: Mapping[str, str]) -> list[DecodeFault]:
    faults = []
    known = _known_annotations(kind)
    for name, value in annotations.items():
        path: Path = ("metadata", "annotations", name)
        if not name.startswith(OWN_PREFIX):
            continue
        if name not in known:
            near = suggestion(name, known)
            help_text = f"did you mean `{near}`?" if near else f"a {kind.name} knows {', '.join(known) or 'none'}"
            faults.append(DecodeFault(f"annotation {name} has no meaning here", path, "key", help_text, "warning"))
        elif name in (model.POD_TEMPLATES, model.EXEMPTABLE) and value not in ("true", "false"):
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
