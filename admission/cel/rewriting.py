"""Copies of a syntax tree in which some nodes are others."""

from __future__ import annotations

from collections.abc import Mapping

from admission.cel.ast import (
    Call,
    Comprehension,
    Expr,
    FieldInit,
    ListExpr,
    MacroCall,
    MapEntry,
    MapExpr,
    Select,
    StructExpr,
    children,
)


def replace_nodes(root: Expr, replaced: Mapping[int, Expr]) -> Expr:
    """Return `root` with the nodes of the ids in `replaced` exchanged; parts that stay the same are shared.

    A replacement stands for its whole sub-expression; its own children are looked through as well. What a macro was
    before its expansion is rewritten alike.
    """
    done: dict[int, Expr] = {}
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node.id in done:
            continue
        new = replaced.get(node.id, node)
        if ready:
            done[node.id] = _with_children(new, done)
            continue
        parts = children(new)
        if isinstance(new, Comprehension) and new.macro is not None:
            # last in the list is first done: the expansion, whose nodes carry the replaced ids, before its origin
            parts = [*new.macro.args, *([new.macro.target] if new.macro.target is not None else []), *parts]
        stack.append((node, True))
        stack.extend((part, False) for part in parts)
    return done[root.id]


def _with_children(node: Expr, done: Mapping[int, Expr]) -> Expr:
    if all(done[child.id] is child for child in children(node)) and not isinstance(node, Comprehension):
        return node
    if isinstance(node, Select):
        return Select(node.id, done[node.operand.id], node.field, node.test_only)
    if isinstance(node, Call):
        target = None if node.target is None else done[node.target.id]
        return Call(node.id, node.function, target, [done[arg.id] for arg in node.args])
    if isinstance(node, ListExpr):
        return ListExpr(node.id, [done[element.id] for element in node.elements], node.optional)
    if isinstance(node, MapExpr):
        return MapExpr(
            node.id,
            [MapEntry(entry.id, done[entry.key.id], done[entry.value.id], entry.optional) for entry in node.entries],
        )
    if isinstance(node, StructExpr):
        return StructExpr(
            node.id,
            node.name,
            [FieldInit(init.id, init.field, done[init.value.id], init.optional) for init in node.fields],
        )
    if isinstance(node, Comprehension):
        return _comprehension(node, done)
    return node


def _comprehension(node: Comprehension, done: Mapping[int, Expr]) -> Expr:
    macro = node.macro
    if macro is not None:
        macro = MacroCall(
            macro.name,
            None if macro.target is None else done[macro.target.id],
            [done[arg.id] for arg in macro.args],
        )
    return Comprehension(
        node.id,
        done[node.iter_range.id],
        node.iter_var,
        node.iter_var2,
        node.accu_var,
        done[node.accu_init.id],
        done[node.loop_condition.id],
        done[node.loop_step.id],
        done[node.result.id],
        macro,
    )
