"""Answering CEL cases: one `{expr, env, vars, ...}` in, one value, or an error and its phase, out.

This is what `admission cel` does and what the conformance suite compares. Fields and value encoding are those of
cel/encoding.py; `env` names a set of variables (admission/variables.py) of the `kubernetes` environment, or one of the
environments `kubernetes`, `extended`, `standard`, in which the given variables are dyn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, get_args

from admission.authorization import AuthorizationRules
from admission.cel import types
from admission.cel.activation import Activation, Budget, LazyVariables, Overrun
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes, Authorize
from admission.cel.diagnostic import CompileError
from admission.cel.encoding import decode_value, encode_value
from admission.cel.environment import NEWEST, Environment, environment, minor_version
from admission.cel.explain import Explained, explain
from admission.cel.library.authz import Authorizer, ResourceCheck
from admission.cel.plan import ProgramError
from admission.cel.program import Program
from admission.cel.types import Type
from admission.cel.values import CelError, Value
from admission.errors import DeadlineError, InputError
from admission.variables import VariableSet, declare

VARIABLE_SETS: Final = get_args(VariableSet)
OPEN_ENVIRONMENTS: Final = ("kubernetes", "extended", "standard")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case whose expression compiled: its program and what its variables are bound to."""

    program: Program
    bound: Mapping[str, Value]
    variables: Mapping[str, Program | str]
    check: Callable[[], None] | None = None

    def activation(self, *, exact: bool = False) -> Activation:
        """Return a fresh activation."""
        bound = dict(self.bound)
        activation = Activation(bound, Budget(check=self.check), exact=exact)
        bound["variables"] = LazyVariables(self.variables, activation)
        return activation


class CaseRunner:
    """Answers cases; environments are made when they are first asked for, and kept.

    `begin` is called for each case and returns what raises DeadlineError when its time is up.
    """

    def __init__(self, version: str = NEWEST, begin: Callable[[], Callable[[], None]] | None = None) -> None:
        self._begin = begin
        self._version = minor_version(version)
        self._bases: dict[str, Environment] = {}
        self._known: dict[tuple[str, bool], Environment] = {}

    def answer(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{"value", "type", "cost"}` or `{"error", "phase", "cost"}`; InputError for what is no case."""
        try:
            if case.get("compile_only"):
                checked = self._environment(case, {}, {}).compile(case["expr"])
                return {"value": True, "type": checked.result_type.full_name, "phase": "compile", "cost": 0}
            prepared = self.prepare(case)
        except CompileError as error:
            return {"error": error.issues[0].message, "error_full": str(error), "phase": "compile", "cost": 0}
        except ProgramError as error:
            return {"error": str(error), "error_full": str(error), "phase": "compile", "cost": 0}
        exact = prepared.activation(exact=True)
        try:
            value = prepared.program.evaluate(exact)
            with suppress(Overrun):
                value = prepared.program.evaluate(prepared.activation())
            encoded = encode_value(value)
        except (CelError, DeadlineError) as error:
            return {"error": str(error), "phase": "runtime", "cost": exact.budget.spent}
        result_type = prepared.program.result_type.full_name
        return {"value": encoded, "type": result_type, "phase": "value", "cost": exact.budget.spent}

    def explain(self, case: Mapping[str, Any]) -> Explained:
        """Return every sub-expression with its value; CompileError or ProgramError where there is no program."""
        prepared = self.prepare(case)
        return explain(prepared.program.trace(prepared.activation(exact=True)), prepared.program.checked.source)

    def prepare(self, case: Mapping[str, Any]) -> Prepared:
        """Compile a case; raises CompileError, ProgramError, and InputError for what is no case."""
        given = {name: decode_value(value) for name, value in (case.get("vars") or {}).items()}
        variables: dict[str, Program | str] = {}
        env = self._environment(case, given, variables)
        program = env.program(env.compile(case["expr"]))
        return Prepared(
            program, self._bound(case, given), variables, self._begin() if self._begin is not None else None
        )

    def _bound(self, case: Mapping[str, Any], given: Mapping[str, Value]) -> dict[str, Value]:
        name = case.get("env") or "base"
        if name in OPEN_ENVIRONMENTS or name == "base":
            return dict(given)
        bound: dict[str, Value] = dict.fromkeys(("object", "oldObject", "request", "namespaceObject", "params"))
        if name != "vap-noauthz":
            authorize = authorizer_of(case.get("authz"))
            bound["authorizer"] = Authorizer(authorize)
            bound["authorizer.requestResource"] = request_resource(authorize, given.get("request") or {})
        return bound | dict(given)

    def _environment(
        self, case: Mapping[str, Any], given: Mapping[str, Value], variables: dict[str, Program | str]
    ) -> Environment:
        name = case.get("env") or "base"
        if name in OPEN_ENVIRONMENTS:
            return self._base(name).extend(dict.fromkeys(given, types.DYN))
        if not _is_variable_set(name):
            raise InputError(f"no environment {name!r}; there are {', '.join((*VARIABLE_SETS, *OPEN_ENVIRONMENTS))}")
        params = bool(case.get("has_params")) or "params" in given
        if case.get("variables"):
            return self._composed(name, params, case["variables"], variables)
        key = (name, params)
        if key not in self._known:
            self._known[key] = self._base("kubernetes").extend(*declare(name, params=params))
        return self._known[key]

    def _composed(
        self,
        name: VariableSet,
        params: bool,
        declared: list[Mapping[str, str]],
        variables: dict[str, Program | str],
    ) -> Environment:
        composed: dict[str, Type] = {}
        base = self._base("kubernetes")
        for variable in declared:
            env = base.extend(*declare(name, params=params, composed=composed))
            composed[variable["name"]] = types.DYN
            try:
                checked = env.compile(variable["expression"])
                variables[variable["name"]] = env.program(checked)
                composed[variable["name"]] = checked.result_type
            except CompileError as error:
                variables[variable["name"]] = f"compilation failed: {error}"
            except ProgramError as error:
                variables[variable["name"]] = str(error)
        return base.extend(*declare(name, params=params, composed=composed))

    def _base(self, name: str) -> Environment:
        if name not in self._bases:
            self._bases[name] = environment(name, self._version)
        return self._bases[name]


def _is_variable_set(name: str) -> TypeGuard[VariableSet]:
    return name in VARIABLE_SETS


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
