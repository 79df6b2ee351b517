"""Small pieces of generated Python: nodes, and what is known about the value of an expression.

Every node that compiled expressions are made of comes from here or from the `ast` module directly; names are our own.
"""

from __future__ import annotations

import ast as py
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from admission.cel.values import MISSING, Value


class Proof(Enum):
    """What the expression itself proves about a value."""

    NOTHING = auto()
    BOOL = auto()
    INT = auto()
    STRING = auto()
    LIST = auto()
    MAYBE = auto()  # an optional, held as its bare value or ABSENT


@dataclass(slots=True)
class Code:
    """A Python expression and what is proved about its value; `constant` where the value is known now."""

    node: py.expr
    proof: Proof = Proof.NOTHING
    constant: Value = MISSING


class Unsupported(Exception):  # noqa: N818 - a signal, not a fault
    """An expression that is better left to the interpreter."""


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


def subscript(container: py.expr, key: py.expr) -> py.expr:
    """Return `container[key]`."""
    return py.Subscript(value=container, slice=key, ctx=py.Load())


def assign(target: str, value: py.expr) -> py.stmt:
    """Return `target = value`."""
    return py.Assign(targets=[py.Name(id=target, ctx=py.Store())], value=value)


def negation(value: py.expr) -> py.expr:
    """Return `not value`."""
    return py.UnaryOp(op=py.Not(), operand=value)


def is_class(value: py.expr, known: str) -> py.expr:
    """Return `type(value) is known`."""
    return compare(call("type", value), py.Is(), name(known))


def present(value: py.expr) -> py.expr:
    """Return `value is not ABSENT`."""
    return compare(value, py.IsNot(), name("ABSENT"))


def located(module: py.Module) -> py.Module:
    """Give every node a place, which compiling wants and nobody reads; the standard library takes thrice as long."""
    pending: list[py.AST] = [module]
    while pending:
        node: Any = pending.pop()
        node.lineno = node.end_lineno = 1
        node.col_offset = node.end_col_offset = 0
        for field in node._fields:
            inner = getattr(node, field, None)
            if isinstance(inner, py.AST):
                pending.append(inner)
            elif isinstance(inner, list):
                pending += [part for part in inner if isinstance(part, py.AST)]
    return module
