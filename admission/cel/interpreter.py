"""The exact evaluator: planned nodes that compute values, errors and cost just as cel-go's interpreter does.

It is the slow path. Compiled code (compiler.py) answers first; whenever that raises anything, the same expression is
evaluated here, because only here `&&`, `||`, `all`, `exists` absorb errors, the right error is reported, and cost is
counted per step. Nodes are made by plan.py and are immutable: an evaluation's state is in its `Scope`.

Sources: cel-go interpreter/interpretable.go, attributes.go, runtimecost.go. An *attribute* is an identifier or a
computed value with a chain of qualifiers (`a.b[c]`): it costs 1, each qualifier that is applied costs 1. A conditional
costs nothing and takes the bare values of branches that are attributes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from admission.cel import values
from admission.cel.activation import Activation, LazyVariables, Meter
from admission.cel.dispatch import Dispatcher
from admission.cel.values import MISSING, NONE, CelError, ConcatList, KeyedMap, Optional_, StructValue, Uint, Value

if TYPE_CHECKING:
    from admission.cel.trace import Trace

LIST_COST, MAP_COST, STRUCT_COST = 10, 30, 40  # cel-go common/cost.go
STRING_FACTOR = 0.1  # in doubles, as upstream: ceil(30 * 0.1) is 4


class Scope:
    """Where names are looked up: the root of an evaluation."""

    __slots__ = ("meter", "trace", "variables")

    def __init__(self, activation: Activation, meter: Meter, trace: Trace | None = None) -> None:
        self.variables = activation.variables
        self.meter = meter
        self.trace = trace

    def find(self, name: str) -> Value:
        """Return the variable's value; CelError `no such attribute(s)` where it is not bound."""
        value = self.variables.get(name, MISSING)
        if value is MISSING:
            value = self.variables.get(name[1:], MISSING) if name.startswith(".") else MISSING
            if value is MISSING:
                raise CelError(f"no such attribute(s): {name.removeprefix('.')}")
        return value


class FoldScope(Scope):
    """The scope of one comprehension: iteration variables and the accumulator, evaluated when first asked for."""

    __slots__ = ("accu", "accu_error", "fold", "initialized", "parent", "var1", "var2", "visible")

    def __init__(self, fold: Fold, parent: Scope) -> None:
        self.meter = parent.meter
        self.trace = parent.trace
        self.parent = parent
        self.fold = fold
        self.accu: Value = None
        self.accu_error: CelError | None = None
        self.initialized = False
        self.visible = True
        self.var1: Value = None
        self.var2: Value = None

    def find(self, name: str) -> Value:
        """Return an iteration variable, the accumulator, or what the enclosing scope has."""
        scope: Scope = self
        while isinstance(scope, FoldScope):
            fold = scope.fold
            if name == fold.accu_var:
                return scope.accumulator()
            if scope.visible:
                if name == fold.iter_var:
                    return scope.var1
                if name == fold.iter_var2:
                    return scope.var2
            scope = scope.parent
        return scope.find(name)

    def accumulator(self) -> Value:
        """Return the accumulator's value, or raise the error that it became."""
        if not self.initialized:
            self.initialized = True
            try:
                self.accu = _mutable(self.fold.accu_init.eval(self.parent))
            except CelError as error:
                self.accu_error = error
        if self.accu_error is not None:
            raise self.accu_error
        return self.accu


class GrowingList(list[Any]):
    """The accumulator of `map` and `filter`: `+` appends in place, as nobody else can see it."""

    __slots__ = ()


class GrowingMap(dict[Any, Any]):
    """The accumulator of `transformMap`: entries are inserted in place."""

    __slots__ = ()


def _mutable(value: Value) -> Value:
    if type(value) is list and not value:
        return GrowingList()
    if type(value) is dict and not value:
        return GrowingMap()
    return value


def _frozen(value: Value) -> Value:
    if type(value) is GrowingList:
        return list(value)
    if type(value) is GrowingMap:
        return values.make_map(value.values())
    return value


class Node(Protocol):
    """A planned expression."""

    id: int

    def eval(self, scope: Scope) -> Value:
        """Return the value; CelError where evaluation ends in one."""
        ...


class Const:
    """A literal, or what folding made of one: free."""

    __slots__ = ("id", "value")

    def __init__(self, id: int, value: Value) -> None:  # noqa: A002
        self.id = id
        self.value = value

    def eval(self, scope: Scope) -> Value:  # noqa: ARG002
        """Return the constant."""
        return self.value


