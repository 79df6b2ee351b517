"""Types of CEL: what the checker reasons with and what `type(x)` returns.

A type is a frozen value; two types are the same type iff they are equal. Names and printed forms are cel-go's
(common/types/types.go), because users see them in error messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The families of types that need different treatment."""

    __hash__ = object.__hash__  # one object per member: much cheaper than Enum's hash of the name

    DYN = auto()
    ERROR = auto()
    NULL = auto()
    BOOL = auto()
    INT = auto()
    UINT = auto()
    DOUBLE = auto()
    STRING = auto()
    BYTES = auto()
    DURATION = auto()
    TIMESTAMP = auto()
    ANY = auto()
    LIST = auto()
    MAP = auto()
    TYPE = auto()
    OPAQUE = auto()  # optional_type, net.IP, net.CIDR
    STRUCT = auto()  # object types: kubernetes.AdmissionRequest, Object, and without fields kubernetes.Quantity, ...
    TYPE_PARAM = auto()
    WRAPPER = auto()  # wrapper(int) and the like: the primitive or null; params[0] is the primitive
    UNSPECIFIED = auto()  # the field of a JSONPatch that does not exist: cel-go has no type there at all


_SHORT_NAMES = {
    Kind.NULL: "null",
    Kind.ANY: "any",
    Kind.DURATION: "duration",
    Kind.TIMESTAMP: "timestamp",
    Kind.ERROR: "!error!",
    Kind.WRAPPER: "wrapper",
}
_FULL_NAMES = {Kind.ERROR: "error", Kind.WRAPPER: "wrapper", Kind.TYPE_PARAM: "<{}>"}


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """One CEL type: its kind, its run-time name, and the types it is made of."""

    kind: Kind
    name: str
    params: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """Print the type as cel-go's FormatCELType does: `list(string)`, `wrapper(int)`, `type(int)`."""
        return self.name if not self.params and self.kind not in _SHORT_NAMES else _printed(self, _SHORT_NAMES)

    @property
    def full_name(self) -> str:
        """Print the type as cel-go's Type.String does: `google.protobuf.Duration`, `null_type`, `type(<A>)`."""
        return self.name if not self.params and self.kind not in _FULL_NAMES else _printed(self, _FULL_NAMES)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Type):
            return NotImplemented
        return self.name == other.name and self.kind is other.kind and self.params == other.params

    def __hash__(self) -> int:
        return hash((self.name, self.params))


def _printed(t: Type, names: dict[Kind, str]) -> str:
    """Print a type with other names for some kinds; types may nest deeper than the stack allows to recurse."""
    parts: list[str] = []
    stack: list[Type | str] = [t]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            parts.append(part)
            continue
        parts.append(names.get(part.kind, "{}").format(part.name))
        if part.params:
            stack.append(")")
            for index in range(len(part.params) - 1, -1, -1):
                stack.append(part.params[index])
                stack.append(", " if index else "(")
    return "".join(parts)


DYN = Type(Kind.DYN, "dyn")
ERROR = Type(Kind.ERROR, "*error*")
NULL = Type(Kind.NULL, "null_type")
BOOL = Type(Kind.BOOL, "bool")
INT = Type(Kind.INT, "int")
UINT = Type(Kind.UINT, "uint")
DOUBLE = Type(Kind.DOUBLE, "double")
STRING = Type(Kind.STRING, "string")
BYTES = Type(Kind.BYTES, "bytes")
DURATION = Type(Kind.DURATION, "google.protobuf.Duration")
TIMESTAMP = Type(Kind.TIMESTAMP, "google.protobuf.Timestamp")
ANY = Type(Kind.ANY, "google.protobuf.Any")
TYPE = Type(Kind.TYPE, "type")
UNSPECIFIED = Type(Kind.UNSPECIFIED, "")


def list_of(element: Type) -> Type:
    """Return `list(element)`."""
    return Type(Kind.LIST, "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Return `map(key, value)`."""
    return Type(Kind.MAP, "map", (key, value))


def type_of_type(inner: Type) -> Type:
    """Return `type(inner)`, the type of a type."""
    return Type(Kind.TYPE, "type", (inner,))


def optional_of(inner: Type) -> Type:
    """Return `optional_type(inner)`."""
    return Type(Kind.OPAQUE, "optional_type", (inner,))


def opaque(name: str, *params: Type) -> Type:
    """Return an extension type such as `net.IP`."""
    return Type(Kind.OPAQUE, name, params)


def struct(name: str) -> Type:
    """Return a declared object type; its fields are known to the environment."""
    return Type(Kind.STRUCT, name)


def type_param(name: str) -> Type:
    """Return a type parameter, bound anew for each use of an overload."""
    return Type(Kind.TYPE_PARAM, name)


def wrapper(primitive: Type) -> Type:
    """Return the nullable wrapper of a primitive type."""
    return Type(Kind.WRAPPER, primitive.name, (primitive,))


def parameters_in(*found_in: Type) -> tuple[str, ...]:
    """Return the names of the type parameters that occur in the given types, each once, in order of appearance."""
    names: dict[str, None] = {}
    stack = list(reversed(found_in))
    while stack:
        current = stack.pop()
        if current.kind is Kind.TYPE_PARAM:
            names[current.name] = None
        elif current.params:
            stack.extend(reversed(current.params))
    return tuple(names)


LIST_DYN = list_of(DYN)
MAP_DYN = map_of(DYN, DYN)
A = type_param("A")
B = type_param("B")
LIST_A = list_of(A)
MAP_AB = map_of(A, B)
IP = opaque("net.IP")
CIDR = opaque("net.CIDR")
# objects without fields to cel-go, so `quantity("1").value` is another error than `ip("::1").value`
QUANTITY = struct("kubernetes.Quantity")
URL = struct("kubernetes.URL")
SEMVER = struct("kubernetes.Semver")
FORMAT = struct("kubernetes.NamedFormat")
AUTHORIZER = struct("kubernetes.authorization.Authorizer")
PATH_CHECK = struct("kubernetes.authorization.PathCheck")
GROUP_CHECK = struct("kubernetes.authorization.GroupCheck")
RESOURCE_CHECK = struct("kubernetes.authorization.ResourceCheck")
DECISION = struct("kubernetes.authorization.Decision")
