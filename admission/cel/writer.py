"""Writes one expression as Python: blocks of statements, constants, variables, and the cost bound so far.

The writer knows the syntax; operators and functions with code of their own (inline.py) and loops (loops.py) are given
to it as `Emitters`. Nothing a policy author writes becomes an identifier: variables get numbers, field names and
literals are constants, and the generated function sees the names of runtime.NAMES and its own constants.
"""

from __future__ import annotations

import ast as py
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from admission.cel import runtime, types
from admission.cel.activation import Activation
from admission.cel.ast import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
)
from admission.cel.checker import CheckedAst
from admission.cel.dispatch import dispatcher
from admission.cel.plan import FunctionTable
from admission.cel.pycode import (
    Code,
    Proof,
    Unsupported,
    assign,
    call,
    compare,
    constant,
    is_class,
    located,
    method,
    name,
    present,
    subscript,
)
from admission.cel.values import MISSING, Value

Compiled: TypeAlias = Callable[[Activation], Value]
Inline: TypeAlias = "Callable[[Writer, Call, Sequence[Expr]], Code | None]"
LoopEmitter: TypeAlias = "Callable[[Writer, Comprehension], Code]"

_PROVED_BY_RESULT = {types.BOOL: Proof.BOOL, types.INT: Proof.INT, types.STRING: Proof.STRING}
_PROVED_BY_CONSTANT = {bool: Proof.BOOL, int: Proof.INT, str: Proof.STRING}


_UNCHANGED = frozenset(
    (
        types.Kind.BOOL,
        types.Kind.INT,
        types.Kind.UINT,
        types.Kind.DOUBLE,
        types.Kind.STRING,
        types.Kind.BYTES,
        types.Kind.NULL,
        types.Kind.DURATION,
        types.Kind.TIMESTAMP,
        types.Kind.LIST,
        types.Kind.MAP,
    )
)


_INCOMPARABLE = frozenset(
    kind.name
    for kind in (
        types.IP,
        types.CIDR,
        types.QUANTITY,
        types.URL,
        types.SEMVER,
        types.FORMAT,
        types.AUTHORIZER,
        types.PATH_CHECK,
        types.GROUP_CHECK,
        types.RESOURCE_CHECK,
        types.DECISION,
        types.BYTES,
    )
)


@dataclass(frozen=True, slots=True)
class Emitters:
    """What writes the parts of the language that have code of their own.

    `inline` is by function name: each takes the call and its arguments, receiver first, and returns the code, or None
    to leave the call to the library before anything was emitted. `loop` writes a comprehension.
    """

    inline: Mapping[str, Inline]
    loop: LoopEmitter


