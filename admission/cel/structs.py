"""Making values of declared object types: `Object{...}` and `JSONPatch{...}` of mutations, and those upstream cannot.

Sources: apiserver pkg/cel/mutation/typeresolver.go, jsonpatch.go; pkg/cel/types.go (DeclTypeProvider).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from admission.cel import messages
from admission.cel.natives import rewrapped
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    PATCH_TEXTS,
    CelError,
    Duration,
    ObjectValue,
    PatchValue,
    StructValue,
    Timestamp,
    Uint,
    Value,
)

Builder: TypeAlias = Callable[[dict[str, Value]], Value]

JSON_PATCH = "JSONPatch"
MESSAGES = frozenset(messages.FIELDS)

# what Go calls the inside of a value
_GO_TYPES: dict[type, str] = {
    type(None): "structpb.NullValue",
    bool: "bool",
    int: "int64",
    Uint: "uint64",
    float: "float64",
    bytes: "[]uint8",
    Duration: "time.Duration",
    Timestamp: "time.Time",
    **dict.fromkeys(LIST_CLASSES, "[]ref.Val"),
    **dict.fromkeys(MAP_CLASSES, "map[ref.Val]ref.Val"),
}


def builder(struct: Type, *, is_open: bool) -> Builder:
    """Return what makes a value of an object type; `is_open` for `Object` and what is inside of it."""
    if is_open:
        return lambda fields: ObjectValue(struct, fields)
    if struct.name == JSON_PATCH:
        return lambda fields: PatchValue(struct, _checked(fields))
    if struct.name in MESSAGES:
        return lambda fields: StructValue(struct, fields)
    return lambda _: _unknown(struct.name)


def _checked(fields: dict[str, Value]) -> dict[str, Value]:
    for name, value in fields.items():
        if name in PATCH_TEXTS:
            inside = rewrapped(value)
            if not isinstance(inside, str):
                go_type = _GO_TYPES.get(type(inside), type(inside).__name__)
                raise CelError(f"unexpected type {go_type} for JSONPatchType '{name}' field")
        elif name != "value":
            raise CelError(f"unexpected JSONPatchType field: {name}")
    return fields


def _unknown(name: str) -> Value:
    raise CelError(f"unknown type '{name}'")