class Qualifier:
    """One step of an attribute: a constant key, or one that is computed."""

    __slots__ = ("id", "key", "node", "optional", "test_only")

    def __init__(
        self,
        id: int,
        key: Value,
        node: Node | None,
        *,
        optional: bool = False,
        test_only: bool = False,  # noqa: A002
    ) -> None:
        self.id = id
        self.key = key
        self.node = node
        self.optional = optional
        self.test_only = test_only

    def resolve_key(self, scope: Scope) -> Value:
        """Return the key; an attribute used as a key has the cost of a qualifier, not of an attribute."""
        node = self.node
        if node is None:
            return self.key
        key = resolve(node, scope)
        if type(key) not in (str, int, Uint, float, bool):
            raise CelError(f"invalid qualifier type: {go_type(key)}")
        return key


def go_type(value: Value) -> str:
    """Return the Go name of a value's class, which cel-go prints for keys that cannot be keys."""
    names = {bytes: "types.Bytes", type(None): "types.Null", list: "[]interface {}", dict: "map[string]interface {}"}
    return names.get(type(value), type(value).__name__)


def resolve(node: Node, scope: Scope) -> Value:
    """Return the value of a node used inside an attribute, where the attribute itself is not charged again."""
    if isinstance(node, Attribute | Conditional):
        return node.resolve(scope)
    return node.eval(scope)


class Attribute:
    """An identifier (`name`) or a computed value (`operand`) and the qualifiers applied to it."""

    __slots__ = ("id", "name", "operand", "qualifiers", "test_only")

    def __init__(self, id: int, name: str | None, operand: Node | None) -> None:  # noqa: A002
        self.id = id
        self.name = name
        self.operand = operand
        self.qualifiers: list[Qualifier] = []
        self.test_only = False

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
        if self.name is not None:
            value = scope.find(self.name)
            if trace is not None:
                trace.named(self.name, value)
        else:
            assert self.operand is not None  # noqa: S101 - one of the two is always set
            value = resolve(self.operand, scope) if isinstance(self.operand, Conditional) else self.operand.eval(scope)
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
                value = _apply(qualifier, container, key, scope.meter, optional=optional)
            except CelError:
                if trace is not None:
                    trace.read(container, key, MISSING)
                raise
            if trace is not None:
                trace.read(container, key, value)
            if value is MISSING:
                return NONE
        return Optional_(value) if optional else value


def _apply(qualifier: Qualifier, value: Value, key: Value, meter: Meter, *, optional: bool) -> Value:
    if qualifier.test_only:
        meter.charge(1)
        return qualify_if_present(value, key) is not MISSING
    if not optional:
        meter.charge(1)
        return qualify(value, key)
    result = qualify_if_present(value, key)
    if result is not MISSING:
        meter.charge(1)
    return result


def qualify(value: Value, key: Value) -> Value:
    """Return `value[key]` or `value.key`; CelError as cel-go's refQualify gives it."""
    result = qualify_if_present(value, key, required=True)
    if result is not MISSING:
        return result
    if type(value) in values.LIST_CLASSES:
        raise CelError(f"index out of bounds: {show_key(key)}")
    raise CelError(f"no such key: {show_key(key)}")


def show_key(key: Value) -> str:
    """Print a key as error messages do."""
    if type(key) is bool:
        return "true" if key else "false"
    if type(key) is float and key.is_integer():
        return str(int(key))
    return str(int(key)) if type(key) is Uint else str(key)


def qualify_if_present(value: Value, key: Value, *, required: bool = False) -> Value:
    """Return `value[key]` or MISSING; CelError only for keys that can never be right."""
    kind = type(value)
    if kind is dict or kind is KeyedMap or kind is GrowingMap:
        return values.find(value, key)
    if kind in values.LIST_CLASSES or kind is GrowingList:
        index = list_index(key)
        return value[index] if 0 <= index < len(value) else MISSING
    if kind is LazyVariables:
        return value[key] if key in value else MISSING
    if kind is StructValue:
        found = value.fields.get(key, MISSING)
        if found is MISSING and required:
            raise CelError(f"no such key: {show_key(key)}")
        return found
    if kind is Optional_:
        if not value.present:
            return MISSING
        return qualify_if_present(value.value, key, required=required)
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


