"""Which field of `object` decided: the path of a finding, read off the trace of an expression that was not true.

The deciding sub-expression is found by walking down: the false operand of `&&`, all operands of a false `||`, the
operand of `!`, the chosen branch, the round of `all` that failed. In it, the deepest value that was read is what the
finding is about; `has()` counts as reading the field it asks for, absent or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from admission.cel.activation import LazyVariables
from admission.cel.attribute import Attribute, Conditional
from admission.cel.interpreter import Call, Const, Fold, Logic
from admission.cel.trace import Path, Read, Step, Trace, Watch
from admission.cel.values import LIST_CLASSES

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*\Z")
MAX_DEPTH = 8  # variables that read variables that read variables


def deciding_path(trace: Trace, depth: int = 0) -> Path | None:
    """Return the path in the traced root of what decided, or None where nothing of it was read."""
    steps = trace.root.children
    if not steps:
        return None
    best: Path | None = None
    for path in _paths(steps[-1], trace, depth):
        if best is None or len(path) >= len(best):
            best = path
    return best


def render_path(path: Path) -> str:
    """Return a path as Kubernetes writes it: `spec.containers[1].image`, `metadata.labels[app.kubernetes.io/name]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part}]"
    return text


def _paths(step: Step, trace: Trace, depth: int) -> Iterable[Path]:
    node = step.node
    if isinstance(node, Logic):
        for child in _deciding_operands(step, node):
            yield from _paths(child, trace, depth)
    elif isinstance(node, Call) and node.dispatcher.name == "!_" and step.children:
        yield from _paths(step.children[0], trace, depth)
    elif isinstance(node, Conditional) and step.children:
        branch = step.children[1:] or step.children
        for child in branch:
            yield from _paths(child, trace, depth)
    elif isinstance(node, Fold):
        yield from _fold_paths(step, node, trace, depth)
    else:
        yield from _leaf_paths(step, trace, depth)


def _deciding_operands(step: Step, node: Logic) -> list[Step]:
    if step.value is node.decisive:
        return [child for child in step.children if child.value is node.decisive][-1:]
    return [child for child in step.children if child.error is None or step.error is not None]


def _fold_paths(step: Step, fold: Fold, trace: Trace, depth: int) -> Iterable[Path]:
    last = _last_round(step, fold)
    if step.error is not None and last is not None:
        yield from _paths(last, trace, depth)
        return
    if type(step.value) is bool and isinstance(fold.accu_init, Const) and last is not None:
        starts = fold.accu_init.value
        if type(starts) is bool and step.value is not starts:
            yield from _paths(last, trace, depth)
            return
    if type(step.value) in LIST_CLASSES:
        first = trace.first_element_path(step.value)
        if first is not None:
            yield first
            return
    ranges = [child for child in step.children if child.node is _inner(fold.iter_range)]
    for child in ranges[:1]:
        yield from _leaf_paths(child, trace, depth)


def _last_round(step: Step, fold: Fold) -> Step | None:
    """Return the round that decided: the first that failed where the fold ended in an error, the last otherwise."""
    wanted = _inner(fold.step)
    rounds = [child for child in step.children if child.node is wanted]
    failed = [child for child in rounds if child.error is not None]
    if step.error is not None and failed:
        return failed[0]
    return rounds[-1] if rounds else None


def _inner(node: object) -> object:
    return node.node if isinstance(node, Watch) else node


def _leaf_paths(step: Step, trace: Trace, depth: int) -> Iterable[Path]:
    for child in step.children:
        if isinstance(child.node, Fold):
            yield from _fold_paths(child, child.node, trace, depth)
        else:
            yield from _leaf_paths(child, trace, depth)
    for read in step.reads:
        if isinstance(read.container, LazyVariables):
            yield from _variable_paths(read, trace, depth)
        elif read.path is not None:
            yield read.path
    if type(step.value) in LIST_CLASSES and isinstance(step.node, Attribute):
        first = trace.first_element_path(step.value)
        if first is not None:
            yield first


def _variable_paths(read: Read, trace: Trace, depth: int) -> Iterable[Path]:
    known = trace.path_of(read.result)
    if known is not None:
        yield known
        return
    if depth >= MAX_DEPTH or type(read.result) in LIST_CLASSES:
        return
    inner = read.container.trace(read.key, trace.root_value)
    if inner is not None:
        path = deciding_path(inner, depth + 1)
        if path is not None:
            yield path
