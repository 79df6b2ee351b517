"""The abstract syntax of CEL: what the parser makes, and what checker, interpreter and compiler read.

Nodes are compared by identity and carry the `id` under which `SourceInfo` knows their place. Macros are expanded by the
parser into `Comprehension` exactly as cel-go does it (parser/macro.go), so that cost and errors come out alike; the
node also remembers which macro it was (`macro`, `body`, ...), so that the compiler can write a plain loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from admission.cel.values import Uint

Constant: TypeAlias = bool | int | Uint | float | str | bytes | None


@dataclass(slots=True, eq=False)
class Literal:
    """A constant; the Python type says which (`Uint` for 1u)."""

    id: int
    value: Constant


@dataclass(slots=True, eq=False)
class Ident:
    """A name; a leading dot (`.name`) is kept in it."""

    id: int
    name: str


@dataclass(slots=True, eq=False)
class Select:
    """`operand.field`; `test_only` for `has(operand.field)`. `operand.?field` is a `Call` of `_?._`, as in cel-go."""

    id: int
    operand: Expr
    field: str
    test_only: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """A function or an operator (named as in cel-go's common/operators: `_&&_`, `!_`, `_?_:_`, `_[_]`, `@in`).

    `target` is the receiver of a member call, None otherwise.
    """

    id: int
    function: str
    target: Expr | None
    args: list[Expr]


@dataclass(slots=True, eq=False)
class ListExpr:
    """`[a, ?b]`; `optional` holds the indexes of the elements written with a question mark."""

    id: int
    elements: list[Expr]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class MapEntry:
    """One `key: value` of a map literal; `optional` for `?key: value`."""

    id: int
    key: Expr
    value: Expr
    optional: bool = False


@dataclass(slots=True, eq=False)
class MapExpr:
    """`{k: v, ?k: v}`."""

    id: int
    entries: list[MapEntry]


@dataclass(slots=True, eq=False)
class FieldInit:
    """One `field: value` of a struct literal; `optional` for `?field: value`."""

    id: int
    field: str
    value: Expr
    optional: bool = False


@dataclass(slots=True, eq=False)
class StructExpr:
    """`Type.Name{field: value}`; `name` is the type name as written (checked ASTs hold the resolved one)."""

    id: int
    name: str
    fields: list[FieldInit]


@dataclass(slots=True, eq=False)
class MacroCall:
    """What a comprehension was before expansion: `name` (`all`, `map`, ...), receiver and arguments."""

    name: str
    target: Expr | None
    args: list[Expr]


@dataclass(slots=True, eq=False)
class Comprehension:
    """A fold: `iter_range` is walked, the accumulator becomes `loop_step` while `loop_condition` holds.

    `iter_var2` is set for two-variable comprehensions (key and value, or index and element). `macro` is None for folds
    that no macro produced.
    """

    id: int
    iter_range: Expr
    iter_var: str
    iter_var2: str | None
    accu_var: str
    accu_init: Expr
    loop_condition: Expr
    loop_step: Expr
    result: Expr
    macro: MacroCall | None = None


Expr: TypeAlias = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension

ACCUMULATOR = "@result"


@dataclass(slots=True)
class SourceInfo:
    """The text of an expression and the code point offset of every node in it.

    `offsets[id]` is what cel-go reports errors at: for a call the offset of the opening parenthesis or of the
    operator, for a select the offset of the dot, for literals and identifiers their first character.
    `spans[id]` is the half-open range of the whole sub-expression as written (for explanations and carets).
    """

    text: str
    description: str = "<input>"
    offsets: dict[int, int] = field(default_factory=dict)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)

    def line_column(self, offset: int) -> tuple[int, int]:
        """Return the line (from 1) and the column (from 0) of a code point offset, as cel-go counts them."""
        before = self.text[:offset]
        line = before.count("\n")
        return line + 1, offset - (before.rfind("\n") + 1)


@dataclass(slots=True)
class Ast:
    """A parsed expression."""

    expr: Expr
    source: SourceInfo


def children(node: Expr) -> list[Expr]:
    """Return the direct sub-expressions of `node` in evaluation order."""
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, Call):
        return ([node.target] if node.target is not None else []) + node.args
    if isinstance(node, ListExpr):
        return list(node.elements)
    if isinstance(node, MapExpr):
        return [part for entry in node.entries for part in (entry.key, entry.value)]
    if isinstance(node, StructExpr):
        return [init.value for init in node.fields]
    if isinstance(node, Comprehension):
        return [node.iter_range, node.accu_init, node.loop_condition, node.loop_step, node.result]
    return []
