"""The names that upstream's own types have in Go: they leak into the text of some errors."""

from __future__ import annotations

from admission.cel.types import Type
from admission.cel.values import (
    CelError,
    ConcatList,
    Duration,
    KeyedMap,
    ObjectValue,
    Optional_,
    PatchValue,
    Timestamp,
    Uint,
    Value,
)

_NAMES: dict[type, str] = {
    type(None): "types.Null",
    bool: "types.Bool",
    int: "types.Int",
    Uint: "types.Uint",
    float: "types.Double",
    str: "types.String",
    bytes: "types.Bytes",
    Duration: "types.Duration",
    Timestamp: "types.Timestamp",
    Optional_: "*types.Optional",
    Type: "*types.Type",
    CelError: "*types.Err",
    list: "*types.baseList",
    ConcatList: "*types.concatList",
    dict: "*types.baseMap",
    KeyedMap: "*types.baseMap",
    ObjectValue: "*dynamic.ObjectVal",
    PatchValue: "*mutation.JSONPatchVal",
}
# Kubernetes' own types, by the name that expressions know them under
_KUBERNETES = {
    "kubernetes.Quantity": "cel.Quantity",
    "kubernetes.URL": "cel.URL",
    "kubernetes.Semver": "cel.Semver",
    "kubernetes.NamedFormat": "cel.Format",
    "net.IP": "cel.IP",
    "net.CIDR": "cel.CIDR",
}


def go_name(value: Value) -> str:
    """Return the name of the Go type that upstream keeps such a value in."""
    known = _NAMES.get(type(value))
    if known is not None:
        return known
    name = value.cel_type.name if hasattr(value, "cel_type") else type(value).__name__
    pointer = "*" if getattr(value, "computed", False) else ""
    return pointer + _KUBERNETES.get(name, name)