class Conditional:
    """`c ? t : f`."""

    __slots__ = ("condition", "falsy", "id", "truthy")

    def __init__(self, id: int, condition: Node, truthy: Node, falsy: Node) -> None:  # noqa: A002
        self.id = id
        self.condition = condition
        self.truthy = truthy
        self.falsy = falsy

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


class Logic:
    """`&&` and `||`: an operand equal to `decisive` decides, whatever error the other one has."""

    __slots__ = ("decisive", "id", "terms")

    def __init__(self, id: int, terms: list[Node], *, decisive: bool) -> None:  # noqa: A002
        self.id = id
        self.terms = terms
        self.decisive = decisive

    def eval(self, scope: Scope) -> Value:
        """Return the logical value; the first error where no operand decides."""
        error: CelError | None = None
        for term in self.terms:
            try:
                value = term.eval(scope)
            except CelError as failure:
                error = error or failure
                continue
            if value is self.decisive:
                return value
            if type(value) is not bool:
                error = error or CelError("no such overload")
        if error is not None:
            raise error
        return not self.decisive


class Equality:
    """`==` and `!=`."""

    __slots__ = ("id", "left", "negated", "right")

    def __init__(self, id: int, left: Node, right: Node, *, negated: bool) -> None:  # noqa: A002
        self.id = id
        self.left = left
        self.right = right
        self.negated = negated

    def eval(self, scope: Scope) -> Value:
        """Return whether the operands are equal; the cost is a tenth of the smaller size."""
        left, right = eval_both(self.left, self.right, scope)
        smaller = min(actual_size(left), actual_size(right))
        scope.meter.charge(math.ceil(smaller * STRING_FACTOR))
        return values.equal(left, right, scope.meter.budget.pace) is not self.negated


def eval_both(left: Node, right: Node, scope: Scope) -> tuple[Value, Value]:
    """Evaluate both operands even when the first fails, as cel-go does; the first error wins."""
    try:
        first = left.eval(scope)
    except CelError as error:
        try:
            right.eval(scope)
        except CelError:
            pass
        scope.meter.charge(1)
        raise error  # noqa: TRY201 - the first error, not the one swallowed above
    try:
        return first, right.eval(scope)
    except CelError:
        scope.meter.charge(1)
        raise


def actual_size(value: Value) -> int:
    """Return the size that cost is counted with: of strings, bytes, lists and maps; 1 for everything else."""
    kind = type(value)
    if kind is str or kind is bytes or kind in values.LIST_CLASSES or kind in values.MAP_CLASSES:
        return len(value)
    if kind is GrowingList or kind is GrowingMap:
        return len(value)
    if kind is Optional_ and value.present:
        return actual_size(value.value)
    return 1


class Call:
    """A function call with its arguments (receiver first)."""

    __slots__ = ("args", "dispatcher", "id")

    def __init__(self, id: int, dispatcher: Dispatcher, args: list[Node]) -> None:  # noqa: A002
        self.id = id
        self.dispatcher = dispatcher
        self.args = args

    def eval(self, scope: Scope) -> Value:
        """Return the function's result; the cost is known once the result is."""
        nodes = self.args
        args: list[Value]
        if len(nodes) == 2:
            args = list(eval_both(nodes[0], nodes[1], scope))
        else:
            args = [node.eval(scope) for node in nodes]
        meter = scope.meter
        dispatcher = self.dispatcher
        cost = dispatcher.cost
        if cost is None:
            meter.charge(1)
            return dispatcher.call(args)
        try:
            result = dispatcher.call(args)
        except CelError:
            meter.charge(_cost_of_failure(cost, args))
            raise
        meter.charge(cost(args, result))
        return result


def _cost_of_failure(cost: Callable[[list[Value], Value], int], args: list[Value]) -> int:
    try:
        return cost(args, None)
    except (TypeError, AttributeError):
        return 1


class Append:
    """`accumulator + list` inside a fold: in place where the accumulator is the fold's own list."""

    __slots__ = ("call", "id")

    def __init__(self, call: Call) -> None:
        self.id = call.id
        self.call = call

    def eval(self, scope: Scope) -> Value:
        """Return the accumulator with the elements appended."""
        left, right = eval_both(self.call.args[0], self.call.args[1], scope)
        scope.meter.charge(1)
        if type(left) is GrowingList and type(right) in values.LIST_CLASSES:
            scope.meter.budget.pace(len(right))
            left.extend(right)
            return left
        return self.call.dispatcher.call([_frozen(left), right])


