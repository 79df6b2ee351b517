"""The exact evaluator: planned nodes that compute values, errors and cost just as cel-go's interpreter does.

It is the slow path. Compiled code (compiler.py) answers first; whenever that raises anything, the same expression is
evaluated here, because only here `&&`, `||`, `all`, `exists` absorb errors, the right error is reported, and cost is
counted per step. Nodes are made by plan.py and never change: an evaluation's state is in its `Scope`.

Sources: cel-go interpreter/interpretable.go, runtimecost.go, cel/library.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from admission.cel import values
from admission.cel.activation import LazyVariables
from admission.cel.dispatch import Dispatcher, work
from admission.cel.function import CostFunction
from admission.cel.gonames import go_name
from admission.cel.printing import show
from admission.cel.scope import BlockScope, FoldScope, GrowingList, GrowingMap, Node, Scope, frozen
from admission.cel.values import CelError, ConcatList, Optional_, Value

_STRICT_KEYS = frozenset((str, int, values.Uint, bool))
LIST_COST, MAP_COST, STRUCT_COST = 10, 30, 40  # cel-go common/cost.go
_WRAP = 2**64  # upstream counts in uint64, where what should be negative is huge
STRING_FACTOR = 0.1  # in doubles, as upstream: ceil(30 * 0.1) is 4


@dataclass(slots=True, eq=False)
class Const:
    """A literal, or what folding made of one: free."""

    id: int
    value: Value

    def eval(self, scope: Scope) -> Value:  # noqa: ARG002
        """Return the constant."""
        return self.value


@dataclass(slots=True, eq=False)
class Logic:
    """`&&` and `||`: an operand equal to `decisive` decides, whatever error the other one has."""

    id: int
    terms: list[Node]
    decisive: bool

    def eval(self, scope: Scope) -> Value:
        """Return the logical value; the first error where no operand decides."""
        error: str | None = None
        for term in self.terms:
            try:
                value = term.eval(scope)
            except CelError as failure:
                error = error or str(failure)
                continue
            if value is self.decisive:
                return value
            if type(value) is not bool:
                error = error or "no such overload"
        if error is not None:
            raise CelError(error)
        return not self.decisive


@dataclass(slots=True, eq=False)
class Equality:
    """`==` and `!=`."""

    id: int
    left: Node
    right: Node
    negated: bool

    def eval(self, scope: Scope) -> Value:
        """Return whether the operands are equal; the cost is a tenth of the smaller size."""
        error: CelError | None = None
        operands: list[Value] = []
        for node in (self.left, self.right):
            try:
                operands.append(node.eval(scope))
            except CelError as failed:
                error = error or failed
                operands.append(failed)
        left, right = operands
        smaller = min(actual_size(left), actual_size(right))
        if isinstance(left, values.Opaque) and left.unit_equality and not self.negated:
            smaller = 1  # the API server prices == of its own types, but not !=
        scope.meter.charge(math.ceil(smaller * STRING_FACTOR))
        if error is not None:
            raise error
        if self.negated:
            return not values.same(left, right, scope.meter.budget.pace)
        return values.equal(left, right, scope.meter.budget.pace)


def eval_both(left: Node, right: Node, scope: Scope) -> tuple[Value, Value]:
    """Evaluate both operands even when the first fails, as cel-go does; the first error wins."""
    try:
        first = left.eval(scope)
    except CelError:
        with suppress(CelError):
            right.eval(scope)
        scope.meter.charge(1)
        raise
    try:
        return first, right.eval(scope)
    except CelError:
        scope.meter.charge(1)
        raise


def actual_size(value: Value) -> int:
    """Return the size that cost is counted with: of strings, bytes, lists and maps; 1 for everything else."""
    if isinstance(value, str | bytes | list | dict | ConcatList | values.KeyedMap):
        return len(value)
    if type(value) is Optional_ and value.present:
        return actual_size(value.value)
    return value.cost_size if isinstance(value, values.Opaque) else 1


@dataclass(slots=True, eq=False)
class Call:
    """A function call with its arguments (receiver first)."""

    id: int
    dispatcher: Dispatcher
    args: list[Node]

    def eval(self, scope: Scope) -> Value:
        """Return the function's result; the cost is known once the result is."""
        cost = self.dispatcher.cost
        args, error = self.arguments(scope)
        if error is None:
            try:
                result = self.dispatcher.call(args, scope.meter.budget.pace)
            except CelError as failed:
                error = failed
            else:
                price = 1 if cost is None else cost(args, result)
                scope.meter.charge(price if price >= 0 else price + _WRAP)
                scope.meter.budget.pace(work(args, result, price))
                return result
        if len(args) == len(self.args):  # upstream prices a call once all its arguments are on its stack
            price = 1 if cost is None else _cost_of_failure(cost, args, error)
            scope.meter.charge(price)
            scope.meter.budget.pace(work(args, None, price))
        raise error

    def arguments(self, scope: Scope) -> tuple[list[Value], CelError | None]:
        """Return the arguments, errors among them, and the first error; of two arguments mostly both are evaluated."""
        args: list[Value] = []
        error: CelError | None = None
        for node in self.args:
            try:
                args.append(node.eval(scope))
            except CelError as failed:
                error = error or failed
                args.append(failed)
                if len(self.args) != 2 or self.dispatcher.lazy:
                    break
        return args, error


