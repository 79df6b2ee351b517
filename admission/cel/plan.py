"""From a checked expression to the nodes of the exact evaluator, with cel-go's folding on the way.

Folding decides cost and errors: a list or map literal of constants is a constant; `x in [constants]` is a set look-up;
a conversion of a constant is computed now, and its failure is a failure to build the program, as is a constant pattern
that is no regular expression. Sources: cel-go interpreter/planner.go, decorators.go, optimizations.go;
apiserver pkg/cel/library/regex.go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Protocol

from admission.cel.activation import Activation, Budget, Meter
from admission.cel.ast import Call as CallExpr
from admission.cel.ast import (
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
)
from admission.cel.attribute import KEY_CLASSES, Attribute, Conditional, Qualifier, attribute_of
from admission.cel.checker import CheckedAst, Reference
from admission.cel.dispatch import Dispatcher, dispatcher
from admission.cel.function import Function
from admission.cel.gonames import go_name
from admission.cel.interpreter import (
    Append,
    Block,
    Call,
    Const,
    Equality,
    Fold,
    Insert,
    ListNode,
    Logic,
    MapNode,
    Membership,
    NotStrictlyFalse,
    OrElse,
    StructNode,
)
from admission.cel.regex import compile_pattern
from admission.cel.scope import Node, Scope
from admission.cel.trace import Watch
from admission.cel.types import Kind, Type
from admission.cel.values import MISSING, CancelledError, CelError, Uint, Value, key_identity

CONVERSIONS = frozenset(("bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"))
PATTERN_FUNCTIONS = frozenset(("matches", "find", "findAll"))


class ProgramError(CelError):
    """The expression compiles, but no program can be made of it (a constant that cannot be converted, ...)."""

    def __init__(self, message: str) -> None:
        super().__init__(f"program instantiation failed: {message}")


class FunctionTable(Protocol):
    """What planning asks of the environment."""

    @property
    def strict(self) -> bool:
        """Whether plain CEL is meant where cel-go is more lenient: repeated keys, fields of what has none."""
        ...

    @property
    def container(self) -> str:
        """The namespace in which names are looked up first."""
        ...

    def find_function(self, name: str) -> Function | None:
        """Return the function of that name."""
        ...

    def priced_by_name(self, name: str) -> bool:
        """Return whether the API server prices the function by its name rather than by the resolved overload."""
        ...

    def struct_builder(self, name: str) -> Callable[[dict[str, Value]], Value]:
        """Return what makes a value of a declared object type; CelError for an unknown type."""
        ...

    def find_ident(self, name: str) -> tuple[Type, Value] | None:
        """Return the declared type and constant value (or MISSING) of a name."""
        ...

    def is_open(self, name: str) -> bool:
        """Return whether an object type takes any field."""
        ...


def plan(checked: CheckedAst, functions: FunctionTable, *, watch: bool = False) -> Node:
    """Return the root node; with `watch`, nodes report each value to the scope's trace. Raises ProgramError."""
    return _Planner(checked, functions, watch=watch).plan(checked.expr)


