"""What a refused expression may have meant: for `containrs`, "did you mean 'containers'?".

The checker's texts stay cel-go's. Only when somebody wants to show an error is the expression checked once more, by a
witness that remembers which name was missing where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

from admission.cel.ast import Ast
from admission.cel.checker import Declarations, check
from admission.cel.diagnostic import CelIssue, CompileError
from admission.cel.function import Function, Overload
from admission.cel.types import Type

_CLOSENESS = 0.7
_MAX_SIGNATURES = 6
_UNDEFINED_FIELD = re.compile(r"undefined field '(.*)'", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container", re.DOTALL)
_NO_OVERLOAD = re.compile(r"found no matching overload for '(.*)' applied to '(.*)'", re.DOTALL)
_FIRST_OPERAND = re.compile(r"\(?((?:[^,()]|\([^()]*\))*)")  # with its parameters, as far as they have none
_OPERATOR = re.compile(r"_(.+)_|@(in)")


class Vocabulary(Declarations, Protocol):
    """Declarations that can list what they declare."""

    def ident_names(self) -> Iterable[str]:
        """Return the names of variables, constants and types."""
        ...

    def function_names(self) -> Iterable[str]:
        """Return the names of all functions, operators included."""
        ...

    def field_names(self, struct: str) -> Iterable[str]:
        """Return the fields of a declared object type."""
        ...


class _Witness:
    """Answers as the declarations do, and remembers on which types a field was missing."""

    def __init__(self, declarations: Declarations) -> None:
        self.missing: dict[str, list[str]] = {}
        self._declarations = declarations
        self.container = declarations.container
        self.strict = declarations.strict

    def find_ident(self, name: str) -> tuple[Type, Any] | None:
        return self._declarations.find_ident(name)

    def find_function(self, name: str) -> Function | None:
        return self._declarations.find_function(name)

    def find_struct(self, name: str) -> Type | None:
        return self._declarations.find_struct(name)

    def find_field(self, struct: str, field: str) -> Type | None:
        found = self._declarations.find_field(struct, field)
        if found is None:
            self.missing.setdefault(field, []).append(struct)
        return found

    def remark(self, name: str) -> str | None:
        return self._declarations.remark(name)


def suggest(ast: Ast, vocabulary: Vocabulary, issues: Sequence[CelIssue]) -> tuple[str, ...]:
    """Return one sentence for each issue of the checker, or the empty string where there is nothing to say."""
    witness = _Witness(vocabulary)
    try:
        check(ast, witness)
    except CompileError:
        return tuple(_suggestion(issue.message, vocabulary, witness) for issue in issues)
    return ("",) * len(issues)


def _suggestion(message: str, vocabulary: Vocabulary, witness: _Witness) -> str:
    field = _UNDEFINED_FIELD.match(message)
    if field:
        structs = witness.missing.get(field[1], ())
        return _closest(field[1], [name for struct in structs for name in vocabulary.field_names(struct)])
    name = _UNDECLARED.match(message)
    if name:
        return _closest(name[1], [*vocabulary.ident_names(), *vocabulary.function_names()])
    call = _NO_OVERLOAD.match(message)
    function = vocabulary.find_function(call[1]) if call else None
    return _signatures(function, call[2]) if call and function is not None else ""


def _closest(name: str, candidates: Iterable[str]) -> str:
    known = {candidate.lower(): candidate for candidate in candidates if candidate != name and "@" not in candidate}
    found = get_close_matches(name.lower(), known, n=1, cutoff=_CLOSENESS)
    return f"did you mean '{known[found[0]]}'?" if found else ""


def _signatures(function: Function, applied: str) -> str:
    """Return what the function takes: of its overloads those for such a first operand, where there are any."""
    if function.name in ("_==_", "_!=_"):
        return "both sides must be of one type"
    if function.name == "_?_:_":
        return "it takes bool ? A : A, where both results are of one type"
    member = not applied.startswith("(")
    overloads = [each for each in function.overloads if each.member is member] or list(function.overloads)
    first = _FIRST_OPERAND.match(applied)
    alike = [each for each in overloads if each.params and first and str(each.params[0]) == first[1].rstrip(".")]
    shown = list(dict.fromkeys(_signature(function.name, overload) for overload in alike or overloads))
    return "it takes " + ", ".join(shown[:_MAX_SIGNATURES]) + (", ..." if len(shown) > _MAX_SIGNATURES else "")


def _signature(name: str, overload: Overload) -> str:
    given = [str(param) for param in overload.params]
    if name == "_[_]":
        return f"{given[0]}[{given[1]}]"
    operator = _OPERATOR.fullmatch(name)
    if operator and len(given) == 2:
        return f"{given[0]} {operator[1] or operator[2]} {given[1]}"
    if name in ("-_", "!_"):
        return f"{name[0]}{given[0]}"
    if overload.member:
        return f"{given[0]}.{name}({', '.join(given[1:])})"
    return f"{name}({', '.join(given)})"
