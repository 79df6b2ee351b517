"""A second look at the expressions of policies, with `object`, `oldObject` and `params` typed by their schemas.

The first check, which decides what is accepted, takes them for dyn. This one runs each expression against every kind
that a policy's rules name, as the API server does after it stored a policy, and only ever warns. Source: apiserver
pkg/admission/plugin/policy/validating/typechecking.go; with `exact` the warnings are the API server's, else also
variables, conditions, annotations and mutations are looked at, and nothing is warned of that is merely unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from admission.cel import types
from admission.cel.ast import Ast
from admission.cel.checker import CheckedAst, check
from admission.cel.diagnostic import CelIssue, CompileError
from admission.cel.environment import Environment
from admission.cel.function import Function
from admission.cel.suggestions import suggest
from admission.cel.types import Type
from admission.cel.validators import validate
from admission.compiler import ExpressionCompiler
from admission.errors import Issue
from admission.policy import Expression, MutatingPolicy, Rule, ValidatingPolicy
from admission.schema.bundle import bundled
from admission.schema.definitions import Definitions, KindName
from admission.schema.object_types import ObjectTypes
from admission.variables import VARIABLES_TYPE, composed_type, structs, variables

MAX_KINDS = 10
ISSUE_ID = "type-check"
_ALIKE = (
    "found no matching overload for '_+_' applied to '(list(",
    "found no matching overload for 'orValue' applied to 'optional_type(",
)


@dataclass(frozen=True, slots=True)
class TypeWarning:
    """What is wrong with one expression when objects are of one kind; `suggestions` has one sentence for each issue."""

    expression: Expression
    kind: KindName
    error: CompileError
    suggestions: tuple[str, ...] = ()


def check_types(
    policy: ValidatingPolicy | MutatingPolicy,
    definitions: Definitions,
    environment: Environment,
    *,
    exact: bool = False,
) -> tuple[TypeWarning, ...]:
    """Return the warnings of all expressions of a policy, in the order of expressions and kinds.

    `environment` is the one the policy is compiled in, without variables of its own.
    """
    match = policy.match
    if match is None:
        return ()
    params = None
    if policy.param_kind is not None:
        group, _, version = policy.param_kind.api_version.rpartition("/")
        params = KindName(group, version, policy.param_kind.kind)
    checks = [
        _Check(policy, kind, params, definitions, environment, exact=exact)
        for kind in kinds_to_check(match.rules, definitions)
        if definitions.schema(kind) is not None
    ]
    found = (each.warning(expression) for expression in _expressions(policy, exact=exact) for each in checks)
    return tuple(warning for warning in found if warning is not None)


def type_issues(
    policies: Iterable[ValidatingPolicy | MutatingPolicy],
    expressions: ExpressionCompiler,
    documents: Iterable[Mapping[str, Any]] = (),
    *,
    exact: bool = False,
) -> tuple[Issue, ...]:
    """Return the warnings about all policies; kinds of CustomResourceDefinitions among `documents` are known too.

    `expressions` is what compiled the policies: their environments are asked again.
    """
    known = bundled().with_custom_resources(documents)
    found: list[Issue] = []
    for policy in policies:
        found += issues(check_types(policy, known, expressions.base(extended=policy.own), exact=exact))
    return tuple(found)


def kinds_to_check(rules: Iterable[Rule], definitions: Definitions) -> tuple[KindName, ...]:
    """Return the kinds that rules name, sorted, at most 10: rules with wildcards and subresources name none."""
    kinds: set[KindName] = set()
    for rule in rules:
        resources = sorted(resource for resource in rule.resources if not set("*/") & set(resource))
        if any("*" in name for name in (*rule.api_groups, *rule.api_versions)):
            continue
        count = 0
        for group in sorted(rule.api_groups):
            for version in sorted(rule.api_versions):
                for resource in resources:
                    for kind in definitions.kinds_for(group, version, resource):
                        kinds.add(kind)
                        count += 1
                        if count == MAX_KINDS:  # counted for each rule anew, and then no further rule is looked at
                            return tuple(sorted(kinds))
    return tuple(sorted(kinds))


def upstream_warnings(warnings: Iterable[TypeWarning]) -> list[dict[str, str]]:
    """Return the warnings as the API server writes them into `status.typeChecking.expressionWarnings`."""
    texts: dict[str, list[str]] = {}
    for warning in warnings:
        texts.setdefault(warning.expression.field, []).append(f"{warning.kind}: {warning.error}\n")
    return [{"fieldRef": field, "warning": "\n".join(each)} for field, each in texts.items()]


def issues(warnings: Iterable[TypeWarning]) -> tuple[Issue, ...]:
    """Return one issue for each fault, placed in the policy's file, naming all kinds that it is a fault for."""
    merged: dict[tuple[str, CelIssue], tuple[Expression, CelIssue, str, list[KindName]]] = {}
    for warning in warnings:
        expression = warning.expression
        count = len(warning.error.issues)
        for issue, suggestion in zip(warning.error.issues, warning.suggestions or ("",) * count, strict=True):
            # the type names of different kinds differ, but it is the same fault
            common = CelIssue(issue.offset, issue.line, issue.column, issue.message.split(" applied to ")[0])
            merged.setdefault((expression.field, common), (expression, issue, suggestion, []))[3].append(warning.kind)
    return tuple(_issue(*each) for each in merged.values())


