"""A program: one expression ready to be evaluated, fast where nothing fails and exact where something does.

`evaluate` runs the compiled code first. Whatever that raises, the exact interpreter evaluates the same expression
again and has the last word: it alone knows which error `&&` or `all` absorb, and what cel-go would call the one that
remains. Only `Overrun` passes through: then the caller repeats the whole evaluation with `exact` activations.
"""

from __future__ import annotations

from typing import Final

from admission.cel.activation import Activation, Meter, Overrun
from admission.cel.checker import CheckedAst
from admission.cel.compiler import compile_expression
from admission.cel.plan import FunctionTable, ProgramError, plan
from admission.cel.scope import Node, Scope
from admission.cel.trace import Trace
from admission.cel.types import Type
from admission.cel.values import CancelledError, CelError, Value
from admission.cel.writer import Compiled
from admission.errors import AdmissionError

TOO_DEEP: Final = "the expression is nested too deep for the stack of this process"


class Program:
    """One checked expression with its plan and its compiled code (None where it is better interpreted)."""

    __slots__ = ("_compiled", "_root", "_watched", "checked", "functions")

    def __init__(self, checked: CheckedAst, functions: FunctionTable) -> None:
        """Plan and compile; raises ProgramError for constants that cannot be converted, and for a full stack."""
        self.checked = checked
        self.functions = functions
        try:
            self._root: Node = plan(checked, functions)
        except RecursionError:
            raise ProgramError(TOO_DEEP) from None
        self._compiled: Compiled | None = compile_expression(checked, functions)
        self._watched: Node | None = None

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.checked.source.text

    @property
    def result_type(self) -> Type:
        """The static type of the result."""
        return self.checked.result_type

    def evaluate(self, activation: Activation) -> Value:
        """Return the value; CelError where evaluation ends in one, Overrun where cost must be counted exactly."""
        compiled = self._compiled
        if compiled is None or activation.exact:
            return self.evaluate_exact(activation)
        try:
            return compiled(activation)
        except (Overrun, AdmissionError):
            raise
        except Exception:
            return self.evaluate_exact(activation)

    def evaluate_exact(self, activation: Activation) -> Value:
        """Return the value as the interpreter computes it, adding the exact cost to the budget.

        Raises CelError. A fault of our own becomes one too, as a panic does upstream: an expression must not end more
        than itself.
        """
        meter = Meter(activation.budget)
        try:
            return self._root.eval(Scope(activation, meter))
        except (CelError, Overrun, AdmissionError):
            raise
        except CancelledError as error:
            raise CelError(str(error)) from None
        except RecursionError:
            raise CelError(TOO_DEEP) from None
        except Exception as error:
            raise CelError(f"internal error: {type(error).__name__}: {error}") from error
        finally:
            activation.budget.spent += meter.cost

    def trace(self, activation: Activation, root: Value = None) -> Trace:
        """Evaluate once more and return every step; `root` is the object that paths are paths of. Never raises."""
        trace = Trace(root)
        try:
            if self._watched is None:
                self._watched = plan(self.checked, self.functions, watch=True)
            trace.root.value = self._watched.eval(Scope(activation, Meter(activation.budget), trace))
        except (CelError, CancelledError) as error:
            trace.root.error = CelError(str(error))
        except RecursionError:
            trace.root.error = CelError(TOO_DEEP)
        return trace