class Writer:
    """One expression on its way: the current block of statements, constants, variables, and the cost bound so far."""

    def __init__(self, checked: CheckedAst, functions: FunctionTable, emitters: Emitters) -> None:
        self._emitters = emitters
        self.checked = checked
        self.functions = functions
        self.constants: dict[str, Value] = {}
        self.block: list[py.stmt] = []
        self.variables: dict[str, str] = {}
        self.scopes: list[tuple[str, Code]] = []
        self.cost = 0
        self.depth = 0
        self.budget = name("b")
        self._counter = 0
        self._marks: dict[int, tuple[bool, bool]] = {}  # by id of the checked expression

    def function(self) -> Compiled:
        """Return the whole expression as a function of an Activation."""
        code = self.value(self.checked.expr)
        return self.finish([*self.block, py.Return(value=code.node)])

    def finish(self, statements: list[py.stmt]) -> Compiled:
        """Return the function that pays the fixed cost, takes the variables it needs, and runs `statements`."""
        body: list[py.stmt] = [
            assign("v", py.Attribute(value=name("a"), attr="variables", ctx=py.Load())),
            assign("b", py.Attribute(value=name("a"), attr="budget", ctx=py.Load())),
            *self.charge(constant(self.cost + 1)),
            *(assign(target, subscript(name("v"), constant(known))) for known, target in self.variables.items()),
            *statements,
        ]
        arguments = py.arguments(posonlyargs=[], args=[py.arg(arg="a")], kwonlyargs=[], kw_defaults=[], defaults=[])
        definition = py.FunctionDef(name="expression", args=arguments, body=body, decorator_list=[])
        if sys.version_info >= (3, 12):
            definition.type_params = []
        module = located(py.Module(body=[definition], type_ignores=[]))
        scope: dict[str, object] = {"__builtins__": {}, **runtime.NAMES, **self.constants}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # `null['x']` may be written: its error is CEL's to say
            code = compile(module, "<cel>", "exec")
        exec(code, scope)  # noqa: S102 - built from nodes above, no text of a user
        compiled: Compiled = scope["expression"]  # type: ignore[assignment]
        return compiled

    def charge(self, amount: py.expr) -> list[py.stmt]:
        """Return `t = b.bound + amount; b.bound = t; if t > b.mark: b.reach()`."""
        total = self.temporary()
        bound = py.Attribute(value=self.budget, attr="bound", ctx=py.Load())
        store = py.Attribute(value=self.budget, attr="bound", ctx=py.Store())
        mark = py.Attribute(value=self.budget, attr="mark", ctx=py.Load())
        reach = py.Expr(value=method(self.budget, "reach"))
        return [
            assign(total, py.BinOp(left=bound, op=py.Add(), right=amount)),
            py.Assign(targets=[store], value=name(total)),
            py.If(test=compare(name(total), py.Gt(), mark), body=[reach], orelse=[]),
        ]

    def temporary(self) -> str:
        """Return a name that nothing else has."""
        self._counter += 1
        return f"t{self._counter}"

    def pool(self, value: Value) -> py.expr:
        """Return a use of a constant that is no Python literal."""
        identifier = f"c{len(self.constants)}"
        self.constants[identifier] = value
        return name(identifier)

    def bind(self, code: Code) -> Code:
        """Return code that may be used more than once, in this block."""
        if isinstance(code.node, py.Name | py.Constant):
            return code
        target = self.temporary()
        self.block.append(assign(target, code.node))
        return Code(name(target), code.proof, code.constant)

    def twice(self, node: py.expr) -> tuple[py.expr, py.expr]:
        """Return (first use, later uses) of a value inside one Python expression."""
        if isinstance(node, py.Name | py.Constant):
            return node, node
        target = self.temporary()
        return py.NamedExpr(target=py.Name(id=target, ctx=py.Store()), value=node), name(target)

    @contextmanager
    def branch(self) -> Iterator[list[py.stmt]]:
        """Emit into a block of its own, which may or may not be executed."""
        outer, self.block = self.block, []
        try:
            yield self.block
        finally:
            self.block = outer

    def nested(self, emit: Callable[[], Code]) -> tuple[list[py.stmt], Code]:
        """Emit into a block of its own; return its statements and the value."""
        with self.branch() as block:
            return block, emit()

    def value(self, expr: Expr) -> Code:
        """Emit a value that leaves the compiled code or enters a function: optionals are made real."""
        code = self.emit(expr)
        return Code(call("optional", code.node)) if code.proof is Proof.MAYBE else code

    def boolean(self, expr: Expr) -> py.expr:
        """Emit an expression that must be a bool."""
        code = self.emit(expr)
        if code.proof is Proof.BOOL:
            return code.node
        if code.proof is not Proof.NOTHING:
            raise Unsupported
        return call("truth", code.node)

    def maybe(self, expr: Expr) -> py.expr:
        """Emit an expression that must be an optional, as its bare value or ABSENT."""
        code = self.emit(expr)
        return code.node if code.proof is Proof.MAYBE else call("some", code.node)

    def plain(self, expr: Expr) -> Code:
        """Emit an expression that must not be an optional on its way."""
        code = self.emit(expr)
        if code.proof is Proof.MAYBE:
            raise Unsupported
        return code

    @property
    def has_opaque(self) -> bool:
        """Whether values may turn up that refuse to be compared, or to be looked for in a set."""
        return self._mark()[0]

    @property
    def has_optional(self) -> bool:
        """Whether the expression has anything to do with optionals."""
        return self._mark()[1]

    def _mark(self) -> tuple[bool, bool]:
        known = self._marks.get(id(self.checked))
        if known is None:
            names = {t.name for t in self.checked.types.values()}
            known = self._marks[id(self.checked)] = (not names.isdisjoint(_INCOMPARABLE), "optional_type" in names)
        return known

    def is_unchanged(self, expr: Expr) -> bool:
        """Return whether the checker says that what is inside of an optional stays what it is when it is handed on."""
        kind = self.checked.types.get(expr.id)
        return kind is not None and len(kind.params) == 1 and kind.params[0].kind in _UNCHANGED

    def is_open(self, expr: Expr) -> bool:
        """Return whether the checker knows nothing of what is inside of an optional: it is looked at when it runs."""
        kind = self.checked.types.get(expr.id)
        return kind is not None and len(kind.params) == 1 and kind.params[0].kind is types.Kind.DYN

    def is_optional(self, expr: Expr) -> bool:
        """Return whether the checker says that the expression is an optional."""
        kind = self.checked.types.get(expr.id)
        return kind is not None and kind.name == "optional_type"

    def emit(self, expr: Expr) -> Code:
        """Emit an expression."""
        if isinstance(expr, Literal):
            return self._literal(expr.value)
        if isinstance(expr, Ident):
            return self.ident(expr)
        if isinstance(expr, Select):
            return self.select(expr)
        if isinstance(expr, Call):
            return self._call(expr)
        if isinstance(expr, ListExpr):
            return self._list(expr)
        if isinstance(expr, MapExpr):
            return self._map(expr)
        if isinstance(expr, StructExpr):
            return self._struct(expr)
        return self._comprehension(expr)

    def _literal(self, value: Value) -> Code:
        proof = _PROVED_BY_CONSTANT.get(type(value), Proof.NOTHING)
        if value is None or proof is not Proof.NOTHING:
            return Code(constant(value), proof, value)
        return Code(self.pool(value), proof, value)

    def ident(self, expr: Ident) -> Code:
        """Emit a name."""
        reference = self.checked.references.get(expr.id)
        identifier = reference.name if reference is not None and reference.name else expr.name
        if reference is not None and reference.value is not MISSING:
            return Code(self.pool(reference.value))
        self.cost += 1
        if self.is_optional(expr) and not self.is_unchanged(expr) and not self.is_open(expr):
            raise Unsupported
        if not identifier.startswith("."):
            for known, code in reversed(self.scopes):
                if known == identifier:
                    return code
        identifier = identifier.removeprefix(".")
        return Code(name(self.variables.setdefault(identifier, f"g{len(self.variables)}")))

    def select(self, expr: Select) -> Code:
        """Emit `operand.field` or `has(operand.field)`."""
        self.cost += self.step_cost(expr.operand)
        operand = self.emit(expr.operand)
        field = constant(expr.field)
        if operand.proof is not Proof.MAYBE and self.is_optional(expr.operand):
            raise Unsupported
        if expr.test_only:
            first, again = self.twice(operand.node)
            found = compare(field, py.In(), again)
            return Code(
                py.IfExp(test=is_class(first, "dict"), body=found, orelse=call("test", again, field)), Proof.BOOL
            )
        if operand.proof is Proof.MAYBE:
            return self.peek(operand.node, field)
        return Code(subscript(operand.node, field))

    def step_cost(self, operand: Expr) -> int:
        """Return what a step costs: what is selected from a computed value pays for that value as well."""
        return 1 if isinstance(operand, Ident | Select) else 2

    def peek(self, container: py.expr, key: py.expr) -> Code:
        """Emit `container.?key` for a constant string key."""
        if self.functions.strict:
            raise Unsupported
        # only dicts and ABSENT have such a method: anything else raises, and is for the interpreter
        return Code(method(container, "get", key, name("ABSENT")), Proof.MAYBE)

    def _call(self, expr: Call) -> Code:
        args = ([expr.target] if expr.target is not None else []) + expr.args
        inline = self._emitters.inline.get(expr.function)
        code = inline(self, expr, args) if inline is not None else None
        return code if code is not None else self._library(expr, args)

    def _library(self, expr: Call, args: Sequence[Expr]) -> Code:
        function = self.functions.find_function(expr.function.removeprefix("."))
        if function is None:
            raise Unsupported
        reference = self.checked.references.get(expr.id)
        overloads = reference.overloads if reference is not None else ()
        by_name = self.functions.priced_by_name(function.name)
        chosen = dispatcher(function, overloads, len(args), by_name=by_name)
        self.cost += 1
        codes = [self.value(arg) for arg in args]
        node = call("invoke", self.pool(chosen), self.budget, *(code.node for code in codes))
        results = {o.result for o in function.overloads if not overloads or o.id in overloads}
        proof = _PROVED_BY_RESULT.get(next(iter(results)), Proof.NOTHING) if len(results) == 1 else Proof.NOTHING
        return Code(node, proof)

    def _list(self, expr: ListExpr) -> Code:
        if not expr.optional and all(isinstance(element, Literal) for element in expr.elements):
            known = [element.value for element in expr.elements if isinstance(element, Literal)]
            return Code(self.pool(known), Proof.LIST, known)
        self.cost += 10
        if not expr.optional:
            codes = [self.value(element) for element in expr.elements]
            return Code(py.List(elts=[code.node for code in codes], ctx=py.Load()), Proof.LIST)
        target = self.temporary()
        self.block.append(assign(target, py.List(elts=[], ctx=py.Load())))
        for position, element in enumerate(expr.elements):
            if position in expr.optional:
                bound = self.bind(Code(self.maybe(element))).node
                append: py.stmt = py.Expr(value=method(name(target), "append", bound))
                self.block.append(py.If(test=present(bound), body=[append], orelse=[]))
            else:
                self.block.append(py.Expr(value=method(name(target), "append", self.value(element).node)))
        return Code(name(target), Proof.LIST)

    def _map(self, expr: MapExpr) -> Code:
        keys: list[py.expr | None] = []
        items: list[py.expr] = []
        self.cost += 30
        literals = [entry.key.value for entry in expr.entries if isinstance(entry.key, Literal)]
        if self.functions.strict and len(set(literals)) != len(expr.entries):
            raise Unsupported
        for entry in expr.entries:
            if entry.optional or not isinstance(entry.key, Literal) or type(entry.key.value) is not str:
                raise Unsupported
            keys.append(constant(entry.key.value))
            items.append(self.value(entry.value).node)
        return Code(py.Dict(keys=keys, values=items))

    def _struct(self, expr: StructExpr) -> Code:
        self.cost += 40
        if any(init.optional for init in expr.fields):
            raise Unsupported
        fields = py.Dict(
            keys=[constant(init.field) for init in expr.fields],
            values=[self.value(init.value).node for init in expr.fields],
        )
        build = self.pool(self.functions.struct_builder(expr.name))
        return Code(py.Call(func=build, args=[fields], keywords=[]))

    def _comprehension(self, expr: Comprehension) -> Code:
        if isinstance(expr.iter_range, ListExpr) and not expr.iter_range.elements:
            return self._binding(expr)
        return self._emitters.loop(self, expr)

    def _binding(self, expr: Comprehension) -> Code:
        """Emit a fold over nothing: what cel.bind, optMap and optFlatMap become."""
        self.cost += 1
        bound = self.bind(self.emit(expr.accu_init))
        self.scopes.append((expr.accu_var, bound))
        try:
            return self.emit(expr.result)
        finally:
            self.scopes.pop()
