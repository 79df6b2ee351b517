"""Both ways to evaluate, seen from outside: same values, same errors, exact cost, nothing reachable but values."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.activation import Activation, Budget, LazyVariables, Overrun
from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment
from admission.cel.function import Function, Overload
from admission.cel.plan import ProgramError
from admission.cel.program import Program
from admission.cel.values import CelError
from admission.errors import DeadlineError

POD: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"app": "web", "n": 1}},
    "spec": {
        "hostNetwork": True,
        "containers": [
            {"name": "a", "image": "nginx:1", "securityContext": {"privileged": False}, "ports": [{"hostPort": 0}]},
            {"name": "b", "image": "nginx:latest", "securityContext": None},
            {"name": "c", "image": "x@sha256:1", "weight": 1.0, "flag": 1},
        ],
    },
}


@pytest.fixture(scope="module")
def env() -> Environment:
    return environment("kubernetes").extend({"object": types.DYN, "absent": types.DYN})


def program(env: Environment, text: str) -> Program:
    return env.program(env.compile(text))


def both(env: Environment, text: str, **variables: Any) -> tuple[Any, Any]:
    """Evaluate on both paths; errors become their text."""
    made = program(env, text)
    outcomes = []
    for exact in (False, True):
        try:
            outcomes.append(made.evaluate(Activation({"object": POD, **variables}, exact=exact)))
        except CelError as error:
            outcomes.append(f"error: {error}")
    return outcomes[0], outcomes[1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("object.spec.hostNetwork == true", True),
        ("object.metadata.labels.n == true", False),
        ("object.metadata.labels.n == 1", True),
        ("object.spec.containers[2].weight == 1", True),
        ("object.spec.containers[2].flag == true", False),
        ("has(object.spec.containers[1].securityContext)", True),
        ("has(object.spec.containers[1].securityContext.privileged)", False),
        ("has(object.metadata.name.x)", False),
        ("'e' in object.metadata.labels", False),
        ("object.metadata.name in ['web', 'db']", True),
        ("object.spec.containers.map(c, c.name)", ["a", "b", "c"]),
        ("object.spec.containers.filter(c, c.image.endsWith(':latest')).map(c, c.name)", ["b"]),
        ("object.spec.containers.exists_one(c, c.name == 'b')", True),
        ("object.spec.containers.all(i, c, c.name != '' && i >= 0)", True),
        ("object.metadata.labels.all(k, k != '')", True),
        ("object.metadata.labels.transformMap(k, v, k + '!')", {"app": "app!", "n": "n!"}),
        ("object.spec.?nodeName.orValue('none')", "none"),
        ("object.?spec.?hostNetwork.orValue(false)", True),
        ("object.spec.containers.map(c, c.?securityContext.?privileged.orValue(true))", [False, True, True]),
        ("object.spec.containers[?7].?name.hasValue()", False),
        ("object.metadata.?labels.?app.optMap(x, x + '!').orValue('')", "web!"),
        ("size(object.spec.containers + object.spec.containers)", 6),
        ("object.nope || true", True),
        ("true || object.nope", True),
        ("object.spec.containers.exists(c, c.weight > 0.5)", True),
        ("object.spec.containers.all(c, has(c.ports) && c.ports.all(p, p.hostPort == 0))", False),
        ("object.spec.hostNetwork ? 1 : 2", 1),
        ("object.metadata.name.matches('^w.b$') && object.metadata.name.startsWith('w')", True),
        ("object.spec.containers[0].ports[0].hostPort + 2 * 3 - 1", 5),
        ("object.spec.containers == object.spec.containers", True),
    ],
)
def test_both_paths_give_the_value(env: Environment, text: str, wanted: Any) -> None:
    fast, exact = both(env, text)
    assert fast == exact == wanted
    assert type(fast) is type(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("object.spec.nope == 1", "no such key: nope"),
        ("object.spec.containers[5].name == ''", "index out of bounds: 5"),
        ("object.spec.containers[-1].name == ''", "index out of bounds: -1"),
        ("object.metadata.name && true", "no such overload"),
        ("object.spec.containers.all(c, c.weight > 0.5)", "no such key: weight"),
        ("object.metadata.name[0] == 'w'", "no such key: 0"),
        ("'x' in object.metadata.name", "no such overload"),
        ("object.metadata.labels.n + 'x' == ''", "no such overload"),
        ("9223372036854775807 + object.metadata.labels.n > 0", "integer overflow"),
        ("1 / (object.metadata.labels.n - 1) == 1", "division by zero"),
        ("object.?a.value() == 1", "optional.none() dereference"),
    ],
)
def test_both_paths_give_the_error(env: Environment, text: str, wanted: str) -> None:
    assert both(env, text) == (f"error: {wanted}", f"error: {wanted}")


def test_an_unbound_variable_is_an_error_only_where_it_is_read(env: Environment) -> None:
    assert both(env, "true || absent.x") == (True, True)
    assert both(env, "absent.x")[0] == "error: no such attribute(s): absent"


@pytest.mark.parametrize(
    "name", ["class", "import_", "lambda_", "__class__", "__builtins__", "exec", "t1", "g0", "b", "v", "MISSING", "len"]
)
def test_names_that_mean_something_to_python_mean_nothing_here(name: str) -> None:
    env = environment("kubernetes").extend({name: types.DYN})
    made = program(env, f"{name} == 1 && [1, 2].exists({name}x, {name}x == 2) && [3].all(t1x, t1x + 1 == 4)")
    assert made.evaluate(Activation({name: 1})) is True


@pytest.mark.parametrize(
    "text", ['"\\"); import os; (\\""', "'\\n\\r\\u2028'", '"""a\nb"""', r"r'\'", "'{x!r}'", "'%s'"]
)
def test_strings_stay_strings(env: Environment, text: str) -> None:
    try:
        made = program(env, f"object.x == {text}")
    except CompileError:
        return
    assert made.evaluate(Activation({"object": {"x": "other"}})) is False


@pytest.mark.parametrize("text", ["dyn(null)['x']", "null.x", "optional.of(1).hasValue()", "dyn(1)[0]", "dyn(true).a"])
def test_python_has_nothing_to_say_about_an_expression(
    env: Environment, text: str, recwarn: pytest.WarningsRecorder
) -> None:
    try:
        program(env, text)
    except CompileError:
        return
    assert not recwarn.list


def test_compiled_code_sees_no_builtins(env: Environment) -> None:
    compiled = program(env, "object.a == 1")._compiled
    assert compiled is not None
    assert compiled.__globals__["__builtins__"] == {}
    assert "object" not in compiled.__code__.co_names + compiled.__code__.co_varnames


@pytest.mark.parametrize("text", ["(" * 10_000 + ")" * 10_000, "[" * 10_000, "a." * 10_000 + "b", "f(" * 10_000])
def test_deep_nesting_is_a_clear_error(env: Environment, text: str) -> None:
    with pytest.raises(CompileError):
        env.compile(text)


def test_wide_expressions_evaluate(env: Environment) -> None:
    text = " && ".join(["object.metadata.name == 'web'"] * 200)
    assert both(env, text) == (True, True)


def test_the_exact_cost_is_counted(env: Environment) -> None:
    activation = Activation({"object": POD}, exact=True)
    assert program(env, "object.metadata.name == 'web'").evaluate(activation) is True
    assert activation.budget.spent == 4


def test_one_expression_is_cut_off_at_its_limit(env: Environment) -> None:
    many = {"l": list(range(2000))}
    activation = Activation({"object": many}, exact=True)
    with pytest.raises(CelError, match="operation cancelled: actual cost limit exceeded"):
        program(env, "object.l.all(x, object.l.all(y, x + y >= 0))").evaluate(activation)


def test_compiled_code_hands_over_before_a_limit_can_be_reached(env: Environment) -> None:
    with pytest.raises(Overrun):
        program(env, "object.l.all(x, object.l.all(y, x + y >= 0))").evaluate(
            Activation({"object": {"l": list(range(2000))}})
        )


def test_the_bound_of_compiled_code_is_never_below_the_exact_cost(env: Environment) -> None:
    for text in (
        "object.spec.containers.all(c, c.image.contains('@sha256:') || c.image.matches('^[a-z]+:[0-9]+$'))",
        "object.spec.containers.map(c, c.name + c.image).exists(s, s in ['a', 'b'])",
        "object.metadata.labels.exists(k, k == 'app') && object.?spec.?x.orValue([1, 2, 3]).size() == 3",
        "object == object",
    ):
        made = program(env, text)
        fast, exact = Activation({"object": POD}), Activation({"object": POD}, exact=True)
        made.evaluate(fast)
        made.evaluate(exact)
        assert fast.budget.spent == 0, "the compiled code did not answer"
        assert fast.budget.bound >= exact.budget.spent


class _LateError(DeadlineError):
    pass


def test_the_deadline_is_seen_in_loops_and_in_deep_comparison(env: Environment) -> None:
    def late() -> None:
        raise _LateError("too late")

    big = {"l": [{"a": [index]} for index in range(30_000)]}
    copy = json.loads(json.dumps(big))
    for text in ("object.l.all(x, x.a[0] >= 0)", "object == absent", "object.l.map(x, object.l + object.l).size() > 0"):
        for exact in (False, True):
            with pytest.raises((_LateError, Overrun)):
                program(env, text).evaluate(
                    Activation({"object": big, "absent": copy}, Budget(check=late), exact=exact)
                )


@pytest.mark.parametrize(
    "text",
    [
        "object.s.findAll('a[^c]*c|a').size() > 0",
        "object.s.findAll('a[^c]*c|a', 1000000).size() > 0",
        "object.l.all(x, x.findAll('a[^c]*c|a').size() > 0)",
        "object.l.map(x, object.s.split('b').join('cc')).size() > 0",
        "object.l.map(x, object.s.replace('a', 'bb')).size() > 0",
        "object.l.map(x, '%s'.format([object])).size() > 0",
        "object.l.all(x, object == absent)",
        "object.l.all(x, object.l.all(y, object.l.all(z, x + y != z)))",
    ],
)
@pytest.mark.parametrize("exact", [False, True])
def test_what_takes_long_asks_often_whether_there_is_time(env: Environment, text: str, exact: bool) -> None:
    asked = 0

    def third_time_is_late() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise _LateError("too late")

    big = {"s": "ab" * 100_000, "l": ["ab" * 1_000] * 200}
    copy = json.loads(json.dumps(big))
    activation = Activation(
        {"object": big, "absent": copy}, Budget(check=third_time_is_late, per_call=10**9), exact=exact
    )
    with pytest.raises(_LateError):
        program(env, text).evaluate(activation)
    assert asked == 3


@pytest.mark.parametrize(
    "receiver", ["object", "object.l", "object.s", "b'x'", "1", "1.5", "null", "[1]", "{'a': 1}", "int"]
)
@pytest.mark.parametrize(
    "name",
    ["__class__", "__dict__", "__getitem__", "get", "items", "append", "format_map", "encode", "real", "mro", "nanos"],
)
def test_attributes_and_methods_of_python_are_out_of_reach(env: Environment, receiver: str, name: str) -> None:
    for text in (f"{receiver}.{name}()", f"{receiver}.{name}('a')", f"{name}({receiver})"):
        with pytest.raises(CompileError):
            env.compile(text)
    for text in (f"dyn({receiver}).{name}", f"dyn({receiver})['{name}']", f"dyn({receiver}).?{name}.value()"):
        made = program(env, text)
        for exact in (False, True):
            with pytest.raises(CelError):
                made.evaluate(Activation({"object": {"l": [1], "s": "x"}}, exact=exact))


def test_variables_are_evaluated_once_and_only_when_asked_for(env: Environment) -> None:
    inner = program(env, "object.metadata.name")
    broken = program(env, "object.nope.x")
    outer_env = env.extend({"variables": types.DYN})
    made = program(outer_env, "variables.name == 'web' && variables.name != ''")
    activation = Activation({"object": POD})
    activation.variables["variables"] = LazyVariables({"name": inner, "broken": broken}, activation)
    assert made.evaluate(activation) is True
    failing = program(outer_env, "variables.broken == 1")
    with pytest.raises(CelError, match='composited variable "broken" fails to evaluate: no such key: nope'):
        failing.evaluate(activation)


TEXTS = st.sampled_from(["", "a", "b", "1"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), TEXTS, st.floats(-2, 2))
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner)),
    max_leaves=8,
)
PATHS = st.sampled_from(["object", "object.a", "object.b", "object.a.b", "object.c[0]", "object.a[1]", "object.?a.?b"])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """Expressions over a dyn object: most of them meet values of a type they do not expect."""
    if depth == 0:
        return draw(st.sampled_from(["true", "1", "0", "'a'", "''", "null", "1.0", "[]", "object.a", "object.b.c"]))
    inner = expressions(depth - 1)
    kind = draw(st.integers(0, 13))
    a, b = draw(inner), draw(inner)
    path = draw(PATHS)
    templates = [
        f"dyn({a}) == dyn({b})", f"dyn({a}) != dyn({b})", f"dyn({a}) && dyn({b})", f"dyn({a}) || dyn({b})",
        f"!dyn({a})", f"dyn({a}) < dyn({b})", f"dyn({a}) in dyn({b})", f"dyn({a}) + dyn({b})",
        f"dyn({path}).all(x, dyn(x) == dyn({b}))", f"dyn({path}).exists(x, dyn(x) == dyn({b}))",
        f"dyn({path}).map(x, dyn({a})).size() > 0", f"dyn({a}) ? dyn({b}) : dyn({path})",
        "has(object.a) && has(object.a.b)", f"object.?a.?b.orValue(dyn({a}))",
    ]  # fmt: skip
    return f"({templates[kind]})"


@settings(max_examples=300, deadline=None)
@given(expressions(), OBJECTS)
def test_compiled_code_and_interpreter_always_agree(text: str, value: Any) -> None:
    env = environment("kubernetes").extend({"object": types.DYN})
    try:
        made = program(env, text)
    except (CompileError, CelError):
        return
    outcomes = []
    for exact in (False, True):
        try:
            result = made.evaluate(Activation({"object": value}, exact=exact))
            outcomes.append((type(result).__name__, repr(result)))
        except CelError as error:
            outcomes.append(("error", str(error)))
    assert outcomes[0] == outcomes[1]


DEEP_TEXTS = [
    "+".join("1" * 249),
    "!(absent && " * 187 + "true" + ")" * 187,
    "[1].all(x, " * 187 + "true" + ")" * 187,
    "[0][" * 230 + "0" + "]" * 230,
    "[" * 249 + "1" + "]" * 249,
]


@contextmanager
def stack_of(frames: int) -> Iterator[None]:
    """Leave only so many frames of the Python stack to what is called."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("text", DEEP_TEXTS)