def _issue(expression: Expression, issue: CelIssue, suggestion: str, kinds: list[KindName]) -> Issue:
    position, line = expression.place.locate(max(0, issue.offset)) if expression.place is not None else (None, "")
    named = ", ".join(f"{kind.api_version} {kind.kind}" for kind in dict.fromkeys(kinds))
    return Issue(
        message=f"{issue.message} (for {named})",
        position=position,
        field=expression.field,
        source=line,
        severity="warning",
        id=ISSUE_ID,
        help=suggestion,
    )


def _expressions(policy: ValidatingPolicy | MutatingPolicy, *, exact: bool) -> Iterator[Expression]:
    if not exact:
        yield from (condition.expression for condition in policy.match_conditions)
        yield from (variable.expression for variable in policy.variables)
    if isinstance(policy, ValidatingPolicy):
        for validation in policy.validations:
            yield validation.expression
            if validation.message_expression is not None:
                yield validation.message_expression
        if not exact:
            yield from (annotation.expression for annotation in policy.audit_annotations)
    elif not exact:
        yield from (mutation.expression for mutation in policy.mutations)


class _Check:
    """The expressions of one policy checked for one kind."""

    def __init__(
        self,
        policy: ValidatingPolicy | MutatingPolicy,
        kind: KindName,
        params: KindName | None,
        definitions: Definitions,
        environment: Environment,
        *,
        exact: bool,
    ) -> None:
        self._kind = kind
        self._exact = exact
        mutation = isinstance(policy, MutatingPolicy)
        declared = variables(params=params is not None, composed={})
        if exact:  # forgotten upstream
            del declared["authorizer.requestResource"]
        self._untyped = environment.extend(declared, structs(composed={}, mutation=mutation))
        object_types = ObjectTypes(definitions, exact=exact)
        typed = object_types.declare(kind) or types.DYN
        overrides = {"object": typed, "oldObject": typed}
        if params is not None:
            overrides["params"] = object_types.declare(params) or types.DYN
        self._declarations = _Typed(self._untyped, overrides, object_types)
        for variable in policy.variables:
            result = self._try(variable.expression.text)
            known = composed_type(result.result_type) if isinstance(result, CheckedAst) else types.DYN
            self._declarations.composed[variable.name] = known

    def warning(self, expression: Expression) -> TypeWarning | None:
        """Return what is wrong with an expression for this kind that is not wrong with it for every kind."""
        error = self._try(expression.text)
        if isinstance(error, CheckedAst):
            return None
        if self._exact:
            return TypeWarning(expression, self._kind, error)
        # Types are named by their paths: containers and initContainers are none that can be joined, although they are
        # alike, and `{}` stands for no object.
        meant = tuple(issue for issue in error.issues if not issue.message.startswith(_ALIKE))
        if not meant:
            return None
        error = CompileError(meant, error.source)
        try:
            ast = self._untyped.parse(expression.text)
            self._check(ast, _Typed(self._untyped, {}, None, dict.fromkeys(self._declarations.composed, types.DYN)))
        except CompileError:
            return None  # refused anyway, and reported by the first check
        return TypeWarning(expression, self._kind, error, suggest(ast, self._declarations, error.issues))

    def _try(self, text: str) -> CheckedAst | CompileError:
        try:
            return self._check(self._untyped.parse(text), self._declarations)
        except CompileError as error:
            return error

    def _check(self, ast: Ast, declarations: _Typed) -> CheckedAst:
        checked = check(ast, declarations)
        validate(checked, declarations, self._untyped.validators)
        return checked


class _Typed:
    """The declarations of an environment with some variables typed by schemas, and the policy's own variables."""

    def __init__(
        self,
        environment: Environment,
        overrides: Mapping[str, Type],
        object_types: ObjectTypes | None,
        composed: dict[str, Type] | None = None,
    ) -> None:
        self.container = environment.container
        self.strict = environment.strict
        self.composed: dict[str, Type] = composed if composed is not None else {}
        self._environment = environment
        self._overrides = overrides
        self._object_types = object_types

    def find_ident(self, name: str) -> tuple[Type, Any] | None:
        found = self._environment.find_ident(name)
        override = self._overrides.get(name)
        return found if override is None or found is None else (override, found[1])

    def find_function(self, name: str) -> Function | None:
        return self._environment.find_function(name)

    def find_struct(self, name: str) -> Type | None:
        if self._object_types is not None and name in self._object_types:
            return types.struct(name)
        return self._environment.find_struct(name)

    def find_field(self, struct: str, field: str) -> Type | None:
        if struct == VARIABLES_TYPE:
            return self.composed.get(field)
        if self._object_types is not None and struct in self._object_types:
            return self._object_types.field(struct, field)
        return self._environment.find_field(struct, field)

    def remark(self, name: str) -> str | None:
        return self._environment.remark(name)

    def ident_names(self) -> Iterable[str]:
        return self._environment.ident_names()

    def function_names(self) -> Iterable[str]:
        return self._environment.function_names()

    def field_names(self, struct: str) -> Iterable[str]:
        if struct == VARIABLES_TYPE:
            return self.composed
        if self._object_types is not None and struct in self._object_types:
            return self._object_types.field_names(struct)
        return self._environment.field_names(struct)