class Insert:
    """`cel.@mapInsert(accumulator, ...)` inside a fold: in place; a key that is there already is an error."""

    __slots__ = ("call", "id")

    def __init__(self, call: Call) -> None:
        self.id = call.id
        self.call = call

    def eval(self, scope: Scope) -> Value:
        """Return the accumulator with one entry (key, value) or the entries of a map inserted."""
        target, *rest = [node.eval(scope) for node in self.call.args]
        scope.meter.charge(1)
        if type(target) is not GrowingMap:
            return self.call.dispatcher.call([target, *rest])
        if len(rest) == 2:
            entries: Iterable[tuple[Value, Value]] = [(rest[0], rest[1])]
        elif type(rest[0]) in values.MAP_CLASSES:
            entries = [(key, values.find(rest[0], key)) for key in rest[0]]
        else:
            raise CelError("no such overload: cel.@mapInsert")
        for key, value in entries:
            known = (type(key) is bool, key)
            if known in target:
                raise CelError(f"insert failed: key {show_key(key)} already exists")
            target[known] = (key, value)
        return target


class NotStrictlyFalse:
    """`@not_strictly_false(x)`: false only for false, true for everything else, errors included."""

    __slots__ = ("arg", "id")

    def __init__(self, id: int, arg: Node) -> None:  # noqa: A002
        self.id = id
        self.arg = arg

    def eval(self, scope: Scope) -> Value:
        """Return whether a fold goes on."""
        scope.meter.charge(1)
        try:
            return self.arg.eval(scope) is not False
        except CelError:
            return True


class OrElse:
    """`a.or(b)` and `a.orValue(b)`: `b` is evaluated only where `a` is empty, and both are free (cel-go cel/library.go)."""

    __slots__ = ("id", "left", "right", "unwrap")

    def __init__(self, id: int, left: Node, right: Node, *, unwrap: bool) -> None:  # noqa: A002
        self.id = id
        self.left = left
        self.right = right
        self.unwrap = unwrap

    def eval(self, scope: Scope) -> Value:
        """Return what is there, or the alternative."""
        value = self.left.eval(scope)
        if type(value) is not Optional_:
            return value
        if value.present:
            return value.value if self.unwrap else value
        return self.right.eval(scope)


class Membership:
    """`x in [constants]`: a set look-up, free but for `x`."""

    __slots__ = ("arg", "id", "members")

    def __init__(self, id: int, arg: Node, members: frozenset[tuple[bool, Value]]) -> None:  # noqa: A002
        self.id = id
        self.arg = arg
        self.members = members

    def eval(self, scope: Scope) -> Value:
        """Return whether the value is one of the constants."""
        value = self.arg.eval(scope)
        if type(value) not in (str, int, Uint, float, bool):
            return value is None and (False, None) in self.members
        return (type(value) is bool, value) in self.members


class ListNode:
    """`[a, ?b]`."""

    __slots__ = ("elements", "id", "optional")

    def __init__(self, id: int, elements: list[Node], optional: frozenset[int]) -> None:  # noqa: A002
        self.id = id
        self.elements = elements
        self.optional = optional

    def eval(self, scope: Scope) -> Value:
        """Return the list; absent optional elements are left out."""
        result: list[Value] = []
        for index, element in enumerate(self.elements):
            value = element.eval(scope)
            if index in self.optional:
                if type(value) is not Optional_:
                    raise CelError(
                        f"cannot initialize optional list element from non-optional value {show_value(value)}"
                    )
                if not value.present:
                    continue
                value = value.value
            result.append(value)
        scope.meter.charge(LIST_COST)
        return result


def show_value(value: Value) -> str:
    """Print a value inside an error message, as Go's %v does for simple ones."""
    if value is None:
        return "null"
    return show_key(value) if isinstance(value, bool | int | float | str) else str(value)


