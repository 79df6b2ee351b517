"""Which variables and object types expressions of policies see."""

from __future__ import annotations

import pytest

from admission.cel import types
from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment
from admission.cel.types import Type, list_of, map_of, optional_of, struct, wrapper
from admission.variables import composed_type, declare


@pytest.fixture(scope="module")
def base() -> Environment:
    return environment("kubernetes")


def error(text: str, env: Environment) -> str:
    with pytest.raises(CompileError) as raised:
        env.compile(text)
    return raised.value.issues[0].message


def test_there_are_no_variables_in_base() -> None:
    assert declare("base") == ({}, {})


@pytest.mark.parametrize("field", ["uid", "object", "oldObject"])
def test_the_request_lacks_what_has_variables_of_its_own(field: str, base: Environment) -> None:
    assert error(f"request.{field}", base.extend(*declare("vap"))) == f"undefined field '{field}'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("request.userInfo.extra['a'][0]", types.STRING),
        ("request.namespace", types.STRING),
        ("request.dryRun", types.BOOL),
        ("request.options.kind", types.DYN),
        ("object.anything.goes", types.DYN),
        ("namespaceObject.metadata.labels", map_of(types.STRING, types.STRING)),
        ("namespaceObject.metadata.creationTimestamp", types.TIMESTAMP),
        ("namespaceObject.status.conditions[0].type", types.STRING),
        ("authorizer.requestResource", types.RESOURCE_CHECK),
        ("authorizer", types.AUTHORIZER),
    ],
)
def test_variables_have_declared_types(text: str, expected: Type, base: Environment) -> None:
    assert base.extend(*declare("vap")).compile(text).result_type == expected


def test_params_and_authorizer_are_there_only_where_the_policy_has_them(base: Environment) -> None:
    assert "undeclared reference to 'params'" in error("params.a", base.extend(*declare("vap", params=False)))
    assert "undeclared reference to 'authorizer'" in error("authorizer", base.extend(*declare("vap-noauthz")))


def test_policy_variables_have_the_types_of_their_expressions(base: Environment) -> None:
    env = base.extend(*declare("vap", composed={"names": list_of(types.STRING), "quantity": types.QUANTITY}))
    assert env.compile("variables.names[0]").result_type == types.STRING
    assert env.compile("variables.quantity").result_type == types.DYN
    assert error("variables.nope", env) == "undefined field 'nope'"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (types.INT, types.INT),
        (types.NULL, types.NULL),
        (list_of(types.QUANTITY), list_of(types.DYN)),
        (map_of(types.STRING, list_of(types.INT)), map_of(types.STRING, list_of(types.INT))),
        (optional_of(types.INT), types.DYN),
        (wrapper(types.INT), types.DYN),
        (struct("Object"), types.DYN),
        (types.TYPE, types.DYN),
    ],
)
def test_types_that_variables_cannot_have_become_dyn(result: Type, expected: Type) -> None:
    assert composed_type(result) == expected


def test_objects_of_mutations_take_any_field_and_patches_four(base: Environment) -> None:
    env = base.extend(*declare("map"))
    assert env.compile("Object{spec: Object.spec{anything: [1]}}").result_type == struct("Object")
    assert env.compile("Object.a.b{}.c.d").result_type == types.DYN
    assert env.compile("JSONPatch{op: 'add', path: '/a', value: 1}").result_type == struct("JSONPatch")
    assert "is 'string' but provided type is 'int'" in error("JSONPatch{op: 1}", env)
    assert error("JSONPatch{nope: 'a'}", env) == "expected type of field 'nope' is '' but provided type is 'string'"
    assert "undeclared reference to 'Object'" in error("Object{}", base.extend(*declare("vap")))
