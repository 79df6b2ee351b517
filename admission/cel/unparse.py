"""From syntax tree back to text, in the one spelling that cel-go uses (parser/unparser.go).

Strings come out in double quotes, bytes as octal escapes, parentheses only where they matter or where cel-go puts them
anyway (around calls with two arguments in a conditional). Macros come out as they were written. Where cel-go's text
would read back as something else (`-(-x)`, `(-x).y`, `1e6`) it is written so that it does not.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, TypeAlias

from admission.cel.ast import (
    Call,
    Constant,
    Expr,
    Ident,
    ListExpr,
    Literal,
    MapExpr,
    Select,
    StructExpr,
)
from admission.cel.macro import macro_of
from admission.cel.quoting import quote
from admission.cel.values import Uint

_CONDITIONAL: Final = "_?_:_"
_CONDITIONAL_RANK: Final = 8
# common/operators/operators.go: how each operator is written, and how loosely it binds
_BINARY: Final = {
    "_||_": ("||", 7),
    "_&&_": ("&&", 6),
    **{f"_{text}_": (text, 5) for text in ("==", "!=", "<", "<=", ">", ">=")},
    "@in": ("in", 5),
    "_in_": ("in", 5),
    "_+_": ("+", 4),
    "_-_": ("-", 4),
    "_*_": ("*", 3),
    "_/_": ("/", 3),
    "_%_": ("%", 3),
}
_UNARY: Final = {"!_": "!", "-_": "-"}
_INDEXES: Final = {"_[_]": "[", "_[?_]": "[?"}
_RANKS: Final = {
    _CONDITIONAL: _CONDITIONAL_RANK,
    **{function: rank for function, (_, rank) in _BINARY.items()},
    **dict.fromkeys(_UNARY, 2),
    **dict.fromkeys(_INDEXES, 1),
    "_?._": 1,
}
_WRAPPED: Final = ("_&&_", "_||_")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")

# What is still to be written: text, an expression, or an operator at which a line may end.
_Part: TypeAlias = "str | Expr | _Operator"


class _Operator:
    __slots__ = ("function", "text")

    def __init__(self, function: str, text: str) -> None:
        self.function = function
        self.text = text


def unparse(expr: Expr, *, wrap_column: int | None = None) -> str:
    """Return the text of an expression; with `wrap_column`, lines end at the first `&&` or `||` behind that column.

    cel-go wraps at 80. Without recursion, so that any tree will do. Folds that no macro made have no text: ValueError.
    """
    written: list[str] = []
    length = wrapped = 0
    todo: list[_Part] = [expr]
    while todo:
        part = todo.pop()
        if isinstance(part, _Operator):
            full = wrap_column is not None and part.function in _WRAPPED
            if full and length - wrapped + len(part.function) >= (wrap_column or 0):
                wrapped = length
                part = f" {part.text}\n"
            else:
                part = f" {part.text} "
        if isinstance(part, str):
            written.append(part)
            length += len(part) if part.isascii() else len(part.encode())
        else:
            todo.extend(reversed(_parts(part)))
    return "".join(written)


def _parts(node: Expr) -> list[_Part]:
    macro = macro_of(node)
    if macro is not None:
        return _call_parts(macro.name, macro.target, macro.args)
    if isinstance(node, Literal):
        return [constant_text(node.value)]
    if isinstance(node, Ident):
        return [node.name]
    if isinstance(node, Select):
        return [*_nested(node.operand, _is_operator(node.operand)), ".", _field(node.field)]
    if isinstance(node, Call):
        return _operator_parts(node)
    if isinstance(node, ListExpr):
        elements: list[list[_Part]] = [
            ["?", element] if index in node.optional else [element] for index, element in enumerate(node.elements)
        ]
        return ["[", *_joined(elements), "]"]
    if isinstance(node, MapExpr):
        return [
            "{",
            *_joined([["?" if entry.optional else "", entry.key, ": ", entry.value] for entry in node.entries]),
            "}",
        ]
    if isinstance(node, StructExpr):
        fields: list[list[_Part]] = [
            ["?" if init.optional else "", _field(init.field), ": ", init.value] for init in node.fields
        ]
        return [node.name, "{", *_joined(fields), "}"]
    raise ValueError("a comprehension that no macro made has no text")


def _joined(groups: list[list[_Part]]) -> list[_Part]:
    parts: list[_Part] = []
    for index, group in enumerate(groups):
        if index:
            parts.append(", ")
        parts.extend(group)
    return parts


def _nested(node: Expr, parentheses: bool) -> list[_Part]:
    return ["(", node, ")"] if parentheses else [node]


def _call_parts(function: str, target: Expr | None, args: list[Expr]) -> list[_Part]:
    receiver: list[_Part] = [] if target is None else [*_nested(target, _is_operator(target)), "."]
    return [*receiver, function, "(", *_joined([[arg] for arg in args]), ")"]


def _operator_parts(node: Call) -> list[_Part]:
    function, args = node.function, node.args
    if function == _CONDITIONAL:
        test, then, otherwise = (_nested(arg, _takes_arguments(arg)) for arg in args)
        return [*test, " ? ", *then, " : ", *otherwise]
    if function in _BINARY:
        left, right = args
        rank = _RANKS[function]
        around_left = _takes_arguments(left) and rank < _rank(left)
        around_right = _takes_arguments(right) and rank < _rank(right)
        if function not in _WRAPPED:  # the others may be regrouped at will
            around_right = around_right or rank == _rank(right)
        operator = _Operator(function, _BINARY[function][0])
        return [*_nested(left, around_left), operator, *_nested(right, around_right)]
    if function in _UNARY:
        (operand,) = args
        around = _takes_arguments(operand) or _is_unary(operand)
        return [_UNARY[function], *_nested(operand, around or (function == "-_" and _begins_with_number(operand)))]
    if function in _INDEXES:
        operand, key = args
        return [*_nested(operand, _is_operator(operand)), _INDEXES[function], key, "]"]
    if function == "_?._":
        operand, name = args
        if isinstance(name, Literal) and isinstance(name.value, str):
            return [*_nested(operand, _is_operator(operand)), ".?", _field(name.value)]
    return _call_parts(function, node.target, args)


def _rank(node: Expr) -> int:
    return _RANKS.get(node.function, 0) if isinstance(node, Call) else -1


def _takes_arguments(node: Expr) -> bool:
    return isinstance(node, Call) and len(node.args) > 1


def _is_unary(node: Expr) -> bool:
    return isinstance(node, Call) and node.function in _UNARY


def _is_operator(node: Expr) -> bool:
    """Return whether a node must stand in parentheses before a dot or a bracket."""
    return isinstance(node, Call) and (node.function in _BINARY or node.function == _CONDITIONAL or _is_unary(node))


def _begins_with_number(node: Expr) -> bool:
    """Return whether the text starts with a number, which a minus before it would become a part of."""
    while True:
        macro = macro_of(node)
        if macro is not None:
            following = macro.target
        elif isinstance(node, Select):
            following = node.operand
        elif isinstance(node, Call):
            following = node.args[0] if node.function in _INDEXES or node.function == "_?._" else node.target
        else:
            return isinstance(node, Literal) and type(node.value) in (int, float)
        if following is None:
            return False
        node = following


def _field(name: str) -> str:
    return f"`{name}`" if name == "in" or not _IDENTIFIER.fullmatch(name) else name


def constant_text(value: Constant) -> str:
    """Return a constant as a literal of the language."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Uint):
        return f"{value:d}u"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        return quote(value)
    return 'b"' + "".join(f"\\{byte:03o}" for byte in value) + '"'


def _float_text(value: float) -> str:
    """Return the fewest digits that read back as the value, spelled as Go's %g does: 0.5, 100.0, 1e+06."""
    sign, digits, shift = Decimal(repr(value)).normalize().as_tuple()
    figures = "".join(map(str, digits))
    exponent = len(figures) + int(shift) - 1
    minus = "-" if sign else ""
    if value == 0:
        return minus + "0.0"
    if exponent < -4 or exponent >= 6:
        fraction = f".{figures[1:]}" if len(figures) > 1 else ""
        return f"{minus}{figures[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    text = format(Decimal(repr(value)), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if "." in text else text + ".0"
