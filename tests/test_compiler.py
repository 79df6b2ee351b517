from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from admission.building import Built, read
from admission.cel import types
from admission.cel.activation import Activation, Budget
from admission.compiler import (
    CompiledMutatingPolicy,
    CompiledValidatingPolicy,
    ExpressionCompiler,
    Scope,
    compile_mutating,
    compile_policies,
    compile_validating,
)
from admission.errors import UsageError
from admission.policy import Expression, MutatingPolicy, PolicySet, ValidatingPolicy


@pytest.fixture(scope="module")
def compiler() -> ExpressionCompiler:
    return ExpressionCompiler()


def _read(kind: str, spec: dict[str, Any]) -> Built:
    return read(
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "n"}, "spec": spec}
    )


def _validating(compiler: ExpressionCompiler, **spec: Any) -> CompiledValidatingPolicy:
    policy = _read("ValidatingAdmissionPolicy", spec)
    assert isinstance(policy, ValidatingPolicy)
    return compile_validating(policy, compiler)


def _mutating(compiler: ExpressionCompiler, **spec: Any) -> CompiledMutatingPolicy:
    policy = _read("MutatingAdmissionPolicy", spec)
    assert isinstance(policy, MutatingPolicy)
    return compile_mutating(policy, compiler)


def _error(compiler: ExpressionCompiler, text: str, **spec: Any) -> str:
    return _validating(compiler, validations=[{"expression": text}], **spec).validations[0].error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("true", ""),
        ("1", "must evaluate to bool but got int"),
        ("object.spec", "must evaluate to bool but got dyn"),
        ("[1]", "must evaluate to bool but got list(int)"),
        (
            "foo",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^",
        ),
    ],
)
def test_an_error_has_upstreams_words(compiler: ExpressionCompiler, text: str, error: str) -> None:
    assert _error(compiler, text) == error


def test_a_program_that_cannot_be_made_is_another_error(compiler: ExpressionCompiler) -> None:
    compiled = _validating(compiler, validations=[{"expression": "true || int('x') == 1"}]).validations[0]
    assert compiled.error.startswith("program instantiation failed: ")
    assert compiled.internal
    # The type of the result is looked at first.
    compiled = _validating(compiler, validations=[{"expression": "int('x')"}]).validations[0]
    assert compiled.error == "must evaluate to bool but got int"


def test_params_exist_only_with_a_param_kind(compiler: ExpressionCompiler) -> None:
    assert "undeclared reference to 'params'" in _error(compiler, "params == null")
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert _error(compiler, "params == null", paramKind=kind) == ""


def test_variables_are_visible_in_order_under_the_type_of_their_result(compiler: ExpressionCompiler) -> None:
    compiled = _validating(
        compiler,
        variables=[
            {"name": "a", "expression": "1"},
            {"name": "b", "expression": "variables.a + 1"},
            {"name": "c", "expression": "variables.d"},
            {"name": "d", "expression": "quantity('1')"},
        ],
        validations=[
            {"expression": "variables.b == 2"},
            {"expression": "variables.b == 'x'"},
            {"expression": "variables.c == 'a failed variable is dyn'"},
            {"expression": "variables.d == 'what no simple type has is dyn'"},
            {"expression": "variables.z"},
        ],
    )
    errors = [one.error.partition("\n")[0] for one in compiled.validations]
    assert errors == [
        "",
        "compilation failed: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'",
        "",
        "",
        "compilation failed: ERROR: <input>:1:10: undefined field 'z'",
    ]
    failed = compiled.variables["c"]
    assert isinstance(failed, str)
    assert failed.startswith("compilation failed: ERROR: <input>:1:10: undefined field 'd'")
    assert not isinstance(compiled.variables["b"], str)


def test_of_two_variables_with_one_name_the_last_counts(compiler: ExpressionCompiler) -> None:
    compiled = _validating(
        compiler,
        variables=[{"name": "a", "expression": "1"}, {"name": "a", "expression": "'x'"}],
        validations=[{"expression": "variables.a == 'x'"}],
    )
    assert compiled.validations[0].error == ""
    assert list(compiled.variables) == ["a"]


def test_match_conditions_of_a_stored_policy_see_its_variables(compiler: ExpressionCompiler) -> None:
    compiled = _validating(
        compiler,
        variables=[{"name": "a", "expression": "true"}],
        matchConditions=[{"name": "c", "expression": "variables.a"}, {"name": "d", "expression": "variables.b"}],
    )
    assert [(name, bool(one.error)) for name, one in compiled.match_conditions] == [("c", False), ("d", True)]


