"""What becomes of a value that upstream takes out of its CEL wrapper and wraps anew, which changes a few of them.

It happens to what is inside of an optional whenever a name, a selection or a conditional hands the optional on, and to
the fields of an `Object` when they are read. Sources: cel-go interpreter/attributes.go (applyQualifiers), Value() of
each type in common/types and apiserver pkg/cel; apiserver pkg/cel/mutation/dynamic/objects.go.
"""

from __future__ import annotations

from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    CelError,
    Duration,
    ObjectValue,
    Opaque,
    Optional_,
    PatchValue,
    StructValue,
    Timestamp,
    Value,
)

# Go's names of what is inside of Kubernetes' own types; there is no way back from those
_UNCONVERTIBLE = {
    "kubernetes.Quantity": "*resource.Quantity",
    "kubernetes.URL": "*url.URL",
    "kubernetes.Semver": "semver.Version",
    "net.IP": "netip.Addr",
    "net.CIDR": "netip.Prefix",
}
_UNCHANGED = (Duration, Timestamp, PatchValue)


def rewrapped(value: Value) -> Value:
    """Return what is left of a value: an optional is what is inside, a type its name, an `Object` a map.

    Raises CelError for what cannot be wrapped again.
    """
    if isinstance(value, Type):
        return value.name
    if not isinstance(value, Opaque) or isinstance(value, _UNCHANGED):
        return value
    if isinstance(value, Optional_):
        return rewrapped(value.value) if value.present else None
    if isinstance(value, ObjectValue):
        return fields_of(value)
    if isinstance(value, StructValue):
        return value
    inside = _UNCONVERTIBLE.get(value.cel_type.name)
    if inside is not None:
        raise CelError(f"unsupported conversion to ref.Val: ({inside}){value}")
    if value.cel_type.name.startswith("kubernetes.authorization."):
        raise CelError("no such overload")
    return value


def handed_on(optional: Optional_) -> Optional_:
    """Return the optional that another expression sees; what could not be wrapped again fails when it is looked at."""
    inside = optional.value
    if not isinstance(inside, Opaque | Type):
        return optional
    try:
        return Optional_(rewrapped(inside))
    except CelError as error:
        return Optional_(CelError(str(error)))


def fields_of(value: ObjectValue) -> dict[str, Value]:
    """Return the fields of an object as a map, objects in them too; CelError where a map in it has other keys."""
    return {name: _field(name, field) for name, field in value.fields.items()}


def _field(name: str, value: Value) -> Value:
    if type(value) in LIST_CLASSES:
        return [_inside(element) for element in value]
    if type(value) is dict:
        for key in value:
            if not isinstance(key, str):
                raise CelError(f'cannot get field "{name}"')
        return {key: _inside(element) for key, element in value.items()}
    return _inside(value)


def _inside(value: Value) -> Value:
    """Return an element; what cannot be wrapped again stays, because it may never be looked at."""
    return fields_of(value) if isinstance(value, ObjectValue) else value
