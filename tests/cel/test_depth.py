from __future__ import annotations

import pytest

from admission.cel.depth import tree_depth, visits
from admission.cel.macro import MacroTable
from admission.cel.parser import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", 0),
        ("a.b.c", 2),
        ("a[0].f(1)", 2),
        ("f(f(a.b))", 1),
        ("1 + 2 * 3 == 4", 3),
        ("a in b ? c : d", 2),
        ("!(a.b && (c || d.e))", 1),
        ("[{1: a.b}, M{c: a[?0]}]", 1),
        ("has(a.b)", 1),
        ("l.map(x, x.y, x)", 2),
        ("l.all(k, v, k.f())", 2),
        ("o.optMap(x, x.y + 1)", 3),
        ("a.?b", 1),
    ],
)
def test_visits_count_what_cel_go_counts(text: str, expected: int, kubernetes_macros: MacroTable) -> None:
    assert visits(parse(text, macros=kubernetes_macros).expr) == expected


@pytest.mark.parametrize(("text", "expected"), [("a", 1), ("a.b.c", 3), ("!a && [b]", 3), ("l.map(x, x)", 4)])
def test_depth_counts_all_levels_of_the_expanded_tree(text: str, expected: int, kubernetes_macros: MacroTable) -> None:
    assert tree_depth(parse(text, macros=kubernetes_macros).expr) == expected


def test_no_chain_is_too_deep_to_be_measured() -> None:
    expr = parse("a" + ".b" * 250, macros={}).expr
    assert visits(expr) == 250
    assert tree_depth(expr) == 251
