"""Attributes of the exact evaluator: an identifier or a computed value with a chain of qualifiers (`a.b[c].?d`).

An attribute costs 1, each qualifier that is applied costs 1, an attribute used as a key costs only as a qualifier,
and a presence test is free but for its qualifiers. A conditional costs nothing: it takes the bare values of branches
that are attributes, and what is selected from it is selected from its branches. Source: cel-go
interpreter/attributes.go, runtimecost.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from admission.cel import values
from admission.cel.activation import LazyVariables
from admission.cel.gonames import go_name
from admission.cel.natives import fields_of, handed_on, rewrapped
from admission.cel.numerals import format_shortest
from admission.cel.printing import show
from admission.cel.scope import GrowingList, GrowingMap, Node, Scope
from admission.cel.trace import Trace
from admission.cel.values import MISSING, NONE, CelError, KeyedMap, ObjectValue, Optional_, StructValue, Uint, Value

_INT64 = 2.0**63
KEY_CLASSES = (str, int, Uint, float, bool)


@dataclass(slots=True, eq=False)
class Qualifier:
    """One step of an attribute: a constant `key`, or a `node` that computes it.

    `declared` steps read a field of an object type. `strict` makes optional steps into what has no fields an error, as
    the specification has it and cel-go does not.
    """

    id: int
    key: Value
    node: Node | None = None
    optional: bool = False
    test_only: bool = False
    declared: bool = False
    strict: bool = False

    def resolve_key(self, scope: Scope) -> Value:
        """Return the key; CelError where it is of a type that nothing can be indexed with."""
        if self.node is None:
            return self.key
        key = resolve(self.node, scope)
        if type(key) not in KEY_CLASSES:
            raise CelError(f"invalid qualifier type: {_go_type(key, self.node, scope)}")
        return key

    def apply(self, container: Value, key: Value, *, optional: bool) -> Value:
        """Return `container[key]`, MISSING where an optional step finds nothing, or whether the key is there."""
        if self.test_only:
            found = self._is_present(container, key)
            return found or (MISSING if optional else False)
        if not optional:
            return _declared(container, key) if self.declared else qualify(container, key)
        result = qualify_if_present(container, key)
        if result is MISSING and self.strict and type(container) not in _CONTAINERS:
            raise CelError(f"no such key: {show(key)}")
        return result

    def _is_present(self, container: Value, key: Value) -> bool:
        if isinstance(container, StructValue):
            return key in container.fields if self.declared else container.has(key)
        return qualify_if_present(container, key) is not MISSING


_CONTAINERS = (*values.LIST_CLASSES, *values.MAP_CLASSES)


@dataclass(slots=True, eq=False)
class Attribute:
    """An identifier (`name`) or a computed value (`operand`) and the qualifiers applied to it."""

    id: int
    name: str | None
    operand: Node | None = None
    qualifiers: list[Qualifier] = field(default_factory=list)
    test_only: bool = False

    def add(self, qualifier: Qualifier) -> None:
        """Append one step, while the plan is made."""
        self.qualifiers.append(qualifier)
        self.test_only = qualifier.test_only
        self.id = qualifier.id

    def eval(self, scope: Scope) -> Value:
        """Return the value, for the price of one attribute; a presence test has no price of its own."""
        if not self.test_only:
            try:
                value = self.resolve(scope)
            except CelError:
                scope.meter.charge(1)
                raise
            scope.meter.charge(1)
            return value
        value = self.resolve(scope)
        return value.present if type(value) is Optional_ else value

    def resolve(self, scope: Scope) -> Value:
        """Return the value without the price of the attribute itself."""
        if scope.trace is None:
            return self._resolve(scope, None)
        with scope.trace.step(self.id, self) as step:
            step.value = self._resolve(scope, scope.trace)
            return step.value

    def _resolve(self, scope: Scope, trace: Trace | None) -> Value:
        value = self._start(scope, trace)
        optional = type(value) is Optional_
        if not self.qualifiers:
            return handed_on(value) if optional and value.present else value
        if optional:
            if not value.present:
                return value
            value = rewrapped(value.value)
        for qualifier in self.qualifiers:
            optional = optional or qualifier.optional
            container = value
            if optional:
                key = qualifier.resolve_key(scope)
                value = self._step(qualifier, container, key, trace, optional=True)
                if value is MISSING:
                    return NONE
                scope.meter.charge(1)
            else:
                try:
                    key = qualifier.resolve_key(scope)
                    value = self._step(qualifier, container, key, trace, optional=False)
                except CelError:
                    scope.meter.charge(1)
                    raise
                scope.meter.charge(1)
        return Optional_(value) if optional else value

    def _step(
        self, qualifier: Qualifier, container: Value, key: Value, trace: Trace | None, *, optional: bool
    ) -> Value:
        if trace is None:
            return qualifier.apply(container, key, optional=optional)
        try:
            value = qualifier.apply(container, key, optional=optional)
        except CelError:
            trace.read(container, key, MISSING)
            raise
        trace.read(container, key, value)
        return value

    def _start(self, scope: Scope, trace: Trace | None) -> Value:
        if self.operand is not None:
            return self.operand.eval(scope)
        assert self.name is not None  # noqa: S101 - one of the two is always set
        value = scope.find(self.name)
        if trace is not None:
            trace.named(self.name, value)
        return value


@dataclass(slots=True, eq=False)
class Conditional:
    """`c ? t : f`, and what is selected from it."""

    id: int
    condition: Node
    truthy: Node
    falsy: Node
    test_only: bool = False

    def add(self, qualifier: Qualifier) -> None:
        """Append one step to both branches, while the plan is made."""
        truthy, falsy = attribute_of(self.truthy), attribute_of(self.falsy)
        truthy.add(qualifier)
        falsy.add(qualifier)
        self.truthy, self.falsy = truthy, falsy
        self.test_only = qualifier.test_only
        self.id = qualifier.id

    def eval(self, scope: Scope) -> Value:
        """Return the value of the branch that the condition chooses; a presence test is even cheaper than its steps."""
        if not self.test_only:
            return self.resolve(scope)
        scope.meter.cost -= 1
        value = self.resolve(scope)
        return value.present if type(value) is Optional_ else value

    def resolve(self, scope: Scope) -> Value:
        """Return the value of the branch; a branch that is an attribute is not charged for itself."""
        chosen = self.condition.eval(scope)
        if chosen is True:
            return resolve(self.truthy, scope)
        if chosen is False:
            return resolve(self.falsy, scope)
        raise CelError("no such overload")


def attribute_of(node: Node) -> Attribute | Conditional:
    """Return what steps can be added to: the node itself, or a new attribute of its value."""
    if isinstance(node, Attribute | Conditional) and not node.test_only:
        return node
    return Attribute(node.id, None, node)


def resolve(node: Node, scope: Scope) -> Value:
    """Return the value of a node used inside an attribute, where the attribute itself is not charged again."""
    if isinstance(node, Attribute | Conditional):
        return node.resolve(scope)
    value = node.eval(scope)
    return handed_on(value) if type(value) is Optional_ and value.present else value


def qualify(container: Value, key: Value) -> Value:
    """Return `container[key]`; CelError where there is nothing (cel-go refQualify)."""
    result = container.field(key) if isinstance(container, StructValue) else qualify_if_present(container, key)
    if result is not MISSING:
        return result
    if type(container) in values.LIST_CLASSES:
        raise CelError(f"index out of bounds: {show(key)}")
    raise CelError(f"no such key: {show(key)}")


def qualify_if_present(container: Value, key: Value) -> Value:
    """Return `container[key]` or MISSING; CelError only for keys that can never be right."""
    kind = type(container)
    if kind is dict or kind is KeyedMap or kind is GrowingMap:
        return values.find(container, key)
    if kind in values.LIST_CLASSES or kind is GrowingList:
        index = list_index(key)
        return container[index] if 0 <= index < len(container) else MISSING
    if kind is LazyVariables:
        if type(key) is not str:
            raise CelError("no such overload")
        return container[key] if key in container else MISSING  # noqa: SIM401 - no Mapping, errors are values
    if isinstance(container, StructValue):
        return container.field(key) if container.has(key) else MISSING
    return MISSING


def _declared(container: Value, name: Value) -> Value:
    """Return a field of an object, null where it was not set."""
    fields = fields_of(container) if isinstance(container, ObjectValue) else container
    if type(fields) is not dict:
        raise CelError(f'cannot get field "{name}"')
    return rewrapped(fields.get(name))


def list_index(key: Value) -> int:
    """Return the integer a list is indexed with; CelError for other types (cel-go types.IndexOrError)."""
    if type(key) in (int, Uint):
        return int(key)
    if type(key) is float:
        if key.is_integer() and abs(key) < _INT64:
            return int(key)
        raise CelError(f"unsupported index value {format_shortest(key)} in list")
    raise CelError(f"unsupported index type '{values.type_of(key).name}' in list")


def _go_type(value: Value, node: Node, scope: Scope) -> str:
    """Return the Go name of the class of a computed key: what comes from variables unchanged is plain Go."""
    is_plain = (
        isinstance(node, Attribute)
        and node.name is not None
        and not scope.is_local(node.name)
        and all(type(qualifier.key) in (str, int) for qualifier in node.qualifiers)
    )
    return (_PLAIN_GO.get(type(value)) if is_plain else None) or go_name(value)


_PLAIN_GO: dict[type, str] = {type(None): "<nil>", list: "[]interface {}", dict: "map[string]interface {}"}