def test_an_expression_too_deep_for_the_stack_is_no_program(env: Environment, text: str) -> None:
    with stack_of(2_000):
        checked = env.compile(text)
    with stack_of(150), pytest.raises(ProgramError, match="nested too deep for the stack"):
        env.program(checked)


@pytest.mark.parametrize("text", DEEP_TEXTS)
def test_an_evaluation_too_deep_for_the_stack_is_an_error_of_the_expression(env: Environment, text: str) -> None:
    with stack_of(5_000):
        made = program(env, text)
    with stack_of(60):
        try:
            made.evaluate_exact(Activation({}))
        except CelError as error:
            assert "nested too deep for the stack" in str(error)  # noqa: PT017 - constants need no stack at all
        made.trace(Activation({}))


def test_a_fault_of_a_function_ends_its_expression_only(env: Environment) -> None:
    def faulty(_: Any) -> Any:
        raise ZeroDivisionError("of ours")

    function = Function("faulty", (Overload("faulty_int", (types.INT,), types.INT, faulty),))
    with pytest.raises(CelError, match="internal error: ZeroDivisionError: of ours"):
        program(env.extend({}, functions=[function]), "faulty(1) == 1").evaluate(Activation({}))


@pytest.mark.parametrize(
    "text",
    [
        " && ".join(["[1, 2].all(x, x > 0)"] * 4_000),
        " && ".join(["true"] * 12_000),
        "[" + ",".join(["absent"] * 14_000) + "]",
        "{" + ",".join(f"'k{number}': absent" for number in range(5_000)) + "}",
    ],
)
def test_what_is_very_large_is_interpreted(env: Environment, text: str) -> None:
    made = program(env, text)
    assert made._compiled is None
    made.evaluate(Activation({"absent": 1}))
