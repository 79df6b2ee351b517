"""The type checker: resolves names and overloads, and gives every node of a parsed expression its static type.

Rules, order, error texts and positions are cel-go's (checker/checker.go, checker/env.go, checker/errors.go). What names
mean is asked of `Declarations`. The given AST is never changed: where a name resolves to something else than what was
written (`google.protobuf.Timestamp` is one identifier, `math.greatest(a)` no method call), the checked AST has other
nodes. The walk keeps its own stack, so that deep expressions cannot exhaust Python's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from admission.cel import types
from admission.cel.ast import (
    Ast,
    Call,
    Comprehension,
    Expr,
    FieldInit,
    Ident,
    ListExpr,
    Literal,
    MapEntry,
    MapExpr,
    Select,
    SourceInfo,
    StructExpr,
)
from admission.cel.diagnostic import CelIssue, CompileError, issue_at
from admission.cel.function import Function
from admission.cel.rewriting import replace_nodes
from admission.cel.types import Kind, Type, list_of, map_of, optional_of, type_of_type, type_param, wrapper
from admission.cel.unification import (
    MAX_TYPE_SIZE,
    Substitution,
    TypeTooLargeError,
    instantiate,
    is_dynamic,
    is_wildcard,
    most_general,
    same_type,
    unwrap_optional,
)
from admission.cel.values import MISSING, Uint

MAX_ISSUES = 100  # cel-go common/errors.go
MAX_TYPE_DEPTH = 250  # ours, as MAX_TYPE_SIZE: so that nothing that walks types runs out of stack or of time
TOO_LARGE = f"the type is too large (at most {MAX_TYPE_DEPTH} levels and {MAX_TYPE_SIZE} parts)"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a node means: the resolved name of an identifier (and its constant `value`), or a call's overload ids."""

    name: str = ""
    overloads: tuple[str, ...] = ()
    value: Any = MISSING


@dataclass(slots=True)
class CheckedAst:
    """An expression that passed the checker, with types and references by node id."""

    expr: Expr
    source: SourceInfo
    types: dict[int, Type]
    references: dict[int, Reference]
    result_type: Type


class Declarations(Protocol):
    """What an environment declares; every name is asked for in full, without a leading dot."""

    @property
    def container(self) -> str:
        """The namespace in which names are looked up first, innermost to outermost; usually empty."""
        ...

    @property
    def strict(self) -> bool:
        """Whether the specification counts where cel-go departs from it: `[duration, null]` is a list of durations."""
        ...

    def find_ident(self, name: str) -> tuple[Type, Any] | None:
        """Return type and constant value (or MISSING) of a variable, a constant or the name of a type."""
        ...

    def find_function(self, name: str) -> Function | None:
        """Return a function with the overloads that this environment has."""
        ...

    def find_struct(self, name: str) -> Type | None:
        """Return the type of that name that may be written as `name{...}`, or that has fields."""
        ...

    def find_field(self, struct: str, field: str) -> Type | None:
        """Return the type of a field of a declared object type; open types answer for any name."""
        ...

    def remark(self, name: str) -> str | None:
        """Return what else is known of a name that is not declared: since when it exists, or what was meant."""
        ...


