"""Whether a merged object becomes the Go type of its kind again, which asks less than decoding JSON does.

Unknown fields are dropped without a word, and what the merge types let through is only refused where Go has no way to
hold it. Source: apimachinery pkg/runtime/converter.go (FromUnstructured), pkg/runtime/scheme.go.
"""

from __future__ import annotations

from typing import Any

from admission.schema.definitions import KindName
from admission.schema.go_scalars import UnreadableError, base64_fault, check_scalar
from admission.schema.go_types import GoType, GoTypes

_INT32 = 2**31


def conversion_fault(document: Any, before: Any, kind: KindName, types: GoTypes) -> str | None:
    """Return what an API server says about an object that does not become its kind again, None where it does.

    Parts that are the very same values in `before` are not looked at. Kinds that Go has no type for stay as they are.
    """
    go_type = types.of(kind)
    if go_type is None:
        return None
    try:
        _convert(go_type, document, before)
    except UnreadableError as error:
        return f"unable to convert unstructured object to {kind}: {error}"
    return None


def _convert(go_type: GoType, value: Any, before: Any) -> None:
    if value is None or value is before:
        return
    shape = go_type.shape
    if shape == "struct" and isinstance(value, dict):
        fields = go_type.fields
        known = before if isinstance(before, dict) else {}
        for name, item in value.items():
            field = fields.get(name)
            if field is not None:
                _convert(field.type, item, known.get(name))
    elif shape == "map" and isinstance(value, dict):
        known = before if isinstance(before, dict) else {}
        for name, item in value.items():
            _convert(go_type.element, item, known.get(name))
    elif shape == "list" and isinstance(value, list):
        same = {id(item) for item in before} if isinstance(before, list) else frozenset[int]()
        for item in value:
            if not (isinstance(item, dict | list) and id(item) in same):
                _convert(go_type.element, item, None)
    elif shape == "integer":
        _convert_integer(value, go_type.name)
    elif shape == "bytes" and isinstance(value, str):
        fault = base64_fault(value)
        if fault is not None:
            raise UnreadableError(f"error decoding from json: {fault}")
    elif shape in ("time", "micro time", "quantity", "int or string"):
        check_scalar(shape, value)


def _convert_integer(value: Any, name: str) -> None:
    """Check a number; upstream cuts what an int32 cannot hold down to its last 32 bits, which nobody can have meant."""
    if isinstance(value, float) and not value.is_integer():
        raise UnreadableError(f"cannot convert float64 to {name}")
    if name == "int32" and not -_INT32 <= value < _INT32:
        raise UnreadableError(f"{value} does not fit {name}")
