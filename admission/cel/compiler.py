"""From a checked expression to Python code: the fast way to evaluate, exact wherever it answers at all.

Code is built from `ast` nodes only. Nothing a policy author writes becomes an identifier: variables get numbers, field
names and literals are constants, and the generated function sees the names of runtime.NAMES and its own constants.
`all`, `exists`, `filter`, `map` become plain loops. What CEL leaves dynamic is tested where Python would answer
otherwise than CEL (`True == 1`, `'a' in 'abc'`); whatever does not fit raises, and the interpreter takes over.

An optional is held as its bare value or MISSING while it travels inside one expression. Cost: the fixed part is added
to the budget's bound at the start, a loop adds rounds x the most one round can cost before it runs, long strings add
their length when they turn up. Static types drop a test only where the expression itself proves them (`Kind`).
"""

from __future__ import annotations

import ast as py
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
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
from admission.cel.regex import compile_pattern
from admission.cel.values import MISSING, Value

Compiled: TypeAlias = Callable[[Activation], Value]

PREPAID = runtime.SHORT // 10 + 1  # what walking a string of up to SHORT code points costs


class Proof(Enum):
    """What the expression itself proves about a value."""

    NOTHING = auto()
    BOOL = auto()
    INT = auto()
    STRING = auto()
    LIST = auto()
    MAYBE = auto()  # an optional, held as its bare value or MISSING


_PROVED_BY_RESULT = {types.BOOL: Proof.BOOL, types.INT: Proof.INT, types.STRING: Proof.STRING}


@dataclass(slots=True)
class Code:
    """A Python expression and what is proved about its value; `constant` where the value is known now."""

    node: py.expr
    proof: Proof = Proof.NOTHING
    constant: Value = MISSING


class Unsupported(Exception):  # noqa: N818 - a signal, not a fault
    """This expression is better left to the interpreter."""


def compile_expression(checked: CheckedAst, functions: FunctionTable) -> Compiled | None:
    """Return a function of an Activation, or None where the interpreter has to do it."""
    try:
        return _Writer(checked, functions).function()
    except (Unsupported, RecursionError, SyntaxError, MemoryError):
        return None


def name(identifier: str) -> py.Name:
    """Return a use of one of our own names."""
    return py.Name(id=identifier, ctx=py.Load())


def call(function: str, *args: py.expr) -> py.expr:
    """Return a call of one of runtime.NAMES."""
    return py.Call(func=name(function), args=list(args), keywords=[])


def constant(value: str | int | bool | None) -> py.expr:
    """Return a Python constant."""
    return py.Constant(value=value)


def compare(left: py.expr, operator: py.cmpop, right: py.expr) -> py.expr:
    """Return `left operator right`."""
    return py.Compare(left=left, ops=[operator], comparators=[right])


def method(receiver: py.expr, attribute: str, *args: py.expr) -> py.expr:
    """Return `receiver.attribute(args)`; `attribute` is one of ours."""
    return py.Call(func=py.Attribute(value=receiver, attr=attribute, ctx=py.Load()), args=list(args), keywords=[])