class _Scope:
    """The variables of one comprehension level."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: _Scope | None, names: dict[str, Type]) -> None:
        self.parent = parent
        self.names = names


Step: TypeAlias = tuple[Callable[[Any], None], Any]

_LITERAL_TYPES: dict[type, Type] = {
    type(None): types.NULL,
    bool: types.BOOL,
    int: types.INT,
    Uint: types.UINT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
}
# the message that a struct literal of a well-known type builds (checker/checker.go: wellKnownTypes)
_MESSAGES: dict[Type, str] = {
    types.ANY: "google.protobuf.Any",
    types.DURATION: "google.protobuf.Duration",
    types.DYN: "google.protobuf.Value",
    types.LIST_DYN: "google.protobuf.ListValue",
    types.NULL: "google.protobuf.NullValue",
    types.TIMESTAMP: "google.protobuf.Timestamp",
    map_of(types.STRING, types.DYN): "google.protobuf.Struct",
    wrapper(types.BOOL): "google.protobuf.BoolValue",
    wrapper(types.BYTES): "google.protobuf.BytesValue",
    wrapper(types.DOUBLE): "google.protobuf.DoubleValue",
    wrapper(types.INT): "google.protobuf.Int64Value",
    wrapper(types.STRING): "google.protobuf.StringValue",
    wrapper(types.UINT): "google.protobuf.UInt64Value",
}
_LOGICAL = frozenset(("_&&_", "_||_"))
OPTIONAL_SELECT = "_?._"


def check(ast: Ast, declarations: Declarations) -> CheckedAst:
    """Return `ast` with types and references.

    Raises CompileError with every type error (at most 100), ordered by position.
    """
    checker = _Checker(ast.source, declarations)
    try:
        checker.run(ast.expr)
        resolved = checker.resolved_types()
    except (RecursionError, TypeTooLargeError):  # it can only be types: the walk itself does not recurse
        checker.fail(ast.expr.id, TOO_LARGE)
        resolved = {}
    if checker.issues:
        raise CompileError(checker.issues, ast.source, checker.omitted)
    expr = replace_nodes(ast.expr, checker.replaced) if checker.replaced else ast.expr
    return CheckedAst(expr, ast.source, resolved, checker.references, resolved[expr.id])


class _Checker:
    """One run over one expression: a stack of steps still to do, innermost last."""

    __slots__ = (
        "_accumulators",
        "_container",
        "_declarations",
        "_joined",
        "_scope",
        "_source",
        "_stack",
        "_substitution",
        "_variables",
        "_visitors",
        "issues",
        "omitted",
        "references",
        "replaced",
        "types",
    )

    def __init__(self, source: SourceInfo, declarations: Declarations) -> None:
        self.types: dict[int, Type] = {}
        self.references: dict[int, Reference] = {}
        self.issues: list[CelIssue] = []
        self.omitted = 0  # issues beyond MAX_ISSUES
        self.replaced: dict[int, Expr] = {}
        self._source = source
        self._declarations = declarations
        self._container = declarations.container
        self._substitution = Substitution()
        self._variables = 0
        self._scope: _Scope | None = None
        self._stack: list[Step] = []
        self._joined: dict[int, tuple[Type | None, Type | None]] = {}  # of lists (elements), of maps (keys, values)
        self._accumulators: dict[int, Type] = {}
        self._visitors: dict[type, Callable[[Any], None]] = {
            Literal: self._literal,
            Ident: self._ident,
            Select: self._select,
            Call: self._call,
            ListExpr: self._list,
            MapExpr: self._map,
            StructExpr: self._struct,
            Comprehension: self._comprehension,
        }

    def run(self, root: Expr) -> None:
        stack, visit = self._stack, self._visit
        visit(root)
        while stack:
            step, subject = stack.pop()
            step(subject)

    def resolved_types(self) -> dict[int, Type]:
        resolve = self._substitution.resolve
        settled = self.types
        for node_id, t in settled.items():
            if t.params or t.kind is Kind.TYPE_PARAM:
                settled[node_id] = self._bounded(node_id, resolve(t, free_to_dyn=True))
        return settled

    def fail(self, node_id: int, message: str) -> None:
        if len(self.issues) >= MAX_ISSUES:
            self.omitted += 1
        else:
            self.issues.append(issue_at(self._source, self._source.offsets.get(node_id, -1), message))

    # -- walking

    def _visit(self, node: Expr) -> None:
        self._visitors[type(node)](node)

    def _literal(self, node: Literal) -> None:
        self.types[node.id] = _LITERAL_TYPES[type(node.value)]

    def _push_all(self, nodes: list[Expr]) -> None:
        push, visit = self._stack.append, self._visit
        for node in reversed(nodes):
            push((visit, node))

    # -- names

    def _candidates(self, name: str) -> list[str]:
        """Return what a name may stand for in the container, what shadows first (common/containers)."""
        if name[:1] == ".":
            return [name[1:]]
        if not self._container:
            return [name]
        parts = self._container.split(".")
        return [".".join([*parts[:count], name]) for count in range(len(parts), -1, -1)]

    def _find_local(self, name: str) -> Type | None:
        scope = self._scope
        if scope is None:
            return None
        name = name.removeprefix(".")
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def _find_global(self, name: str) -> tuple[str, Type, Any] | None:
        declarations = self._declarations
        for candidate in self._candidates(name):
            found = declarations.find_ident(candidate)
            if found is not None:
                return candidate, found[0], found[1]
            struct = declarations.find_struct(candidate)
            if struct is not None:
                return candidate, type_of_type(struct), MISSING
        return None

    def _find_function(self, name: str) -> Function | None:
        for candidate in self._candidates(name):
            function = self._declarations.find_function(candidate)
            if function is not None:
                return function
        return None

    def _find_type(self, name: str) -> tuple[str, Type] | None:
        """Return the full name of a type and `type(it)`: what may stand before the braces of a struct."""
        for candidate in self._candidates(name):
            struct = self._declarations.find_struct(candidate)
            if struct is not None:
                return candidate, struct
            found = self._declarations.find_ident(candidate)
            if found is not None and found[0].kind is Kind.TYPE and found[0].params and found[1] is not MISSING:
                return candidate, found[0].params[0]
        return None

    def _undeclared(self, node_id: int, name: str) -> None:
        self.types[node_id] = types.ERROR
        remark = self._declarations.remark(name.removeprefix("."))
        self.fail(
            node_id,
            f"undeclared reference to '{name}' (in container '{self._container}')" + (f": {remark}" if remark else ""),
        )

    def _resolved_ident(self, node: Expr, name: str, t: Type, value: Any) -> None:
        self.types[node.id] = t
        self.references[node.id] = Reference(name, (), value)
        if type(node) is not Ident or node.name != name:
            self.replaced[node.id] = Ident(node.id, name)

    def _ident(self, node: Ident) -> None:
        name = node.name
        local = self._find_local(name)
        absolute = name[:1] == "."
        if local is not None and not absolute:
            self._resolved_ident(node, name, local, MISSING)
            return
        found = self._find_global(name)
        if found is None:
            self._undeclared(node.id, name)
            return
        full, t, value = found
        # a dot before the name keeps it from meaning the local variable of that name
        self._resolved_ident(node, "." + full if local is not None else full, t, value)

    # -- selection

    def _select(self, node: Select) -> None:
        chain = [node]
        operand = node.operand
        while type(operand) is Select and not operand.test_only:
            chain.append(operand)
            operand = operand.operand
        if type(operand) is not Ident:
            self._stack.extend([(self._selected, select) for select in chain])
            self._stack.append((self._visit, operand))
            return
        rest = self._qualified(chain, operand)
        for select in reversed(chain[:rest]):
            self._selected(select)

    def _qualified(self, chain: list[Select], first: Ident) -> int:
        """Resolve the longest beginning of `first.a.b.c` that is one name; return how many selections remain."""
        local = self._find_local(first.name)
        if local is None or first.name[:1] == ".":
            for index, select in enumerate(chain):
                if select.test_only:
                    continue
                name = ".".join([first.name, *[part.field for part in reversed(chain[index:])]])
                found = self._find_global(name)
                if found is not None:
                    full, t, value = found
                    self._resolved_ident(select, "." + full if local is not None else full, t, value)
                    return index
        self._ident(first)
        return len(chain)

    def _selected(self, node: Select) -> None:
        t = self._field_type(node.id, node.operand, node.field, optional=False)
        self.types[node.id] = types.BOOL if node.test_only else self._substitution.resolve(t)

    def _optional_selected(self, node: Call) -> None:
        operand, field = node.args
        name = field.value if type(field) is Literal else None
        if not isinstance(name, str):
            self.fail(field.id, "unsupported optional field selection: the field is no name")
            self.types[node.id] = types.ERROR
            return
        self._set_type(node.id, self._substitution.resolve(self._field_type(node.id, operand, name, optional=True)))
        self.references[node.id] = Reference(overloads=("select_optional_field",))

    def _field_type(self, node_id: int, operand: Expr, field: str, *, optional: bool) -> Type:
        target = self._substitution.resolve(self.types[operand.id])
        inner = unwrap_optional(target)
        if inner is not None:
            target = inner
        kind = target.kind
        if kind is Kind.DYN:
            result = types.DYN
        elif kind is Kind.MAP:
            result = target.params[1]
        elif kind is Kind.STRUCT:
            result = self._declared_field(node_id, target.name, field)
        elif kind is Kind.TYPE_PARAM:
            self._substitution.assignable(types.DYN, target)
            result = types.DYN
        else:
            if not is_wildcard(target):
                self.fail(node_id, f"type '{target}' does not support field selection")
            result = types.DYN
        return optional_of(result) if optional or inner is not None else result

    def _declared_field(self, node_id: int, struct: str, field: str) -> Type:
        found = self._declarations.find_field(struct, field)
        if found is not None:
            return found
        if self._declarations.find_struct(struct) is None:
            self.fail(node_id, f"unexpected failed resolution of '{struct}'")
        else:
            self.fail(node_id, f"undefined field '{field}'")
        return types.ERROR

    # -- calls

    def _call(self, node: Call) -> None:
        push = self._stack.append
        if node.function == OPTIONAL_SELECT and node.target is None and len(node.args) == 2:
            push((self._optional_selected, node))
            push((self._visit, node.args[0]))
            return
        if node.target is None:
            push((self._called, node))
        else:
            prefix = _qualified_name(node.target)
            function = self._find_function(f"{prefix}.{node.function}") if prefix is not None else None
            if function is not None:
                push((self._called_qualified, (node, function)))
            else:
                push((self._called, node))
                push((self._visit, node.target))
        self._push_all(node.args)

    def _called(self, node: Call) -> None:
        function = self._find_function(node.function)
        if function is None:
            self._undeclared(node.id, node.function)
            return
        if node.target is None:
            if function.name != node.function:
                self.replaced[node.id] = Call(node.id, function.name, None, node.args)
            self._overloads(node, function, [self.types[arg.id] for arg in node.args], member=False)
        else:
            arguments = [self.types[node.target.id], *[self.types[arg.id] for arg in node.args]]
            self._overloads(node, function, arguments, member=True)

    def _called_qualified(self, call: tuple[Call, Function]) -> None:
        node, function = call
        self.replaced[node.id] = Call(node.id, function.name, None, node.args)
        self._overloads(node, function, [self.types[arg.id] for arg in node.args], member=False)

    def _overloads(self, node: Call, function: Function, arguments: list[Type], *, member: bool) -> None:
        if function.name in _LOGICAL:
            self._logical(node, function, arguments)
            return
        substitution = self._substitution
        count = len(arguments)
        matching: list[str] = []
        result: Type | None = None
        for overload in function.overloads:
            if overload.member is not member:
                continue
            asked, yields = overload.params, overload.result
            if not overload.type_params:
                if len(asked) != count or not substitution.all_assignable(arguments, asked):
                    continue
            else:
                fresh = {name: self._new_variable() for name in overload.type_params}
                if len(asked) != count:
                    continue
                if not substitution.all_assignable(arguments, [instantiate(param, fresh) for param in asked]):
                    continue
                yields = substitution.resolve(instantiate(yields, fresh))
            matching.append(overload.id)
            if result is None:
                result = yields
            elif not is_dynamic(result) and not same_type(yields, result):
                result = types.DYN
        if result is None:
            shown = [str(substitution.resolve(argument, free_to_dyn=True)) for argument in arguments]
            signature = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
            self.fail(node.id, f"found no matching overload for '{function.name}' applied to '{signature}'")
            self.types[node.id] = types.ERROR
            return
        self._set_type(node.id, result)
        self.references[node.id] = Reference(overloads=tuple(matching))

    def _logical(self, node: Call, function: Function, arguments: list[Type]) -> None:
        result = types.BOOL
        for argument, t in zip(node.args, arguments, strict=True):
            if not self._substitution.assignable(t, types.BOOL):
                self.fail(argument.id, f"expected type 'bool' but found '{t}'")
                result = types.ERROR
        self.types[node.id] = result
        if result is types.BOOL:
            self.references[node.id] = Reference(overloads=(function.overloads[0].id,))

    def _new_variable(self) -> Type:
        self._variables += 1
        return type_param(f"_var{self._variables - 1}")

    # -- literals of lists, maps and structs

    def _list(self, node: ListExpr) -> None:
        self._joined[node.id] = (None, None)
        push = self._stack.append
        push((self._list_done, node))
        for index in range(len(node.elements) - 1, -1, -1):
            push((self._list_element, (node, index)))
            push((self._visit, node.elements[index]))

    def _list_element(self, place: tuple[ListExpr, int]) -> None:
        node, index = place
        element = node.elements[index]
        t = self.types[element.id]
        if index in node.optional:
            t = self._optional_inside(element, t)
        self._joined[node.id] = (self._join(self._joined[node.id][0], t), None)

    def _list_done(self, node: ListExpr) -> None:
        element = self._joined[node.id][0]
        self._set_type(node.id, list_of(element if element is not None else self._new_variable()))

    def _map(self, node: MapExpr) -> None:
        self._joined[node.id] = (None, None)
        push = self._stack.append
        push((self._map_done, node))
        for entry in reversed(node.entries):
            push((self._map_value, (node, entry)))
            push((self._visit, entry.value))
            push((self._map_key, (node, entry)))
            push((self._visit, entry.key))

    def _map_key(self, place: tuple[MapExpr, MapEntry]) -> None:
        node, entry = place
        key, value = self._joined[node.id]
        self._joined[node.id] = (self._join(key, self.types[entry.key.id]), value)

    def _map_value(self, place: tuple[MapExpr, MapEntry]) -> None:
        node, entry = place
        key, value = self._joined[node.id]
        t = self.types[entry.value.id]
        if entry.optional:
            t = self._optional_inside(entry.value, t)
        self._joined[node.id] = (key, self._join(value, t))

    def _map_done(self, node: MapExpr) -> None:
        key, value = self._joined[node.id]
        if key is None or value is None:
            key, value = self._new_variable(), self._new_variable()
        self._set_type(node.id, map_of(key, value))

    def _join(self, previous: Type | None, current: Type) -> Type:
        """Return what elements of both types have in common; mixed ones are dyn here, a validator may refuse them."""
        if previous is None or previous is current or previous.kind is Kind.UNSPECIFIED:
            return current
        if not self._substitution.assignable(previous, current):
            return types.DYN
        wider = most_general(previous, current)
        if self._declarations.strict:
            if wider.kind is Kind.NULL:
                return current if previous.kind is Kind.NULL else previous
            if current.kind is Kind.WRAPPER and same_type(wider, current):
                return current
        return wider

    def _optional_inside(self, node: Expr, t: Type) -> Type:
        inner = unwrap_optional(t)
        if inner is not None:
            return inner
        if not is_dynamic(t):
            self.fail(node.id, f"expected type 'optional_type({t})' but found '{t}'")
        return t

    def _struct(self, node: StructExpr) -> None:
        found = self._find_type(node.name)
        if found is None:
            self._undeclared(node.id, node.name)
            return
        name, t = found
        if name != node.name:
            self.replaced[node.id] = StructExpr(node.id, name, node.fields)
        self.references[node.id] = Reference(name)
        well_known = _MESSAGES.get(t)
        if well_known is not None:
            name = well_known
        elif t.kind is Kind.STRUCT:
            name = t.name
        elif t.kind is not Kind.ERROR:
            self.fail(node.id, f"'{t.name}' is not a message type")
            t = types.ERROR
        self.types[node.id] = t
        push = self._stack.append
        for init in reversed(node.fields):
            push((self._field_set, (name, init)))
            push((self._visit, init.value))

    def _field_set(self, place: tuple[str, FieldInit]) -> None:
        struct, init = place
        declared = self._declared_field(init.id, struct, init.field)
        given = self.types[init.value.id]
        if init.optional:
            given = self._optional_inside(init.value, given)
        if not self._substitution.assignable(declared, given):
            self.fail(init.id, f"expected type of field '{init.field}' is '{declared}' but provided type is '{given}'")

    # -- comprehensions

    def _comprehension(self, node: Comprehension) -> None:
        self._stack += [(self._loop, node), (self._visit, node.accu_init), (self._visit, node.iter_range)]

    def _loop(self, node: Comprehension) -> None:
        over = self._substitution.resolve(self.types[node.iter_range.id])
        accumulator = self._accumulators[node.id] = self.types[node.accu_init.id]
        two = node.iter_var2 is not None
        kind = over.kind
        first = second = types.DYN
        if kind is Kind.LIST:
            first, second = (types.INT, over.params[0]) if two else (over.params[0], types.DYN)
        elif kind is Kind.MAP:
            first, second = over.params
        elif kind is Kind.DYN or kind is Kind.ERROR or kind is Kind.TYPE_PARAM:
            self._substitution.assignable(types.DYN, over)
        else:
            self.fail(
                node.iter_range.id,
                f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)",
            )
            first = second = types.ERROR
        outer = _Scope(self._scope, {node.accu_var: accumulator})
        names = {node.iter_var: first}
        if node.iter_var2 is not None:
            names.setdefault(node.iter_var2, second)
        self._scope = _Scope(outer, names)
        self._stack += [
            (self._comprehended, node),
            (self._visit, node.result),
            (self._stepped, node),
            (self._visit, node.loop_step),
            (self._conditioned, node),
            (self._visit, node.loop_condition),
        ]

    def _conditioned(self, node: Comprehension) -> None:
        self._expect(node.loop_condition, types.BOOL)

    def _stepped(self, node: Comprehension) -> None:
        self._expect(node.loop_step, self._accumulators[node.id])
        self._leave()

    def _comprehended(self, node: Comprehension) -> None:
        self._leave()
        self._set_type(node.id, self._substitution.resolve(self.types[node.result.id]))

    def _leave(self) -> None:
        assert self._scope is not None  # noqa: S101 - entered in _loop
        self._scope = self._scope.parent

    def _expect(self, node: Expr, expected: Type) -> None:
        found = self.types[node.id]
        if not self._substitution.assignable(expected, found):
            self.fail(node.id, f"expected type '{expected}' but found '{found}'")

    # -- bounds

    def _set_type(self, node_id: int, t: Type) -> None:
        self.types[node_id] = self._bounded(node_id, t)

    def _bounded(self, node_id: int, t: Type) -> Type:
        """Return `t`, or the type of a failure where it is nested too deep or has too many parts."""
        depth, size, level = 0, 0, t.params
        while level:
            depth += 1
            size += len(level)
            if depth > MAX_TYPE_DEPTH or size > MAX_TYPE_SIZE:
                self.fail(node_id, TOO_LARGE)
                return types.ERROR
            level = level[0].params if len(level) == 1 else tuple([inner for part in level for inner in part.params])
        return t


def _qualified_name(node: Expr) -> str | None:
    """Return `a.b.c` where the node is nothing but such a name."""
    fields: list[str] = []
    while type(node) is Select and not node.test_only:
        fields.append(node.field)
        node = node.operand
    if type(node) is not Ident:
        return None
    return ".".join([node.name, *reversed(fields)])
