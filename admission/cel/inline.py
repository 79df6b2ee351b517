"""Operators and hot functions that have Python code of their own; INLINE is the registry.

Each writer takes the call and its arguments (receiver first) and returns the code, or None to leave the call to the
library before anything was emitted. What a string or a list can cost beyond what is prepaid is paid by the runtime.
"""

from __future__ import annotations

import ast as py
from collections.abc import Sequence

from admission.cel import runtime, types
from admission.cel.ast import Call, Expr, Literal
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
    present,
    subscript,
)
from admission.cel.regex import compile_pattern
from admission.cel.values import MISSING
from admission.cel.writer import Inline, Writer

PREPAID = runtime.SHORT // 10 + 1  # what walking a string of up to SHORT code points costs


def logic(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:
    """Write `a && b`, `a || b`: the second operand is evaluated only where the first does not decide."""
    is_and = expr.function == "_&&_"
    left = writer.boolean(args[0])
    statements, right = writer.nested(lambda: Code(writer.boolean(args[1])))
    if not statements:
        operator: py.boolop = py.And() if is_and else py.Or()
        return Code(py.BoolOp(op=operator, values=[left, right.node]), Proof.BOOL)
    target = writer.temporary()
    writer.block.append(assign(target, left))
    statements.append(assign(target, right.node))
    condition = name(target) if is_and else negation(name(target))
    writer.block.append(py.If(test=condition, body=statements, orelse=[]))
    return Code(name(target), Proof.BOOL)


def logical_not(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `!a`."""
    writer.cost += 1
    return Code(negation(writer.boolean(args[0])), Proof.BOOL)


def conditional(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:
    """Write `c ? a : b`."""
    if writer.has_opaque and writer.has_optional and writer.checked.types.get(expr.id) == types.DYN:
        raise Unsupported  # an optional with one of those inside changes when it is handed on, and nobody knows
    condition = writer.boolean(args[0])
    optional = writer.is_optional(args[1]) or writer.is_optional(args[2])

    def branch(part: Expr) -> Code:
        if not optional:
            return writer.plain(part)
        node = writer.maybe(part)
        return Code(node if writer.is_unchanged(part) else call("handed", node), Proof.MAYBE)

    then_block, then = writer.nested(lambda: branch(args[1]))
    else_block, otherwise = writer.nested(lambda: branch(args[2]))
    proof = then.proof if then.proof is otherwise.proof else Proof.NOTHING
    if not then_block and not else_block:
        return Code(py.IfExp(test=condition, body=then.node, orelse=otherwise.node), proof)
    target = writer.temporary()
    then_block.append(assign(target, then.node))
    else_block.append(assign(target, otherwise.node))
    writer.block.append(py.If(test=condition, body=then_block, orelse=else_block))
    return Code(name(target), proof)


def equality(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:
    """Write `a == b`, `a != b`: by Python's own operators wherever one side makes them exact."""
    negated = expr.function == "_!=_"
    left, right = writer.value(args[0]), writer.value(args[1])
    if left.constant is not MISSING and right.constant is MISSING and not isinstance(left.constant, list | dict):
        left, right = right, left
    known = right.constant
    writer.cost += 1 + len(known) // 10 if isinstance(known, str | bytes) else PREPAID
    if isinstance(left.node, py.Constant):
        left = Code(writer.pool(left.node.value), left.proof, left.constant)
    if known is None or (isinstance(known, bool) and (left.proof is Proof.BOOL or not writer.has_opaque)):
        same: py.cmpop = py.IsNot() if negated else py.Is()
        return Code(compare(left.node, same, constant(known)), Proof.BOOL)
    exact = type(known) in (str, bytes) or (type(known) is int and known not in (0, 1) and abs(known) < runtime.EXACT)
    if exact or (left.proof is Proof.INT and right.proof is Proof.INT):
        return Code(compare(left.node, py.NotEq() if negated else py.Eq(), right.node), Proof.BOOL)
    result = call("equal", left.node, right.node, writer.budget)
    return Code(negation(result) if negated else result, Proof.BOOL)


def ordering(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:
    """Write `<`, `<=`, `>`, `>=` of numbers and strings."""
    operators: dict[str, py.cmpop] = {"_<_": py.Lt(), "_<=_": py.LtE(), "_>_": py.Gt(), "_>=_": py.GtE()}
    left, right = writer.plain(args[0]), writer.plain(args[1])
    writer.cost += PREPAID
    if left.proof is Proof.INT and right.proof is Proof.INT:
        return Code(compare(left.node, operators[expr.function], right.node), Proof.BOOL)
    if expr.function in ("_>_", "_>=_"):
        left, right = right, left
    function = "less" if expr.function in ("_<_", "_>_") else "less_equal"
    return Code(call(function, left.node, right.node, writer.budget), Proof.BOOL)


def addition(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code | None:
    """Write `a + b` of ints, strings and lists."""
    kind = writer.checked.types.get(expr.id, types.DYN)
    if kind not in (types.INT, types.STRING, types.DYN) and kind.kind is not types.Kind.LIST:
        return None
    left, right = writer.plain(args[0]), writer.plain(args[1])
    writer.cost += 2 * PREPAID
    if left.proof is Proof.INT and right.proof is Proof.INT:
        return Code(call("checked", py.BinOp(left=left.node, op=py.Add(), right=right.node)), Proof.INT)
    proof = Proof.STRING if left.proof is right.proof is Proof.STRING else Proof.NOTHING
    return Code(call("add", left.node, right.node, writer.budget), proof)


def indexing(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:
    """Write `a[k]`, `a[?k]`, `a.?k`."""
    writer.cost += writer.step_cost(args[0])
    operand, key = writer.emit(args[0]), writer.plain(args[1])
    if operand.proof is not Proof.MAYBE and writer.is_optional(args[0]):
        raise Unsupported
    is_text = type(key.constant) is str
    if expr.function != "_[_]" or operand.proof is Proof.MAYBE:
        if is_text or writer.functions.strict:
            return writer.peek(operand.node, key.node)
        return Code(call("peek", operand.node, key.node), Proof.MAYBE)
    return Code(subscript(operand.node, key.node) if is_text else call("index", operand.node, key.node))


def membership(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `a in b`."""
    item, container = writer.value(args[0]), writer.value(args[1])
    known = container.constant
    writer.cost += 1
    if type(known) is list:
        writer.cost += len(known)
        if any(isinstance(element, int | float) and not abs(element) < runtime.EXACT for element in known):
            raise Unsupported  # numbers that are found by rules of their own
        if known and not writer.has_opaque and all(type(element) is str for element in known):
            return Code(compare(item.node, py.In(), writer.pool(frozenset(known))), Proof.BOOL)
    slow = call("member", item.node, container.node, writer.budget)
    if item.proof is not Proof.STRING:
        return Code(slow, Proof.BOOL)
    first, again = writer.twice(container.node)
    slow = call("member", item.node, again, writer.budget)
    found = compare(item.node, py.In(), again)
    return Code(py.IfExp(test=is_class(first, "dict"), body=found, orelse=slow), Proof.BOOL)


def size(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `size(x)`, `x.size()`."""
    writer.cost += 1
    return Code(call("len", writer.value(args[0]).node), Proof.INT)


def affix(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code | None:
    """Write `s.startsWith('constant')`, `s.endsWith('constant')`."""
    if not _is_text(args[1]):
        return None
    text, part = writer.value(args[0]), writer.value(args[1])
    writer.cost += PREPAID
    return Code(method(_prepaid(writer, text.node, 1), expr.function.lower(), part.node), Proof.BOOL)


def containing(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code | None:  # noqa: ARG001
    """Write `s.contains('constant')`."""
    if not _is_text(args[1]):
        return None
    text, part = writer.value(args[0]), writer.value(args[1])
    writer.cost += PREPAID * (len(part.constant) // 10 + 1)
    first, again = writer.twice(text.node)
    short = compare(call("len", again), py.LtE(), constant(runtime.SHORT))
    is_short_text = py.BoolOp(op=py.And(), values=[is_class(first, "str"), short])
    slow = call("contains", again, part.node, writer.budget)
    return Code(py.IfExp(test=is_short_text, body=compare(part.node, py.In(), again), orelse=slow), Proof.BOOL)


def matching(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code | None:  # noqa: ARG001
    """Write `s.matches('constant')`: the pattern is compiled once."""
    if not _is_text(args[1]):
        return None
    text, pattern = writer.value(args[0]), writer.value(args[1])
    factor = len(pattern.constant) // 4 + 1
    writer.cost += (PREPAID + 1) * factor
    search = writer.pool(compile_pattern(pattern.constant).search)
    found = py.Call(func=search, args=[_prepaid(writer, text.node, factor)], keywords=[])
    return Code(compare(found, py.IsNot(), constant(None)), Proof.BOOL)


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and type(expr.value) is str


def _prepaid(writer: Writer, text: py.expr, factor: int) -> py.expr:
    """Return the string, having paid for it where it is longer than what is prepaid."""
    first, again = writer.twice(text)
    short = compare(call("len", first), py.LtE(), constant(runtime.SHORT))
    return py.IfExp(test=short, body=again, orelse=call("long", again, writer.budget, constant(factor)))


def optional_of(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `optional.of(x)`."""
    writer.cost += 1
    value = writer.value(args[0]).node
    return Code(writer.pool(value.value) if isinstance(value, py.Constant) else value, Proof.MAYBE)


def optional_of_non_zero(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `optional.ofNonZeroValue(x)`."""
    writer.cost += 1
    return Code(call("nonzero", writer.value(args[0]).node), Proof.MAYBE)


def optional_none(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `optional.none()`."""
    writer.cost += 1
    return Code(name("ABSENT"), Proof.MAYBE)


def has_value(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `o.hasValue()`."""
    writer.cost += 1
    return Code(present(writer.maybe(args[0])), Proof.BOOL)


def value_of(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code:  # noqa: ARG001
    """Write `o.value()`."""
    writer.cost += 1
    first, again = writer.twice(writer.maybe(args[0]))
    return Code(py.IfExp(test=present(first), body=again, orelse=call("unsure")))


def or_else(writer: Writer, expr: Call, args: Sequence[Expr]) -> Code | None:
    """Write `o.or(p)`, `o.orValue(x)`: the alternative is evaluated only where there is nothing."""
    if len(args) != 2:
        return None
    stays_optional = expr.function == "or"
    optional = writer.maybe(args[0])
    statements, other = writer.nested(lambda: Code(writer.maybe(args[1])) if stays_optional else writer.value(args[1]))
    proof = Proof.MAYBE if stays_optional else Proof.NOTHING
    if not statements:
        first, again = writer.twice(optional)
        return Code(py.IfExp(test=present(first), body=again, orelse=other.node), proof)
    target = writer.temporary()
    writer.block.append(assign(target, optional))
    statements.append(assign(target, other.node))
    writer.block.append(py.If(test=negation(present(name(target))), body=statements, orelse=[]))
    return Code(name(target), proof)


INLINE: dict[str, Inline] = {
    "_&&_": logic,
    "_||_": logic,
    "!_": logical_not,
    "_?_:_": conditional,
    "_==_": equality,
    "_!=_": equality,
    "_<_": ordering,
    "_<=_": ordering,
    "_>_": ordering,
    "_>=_": ordering,
    "_+_": addition,
    "_[_]": indexing,
    "_?._": indexing,
    "_[?_]": indexing,
    "@in": membership,
    "size": size,
    "startsWith": affix,
    "endsWith": affix,
    "contains": containing,
    "matches": matching,
    "optional.of": optional_of,
    "optional.ofNonZeroValue": optional_of_non_zero,
    "optional.none": optional_none,
    "hasValue": has_value,
    "value": value_of,
    "or": or_else,
    "orValue": or_else,
}