def _cost_of_failure(cost: CostFunction, args: list[Value], error: CelError) -> int:
    try:
        return cost(args, error)
    except (TypeError, AttributeError):
        return 1


@dataclass(slots=True, eq=False)
class Append:
    """`accumulator + list` inside a fold: in place where the accumulator is the fold's own list."""

    id: int
    call: Call

    def eval(self, scope: Scope) -> Value:
        """Return the accumulator with the elements appended."""
        left, right = eval_both(self.call.args[0], self.call.args[1], scope)
        scope.meter.charge(1)
        if type(left) is GrowingList and type(right) in values.LIST_CLASSES:
            scope.meter.budget.pace(len(right))
            left.extend(right)
            return left
        return self.call.dispatcher.call([frozen(left), right], scope.meter.budget.pace)


@dataclass(slots=True, eq=False)
class Insert:
    """`cel.@mapInsert(accumulator, ...)` inside a fold: in place; a key that is there already is an error."""

    id: int
    call: Call

    def eval(self, scope: Scope) -> Value:
        """Return the accumulator with one entry (key, value) or the entries of a map inserted."""
        args, error = self.call.arguments(scope)
        if len(args) == len(self.call.args):
            scope.meter.charge(1)
        if error is not None:
            raise error
        target, *rest = args
        if type(target) is not GrowingMap:
            return self.call.dispatcher.call(args, scope.meter.budget.pace)
        if len(rest) == 2:
            entries: Iterable[tuple[Value, Value]] = [(rest[0], rest[1])]
        elif type(rest[0]) in values.MAP_CLASSES:
            entries = values.items(rest[0])
        else:
            raise self.call.dispatcher.no_such_overload([{}, *rest])
        scope.meter.budget.pace(len(rest[0]) if len(rest) == 1 else 1)
        for key, value in entries:
            identities = values.identities(key)
            if any(identity in target for identity in identities):
                raise CelError(f"insert failed: key {show(key)} already exists")
            target[identities[0]] = (key, value)
        return target


@dataclass(slots=True, eq=False)
class NotStrictlyFalse:
    """`@not_strictly_false(x)`: false only for false, true for everything else, errors included."""

    id: int
    arg: Node

    def eval(self, scope: Scope) -> Value:
        """Return whether a fold goes on."""
        scope.meter.charge(1)
        try:
            return self.arg.eval(scope) is not False
        except CelError:
            return True


@dataclass(slots=True, eq=False)
class OrElse:
    """`a.or(b)`, `a.orValue(b)`: `b` is evaluated only where `a` is empty, and both are free."""

    id: int
    left: Node
    right: Node
    unwrap: bool

    def eval(self, scope: Scope) -> Value:
        """Return what is there, or the alternative."""
        value = self.left.eval(scope)
        if type(value) is not Optional_:
            return value
        if value.present:
            return value.value if self.unwrap else value
        return self.right.eval(scope)


@dataclass(slots=True, eq=False)
class Membership:
    """`x in [constants]`: a set look-up, free but for `x`."""

    id: int
    arg: Node
    members: frozenset[Hashable]

    def eval(self, scope: Scope) -> Value:
        """Return whether the value is one of the constants."""
        value = self.arg.eval(scope)
        return values.key_identity(value) in self.members


@dataclass(slots=True, eq=False)
class ListNode:
    """`[a, ?b]`."""

    id: int
    elements: list[Node]
    optional: frozenset[int]

    def eval(self, scope: Scope) -> Value:
        """Return the list; absent optional elements are left out. The price is the same where an element fails."""
        try:
            made = self._made(scope)
        except CelError:
            scope.meter.charge(LIST_COST)
            raise
        scope.meter.charge(LIST_COST)
        return made

    def _made(self, scope: Scope) -> Value:
        result: list[Value] = []
        for index, element in enumerate(self.elements):
            value = element.eval(scope)
            if index in self.optional:
                if type(value) is not Optional_:
                    raise CelError(f"cannot initialize optional list element from non-optional value {show(value)}")
                if not value.present:
                    continue
                value = value.value
            result.append(value)
        return result