class MapNode:
    """`{k: v, ?k: v}`."""

    __slots__ = ("entries", "id")

    def __init__(self, id: int, entries: list[tuple[Node, Node, bool]]) -> None:  # noqa: A002
        self.id = id
        self.entries = entries

    def eval(self, scope: Scope) -> Value:
        """Return the map; a later entry replaces an earlier one of the same key, an absent optional removes it."""
        result: dict[tuple[bool, Value], tuple[Value, Value]] = {}
        for key_node, value_node, optional in self.entries:
            key = key_node.eval(scope)
            value = value_node.eval(scope)
            if type(key) not in (str, int, Uint, bool, float):
                raise CelError(f"unsupported key type: {values.type_of(key).name}")
            if optional:
                if type(value) is not Optional_:
                    raise CelError(
                        f"cannot initialize optional entry '{show_key(key)}' from non-optional value "
                        f"{show_value(value)}"
                    )
                if not value.present:
                    result.pop((type(key) is bool, key), None)
                    continue
                value = value.value
            result[type(key) is bool, key] = (key, value)
        scope.meter.charge(MAP_COST)
        return values.make_map(result.values())


class StructNode:
    """`Type{field: value}`."""

    __slots__ = ("build", "fields", "id")

    def __init__(
        self,
        id: int,
        build: Callable[[dict[str, Value]], Value],
        fields: list[tuple[str, Node, bool]],  # noqa: A002
    ) -> None:
        self.id = id
        self.build = build
        self.fields = fields

    def eval(self, scope: Scope) -> Value:
        """Return the object with the fields that were set."""
        result: dict[str, Value] = {}
        for name, node, optional in self.fields:
            value = node.eval(scope)
            if optional:
                if type(value) is not Optional_:
                    raise CelError(
                        f"cannot initialize optional entry '{name}' from non-optional value {show_value(value)}"
                    )
                if not value.present:
                    result.pop(name, None)
                    continue
                value = value.value
            result[name] = value
        scope.meter.charge(STRUCT_COST)
        return self.build(result)


class Fold:
    """A comprehension."""

    __slots__ = ("accu_init", "accu_var", "condition", "id", "iter_range", "iter_var", "iter_var2", "result", "step")

    def __init__(
        self,
        id: int,  # noqa: A002
        iter_range: Node,
        iter_var: str,
        iter_var2: str | None,
        accu_var: str,
        accu_init: Node,
        condition: Node,
        step: Node,
        result: Node,
    ) -> None:
        self.id = id
        self.iter_range = iter_range
        self.iter_var = iter_var
        self.iter_var2 = iter_var2
        self.accu_var = accu_var
        self.accu_init = accu_init
        self.condition = condition
        self.step = step
        self.result = result

    def eval(self, scope: Scope) -> Value:
        """Walk the range while the condition does not say false; errors of a step become the accumulator."""
        iterable = self.iter_range.eval(scope)
        inner = FoldScope(self, scope)
        pace = scope.meter.budget.pace
        trace = scope.trace
        for round_, (first, second) in enumerate(self._rounds(iterable)):
            inner.var1, inner.var2 = first, second
            pace(1)
            if trace is not None:
                trace.start_round(self, iterable, round_, first)
            try:
                go_on = self.condition.eval(inner)
            except CelError:
                go_on = True
            if go_on is False:
                break
            try:
                accu, error = self.step.eval(inner), None
            except CelError as failure:
                accu, error = None, failure
            inner.initialized = True
            inner.accu, inner.accu_error = accu, error
        inner.visible = False
        return _frozen(self.result.eval(inner))

    def _rounds(self, iterable: Value) -> Iterable[tuple[Value, Value]]:
        kind = type(iterable)
        if kind is list or kind is ConcatList or kind is GrowingList:
            if self.iter_var2 is not None:
                return enumerate(iterable)
            return ((element, None) for element in iterable)
        if kind in values.MAP_CLASSES or kind is GrowingMap:
            if self.iter_var2 is not None:
                return ((key, values.find(iterable, key)) for key in iterable)
            return ((key, None) for key in iterable)
        name = go_class(iterable)
        if self.iter_var2 is not None:
            raise CelError(f"unsupported comprehension range type: {name}")
        raise CelError(f"got '{name}', expected iterable type")


def go_class(value: Value) -> str:
    """Return the name that Go's %T prints for a value that is not iterable."""
    names: dict[type, str] = {
        str: "types.String", int: "types.Int", Uint: "types.Uint", float: "types.Double", bool: "types.Bool",
        bytes: "types.Bytes", type(None): "types.Null", Optional_: "*types.Optional",
        values.Duration: "types.Duration", values.Timestamp: "types.Timestamp",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)
