"""Several expressions and the variables they share as one Python function: whether all of them hold.

Most reviews pass most policies. For them one call answers: no activation, no lazy variables, no results, just local
names. Whenever the answer is anything but a plain yes (false, an error, a cost that cannot be bounded), the caller
evaluates the expressions one by one, which says what happened.
"""

from __future__ import annotations

import ast as py
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

from admission.cel.activation import Activation
from admission.cel.ast import Ident, Select
from admission.cel.compiler import Writer
from admission.cel.program import Program
from admission.cel.pycode import Code, Proof, Unsupported, assign, compare, constant, name, negation
from admission.errors import AdmissionError

Holds: TypeAlias = Callable[[Activation], bool]

VARIABLES = "variables"
PATIENCE = 8
MAX_COPIES = 64  # a variable that is first used in several branches is written into each of them


def compile_conjunction(
    conditions: Sequence[Program], variables: Mapping[str, Program], *, unsupported: frozenset[str]
) -> Holds | None:
    """Return a function that is true where all conditions are; None where some expression cannot be compiled.

    The function may raise anything instead of answering. `unsupported` names variables whose use rules it out.
    """
    if not conditions:
        return None
    try:
        return _Conjunction(conditions, variables, unsupported).function()
    except (Unsupported, RecursionError, SyntaxError, MemoryError):
        return None


class Conjunction:
    """Whether all conditions hold, asked in one call; compiled when it has been asked for the PATIENCE-th time.

    Commands that judge a single manifest never pay for compiling; a server does so at load (`prepare`).
    """

    __slots__ = ("_asked", "_conditions", "_holds", "_unsupported", "_variables")

    def __init__(
        self,
        conditions: Sequence[Program],
        variables: Mapping[str, Program],
        *,
        unsupported: frozenset[str] = frozenset(),
    ) -> None:
        self._conditions = conditions
        self._variables = variables
        self._unsupported = unsupported
        self._asked = 0
        self._holds: Holds | None = None

    def prepare(self) -> None:
        """Compile now."""
        if self._asked <= PATIENCE:
            self._asked = PATIENCE + 1
            self._holds = compile_conjunction(self._conditions, self._variables, unsupported=self._unsupported)

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
    def __init__(
        self, conditions: Sequence[Program], variables: Mapping[str, Program], unsupported: frozenset[str]
    ) -> None:
        super().__init__(conditions[0].checked, conditions[0].functions)
        self._conditions = conditions
        self._programs = variables
        self._unsupported = unsupported
        self._slots: dict[str, str] = {}
        self._proofs: dict[str, Proof] = {}
        self._evaluated: set[str] = set()
        self._branches = 0
        self._copies = 0

    def function(self) -> Holds:
        """Return the conjunction as a function of an Activation."""
        statements = self.block
        for program in self._conditions:
            holds = self._inside(program, partial(self._condition, program))
            answer: list[py.stmt] = [py.Return(value=constant(value=False))]
            self.block.append(py.If(test=negation(holds.node), body=answer, orelse=[]))
        unset = [assign(slot, name("MISSING")) for slot in self._slots.values()]
        return self.finish([*unset, *statements, py.Return(value=constant(value=True))])

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
        if expr.test_only or expr.field not in self._programs:
            raise Unsupported
        return self._variable(expr.field)

    def _variable(self, field: str) -> Code:
        slot = self._slots.setdefault(field, f"w{len(self._slots)}")
        if field not in self._evaluated:
            self._evaluate(field, slot)
        return Code(name(slot), self._proofs[field])

    def _evaluate(self, field: str, slot: str) -> None:
        self._copies += 1
        if self._copies > MAX_COPIES:
            raise Unsupported
        program = self._programs[field]
        evaluated = set(self._evaluated)
        with super().branch() as block:
            code = self._inside(program, lambda: self.value(program.checked.expr))
            block.append(assign(slot, code.node))
        self._proofs[field] = code.proof
        if self._branches:
            self._evaluated = evaluated
            self.block.append(py.If(test=compare(name(slot), py.Is(), name("MISSING")), body=block, orelse=[]))
        else:
            self.block += block
        self._evaluated.add(field)

    def _inside(self, program: Program, emit: Callable[[], Code]) -> Code:
        """Emit with the types, functions and names of another expression."""
        outer = self.checked, self.functions, self.scopes
        self.checked, self.functions, self.scopes = program.checked, program.functions, []
        try:
            return emit()
        finally:
            self.checked, self.functions, self.scopes = outer