@dataclass(slots=True, eq=False)
class MapNode:
    """`{k: v, ?k: v}`; `strict` refuses repeated keys and all but a few types of them, as cel-go does not."""

    id: int
    entries: list[tuple[Node, Node, bool]]
    strict: bool

    def eval(self, scope: Scope) -> Value:
        """Return the map; a later entry replaces an earlier one of the same key, an absent optional removes it."""
        try:
            made = self._made(scope)
        except CelError:
            scope.meter.charge(MAP_COST)
            raise
        scope.meter.charge(MAP_COST)
        return made

    def _made(self, scope: Scope) -> Value:
        result: dict[Hashable, tuple[Value, Value]] = {}
        for key_node, value_node, optional in self.entries:
            key = key_node.eval(scope)
            value = value_node.eval(scope)
            if self.strict and type(key) not in _STRICT_KEYS:
                raise CelError(f"unsupported key type: {values.type_of(key).name}")
            if optional:
                value = _optional_entry(show(key), value)
            known = values.key_identity(key)
            if optional:
                if not value.present:
                    result.pop(known, None)
                    continue
                value = value.value
            if self.strict and any(identity in result for identity in values.identities(key)):
                raise CelError(f"repeated key: {show(key)}")
            result[known] = (key, value)
        return values.make_map(result.values())


@dataclass(slots=True, eq=False)
class StructNode:
    """`Type{field: value}`."""

    id: int
    build: Callable[[dict[str, Value]], Value]
    fields: list[tuple[str, Node, bool]]

    def eval(self, scope: Scope) -> Value:
        """Return the object with the fields that were set."""
        try:
            made = self._made(scope)
        except CelError:
            scope.meter.charge(STRUCT_COST)
            raise
        scope.meter.charge(STRUCT_COST)
        return made

    def _made(self, scope: Scope) -> Value:
        result: dict[str, Value] = {}
        for name, node, optional in self.fields:
            value = node.eval(scope)
            if optional:
                value = _optional_entry(name, value)
                if not value.present:
                    result.pop(name, None)
                    continue
                value = value.value
            result[name] = value
        return self.build(result)


def _optional_entry(key: str, value: Value) -> Optional_:
    if type(value) is not Optional_:
        raise CelError(f"cannot initialize optional entry '{key}' from non-optional value {show(value)}")
    return value


@dataclass(slots=True, eq=False)
class Block:
    """`cel.@block([entries], result)`: common sub-expressions by index (only the conformance suite has it)."""

    id: int
    entries: list[Node]
    result: Node

    def eval(self, scope: Scope) -> Value:
        """Return the result with the entries in scope."""
        return self.result.eval(BlockScope(self.entries, scope))


@dataclass(slots=True, eq=False)
class Fold:
    """A comprehension; `grows` where its step appends to its own accumulator."""

    id: int
    iter_range: Node
    iter_var: str
    iter_var2: str | None
    accu_var: str
    accu_init: Node
    condition: Node
    step: Node
    result: Node
    grows: bool

    def eval(self, scope: Scope) -> Value:
        """Walk the range while the condition does not say false; errors of a step become the accumulator."""
        iterable = self.iter_range.eval(scope)
        inner = FoldScope(self, scope)
        pace = scope.meter.budget.pace
        trace = scope.trace
        for index, (first, second) in enumerate(self._rounds(iterable)):
            inner.var1, inner.var2 = first, second
            pace(1)
            if trace is not None:
                trace.start_round(self, iterable, index, first)
            try:
                go_on = self.condition.eval(inner)
            except CelError:
                go_on = True
            if go_on is False:
                break
            try:
                accu, error = self.step.eval(inner), None
            except CelError as failure:
                accu, error = None, str(failure)
            inner.initialized = True
            inner.accu, inner.accu_error = accu, error
        inner.visible = False
        return frozen(self.result.eval(inner))

    def _rounds(self, iterable: Value) -> Iterable[tuple[Value, Value]]:
        kind = type(iterable)
        if kind is list or kind is ConcatList or kind is GrowingList:
            return enumerate(iterable) if self.iter_var2 is not None else ((element, None) for element in iterable)
        if kind in values.MAP_CLASSES:
            if self.iter_var2 is not None:
                return values.items(iterable)
            return ((key, None) for key in iterable)
        if kind is LazyVariables:
            if self.iter_var2 is not None:
                raise CelError("no such overload")
            return ((value, None) for value in iterable)
        if self.iter_var2 is not None:
            raise CelError(f"unsupported comprehension range type: {go_name(iterable)}")
        raise CelError(f"got '{go_name(iterable)}', expected iterable type")
