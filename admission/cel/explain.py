"""Every sub-expression with its value: a trace as a person wants to read it.

What macros generate has the place of the macro itself and is left out; a sub-expression inside a comprehension appears
once for each round, with the number of that round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from admission.cel.ast import SourceInfo
from admission.cel.encoding import encode_value
from admission.cel.interpreter import Fold
from admission.cel.trace import Step, Trace
from admission.cel.values import MISSING, Value


@dataclass(slots=True)
class Explained:
    """One evaluated sub-expression: its text and span (code points), value or error, and what it was made of.

    `round` is set for what was evaluated in a round of a comprehension. A sub-expression that was not needed does not
    appear.
    """

    text: str
    span: tuple[int, int]
    value: Value = MISSING
    error: str | None = None
    round: int | None = None
    children: list[Explained] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the tree as JSON: `{"text", "span", "value" | "error", "round", "children"}`."""
        tree: dict[str, Any] = {"text": self.text, "span": list(self.span)}
        if self.error is not None:
            tree["error"] = self.error
        elif self.value is not MISSING:
            tree["value"] = encode_value(self.value)
        if self.round is not None:
            tree["round"] = self.round
        if self.children:
            tree["children"] = [child.as_json() for child in self.children]
        return tree


def explain(trace: Trace, source: SourceInfo) -> Explained:
    """Return the tree of a traced evaluation."""
    whole = (0, len(source.text))
    root = Explained(source.text, whole, trace.root.value, _text(trace.root))
    for step in trace.root.children:
        root.children += _children(step, whole, source, None)
    return root


def _children(step: Step, outer: tuple[int, int], source: SourceInfo, round_: int | None) -> Iterator[Explained]:
    span = source.spans.get(step.id)
    inside = [
        (child, child.round if isinstance(step.node, Fold) and _in_round(step.node, child) else None)
        for child in step.children
    ]
    if span is None or span == outer:
        for child, number in inside:
            yield from _children(child, outer, source, round_ if number is None else number)
        return
    shown = Explained(source.text[span[0] : span[1]], span, step.value, _text(step), round_)
    for child, number in inside:
        shown.children += _children(child, span, source, number)
    yield shown


def _in_round(fold: Fold, child: Step) -> bool:
    return child.id in (fold.step.id, fold.condition.id)


def _text(step: Step) -> str | None:
    return None if step.error is None else str(step.error)
