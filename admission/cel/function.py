"""What a function library declares: functions, their overloads with types and cost, and macros.

One `Library` a file in `admission/cel/library/`; the tuple LIBRARIES there is the registry. `since` is the Kubernetes
minor version that first offered something ("1.31"), None for "always".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from admission.cel.ast import Expr
from admission.cel.types import Type, parameters_in
from admission.cel.values import Value

CostFunction: TypeAlias = Callable[[Sequence[Value], Value], int]
Implementation: TypeAlias = Callable[..., Value]


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function.

    `id` is cel-go's overload id. `params` has the receiver first where `member` is true. `implementation` takes the
    arguments by position and raises CelError; it is called only with arguments of the declared kinds. `cost(args,
    result)` is the run-time cost as the API server counts it; None means 1. `strict` overloads are not called when an
    argument is an error (all but a few of the language's own). A `paced` implementation takes one argument more, by
    position: what it tells, before it does them, how many steps of real work come next.
    """

    id: str
    params: tuple[Type, ...]
    result: Type
    implementation: Implementation
    member: bool = False
    cost: CostFunction | None = None
    since: str | None = None
    paced: bool = False
    type_params: tuple[str, ...] = field(init=False, repr=False, compare=False)  # counted once, asked at each check

    def __post_init__(self) -> None:
        object.__setattr__(self, "type_params", parameters_in(self.result, *self.params))


@dataclass(frozen=True, slots=True)
class Function:
    """A function or an operator by its name, with all its overloads in cel-go's order.

    `undeclared` overloads are those that the checker knows nothing of: they answer for dyn values only.
    """

    name: str
    overloads: tuple[Overload, ...]
    since: str | None = None
    undeclared: tuple[Overload, ...] = ()


class MacroContext(Protocol):
    """What a macro may ask of the parser while it expands: new nodes with positions, and errors."""

    def new_id(self, like: Expr | None = None) -> int:
        """Return a fresh node id placed at the macro call, or at `like`."""
        ...

    def fail(self, node: Expr | None, message: str) -> Exception:
        """Return the error to raise, placed at `node` or at the macro call."""
        ...


MacroExpander: TypeAlias = Callable[[MacroContext, Expr | None, list[Expr]], Expr | None]


@dataclass(frozen=True, slots=True)
class Macro:
    """A call that is rewritten at parse time; `arity` None takes any number of arguments.

    `expand(context, target, args)` returns the new expression, or None to leave the call as it is.
    """

    name: str
    member: bool
    arity: int | None
    expand: MacroExpander
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Validator:
    """A check of a checked AST beyond types (constant regex, duration, format strings).

    `check` is given the Survey of validators.py and returns the faults: the id of the node each stands at, its text.
    """

    name: str
    check: Callable[[Any], list[tuple[int, str]]]
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """One function library: what it adds to an environment, and since when Kubernetes has it.

    `priced_by_name`: the API server prices these functions by name, whatever overload is called in the end; those of
    other libraries cost 1 where the checker could not resolve the overload. `constants` are type names and other global
    identifiers with their values; `structs` maps the name of a declared object type to its fields.
    """

    name: str
    functions: tuple[Function, ...] = ()
    macros: tuple[Macro, ...] = ()
    constants: tuple[tuple[str, Type, Any], ...] = ()
    structs: tuple[tuple[str, dict[str, Type]], ...] = ()
    validators: tuple[Validator, ...] = ()
    since: str | None = None
    priced_by_name: bool = True
    environments: frozenset[str] = field(default_factory=lambda: frozenset({"kubernetes", "extended", "standard"}))
