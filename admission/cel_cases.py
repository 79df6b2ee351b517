"""Answering recorded CEL cases: one `{expr, env, vars, ...}` in, one value, error or phase out.

This is what `admission cel --cases` does for each line and what the conformance suite compares. Fields and value
encoding are those of cel/encoding.py; `env` names a set of variables (admission/variables.py) of the `kubernetes`
environment, or `standard`, `extended` with the given variables as dyn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from admission.authorization import AuthorizationRules
from admission.cel import types
from admission.cel.activation import Activation, Budget, LazyVariables, Overrun
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes, Authorize
from admission.cel.checker import CheckedAst
from admission.cel.diagnostic import CompileError
from admission.cel.encoding import decode_value, encode_value
from admission.cel.environment import NEWEST, Environment, environment
from admission.cel.library.authz import Authorizer, ResourceCheck
from admission.cel.plan import ProgramError
from admission.cel.program import Program
from admission.cel.types import Type
from admission.cel.values import CelError, Value
from admission.variables import declare

VARIABLE_SETS = ("base", "vap", "vap-noauthz", "map")
OPEN_ENVIRONMENTS = ("standard", "extended")


class CaseRunner:
    """Answers cases; environments are made once and kept as long as the runner."""

    def __init__(self, version: str = NEWEST) -> None:
        self._bases = {name: environment(name, version) for name in ("kubernetes", "extended", "standard")}
        self._known: dict[tuple[str, bool], Environment] = {}

    def answer(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{"value", "type", "cost"}` or `{"error", "phase", "cost"}`; never raises for what a case says."""
        given = {name: decode_value(value) for name, value in (case.get("vars") or {}).items()}
        variables: dict[str, Program | str] = {}
        try:
            env = self._environment(case, given, variables)
            checked = env.compile(case["expr"])
        except CompileError as error:
            return {"error": error.issues[0].message, "error_full": str(error), "phase": "compile", "cost": 0}
        if case.get("compile_only"):
            return {"value": True, "type": checked.result_type.full_name, "phase": "compile", "cost": 0}
        try:
            program = env.program(checked)
        except ProgramError as error:
            return {"error": str(error), "phase": "compile", "cost": 0}
        return self._evaluate(case, program, checked, given, variables)

    def _environment(
        self, case: Mapping[str, Any], given: Mapping[str, Value], variables: dict[str, Program | str]
    ) -> Environment:
        name = case.get("env") or "base"
        if name in OPEN_ENVIRONMENTS or case.get("open"):
            return self._bases[name].extend(dict.fromkeys(given, types.DYN))
        params = bool(case.get("has_params")) or "params" in given
        composed: dict[str, Type] = {}
        for variable in case.get("variables") or []:
            env = self._bases["kubernetes"].extend(*declare(name, params=params, composed=composed))
            composed[variable["name"]] = self._compile_variable(env, variable, variables)
        if composed:
            return self._bases["kubernetes"].extend(*declare(name, params=params, composed=composed))
        key = (name, params)
        if key not in self._known:
            self._known[key] = self._bases["kubernetes"].extend(*declare(name, params=params))
        return self._known[key]

    def _compile_variable(
        self, env: Environment, variable: Mapping[str, str], variables: dict[str, Program | str]
    ) -> Type:
        try:
            checked = env.compile(variable["expression"])
            variables[variable["name"]] = env.program(checked)
        except (CompileError, ProgramError) as error:
            prefix = "compilation failed: " if isinstance(error, CompileError) else ""
            variables[variable["name"]] = prefix + str(error)
            return types.DYN
        return checked.result_type

    def _evaluate(
        self,
        case: Mapping[str, Any],
        program: Program,
        checked: CheckedAst,
        given: Mapping[str, Value],
        variables: Mapping[str, Program | str],
    ) -> dict[str, Any]:
        bound: dict[str, Value] = {}
        name = case.get("env") or "base"
        if name in VARIABLE_SETS and name != "base":
            bound.update(object=None, oldObject=None, request=None, namespaceObject=None, params=None)
            if name != "vap-noauthz":
                authorize = authorizer_of(case.get("authz"))
                bound["authorizer"] = Authorizer(authorize)
                bound["authorizer.requestResource"] = request_resource(authorize, given.get("request") or {})
        bound.update(given)
        activation = Activation(bound, Budget())
        bound["variables"] = LazyVariables(variables, activation)
        try:
            exact = Activation(bound, Budget(), exact=True)
            try:
                value = program.evaluate(activation)
                bound["variables"] = LazyVariables(variables, exact)
                program.evaluate(exact)
            except Overrun:
                bound["variables"] = LazyVariables(variables, exact)
                value = program.evaluate(exact)
        except CelError as error:
            return {"error": str(error), "phase": "runtime", "cost": activation.budget.spent}
        return {
            "value": encode_value(value),
            "type": checked.result_type.full_name,
            "phase": "value",
            "cost": exact.budget.spent,
        }


def authorizer_of(rules: Any) -> Authorize:
    """Return who answers the authorizer's questions: the rules of a case; nobody where there are none."""
    if rules is None:
        return _nobody
    return AuthorizationRules.parse(rules).answer


def _nobody(_: AuthorizationAttributes) -> AuthorizationAnswer:
    raise CelError("no answer from the authorizer: there are no authorizer rules to ask")


def request_resource(authorize: Authorize, request: Mapping[str, Any]) -> ResourceCheck:
    """Return the value of `authorizer.requestResource`: the resource the request is about."""
    resource = request.get("requestResource") or request.get("resource") or {}
    attributes = AuthorizationAttributes(
        user="",
        verb="",
        group=resource.get("group", ""),
        version="*",
        resource=resource.get("resource", ""),
        sub_resource=request.get("requestSubResource") or request.get("subResource") or "",
        namespace=request.get("namespace") or "",
        name=request.get("name") or "",
    )
    return ResourceCheck(authorize, attributes)
