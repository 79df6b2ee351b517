"""Kubernetes quantities: `100m`, `1.5Gi`, `12e6`, exactly.

    quantity(string) -> Quantity              an error for what is no quantity
    isQuantity(string) -> bool
    sign(Quantity) -> int                     -1, 0 or 1; a function, not a method
    q.isInteger() -> bool                     whether asInteger works
    q.asInteger() -> int                      an error where digits would be lost
    q.asApproximateFloat() -> double          may lose digits
    q.add(Quantity or int) -> Quantity
    q.sub(Quantity or int) -> Quantity
    q.isLessThan(Quantity) -> bool
    q.isGreaterThan(Quantity) -> bool
    q.compareTo(Quantity) -> int              -1, 0 or 1

    quantity('1Gi').isGreaterThan(quantity('1G'))   // true
    quantity('0.5') == quantity('500m')             // true
    quantity('50k').add(20) == quantity('50020')    // true

A quantity is a decimal number with an optional suffix n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent (e3, E-2).
What is smaller than a billionth is rounded up (away from zero) to one; numbers with a binary suffix end at 2^63-1.
`isInteger` goes by the notation, as in the API server: quantity('1000m') is none, quantity('1k') is one. Cost: a tenth
of the string for the first two, else 1. Since Kubernetes 1.28. Source: apiserver pkg/cel/library/quantity.go.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.function import Function, Implementation, Library, Overload
from admission.cel.quantity import Quantity, from_int, parse_quantity
from admission.cel.sizes import first_string_cost
from admission.cel.types import Type
from admission.cel.values import CelError


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except CelError:
        return False
    return True


def _as_integer(quantity: Quantity) -> int:
    integer = quantity.integer
    if integer is None:
        raise CelError("cannot convert value to integer")
    return integer


_Q = types.QUANTITY


def _method(name: str, id_: str, params: tuple[Type, ...], result: Type, implementation: Implementation) -> Function:
    return Function(name, (Overload(id_, (_Q, *params), result, implementation, member=True),))


LIBRARY = Library(
    "kubernetes.quantity",
    functions=(
        Function(
            "quantity",
            (Overload("string_to_quantity", (types.STRING,), _Q, parse_quantity, cost=first_string_cost),),
        ),
        Function(
            "isQuantity",
            (Overload("is_quantity_string", (types.STRING,), types.BOOL, _is_quantity, cost=first_string_cost),),
        ),
        Function("sign", (Overload("quantity_sign", (_Q,), types.INT, lambda q: q.sign),)),
        _method("isGreaterThan", "quantity_is_greater_than", (_Q,), types.BOOL, lambda q, other: q.compare(other) == 1),
        _method("isLessThan", "quantity_is_less_than", (_Q,), types.BOOL, lambda q, other: q.compare(other) == -1),
        _method("compareTo", "quantity_compare_to", (_Q,), types.INT, Quantity.compare),
        _method("asApproximateFloat", "quantity_get_float", (), types.DOUBLE, lambda q: q.approximate),
        _method("asInteger", "quantity_get_int", (), types.INT, _as_integer),
        _method("isInteger", "quantity_is_integer", (), types.BOOL, lambda q: q.integer is not None),
        Function(
            "add",
            (
                Overload("quantity_add", (_Q, _Q), _Q, Quantity.add, member=True),
                Overload("quantity_add_int", (_Q, types.INT), _Q, lambda q, n: q.add(from_int(n)), member=True),
            ),
        ),
        Function(
            "sub",
            (
                Overload("quantity_sub", (_Q, _Q), _Q, Quantity.subtract, member=True),
                Overload("quantity_sub_int", (_Q, types.INT), _Q, lambda q, n: q.subtract(from_int(n)), member=True),
            ),
        ),
    ),
    since="1.28",
    environments=frozenset({"kubernetes", "extended"}),
)
