"""Attributes of the exact evaluator: an identifier or a computed value with a chain of qualifiers (`a.b[c].?d`).

An attribute costs 1, each qualifier that is applied costs 1, an attribute used as a key costs only as a qualifier,
and a presence test is free but for its qualifiers. A conditional costs nothing and takes the bare values of branches
that are attributes. Source: cel-go interpreter/attributes.go, runtimecost.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from admission.cel import values
from admission.cel.activation import LazyVariables, Meter
from admission.cel.scope import GrowingList, GrowingMap, Node, Scope
from admission.cel.trace import Trace
from admission.cel.types import Type
from admission.cel.values import MISSING, NONE, CelError, KeyedMap, Optional_, StructValue, Uint, Value

KEY_CLASSES = (str, int, Uint, float, bool)


@dataclass(slots=True, eq=False)
class Qualifier:
    """One step of an attribute: a constant `key`, or a `node` that computes it.

    `strict` makes optional steps into what has no fields an error, as the specification has it and cel-go does not.
    """

    id: int
    key: Value
    node: Node | None = None
    optional: bool = False
    test_only: bool = False
    strict: bool = False

    def resolve_key(self, scope: Scope) -> Value:
        """Return the key; CelError where it is of a type that nothing can be indexed with."""
        if self.node is None:
            return self.key
        key = resolve(self.node, scope)
        if type(key) not in KEY_CLASSES:
            raise CelError(f"invalid qualifier type: {go_type(key)}")
        return key

    def apply(self, container: Value, key: Value, meter: Meter, *, optional: bool) -> Value:
        """Return `container[key]`, MISSING where an optional step finds nothing, or whether the key is there."""
        if self.test_only:
            found = qualify_if_present(container, key) is not MISSING
            if found or not optional:
                meter.charge(1)
            return found or (MISSING if optional else False)
        if not optional:
            meter.charge(1)
            return qualify(container, key)
        result = qualify_if_present(container, key)
        if result is not MISSING:
            meter.charge(1)
        elif self.strict and type(container) not in values.MAP_CLASSES and type(container) not in values.LIST_CLASSES:
            raise CelError(f"no such key: {show_key(key)}")
        return result


@dataclass(slots=True, eq=False)
class Attribute:
    """An identifier (`name`) or a computed value (`operand`) and the qualifiers applied to it."""

    id: int
    name: str | None
    operand: Node | None = None
    qualifiers: list[Qualifier] = field(default_factory=list)
    test_only: bool = False

    def eval(self, scope: Scope) -> Value:
        """Return the value, for the price of one attribute; a presence test has no price of its own."""
        if not self.test_only:
            scope.meter.charge(1)
        value = self.resolve(scope)
        if self.test_only and type(value) is Optional_:
            return value.present
        return value

    def resolve(self, scope: Scope) -> Value:
        """Return the value without the price of the attribute itself."""
        if scope.trace is None:
            return self._resolve(scope, None)
        with scope.trace.step(self.id, self) as step:
            step.value = self._resolve(scope, scope.trace)
            return step.value

    def _resolve(self, scope: Scope, trace: Trace | None) -> Value:
        value = self._start(scope, trace)
        if not self.qualifiers:
            return value
        optional = type(value) is Optional_
        if optional:
            if not value.present:
                return value
            value = value.value
        for qualifier in self.qualifiers:
            optional = optional or qualifier.optional
            container, key = value, qualifier.resolve_key(scope)
            try:
                value = qualifier.apply(container, key, scope.meter, optional=optional)
            except CelError:
                if trace is not None:
                    trace.read(container, key, MISSING)
                raise
            if trace is not None:
                trace.read(container, key, value)
            if value is MISSING:
                return NONE
        return Optional_(value) if optional else value

    def _start(self, scope: Scope, trace: Trace | None) -> Value:
        if self.operand is not None:
            return resolve(self.operand, scope) if isinstance(self.operand, Conditional) else self.operand.eval(scope)
        assert self.name is not None  # noqa: S101 - one of the two is always set
        value = scope.find(self.name)
        if trace is not None:
            trace.named(self.name, value)
        return value


@dataclass(slots=True, eq=False)
class Conditional:
    """`c ? t : f`."""

    id: int
    condition: Node
    truthy: Node
    falsy: Node

    def eval(self, scope: Scope) -> Value:
        """Return the value of the branch that the condition chooses."""
        return self.resolve(scope)

    def resolve(self, scope: Scope) -> Value:
        """Return the value of the branch; a branch that is an attribute is not charged for itself."""
        chosen = self.condition.eval(scope)
        if chosen is True:
            return resolve(self.truthy, scope)
        if chosen is False:
            return resolve(self.falsy, scope)
        raise CelError("no such overload")


def resolve(node: Node, scope: Scope) -> Value:
    """Return the value of a node used inside an attribute, where the attribute itself is not charged again."""
    if isinstance(node, Attribute | Conditional):
        return node.resolve(scope)
    return node.eval(scope)


def qualify(container: Value, key: Value) -> Value:
    """Return `container[key]`; CelError where there is nothing (cel-go refQualify)."""
    result = qualify_if_present(container, key)
    if result is not MISSING:
        return result
    if type(container) in values.LIST_CLASSES:
        raise CelError(f"index out of bounds: {show_key(key)}")
    raise CelError(f"no such key: {show_key(key)}")


def qualify_if_present(container: Value, key: Value) -> Value:
    """Return `container[key]` or MISSING; CelError only for keys that can never be right."""
    kind = type(container)
    if kind is dict or kind is KeyedMap or kind is GrowingMap:
        return values.find(container, key)
    if kind in values.LIST_CLASSES or kind is GrowingList:
        index = list_index(key)
        return container[index] if 0 <= index < len(container) else MISSING
    if kind is LazyVariables:
        return container[key] if key in container else MISSING  # noqa: SIM401 - no Mapping, errors are values
    if kind is StructValue:
        return container.fields.get(key, MISSING)
    if kind is Optional_:
        return qualify_if_present(container.value, key) if container.present else MISSING
    return MISSING


def list_index(key: Value) -> int:
    """Return the integer a list is indexed with; CelError for other types (cel-go types.IndexOrError)."""
    if type(key) in (int, Uint):
        return int(key)
    if type(key) is float:
        if key.is_integer():
            return int(key)
        raise CelError(f"unsupported index value {key} in list")
    raise CelError(f"unsupported index type '{values.type_of(key).name}' in list")


def show_key(key: Value) -> str:
    """Print a key as error messages do."""
    if type(key) is bool:
        return "true" if key else "false"
    if type(key) is float and key.is_integer():
        return str(int(key))
    return str(int(key)) if type(key) is Uint else str(key)


def go_type(value: Value) -> str:
    """Return the Go name of a value's class, which cel-go prints for keys that cannot be keys."""
    return _GO_TYPES.get(type(value), type(value).__name__)


_GO_TYPES: dict[type, str] = {
    bytes: "types.Bytes",
    type(None): "types.Null",
    list: "*types.baseList",
    dict: "*types.baseMap",
    KeyedMap: "*types.baseMap",
    Type: "*types.Type",
    values.Duration: "types.Duration",
    values.Timestamp: "types.Timestamp",
}
