"""Macros as plain Python loops; LOOPS is the registry, by the name the macro was written with.

A loop adds `rounds x the most that one round can cost` to the budget's bound before it starts, and looks at the clock
every PACE rounds. A generator expression would cost three times as much.
"""

from __future__ import annotations

import ast as py
from collections.abc import Callable
from dataclasses import dataclass

from admission.cel.activation import PACE
from admission.cel.ast import Comprehension, MacroCall
from admission.cel.pycode import (
    Code,
    Proof,
    Unsupported,
    assign,
    call,
    compare,
    constant,
    is_class,
    method,
    name,
    negation,
)
from admission.cel.writer import Writer

FREE_ROUNDS = 4  # a loop of so few rounds is paid for in advance, where it is not nested deeply
FREE_DEPTH = 2
ROUND_COST = 16  # what a round costs besides its body: accumulator, condition, list of one, append


@dataclass(slots=True)
class Shape:
    """What a macro's loop starts from, what its body was emitted to prove, and what it ends with (None: the result)."""

    initial: py.expr
    proof: Proof
    final: py.expr | None = None


class Loop:
    """One comprehension on its way to a loop."""

    def __init__(self, writer: Writer, expr: Comprehension) -> None:
        if expr.macro is None or expr.macro.name not in LOOPS:
            raise Unsupported
        self.writer = writer
        self.expr = expr
        self.macro: MacroCall = expr.macro
        self.variables = [expr.iter_var] + ([expr.iter_var2] if expr.iter_var2 else [])
        self.args = self.macro.args[len(self.variables) :]
        self.result = writer.temporary()
        self.names = [writer.temporary() for _ in self.variables]

    def emit(self) -> Code:
        """Emit the loop; its value is that of the macro."""
        writer = self.writer
        source = self._source()
        writer.depth += 1
        outer_cost, writer.cost = writer.cost, 0
        writer.scopes.extend((v, Code(name(n))) for v, n in zip(self.variables, self.names, strict=True))
        try:
            with writer.branch() as body:
                shape = LOOPS[self.macro.name](self)
        finally:
            del writer.scopes[len(writer.scopes) - len(self.names) :]
        per_round = writer.cost + ROUND_COST
        free = FREE_ROUNDS if writer.depth <= FREE_DEPTH else 0
        writer.cost = outer_cost + 4 + free * per_round
        writer.depth -= 1
        walk = self._pay(source, per_round, free)
        writer.block.append(assign(self.result, shape.initial))
        writer.block.append(py.For(target=self._target(), iter=walk, body=body, orelse=[]))
        return Code(shape.final if shape.final is not None else name(self.result), shape.proof)

    def _source(self) -> py.expr:
        """Emit the range into a name, having tested that it can be walked."""
        writer = self.writer
        range_ = writer.plain(self.expr.iter_range)
        source = writer.bind(range_).node
        if not isinstance(source, py.Name):
            raise Unsupported
        if range_.proof is not Proof.LIST and len(self.names) == 1:
            check: py.stmt = py.Expr(value=call("iterable", source))
            writer.block.append(py.If(test=negation(is_class(source, "list")), body=[check], orelse=[]))
        return source

    def _pay(self, source: py.expr, per_round: int, free: int) -> py.expr:
        """Emit the accounting of a loop of more than `free` rounds; return what is walked."""
        writer = self.writer
        length, walk = name(writer.temporary()), name(writer.temporary())
        writer.block.append(assign(length.id, call("len", source)))
        writer.block.append(assign(walk.id, source if len(self.names) == 1 else call("pairs", source)))
        pay = writer.charge(py.BinOp(left=length, op=py.Mult(), right=constant(per_round)))
        slow: list[py.stmt] = [assign(walk.id, call("paced", walk, writer.budget))]
        pay.append(py.If(test=compare(length, py.Gt(), constant(PACE)), body=slow, orelse=[]))
        writer.block.append(py.If(test=compare(length, py.Gt(), constant(free)), body=pay, orelse=[]))
        return walk

    def _target(self) -> py.expr:
        names: list[py.expr] = [py.Name(id=known, ctx=py.Store()) for known in self.names]
        return names[0] if len(names) == 1 else py.Tuple(elts=names, ctx=py.Store())

    def stop(self, condition: py.expr, *, result: bool) -> None:
        """Emit `if condition: result = ...; break`."""
        body: list[py.stmt] = [assign(self.result, constant(result)), py.Break()]
        self.writer.block.append(py.If(test=condition, body=body, orelse=[]))

    def when_chosen(self, make: Callable[[], py.stmt]) -> None:
        """Emit what is done with an element, under the macro's filter where it has one."""
        writer = self.writer
        if len(self.args) == 1:
            statement = make()
            writer.block.append(statement)
            return
        condition = writer.boolean(self.args[0])
        with writer.branch() as body:
            body.append(make())
        writer.block.append(py.If(test=condition, body=body, orelse=[]))

    def transformed(self) -> py.expr:
        """Emit the macro's last argument."""
        return self.writer.value(self.args[-1]).node


def emit_loop(writer: Writer, expr: Comprehension) -> Code:
    """Emit a comprehension as a loop; Unsupported where no macro made it."""
    return Loop(writer, expr).emit()


def _all(loop: Loop) -> Shape:
    loop.stop(negation(loop.writer.boolean(loop.args[0])), result=False)
    return Shape(constant(value=True), Proof.BOOL)


def _exists(loop: Loop) -> Shape:
    loop.stop(loop.writer.boolean(loop.args[0]), result=True)
    return Shape(constant(value=False), Proof.BOOL)


def _exists_one(loop: Loop) -> Shape:
    condition = loop.writer.boolean(loop.args[0])
    count = py.AugAssign(target=py.Name(id=loop.result, ctx=py.Store()), op=py.Add(), value=constant(1))
    loop.writer.block.append(py.If(test=condition, body=[count], orelse=[]))
    return Shape(constant(0), Proof.BOOL, compare(name(loop.result), py.Eq(), constant(1)))


def _filter(loop: Loop) -> Shape:
    condition = loop.writer.boolean(loop.args[0])
    append = py.Expr(value=method(name(loop.result), "append", name(loop.names[0])))
    loop.writer.block.append(py.If(test=condition, body=[append], orelse=[]))
    return Shape(py.List(elts=[], ctx=py.Load()), Proof.LIST)


def _map(loop: Loop) -> Shape:
    loop.when_chosen(lambda: py.Expr(value=method(name(loop.result), "append", loop.transformed())))
    return Shape(py.List(elts=[], ctx=py.Load()), Proof.LIST)


def _transform_map(loop: Loop) -> Shape:
    loop.when_chosen(lambda: py.Expr(value=call("entry", name(loop.result), name(loop.names[0]), loop.transformed())))
    return Shape(py.Dict(keys=[], values=[]), Proof.NOTHING)


LOOPS: dict[str, Callable[[Loop], Shape]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "existsOne": _exists_one,
    "filter": _filter,
    "map": _map,
    "transformList": _map,
    "transformMap": _transform_map,
}