def test_a_message_expression_sees_no_authorizer_and_is_a_string(compiler: ExpressionCompiler) -> None:
    messages = _validating(
        compiler,
        validations=[
            {"expression": "true", "messageExpression": "'a' + object.metadata.name"},
            {"expression": "true"},
            {"expression": "true", "messageExpression": "authorizer.group('').resource('pods').check('get').reason()"},
            {"expression": "true", "messageExpression": "object.metadata.name"},
        ],
    ).messages
    assert [one.error.partition("\n")[0] if one is not None else None for one in messages] == [
        "",
        None,
        "compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')",
        "must evaluate to string but got dyn",
    ]


def test_an_audit_annotation_is_a_string_or_null(compiler: ExpressionCompiler) -> None:
    compiled = _validating(
        compiler,
        auditAnnotations=[{"key": "a", "valueExpression": text} for text in ("'a'", "null", "1", "object")],
    )
    assert [one.error for one in compiled.audit_annotations] == [
        "",
        "",
        "must evaluate to one of [string null_type] but got int",
        "must evaluate to one of [string null_type] but got dyn",
    ]


def test_mutations_alone_know_objects_and_patches(compiler: ExpressionCompiler) -> None:
    compiled = _mutating(
        compiler,
        variables=[{"name": "a", "expression": "Object{}"}],
        mutations=[
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}},
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "object"}},
            {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/a', value: 1}]"}},
            {"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}},
        ],
    )
    assert [one.error for one in compiled.mutations] == [
        "",
        "must evaluate to Object but got dyn",
        "",
        "must evaluate to list(JSONPatch) but got list(dyn)",
    ]
    assert isinstance(compiled.variables["a"], str)


def test_a_program_evaluates(compiler: ExpressionCompiler) -> None:
    program = _validating(compiler, validations=[{"expression": "object.a == 1"}]).validations[0].program
    assert program is not None
    assert program.evaluate(Activation({"object": {"a": 1}}, Budget())) is True


def test_the_same_text_in_the_same_scope_is_compiled_once(compiler: ExpressionCompiler) -> None:
    scope = Scope(params=True, composed={"a": types.INT})
    other = Scope(authorizer=False)
    first = compiler.compile(Expression("object.a == 1"), scope).program
    assert first is compiler.compile(Expression("object.a == 1"), other).program
    assert compiler.compile(Expression("variables.a == 1"), other).program is None


def test_the_roots_that_a_policy_mentions_are_known(compiler: ExpressionCompiler) -> None:
    compiled = _validating(
        compiler,
        variables=[{"name": "a", "expression": "namespaceObject.metadata.name"}],
        validations=[{"expression": "object.a == oldObject.a"}],
    )
    assert compiled.names == {"object", "oldObject", "namespaceObject"}


def test_older_versions_lack_what_came_later() -> None:
    text = "[1, 2].exists(i, v, i == v)"
    assert _error(ExpressionCompiler("1.36"), text) == ""
    assert _error(ExpressionCompiler("1.31"), text) != ""


def test_a_version_may_be_written_as_servers_say_it() -> None:
    assert ExpressionCompiler("v1.36.2-x.1").kubernetes_version == "1.36"
    assert ExpressionCompiler("1.31+").kubernetes_version == "1.31"
    with pytest.raises(UsageError, match="'newest' is no version of Kubernetes"):
        ExpressionCompiler("newest")


def test_a_set_keeps_order_and_tells_every_fault() -> None:
    broken = read(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "a"},
            "spec": {"validations": [{"expression": "x + y"}, {"expression": "1"}]},
        }
    )
    assert isinstance(broken, ValidatingPolicy)
    compiled, issues = compile_policies(PolicySet.of([broken], []))
    assert [policy.policy.name for policy in compiled.validating] == ["a"]
    assert compiled.version == PolicySet.of([broken], []).version
    assert [issue.message for issue in issues] == [
        "spec.validations[0].expression: undeclared reference to 'x' (in container '')",
        "spec.validations[0].expression: undeclared reference to 'y' (in container '')",
        "spec.validations[1].expression: must evaluate to bool but got int",
    ]


def test_every_recorded_policy_compiles(assets: Path) -> None:
    policies = []
    for file in sorted((assets / "golden").glob("*.json")):
        policy = read(json.loads(file.read_text("utf-8"))["policy"])
        assert isinstance(policy, ValidatingPolicy | MutatingPolicy)
        policies.append(policy)
    compiled, issues = compile_policies(PolicySet.of(policies, []))
    assert issues == ()
    assert len(compiled.validating) + len(compiled.mutating) == len(policies)
