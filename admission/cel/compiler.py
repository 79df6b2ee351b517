"""From a checked expression to Python code: the fast way to evaluate, exact wherever it answers at all.

Code is built from `ast` nodes only (writer.py, pycode.py). What CEL leaves dynamic is tested where Python would answer
otherwise than CEL (`True == 1`, `'a' in 'abc'`); whatever does not fit raises, and the interpreter takes over.
Operators and hot functions have code of their own (inline.py), macros become plain loops (loops.py).

An optional is held as its bare value or ABSENT while it travels inside one expression. Cost: the fixed part is added
to the budget's bound at the start, a loop adds rounds x the most one round can cost before it runs, long strings add
their length when they turn up. Static types drop a test only where the expression itself proves them (`Proof`).
"""

from __future__ import annotations

from admission.cel.checker import CheckedAst
from admission.cel.inline import INLINE
from admission.cel.loops import emit_loop
from admission.cel.plan import FunctionTable
from admission.cel.pycode import Unsupported
from admission.cel.writer import Compiled, Emitters, Writer

EMITTERS = Emitters(INLINE, emit_loop)
LARGEST = 10_000  # nodes: Python takes half a second to compile so many; larger expressions are interpreted


def compile_expression(checked: CheckedAst, functions: FunctionTable) -> Compiled | None:
    """Return a function of an Activation, or None where the interpreter has to do it."""
    if not 0 < len(checked.types) <= LARGEST:
        return None
    try:
        return Writer(checked, functions, EMITTERS).function()
    except (Unsupported, RecursionError, SyntaxError, MemoryError):
        return None