class _Writer:
    def __init__(self, checked: CheckedAst, functions: FunctionTable) -> None:
        self.checked = checked
        self.functions = functions
        self.constants: dict[str, Value] = {}
        self.block: list[py.stmt] = []
        self.globals: dict[str, str] = {}
        self.scopes: list[tuple[str, Code]] = []
        self.cost = 0
        self.counter = 0
        self.budget = name("b")

    # the function

    def function(self) -> Compiled:
        code = self.value(self.checked.expr)
        body: list[py.stmt] = [
            self._assign("v", py.Attribute(value=name("a"), attr="variables", ctx=py.Load())),
            self._assign("b", py.Attribute(value=name("a"), attr="budget", ctx=py.Load())),
            *self._charge(constant(self.cost + 1)),
        ]
        for identifier, variable in self.globals.items():
            body.append(
                self._assign(variable, py.Subscript(value=name("v"), slice=constant(identifier), ctx=py.Load()))
            )
        body += self.block
        body.append(py.Return(value=code.node))
        arguments = py.arguments(
            posonlyargs=[], args=[py.arg(arg="a")], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        definition = py.FunctionDef(name="expression", args=arguments, body=body, decorator_list=[])
        if sys.version_info >= (3, 12):
            definition.type_params = []
        module = py.fix_missing_locations(py.Module(body=[definition], type_ignores=[]))
        scope: dict[str, object] = {"__builtins__": {}, **runtime.NAMES, **self.constants}
        exec(compile(module, "<cel>", "exec"), scope)  # noqa: S102 - built from ast nodes above, no text of a user
        compiled: Compiled = scope["expression"]  # type: ignore[assignment]
        return compiled

    def _charge(self, amount: py.expr) -> list[py.stmt]:
        """`t = b.bound + amount; b.bound = t; if t > b.mark: b.reach()`."""
        total = self._temporary()
        bound = py.Attribute(value=self.budget, attr="bound", ctx=py.Load())
        store = py.Attribute(value=self.budget, attr="bound", ctx=py.Store())
        mark = py.Attribute(value=self.budget, attr="mark", ctx=py.Load())
        return [
            self._assign(total, py.BinOp(left=bound, op=py.Add(), right=amount)),
            py.Assign(targets=[store], value=name(total)),
            py.If(
                test=compare(name(total), py.Gt(), mark),
                body=[py.Expr(value=method(self.budget, "reach"))],
                orelse=[],
            ),
        ]

    # small tools

    def _temporary(self) -> str:
        self.counter += 1
        return f"t{self.counter}"

    def _assign(self, target: str, value: py.expr) -> py.stmt:
        return py.Assign(targets=[py.Name(id=target, ctx=py.Store())], value=value)

    def _pool(self, value: Value) -> py.expr:
        identifier = f"c{len(self.constants)}"
        self.constants[identifier] = value
        return name(identifier)

    def _bind(self, code: Code) -> Code:
        """Return code that may be used more than once."""
        if isinstance(code.node, py.Name | py.Constant):
            return code
        target = self._temporary()
        self.block.append(self._assign(target, code.node))
        return Code(name(target), code.proof, code.constant)

    def _walrus(self, code: Code) -> tuple[py.expr, py.expr]:
        """Return (first use, later uses) of a value inside one Python expression."""
        if isinstance(code.node, py.Name | py.Constant):
            return code.node, code.node
        target = self._temporary()
        first = py.NamedExpr(target=py.Name(id=target, ctx=py.Store()), value=code.node)
        return first, name(target)

    def value(self, expr: Expr) -> Code:
        """Emit an expression whose value leaves the compiled code or enters a function: optionals are made real."""
        code = self.emit(expr)
        if code.proof is Proof.MAYBE:
            return Code(call("optional", code.node))
        return code

    def boolean(self, expr: Expr) -> py.expr:
        """Emit an expression that must be a bool."""
        code = self.emit(expr)
        if code.proof is Proof.BOOL:
            return code.node
        if code.proof is not Proof.NOTHING:
            raise Unsupported
        return call("truth", code.node)

    def maybe(self, expr: Expr) -> py.expr:
        """Emit an expression that must be an optional, as its bare value or MISSING."""
        code = self.emit(expr)
        return code.node if code.proof is Proof.MAYBE else call("some", code.node)

    def nested(self, emit: Callable[[], Code]) -> tuple[list[py.stmt], Code]:
        """Emit into a block of its own."""
        outer, self.block = self.block, []
        try:
            code = emit()
            return self.block, code
        finally:
            self.block = outer

    # expressions

    def emit(self, expr: Expr) -> Code:
        if isinstance(expr, Literal):
            return self._literal(expr.value)
        if isinstance(expr, Ident):
            return self._ident(expr)
        if isinstance(expr, Select):
            return self._select(expr)
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
        proof = {bool: Proof.BOOL, int: Proof.INT, str: Proof.STRING}.get(type(value), Proof.NOTHING)
        if value is None or type(value) in (bool, int, str):
            return Code(constant(value), proof, value)
        return Code(self._pool(value), proof, value)

    def _ident(self, expr: Ident) -> Code:
        reference = self.checked.references.get(expr.id)
        identifier = reference.name if reference is not None and reference.name else expr.name
        if reference is not None and reference.value is not MISSING:
            return Code(self._pool(reference.value))
        self.cost += 1
        if not identifier.startswith("."):
            for known, code in reversed(self.scopes):
                if known == identifier:
                    return code
        identifier = identifier.removeprefix(".")
        variable = self.globals.setdefault(identifier, f"g{len(self.globals)}")
        return Code(name(variable))

    def _select(self, expr: Select) -> Code:
        self.cost += 1
        operand = self.emit(expr.operand)
        field = constant(expr.field)
        if operand.proof is Proof.MAYBE:
            first, again = self._walrus(operand)
            is_dict = compare(call("type", first), py.Is(), name("dict"))
            if expr.test_only:
                found = compare(field, py.In(), again)
                return Code(py.IfExp(test=is_dict, body=found, orelse=call("test", again, field)), Proof.BOOL)
            got = method(again, "get", field, name("MISSING"))
            return Code(py.IfExp(test=is_dict, body=got, orelse=call("peek", again, field)), Proof.MAYBE)
        if self._is_optional(expr.operand):
            raise Unsupported
        if expr.test_only:
            first, again = self._walrus(operand)
            is_dict = compare(call("type", first), py.Is(), name("dict"))
            found = compare(field, py.In(), again)
            return Code(py.IfExp(test=is_dict, body=found, orelse=call("test", again, field)), Proof.BOOL)
        return Code(py.Subscript(value=operand.node, slice=field, ctx=py.Load()))

    def _is_optional(self, expr: Expr) -> bool:
        kind = self.checked.types.get(expr.id)
        return kind is not None and kind.name == "optional_type"

    def _call(self, expr: Call) -> Code:
        special = _SPECIAL.get(expr.function)
        args = ([expr.target] if expr.target is not None else []) + expr.args
        if special is not None:
            code = special(self, expr, args)
            if code is not None:
                return code
        return self._library(expr, args)

    def _library(self, expr: Call, args: Sequence[Expr]) -> Code:
        function = self.functions.find_function(expr.function.removeprefix("."))
        if function is None:
            raise Unsupported
        reference = self.checked.references.get(expr.id)
        overloads = reference.overloads if reference is not None else ()
        chosen = dispatcher(
            function, overloads, len(args), by_name=self.functions.priced_by_name(function.name)
        )
        self.cost += 1
        codes = [self.value(arg) for arg in args]
        node = call("invoke", self._pool(chosen), self.budget, *(code.node for code in codes))
        results = {o.result for o in function.overloads if not overloads or o.id in overloads}
        proof = _PROVED_BY_RESULT.get(next(iter(results)), Proof.NOTHING) if len(results) == 1 else Proof.NOTHING
        return Code(node, proof)

    def _list(self, expr: ListExpr) -> Code:
        if not expr.optional and all(isinstance(element, Literal) for element in expr.elements):
            known = [element.value for element in expr.elements if isinstance(element, Literal)]
            return Code(self._pool(known), Proof.LIST, known)
        self.cost += 10
        if not expr.optional:
            codes = [self.value(element) for element in expr.elements]
            return Code(py.List(elts=[code.node for code in codes], ctx=py.Load()), Proof.LIST)
        target = self._temporary()
        self.block.append(self._assign(target, py.List(elts=[], ctx=py.Load())))
        for position, element in enumerate(expr.elements):
            if position in expr.optional:
                bound = self._bind(Code(self.maybe(element)))
                append = py.Expr(value=method(name(target), "append", bound.node))
                present = compare(bound.node, py.IsNot(), name("MISSING"))
                self.block.append(py.If(test=present, body=[append], orelse=[]))
            else:
                self.block.append(py.Expr(value=method(name(target), "append", self.value(element).node)))
        return Code(name(target), Proof.LIST)

    def _map(self, expr: MapExpr) -> Code:
        keys: list[py.expr | None] = []
        items: list[py.expr] = []
        self.cost += 30
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
        build = self._pool(self.functions.struct_builder(expr.name))
        return Code(py.Call(func=build, args=[fields], keywords=[]))

    # operators and functions with code of their own; None leaves the call to the library

    def logic(self, expr: Call, args: Sequence[Expr]) -> Code:
        is_and = expr.function == "_&&_"
        left = self.boolean(args[0])
        statements, right = self.nested(lambda: Code(self.boolean(args[1])))
        if not statements:
            operator: py.boolop = py.And() if is_and else py.Or()
            return Code(py.BoolOp(op=operator, values=[left, right.node]), Proof.BOOL)
        target = self._temporary()
        self.block.append(self._assign(target, left))
        condition: py.expr = name(target) if is_and else py.UnaryOp(op=py.Not(), operand=name(target))
        statements.append(self._assign(target, right.node))
        self.block.append(py.If(test=condition, body=statements, orelse=[]))
        return Code(name(target), Proof.BOOL)

    def negation(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(py.UnaryOp(op=py.Not(), operand=self.boolean(args[0])), Proof.BOOL)

    def conditional(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        condition = self.boolean(args[0])
        optional = self._is_optional(args[1]) or self._is_optional(args[2])

        def branch(part: Expr) -> Code:
            return Code(self.maybe(part), Proof.MAYBE) if optional else self.emit(part)

        then_block, then = self.nested(lambda: branch(args[1]))
        else_block, otherwise = self.nested(lambda: branch(args[2]))
        if Proof.MAYBE in (then.proof, otherwise.proof) and then.proof is not otherwise.proof:
            raise Unsupported
        proof = then.proof if then.proof is otherwise.proof else Proof.NOTHING
        if not then_block and not else_block:
            return Code(py.IfExp(test=condition, body=then.node, orelse=otherwise.node), proof)
        target = self._temporary()
        then_block.append(self._assign(target, then.node))
        else_block.append(self._assign(target, otherwise.node))
        self.block.append(py.If(test=condition, body=then_block, orelse=else_block))
        return Code(name(target), proof)

    def equality(self, expr: Call, args: Sequence[Expr]) -> Code:
        negated = expr.function == "_!=_"
        left, right = self.emit(args[0]), self.emit(args[1])
        if left.constant is not MISSING and right.constant is MISSING:
            left, right = right, left
        if Proof.MAYBE in (left.proof, right.proof):
            left, right = (Code(call("optional", c.node)) if c.proof is Proof.MAYBE else c for c in (left, right))
        known = right.constant
        self.cost += 1 + len(known) // 10 if isinstance(known, str | bytes) else PREPAID
        identity: py.cmpop = py.IsNot() if negated else py.Is()
        plain: py.cmpop = py.NotEq() if negated else py.Eq()
        if known is None or known is True or known is False:
            return Code(compare(left.node, identity, constant(known)), Proof.BOOL)
        if type(known) is str or type(known) is bytes or (type(known) is int and known not in (0, 1)):
            return Code(compare(left.node, plain, right.node), Proof.BOOL)
        if left.proof is Proof.INT and right.proof is Proof.INT:
            return Code(compare(left.node, plain, right.node), Proof.BOOL)
        result = call("equal", left.node, right.node, self.budget)
        return Code(py.UnaryOp(op=py.Not(), operand=result) if negated else result, Proof.BOOL)

    def ordering(self, expr: Call, args: Sequence[Expr]) -> Code | None:
        swap = expr.function in ("_>_", "_>=_")
        strict = expr.function in ("_<_", "_>_")
        left, right = self.emit(args[0]), self.emit(args[1])
        if Proof.MAYBE in (left.proof, right.proof):
            raise Unsupported
        self.cost += PREPAID
        if left.proof is Proof.INT and right.proof is Proof.INT:
            operators: dict[str, py.cmpop] = {"_<_": py.Lt(), "_<=_": py.LtE(), "_>_": py.Gt(), "_>=_": py.GtE()}
            return Code(compare(left.node, operators[expr.function], right.node), Proof.BOOL)
        if swap:
            left, right = right, left
        return Code(call("less" if strict else "less_equal", left.node, right.node, self.budget), Proof.BOOL)

    def addition(self, expr: Call, args: Sequence[Expr]) -> Code | None:
        if self.checked.types.get(expr.id) not in (types.INT, types.STRING, types.DYN) and not self._is_list(expr):
            return None
        left, right = self.emit(args[0]), self.emit(args[1])
        if Proof.MAYBE in (left.proof, right.proof):
            raise Unsupported
        self.cost += 2 * PREPAID
        if left.proof is Proof.INT and right.proof is Proof.INT:
            return Code(call("checked", py.BinOp(left=left.node, op=py.Add(), right=right.node)), Proof.INT)
        proof = left.proof if left.proof is right.proof and left.proof is Proof.STRING else Proof.NOTHING
        return Code(call("add", left.node, right.node, self.budget), proof)

    def _is_list(self, expr: Expr) -> bool:
        kind = self.checked.types.get(expr.id)
        return kind is not None and kind.kind is types.Kind.LIST

    def indexing(self, expr: Call, args: Sequence[Expr]) -> Code:
        self.cost += 1
        operand = self.emit(args[0])
        key = self.emit(args[1])
        optional = expr.function != "_[_]" or operand.proof is Proof.MAYBE
        if key.proof is Proof.MAYBE or (operand.proof is not Proof.MAYBE and self._is_optional(args[0])):
            raise Unsupported
        if optional:
            if type(key.constant) is not str:
                return Code(call("peek", operand.node, key.node), Proof.MAYBE)
            first, again = self._walrus(operand)
            is_dict = compare(call("type", first), py.Is(), name("dict"))
            got = method(again, "get", key.node, name("MISSING"))
            return Code(py.IfExp(test=is_dict, body=got, orelse=call("peek", again, key.node)), Proof.MAYBE)
        if type(key.constant) is str:
            return Code(py.Subscript(value=operand.node, slice=key.node, ctx=py.Load()))
        return Code(call("index", operand.node, key.node))

    def membership(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        item, container = self.value(args[0]), self.value(args[1])
        known = container.constant
        if type(known) is list:
            self.cost += len(known) + 1
            if known and all(type(element) is str for element in known):
                return Code(compare(item.node, py.In(), self._pool(frozenset(known))), Proof.BOOL)
        self.cost += 1
        if type(item.constant) is str or item.proof is Proof.STRING:
            first, again = self._walrus(container)
            is_dict = compare(call("type", first), py.Is(), name("dict"))
            slow = call("member", item.node, again, self.budget)
            return Code(
                py.IfExp(test=is_dict, body=compare(item.node, py.In(), again), orelse=slow), Proof.BOOL
            )
        return Code(call("member", item.node, container.node, self.budget), Proof.BOOL)

    def size(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(call("len", self.value(args[0]).node), Proof.INT)

    def prefix(self, expr: Call, args: Sequence[Expr]) -> Code | None:
        if not _is_text(args[1]):
            return None
        text, part = self.value(args[0]), self.value(args[1])
        self.cost += PREPAID
        first, again = self._walrus(text)
        short = compare(call("len", first), py.LtE(), constant(runtime.SHORT))
        receiver = py.IfExp(test=short, body=again, orelse=call("long", again, self.budget, constant(1)))
        return Code(method(receiver, expr.function.lower(), part.node), Proof.BOOL)

    def containing(self, expr: Call, args: Sequence[Expr]) -> Code | None:  # noqa: ARG002
        if not _is_text(args[1]):
            return None
        text, part = self.value(args[0]), self.value(args[1])
        self.cost += PREPAID * (len(part.constant) // 10 + 1)
        first, again = self._walrus(text)
        is_text = compare(call("type", first), py.Is(), name("str"))
        short = compare(call("len", again), py.LtE(), constant(runtime.SHORT))
        return Code(
            py.IfExp(
                test=py.BoolOp(op=py.And(), values=[is_text, short]),
                body=compare(part.node, py.In(), again),
                orelse=call("contains", again, part.node, self.budget),
            ),
            Proof.BOOL,
        )

    def matching(self, expr: Call, args: Sequence[Expr]) -> Code | None:  # noqa: ARG002
        if not _is_text(args[1]):
            return None
        text, pattern = self.value(args[0]), self.value(args[1])
        factor = len(pattern.constant) // 4 + 1
        self.cost += (PREPAID + 1) * factor
        search = self._pool(compile_pattern(pattern.constant).search)
        first, again = self._walrus(text)
        short = compare(call("len", first), py.LtE(), constant(runtime.SHORT))
        subject = py.IfExp(
            test=short, body=again, orelse=call("long", again, self.budget, constant(factor))
        )
        found = py.Call(func=search, args=[subject], keywords=[])
        return Code(compare(found, py.IsNot(), constant(None)), Proof.BOOL)

    def optional_of(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(self.value(args[0]).node, Proof.MAYBE)

    def optional_nonzero(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(call("nonzero", self.value(args[0]).node), Proof.MAYBE)

    def optional_none(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(name("MISSING"), Proof.MAYBE)

    def has_value(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        return Code(compare(self.maybe(args[0]), py.IsNot(), name("MISSING")), Proof.BOOL)

    def value_of(self, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG002
        self.cost += 1
        first, again = self._walrus(Code(self.maybe(args[0])))
        present = compare(first, py.IsNot(), name("MISSING"))
        return Code(py.IfExp(test=present, body=again, orelse=call("unsure")))

    def or_value(self, expr: Call, args: Sequence[Expr]) -> Code | None:
        optional = self.maybe(args[0])
        statements, other = self.nested(
            lambda: Code(self.maybe(args[1])) if expr.function == "or" else self.value(args[1])
        )
        proof = Proof.MAYBE if expr.function == "or" else Proof.NOTHING
        if not statements:
            first, again = self._walrus(Code(optional))
            present = compare(first, py.IsNot(), name("MISSING"))
            return Code(py.IfExp(test=present, body=again, orelse=other.node), proof)
        target = self._temporary()
        self.block.append(self._assign(target, optional))
        statements.append(self._assign(target, other.node))
        absent = compare(name(target), py.Is(), name("MISSING"))
        self.block.append(py.If(test=absent, body=statements, orelse=[]))
        return Code(name(target), proof)

    # comprehensions

    def _comprehension(self, expr: Comprehension) -> Code:
        macro = expr.macro
        if macro is None:
            raise Unsupported
        if isinstance(expr.iter_range, ListExpr) and not expr.iter_range.elements and expr.loop_condition.__class__ is (
            Literal
        ):
            return self._binding(expr)
        return _Loop(self, expr, macro.name, macro.args).emit()

    def _binding(self, expr: Comprehension) -> Code:
        """A fold over nothing: what cel.bind, optMap and optFlatMap become."""
        self.cost += 1
        bound = self._bind(self.emit(expr.accu_init))
        self.scopes.append((expr.accu_var, bound))
        try:
            return self.emit(expr.result)
        finally:
            self.scopes.pop()


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and type(expr.value) is str


class _Loop:
    """One macro as a Python loop."""

    def __init__(self, writer: _Writer, expr: Comprehension, macro: str, args: list[Expr]) -> None:
        self.writer = writer
        self.expr = expr
        self.macro = macro
        self.args = args[2 if expr.iter_var2 else 1 :]
        self.result = writer._temporary()
        self.names = [writer._temporary() for _ in range(2 if expr.iter_var2 else 1)]

    def emit(self) -> Code:
        writer = self.writer
        make = _LOOPS.get(self.macro)
        if make is None:
            raise Unsupported
        range_ = writer.emit(self.expr.iter_range)
        if range_.proof is Proof.MAYBE:
            raise Unsupported
        source = writer._bind(range_)
        if not isinstance(source.node, py.Name):
            raise Unsupported
        if range_.proof is not Proof.LIST and len(self.names) == 1:
            is_list = compare(call("type", source.node), py.IsNot(), name("list"))
            check = writer._assign(source.node.id, call("iterable", source.node))
            if source.node.id.startswith(("g", "c")):
                check = py.Expr(value=call("iterable", source.node))
            writer.block.append(py.If(test=is_list, body=[check], orelse=[]))
        outer_cost, writer.cost = writer.cost, 0
        writer.scopes.extend(
            (variable, Code(name(target)))
            for variable, target in zip(self._variables(), self.names, strict=True)
        )
        outer_block, writer.block = writer.block, []
        try:
            initial, proof, final = make(self)
            body = writer.block
        finally:
            writer.block = outer_block
            del writer.scopes[len(writer.scopes) - len(self.names) :]
        per_round, writer.cost = writer.cost + 16, outer_cost + 4
        length = writer._temporary()
        writer.block.append(writer._assign(length, call("len", source.node)))
        rounds = py.BinOp(left=name(length), op=py.Mult(), right=constant(per_round))
        writer.block += writer._charge(rounds)
        writer.block.append(writer._assign(self.result, initial))
        walk: py.expr = source.node if len(self.names) == 1 else call("pairs", source.node)
        is_long = compare(name(length), py.Gt(), constant(runtime.PACE))
        walk = py.IfExp(test=is_long, body=call("paced", walk, writer.budget), orelse=walk)
        target: py.expr = py.Name(id=self.names[0], ctx=py.Store())
        if len(self.names) == 2:
            target = py.Tuple(elts=[py.Name(id=n, ctx=py.Store()) for n in self.names], ctx=py.Store())
        writer.block.append(py.For(target=target, iter=walk, body=body, orelse=[]))
        return Code(final if final is not None else name(self.result), proof)

    def _variables(self) -> list[str]:
        return [self.expr.iter_var, *([self.expr.iter_var2] if self.expr.iter_var2 else [])]

    def _stop(self, condition: py.expr, *, result: bool) -> None:
        body: list[py.stmt] = [self.writer._assign(self.result, constant(result)), py.Break()]
        self.writer.block.append(py.If(test=condition, body=body, orelse=[]))

    def all(self) -> tuple[py.expr, Proof, py.expr | None]:
        condition = self.writer.boolean(self.args[0])
        self._stop(py.UnaryOp(op=py.Not(), operand=condition), result=False)
        return constant(True), Proof.BOOL, None  # noqa: FBT003

    def exists(self) -> tuple[py.expr, Proof, py.expr | None]:
        self._stop(self.writer.boolean(self.args[0]), result=True)
        return constant(False), Proof.BOOL, None  # noqa: FBT003

    def exists_one(self) -> tuple[py.expr, Proof, py.expr | None]:
        increment = py.AugAssign(
            target=py.Name(id=self.result, ctx=py.Store()), op=py.Add(), value=constant(1)
        )
        condition = self.writer.boolean(self.args[0])
        self.writer.block.append(py.If(test=condition, body=[increment], orelse=[]))
        return constant(0), Proof.BOOL, compare(name(self.result), py.Eq(), constant(1))

    def filter(self) -> tuple[py.expr, Proof, py.expr | None]:
        condition = self.writer.boolean(self.args[0])
        append = py.Expr(value=method(name(self.result), "append", name(self.names[0])))
        self.writer.block.append(py.If(test=condition, body=[append], orelse=[]))
        return py.List(elts=[], ctx=py.Load()), Proof.LIST, None

    def map(self) -> tuple[py.expr, Proof, py.expr | None]:
        self._guarded(lambda: py.Expr(value=method(name(self.result), "append", self._last())))
        return py.List(elts=[], ctx=py.Load()), Proof.LIST, None

    def transform_map(self) -> tuple[py.expr, Proof, py.expr | None]:
        self.writer.cost += 30
        self._guarded(
            lambda: py.Expr(value=call("entry", name(self.result), name(self.names[0]), self._last()))
        )
        return py.Dict(keys=[], values=[]), Proof.NOTHING, None

    def _last(self) -> py.expr:
        return self.writer.value(self.args[-1]).node

    def _guarded(self, make: Callable[[], py.stmt]) -> None:
        writer = self.writer
        if len(self.args) == 1:
            writer.block.append(make())
            return
        condition = writer.boolean(self.args[0])
        outer, writer.block = writer.block, []
        statement = make()
        inner = [*writer.block, statement]
        writer.block = outer
        writer.block.append(py.If(test=condition, body=inner, orelse=[]))


_LOOPS: dict[str, Callable[[_Loop], tuple[py.expr, Proof, py.expr | None]]] = {
    "all": _Loop.all,
    "exists": _Loop.exists,
    "exists_one": _Loop.exists_one,
    "existsOne": _Loop.exists_one,
    "filter": _Loop.filter,
    "map": _Loop.map,
    "transformList": _Loop.map,
    "transformMap": _Loop.transform_map,
}

_SPECIAL: dict[str, Callable[[_Writer, Call, Sequence[Expr]], Code | None]] = {
    "_&&_": _Writer.logic,
    "_||_": _Writer.logic,
    "!_": _Writer.negation,
    "_?_:_": _Writer.conditional,
    "_==_": _Writer.equality,
    "_!=_": _Writer.equality,
    "_<_": _Writer.ordering,
    "_<=_": _Writer.ordering,
    "_>_": _Writer.ordering,
    "_>=_": _Writer.ordering,
    "_+_": _Writer.addition,
    "_[_]": _Writer.indexing,
    "_?._": _Writer.indexing,
    "_[?_]": _Writer.indexing,
    "@in": _Writer.membership,
    "size": _Writer.size,
    "startsWith": _Writer.prefix,
    "endsWith": _Writer.prefix,
    "contains": _Writer.containing,
    "matches": _Writer.matching,
    "optional.of": _Writer.optional_of,
    "optional.ofNonZeroValue": _Writer.optional_nonzero,
    "optional.none": _Writer.optional_none,
    "hasValue": _Writer.has_value,
    "value": _Writer.value_of,
    "or": _Writer.or_value,
    "orValue": _Writer.or_value,
}