class _Planner:
    def __init__(self, checked: CheckedAst, functions: FunctionTable, *, watch: bool) -> None:
        self.references = checked.references
        self.types = checked.types
        self.types = checked.types
        self.functions = functions
        self.watch = watch
        self.accumulators: list[str] = []
        self.growing: list[bool] = []
        self.locals: list[str] = []

    def plan(self, expr: Expr) -> Node:
        node = self._plan(expr)
        if self.watch and not isinstance(node, Attribute | Const | Watch):
            return Watch(node)
        return node

    def _plan(self, expr: Expr) -> Node:
        if isinstance(expr, Literal):
            return Const(expr.id, expr.value)
        if isinstance(expr, Ident):
            return self._ident(expr.id, expr.name)
        if isinstance(expr, Select):
            return self._select(expr)
        if isinstance(expr, CallExpr):
            return self._call(expr)
        if isinstance(expr, ListExpr):
            return self._list(expr)
        if isinstance(expr, MapExpr):
            return self._map(expr)
        if isinstance(expr, StructExpr):
            return self._struct(expr)
        return self._comprehension(expr)

    def _ident(self, id: int, name: str) -> Node:  # noqa: A002
        reference = self.references.get(id)
        if reference is not None:
            if reference.value is not MISSING:
                return Const(id, reference.value)
            if self.types[id].kind is Kind.TYPE:  # even a variable that holds a type is looked up as one (planner.go)
                raise ProgramError(f"reference to undefined type: {reference.name}")
            return Attribute(id, reference.name or name, None)
        if name not in self.locals and name not in self.accumulators and not name.startswith("@"):
            return self._global(id, name) or Attribute(id, name, None)
        return Attribute(id, name, None)

    def _global(self, id: int, name: str) -> Node | None:  # noqa: A002
        """Resolve a name the checker did not see: in the container and the namespaces around it, innermost first."""
        parts = self.functions.container.split(".") if self.functions.container and name[:1] != "." else []
        for depth in range(len(parts), -1, -1):
            qualified = ".".join([*parts[:depth], name.removeprefix(".")])
            known = self.functions.find_ident(qualified)
            if known is not None:
                return Attribute(id, qualified, None) if known[1] is MISSING else Const(id, known[1])
        return None

    def _select(self, expr: Select) -> Node:
        reference = self.references.get(expr.id)
        if reference is not None and (reference.name or reference.value is not MISSING):
            return self._ident(expr.id, reference.name)
        qualified = self._unchecked_name(expr)
        if qualified is not None:
            return qualified
        attribute = attribute_of(self.plan(expr.operand))
        operand = self.types.get(expr.operand.id)
        attribute.add(
            Qualifier(
                expr.id,
                expr.field,
                test_only=expr.test_only,
                declared=operand is not None and operand.kind is Kind.STRUCT and self.functions.is_open(operand.name),
                strict=self.functions.strict,
            )
        )
        return attribute

    def _unchecked_name(self, expr: Select) -> Node | None:
        """Resolve `a.b.c` to a declared name where the checker did not run."""
        if self.references:
            return None
        names = [expr.field]
        operand: Expr = expr.operand
        while isinstance(operand, Select) and not operand.test_only:
            names.append(operand.field)
            operand = operand.operand
        if not isinstance(operand, Ident) or operand.name in self.locals:
            return None
        names.append(operand.name.removeprefix("."))
        return self._global(expr.id, ".".join(reversed(names)))

    def _call(self, expr: CallExpr) -> Node:
        name = expr.function
        target = expr.target
        if target is not None and not self.references:
            qualified = self._qualified_function(target, name)
            if qualified is not None:
                name, target = qualified, None
        parts = ([target] if target is not None else []) + expr.args
        args = [self.plan(part) for part in parts]
        if name in ("_&&_", "_||_"):
            return Logic(expr.id, args, decisive=name == "_||_")
        if name == "_?_:_":
            return Conditional(expr.id, args[0], args[1], args[2])
        if name in ("_==_", "_!=_"):
            return Equality(expr.id, args[0], args[1], name == "_!=_")
        if name in ("_[_]", "_?._", "_[?_]"):
            return self._index(expr, args, optional=name != "_[_]")
        if name in ("@not_strictly_false", "__not_strictly_false__"):
            return NotStrictlyFalse(expr.id, args[0])
        if name == "cel.@block" and isinstance(expr.args[0], ListExpr):
            return Block(expr.id, [self.plan(entry) for entry in expr.args[0].elements], args[1])
        if name in ("or", "orValue") and len(args) == 2:
            return OrElse(expr.id, args[0], args[1], name == "orValue")
        return self._function(expr, name, args)

    def _qualified_function(self, target: Expr, name: str) -> str | None:
        parts = [name]
        while isinstance(target, Select) and not target.test_only:
            parts.append(target.field)
            target = target.operand
        if not isinstance(target, Ident):
            return None
        parts.append(target.name.removeprefix("."))
        qualified = ".".join(reversed(parts))
        return qualified if self.functions.find_function(qualified) is not None else None

    def _index(self, expr: CallExpr, args: list[Node], *, optional: bool) -> Node:
        operand, index = args
        attribute = attribute_of(operand)
        if isinstance(index, Const) and type(index.value) not in KEY_CLASSES:
            if not self.functions.strict:
                raise ProgramError(f"invalid qualifier type: {go_name(index.value)}")
            index = Attribute(index.id, None, index)
        if isinstance(index, Const):
            attribute.add(Qualifier(expr.id, index.value, optional=optional))
        else:
            attribute.add(Qualifier(expr.id, None, index, optional=optional))
        return attribute

    def _function(self, expr: CallExpr, name: str, args: list[Node]) -> Node:
        function = self.functions.find_function(name.removeprefix("."))
        if function is None:
            return Call(expr.id, Dispatcher(name, (), None, singleton=True), args)
        reference = self.references.get(expr.id, _NO_REFERENCE)
        call = Call(
            expr.id,
            dispatcher(function, reference.overloads, len(args), by_name=self.functions.priced_by_name(function.name)),
            args,
        )
        if name == "@in" and reference.overloads == ("in_list",) and isinstance(args[1], Const):
            return self._membership(call, args[0], args[1].value)
        if name in CONVERSIONS and len(args) == 1 and isinstance(args[0], Const):
            return self._fold_constant(call)
        if name in PATTERN_FUNCTIONS and len(args) > 1 and isinstance(args[1], Const) and type(args[1].value) is str:
            try:
                compile_pattern(args[1].value)
            except CelError as error:
                raise ProgramError(str(error)) from None
            call.dispatcher = replace(call.dispatcher, plain=True, lazy=True)
        if args and self._is_accumulator(args[0]):
            if name == "_+_":
                self.growing[-1] = True
                return Append(call.id, call)
            if name == "cel.@mapInsert":
                self.growing[-1] = True
                return Insert(call.id, call)
        return call

    def _is_accumulator(self, node: Node) -> bool:
        return (
            isinstance(node, Attribute)
            and node.name is not None
            and not node.qualifiers
            and bool(self.accumulators)
            and node.name == self.accumulators[-1]
        )

    def _membership(self, call: Call, arg: Node, members: Value) -> Node:
        if len(members) == 0:
            return Const(call.id, value=False)
        if any(type(member) not in KEY_CLASSES for member in members):
            return call
        return Membership(call.id, arg, frozenset(identity for member in members for identity in _equals(member)))

    def _fold_constant(self, call: Call) -> Node:
        try:
            return Const(call.id, call.eval(_constant_scope()))
        except CelError as error:
            raise ProgramError(str(error)) from None

    def _list(self, expr: ListExpr) -> Node:
        node = ListNode(expr.id, [self.plan(element) for element in expr.elements], expr.optional)
        if all(isinstance(element, Const) for element in node.elements):
            return self._fold_literal(node)
        return node

    def _map(self, expr: MapExpr) -> Node:
        entries = [(self.plan(entry.key), self.plan(entry.value), entry.optional) for entry in expr.entries]
        node = MapNode(expr.id, entries, strict=self.functions.strict)
        if all(isinstance(key, Const) and isinstance(value, Const) for key, value, _ in node.entries):
            return self._fold_literal(node)
        return node

    def _fold_literal(self, node: ListNode | MapNode) -> Node:
        try:
            return Const(node.id, node.eval(_constant_scope()))
        except (CelError, CancelledError):
            return node

    def _struct(self, expr: StructExpr) -> Node:
        try:
            build = self.functions.struct_builder(expr.name)
        except CelError as error:
            raise ProgramError(str(error)) from None
        fields = [(init.field, self.plan(init.value), init.optional) for init in expr.fields]
        return StructNode(expr.id, build, fields)

    def _comprehension(self, expr: Comprehension) -> Node:
        accu_init = self.plan(expr.accu_init)
        iter_range = self.plan(expr.iter_range)
        names = [name for name in (expr.iter_var, expr.iter_var2) if name]
        self.accumulators.append(expr.accu_var)
        self.growing.append(False)
        self.locals.extend(names)
        condition = self.plan(expr.loop_condition)
        step = self.plan(expr.loop_step)
        del self.locals[len(self.locals) - len(names) :]
        result = self.plan(expr.result)
        self.accumulators.pop()
        return Fold(
            expr.id,
            iter_range,
            expr.iter_var,
            expr.iter_var2 or None,
            expr.accu_var,
            accu_init,
            condition,
            step,
            result,
            grows=self.growing.pop(),
        )


_NO_REFERENCE = Reference()


def _constant_scope() -> Scope:
    activation = Activation({}, Budget())
    return Scope(activation, Meter(activation.budget))


def _equals(member: Value) -> Iterator[Hashable]:
    """Yield what a constant of a list is found as: itself, and the same number of another type.

    An integer is found as the nearest double, a double only as the integers that it is (maybeOptimizeSetMembership).
    """
    kind = type(member)
    yield key_identity(member)
    if kind is int or kind is Uint:
        yield from map(key_identity, (int(member), Uint(member), float(member)))
    elif kind is float and member.is_integer():
        yield from map(key_identity, (int(member), Uint(member)))
