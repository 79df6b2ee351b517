"""Several expressions and the variables they share as one Python function: whether all of them hold.

Most reviews pass most policies. For them one call answers: no activation, no lazy variables, no results, just local
names. Whenever the answer is anything but a plain yes (false, an error, a cost that cannot be bounded), the caller
evaluates the expressions one by one, which says what happened.
"""

from __future__ import annotations

import ast as py
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from admission.cel.activation import Activation
from admission.cel.ast import Ident, Select
from admission.cel.compiler import EMITTERS, LARGEST
from admission.cel.program import Program
from admission.cel.pycode import Code, Proof, Unsupported, assign, compare, constant, name, negation
from admission.cel.values import MISSING
from admission.cel.writer import Writer
from admission.errors import AdmissionError

Holds: TypeAlias = Callable[[Activation], bool]
_Meaning: TypeAlias = tuple[int, str]

VARIABLES = "variables"
PATIENCE = 8
MAX_COPIES = 256  # a variable that is first used in several branches is written into each of them


@dataclass(frozen=True, slots=True)
class Clause:
    """The conditions of one policy, and the variables that they may name."""

    conditions: Sequence[Program]
    variables: Mapping[str, Program] = field(default_factory=dict)


def compile_conjunction(clauses: Sequence[Clause], *, unsupported: frozenset[str]) -> Holds | None:
    """Return a function that is true where all conditions are; None where some expression cannot be compiled.

    The function may raise anything instead of answering. `unsupported` names variables whose use rules it out. What
    several clauses say in the same words is evaluated once.
    """
    if not any(clause.conditions for clause in clauses):
        return None
    if sum(len(program.checked.types) for clause in clauses for program in clause.conditions) > LARGEST:
        return None
    try:
        return _Conjunction(clauses, unsupported).function()
    except (Unsupported, RecursionError, SyntaxError, MemoryError):
        return None


class Conjunction:
    """Whether all conditions hold, asked in one call; compiled when it has been asked for the PATIENCE-th time.

    Commands that judge a single manifest never pay for compiling; a server does so at load (`prepare`).
    """

    __slots__ = ("_asked", "_holds", "_unsupported", "clauses")

    def __init__(self, clauses: Sequence[Clause], *, unsupported: frozenset[str] = frozenset()) -> None:
        self.clauses = clauses
        self._unsupported = unsupported
        self._asked = 0
        self._holds: Holds | None = None

    def prepare(self) -> None:
        """Compile now."""
        if self._asked <= PATIENCE:
            self._asked = PATIENCE + 1
            self._holds = compile_conjunction(self.clauses, unsupported=self._unsupported)

    def holds(self, activation: Activation) -> bool:
        """Return whether all conditions hold for sure; False also where that is not known. Raises DeadlineError."""
        if self._holds is None:
            if self._asked > PATIENCE:
                return False
            self._asked += 1
            if self._asked <= PATIENCE:
                return False
            self._asked = PATIENCE
            self.prepare()
            if self._holds is None:
                return False
        try:
            return self._holds(activation)
        except AdmissionError:
            raise
        except Exception:
            return False


class _Conjunction(Writer):
    def __init__(self, clauses: Sequence[Clause], unsupported: frozenset[str]) -> None:
        first = next(program for clause in clauses for program in clause.conditions)
        super().__init__(first.checked, first.functions, EMITTERS)
        self._clauses = clauses
        self._clause = clauses[0]
        self._unsupported = unsupported
        self._slots: dict[_Meaning, str] = {}
        self._codes: dict[_Meaning, Code] = {}
        self._evaluated: set[_Meaning] = set()
        self._holding: set[_Meaning] = set()
        self._branches = 0
        self._copies = 0

    def function(self) -> Holds:
        """Return the conjunction as a function of an Activation."""
        statements = self.block
        for clause in self._clauses:
            self._clause = clause
            for program in clause.conditions:
                meaning = self._meaning(program)
                if meaning in self._holding:
                    continue
                self._holding.add(meaning)
                holds = self._inside(program, partial(self._condition, program))
                answer: list[py.stmt] = [py.Return(value=constant(value=False))]
                self.block.append(py.If(test=negation(holds.node), body=answer, orelse=[]))
        unset = [assign(slot, name("ABSENT")) for slot in self._slots.values()]
        return self.finish([*unset, *statements, py.Return(value=constant(value=True))])

    def _meaning(self, program: Program) -> _Meaning:
        """Return what an expression means: its words, and whose variables where it may name some."""
        return (id(self._clause) if VARIABLES in program.text else 0, program.text)

    def _condition(self, program: Program) -> Code:
        return Code(self.boolean(program.checked.expr), Proof.BOOL)

    @contextmanager
    def branch(self) -> Iterator[list[py.stmt]]:
        """Emit a block; what is evaluated in it is not known to be evaluated after it."""
        evaluated = set(self._evaluated)
        self._branches += 1
        try:
            with super().branch() as block:
                yield block
        finally:
            self._branches -= 1
            self._evaluated = evaluated

    def ident(self, expr: Ident) -> Code:
        """Emit a name; the map of variables itself is nothing that compiled code has."""
        if not any(known == expr.name for known, _ in self.scopes):
            reference = self.checked.references.get(expr.id)
            known = reference.name if reference is not None and reference.name else expr.name
            if known == VARIABLES or known in self._unsupported:
                raise Unsupported
        return super().ident(expr)

    def select(self, expr: Select) -> Code:
        """Emit a selection; one from the variables is a local name, evaluated where it is first needed."""
        operand = expr.operand
        is_variable = (
            isinstance(operand, Ident)
            and operand.name == VARIABLES
            and not any(known == VARIABLES for known, _ in self.scopes)
        )
        if not is_variable:
            return super().select(expr)
        program = self._clause.variables.get(expr.field)
        if expr.test_only or program is None:
            raise Unsupported
        meaning = self._meaning(program)
        if meaning not in self._evaluated:
            self._evaluate(program, meaning)
        return self._codes[meaning]

    def _evaluate(self, program: Program, meaning: _Meaning) -> None:
        self._copies += 1
        if self._copies > MAX_COPIES:
            raise Unsupported
        evaluated = set(self._evaluated)
        with super().branch() as block:
            code = self._inside(program, lambda: self.value(program.checked.expr))
            if code.constant is not MISSING:
                self._codes[meaning] = code
                self._evaluated.add(meaning)
                return
            slot = self._slots.setdefault(meaning, f"w{len(self._slots)}")
            block.append(assign(slot, code.node))
        self._codes[meaning] = Code(name(slot), code.proof)
        if self._branches:
            self._evaluated = evaluated
            self.block.append(py.If(test=compare(name(slot), py.Is(), name("ABSENT")), body=block, orelse=[]))
        else:
            self.block += block
        self._evaluated.add(meaning)

    def _inside(self, program: Program, emit: Callable[[], Code]) -> Code:
        """Emit with the types, functions and names of another expression."""
        outer = self.checked, self.functions, self.scopes
        self.checked, self.functions, self.scopes = program.checked, program.functions, []
        try:
            return emit()
        finally:
            self.checked, self.functions, self.scopes = outer
