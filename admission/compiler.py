"""Every expression of every policy compiled once, with the types that upstream compiles it with.

An expression that does not compile keeps its error, in upstream's words: for a stored policy that is an error of that
expression alone, which surfaces only when it is evaluated. Variables are visible to those after them, under the type of
their result where that is simple. Sources: apiserver pkg/admission/plugin/cel/compile.go and composition.go,
plugin/policy/validating/plugin.go, plugin/policy/mutating/compilation.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from admission.cel import types
from admission.cel.activation import PER_CALL_LIMIT, RUNTIME_BUDGET
from admission.cel.conjunction import Clause, Conjunction
from admission.cel.diagnostic import CelIssue, CompileError
from admission.cel.environment import NEWEST, Environment, environment, minor_version
from admission.cel.plan import ProgramError
from admission.cel.program import Program
from admission.cel.types import Type
from admission.errors import Issue
from admission.policy import Exemption, Expression, MutatingPolicy, Policy, PolicySet, ValidatingPolicy
from admission.variables import JSON_PATCH, OBJECT, composed_type, structs, variables

Composed: TypeAlias = Mapping[str, Type]

CONDITION: Final = (types.BOOL,)
MESSAGE: Final = (types.STRING,)
AUDIT_VALUE: Final = (types.STRING, types.NULL)
ANYTHING: Final[tuple[Type, ...]] = ()
_PATCHES: Final[Mapping[str, tuple[Type, ...]]] = {
    "JSONPatch": (types.list_of(JSON_PATCH),),
    "ApplyConfiguration": (OBJECT,),
}


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """An expression with its program, or with the reason why there is none.

    `error` is upstream's text without the words "compilation error: "; `issues` are the single faults behind it, with
    places in the text, where they have any, and `hints` a sentence of help for each of them, or nothing; `internal`
    says that it compiles but no program can be made.
    """

    expression: Expression
    program: Program | None = None
    error: str = ""
    issues: tuple[CelIssue, ...] = ()
    hints: tuple[str, ...] = ()
    internal: bool = False

    @property
    def result_type(self) -> Type:
        """The static type of the result; dyn where the expression does not compile."""
        return self.program.result_type if self.program is not None else types.DYN


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name besides object, oldObject, request and namespaceObject.

    `composed` holds the policy's own variables so far, None where `variables` does not exist; `mutation` adds the types
    Object and JSONPatch. `extended` is the environment of our own kinds.
    """

    params: bool = False
    authorizer: bool = True
    mutation: bool = False
    composed: Composed | None = field(default=None, hash=False)
    extended: bool = False

    def narrowed(self, text: str) -> Scope:
        """Return the scope without what the text does not mention: the outcome is the same, and more often known."""
        return Scope(
            params=self.params and "params" in text,
            authorizer=self.authorizer and "authorizer" in text,
            mutation=self.mutation,
            composed={name: kind for name, kind in self.composed.items() if name in text}
            if self.composed is not None and "variables" in text
            else None,
            extended=self.extended,
        )


_Key: TypeAlias = tuple[bool, bool, bool, bool, tuple[tuple[str, Type], ...] | None]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What compiling a text came to, whatever result is wanted."""

    program: Program | None = None
    result_type: Type = types.ERROR
    error: CompileError | ProgramError | None = None


class ExpressionCompiler:
    """Compiles expressions for one version of Kubernetes and remembers what it compiled.

    The version may be written as servers say it (`v1.36.2-x.1`); UsageError where it is none that is known.
    """

    def __init__(self, kubernetes_version: str = NEWEST) -> None:
        self.kubernetes_version = minor_version(kubernetes_version)
        self._bases: dict[bool, Environment] = {}
        self._environments: dict[_Key, Environment] = {}
        self._outcomes: dict[tuple[_Key, str], _Outcome] = {}

    def compile(self, expression: Expression, scope: Scope, wanted: tuple[Type, ...] = ANYTHING) -> CompiledExpression:
        """Compile an expression whose result must be exactly one of the wanted types; never raises."""
        outcome = self._outcome(expression.text, scope.narrowed(expression.text))
        error = outcome.error
        if isinstance(error, CompileError):
            hints = self._hints(expression.text, scope, error.issues)
            return CompiledExpression(expression, None, f"compilation failed: {error}", error.issues, hints)
        if wanted and outcome.result_type not in wanted:
            return CompiledExpression(expression, error=_wrong_type(wanted, outcome.result_type))
        if error is not None:
            return CompiledExpression(expression, error=str(error), internal=True)
        return CompiledExpression(expression, outcome.program)

    def _outcome(self, text: str, scope: Scope) -> _Outcome:
        key = _key(scope)
        outcome = self._outcomes.get((key, text))
        if outcome is None:
            outcome = self._outcomes[key, text] = _compile(self._environment(scope), text)
        return outcome

    def _hints(self, text: str, scope: Scope, issues: tuple[CelIssue, ...]) -> tuple[str, ...]:
        from admission.cel.suggestions import suggest  # only faults need it, and it costs start-up time

        known = self._environment(scope)
        try:
            ast = known.parse(text)
        except CompileError:
            return ("",) * len(issues)
        return suggest(ast, known, issues)

    def base(self, *, extended: bool = False) -> Environment:
        """Return the environment of all expressions, without variables: Kubernetes' own, or that of our own kinds."""
        if extended not in self._bases:
            self._bases[extended] = environment("extended" if extended else "kubernetes", self.kubernetes_version)
        return self._bases[extended]

    def _environment(self, scope: Scope) -> Environment:
        key = _key(scope)
        known = self._environments.get(key)
        if known is None:
            known = self._environments[key] = self.base(extended=scope.extended).extend(
                variables(params=scope.params, authorizer=scope.authorizer, composed=scope.composed),
                structs(composed=scope.composed, mutation=scope.mutation),
            )
        return known


def _key(scope: Scope) -> _Key:
    composed = tuple(scope.composed.items()) if scope.composed is not None else None
    return scope.params, scope.authorizer, scope.mutation, scope.extended, composed


def _compile(known: Environment, text: str) -> _Outcome:
    try:
        checked = known.compile(text)
    except CompileError as error:
        return _Outcome(error=error)
    try:
        return _Outcome(known.program(checked), checked.result_type)
    except ProgramError as error:
        return _Outcome(None, checked.result_type, error)


def _wrong_type(wanted: tuple[Type, ...], result: Type) -> str:
    if len(wanted) == 1:
        return f"must evaluate to {wanted[0].full_name} but got {result.full_name}"
    return f"must evaluate to one of [{' '.join(one.full_name for one in wanted)}] but got {result.full_name}"


@dataclass(frozen=True, slots=True)
class CompiledVariables:
    """The variables of a policy: `programs` as evaluation wants them, by name, the last of two with one name.

    `types` are the types that others know them under (dyn where one does not compile), in order of declaration.
    """

    expressions: tuple[CompiledExpression, ...] = ()
    programs: Mapping[str, Program | str] = field(default_factory=dict, hash=False)
    types: Composed = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class CompiledValidatingPolicy:
    """A validating policy with a program, or an error, for each of its expressions, in the policy's order.

    `messages` has None for a validation without a message expression; `names` are the root variables that any
    expression mentions, a superset of what it needs.
    """

    policy: ValidatingPolicy
    match_conditions: tuple[tuple[str, CompiledExpression], ...]
    variables: Mapping[str, Program | str] = field(hash=False)
    validations: tuple[CompiledExpression, ...]
    messages: tuple[CompiledExpression | None, ...]
    audit_annotations: tuple[CompiledExpression, ...]
    names: frozenset[str] = frozenset()
    expressions: tuple[CompiledExpression, ...] = ()
    together: Conjunction | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CompiledMutatingPolicy:
    """A mutating policy with a program, or an error, for each of its expressions, in the policy's order."""

    policy: MutatingPolicy
    match_conditions: tuple[tuple[str, CompiledExpression], ...]
    variables: Mapping[str, Program | str] = field(hash=False)
    mutations: tuple[CompiledExpression, ...]
    names: frozenset[str] = frozenset()
    expressions: tuple[CompiledExpression, ...] = ()


CompiledPolicy: TypeAlias = CompiledValidatingPolicy | CompiledMutatingPolicy


@dataclass(frozen=True, slots=True)
class CompiledExemption:
    """An exemption with a program, or an error, for each of its match conditions."""

    exemption: Exemption
    match_conditions: tuple[tuple[str, CompiledExpression], ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CompiledPolicySet:
    """All policies, compiled, in order of name, with the set that they were made of."""

    source: PolicySet
    validating: tuple[CompiledValidatingPolicy, ...]
    mutating: tuple[CompiledMutatingPolicy, ...]
    kubernetes_version: str = NEWEST
    exemptions: tuple[CompiledExemption, ...] = ()

    @property
    def version(self) -> str:
        """The hash of all that the policies say."""
        return self.source.version


def compile_policies(
    policies: PolicySet, *, kubernetes_version: str = NEWEST, expressions: ExpressionCompiler | None = None
) -> tuple[CompiledPolicySet, tuple[Issue, ...]]:
    """Compile policies as stored ones; return them with one Issue for every fault of every expression.

    `expressions` is a compiler that was used before, whose memory saves the work of compiling twice.
    """
    compiler = expressions if expressions is not None else ExpressionCompiler(kubernetes_version)
    validating = tuple(
        compile_validating(policy, compiler) for policy in policies.policies if isinstance(policy, ValidatingPolicy)
    )
    mutating = tuple(
        compile_mutating(policy, compiler) for policy in policies.policies if isinstance(policy, MutatingPolicy)
    )
    compiled: tuple[CompiledPolicy, ...] = (*validating, *mutating)
    exemptions = tuple(compile_exemption(exemption, compiler) for exemption in policies.exemptions)
    every = [one for policy in compiled for one in policy.expressions]
    every += [one for exemption in exemptions for _, one in exemption.match_conditions]
    issues = tuple(issue for one in every for issue in issues_of(one))
    return CompiledPolicySet(policies, validating, mutating, compiler.kubernetes_version, exemptions), issues


def compile_validating(policy: ValidatingPolicy, compiler: ExpressionCompiler) -> CompiledValidatingPolicy:
    """Compile one stored validating policy."""
    known = compile_variables(policy, compiler)
    scope = Scope(params=policy.param_kind is not None, composed=known.types, extended=policy.own)
    message_scope = replace(scope, authorizer=False)
    conditions = _conditions(policy, compiler, scope)
    validations = tuple(compiler.compile(one.expression, scope, CONDITION) for one in policy.validations)
    messages = tuple(
        compiler.compile(one.message_expression, message_scope, MESSAGE) if one.message_expression is not None else None
        for one in policy.validations
    )
    annotations = tuple(compiler.compile(one.expression, scope, AUDIT_VALUE) for one in policy.audit_annotations)
    every = (
        *(compiled for _, compiled in conditions),
        *known.expressions,
        *validations,
        *(message for message in messages if message is not None),
        *annotations,
    )
    together = _together(conditions, validations, messages, annotations, known.programs, _names(every))
    return CompiledValidatingPolicy(
        policy, conditions, known.programs, validations, messages, annotations, _names(every), every, together
    )


def _together(
    conditions: Sequence[tuple[str, CompiledExpression]],
    validations: Sequence[CompiledExpression],
    messages: Sequence[CompiledExpression | None],
    annotations: Sequence[CompiledExpression],
    variables: Mapping[str, Program | str],
    names: frozenset[str],
) -> Conjunction | None:
    """Return match conditions and validations as one question, where nothing but a plain yes needs anything else.

    Message expressions of validations that hold are evaluated upstream too, and can end in nothing but an exhausted
    budget: they may be left out where even the highest cost of each (and of each variable) fits. Match conditions
    that hold see no Namespace, so one that might name it asks for itself.
    """
    programs = [*(compiled.program for _, compiled in conditions), *(compiled.program for compiled in validations)]
    plain = [program for program in programs if program is not None]
    most = (1 + sum(message is not None for message in messages) + len(variables)) * PER_CALL_LIMIT
    fits = most <= RUNTIME_BUDGET or not any(messages)
    if len(plain) < len(programs) or annotations or not fits or (conditions and "namespaceObject" in names):
        return None
    compiled = {name: program for name, program in variables.items() if isinstance(program, Program)}
    return Conjunction((Clause(plain, compiled),), unsupported=ASKS_OTHERS)


ASKS_OTHERS: Final = frozenset(("authorizer", "authorizer.requestResource"))


def compile_mutating(policy: MutatingPolicy, compiler: ExpressionCompiler) -> CompiledMutatingPolicy:
    """Compile one stored mutating policy."""
    known = compile_variables(policy, compiler)
    scope = Scope(params=policy.param_kind is not None, composed=known.types, extended=policy.own)
    wider = replace(scope, mutation=True)
    conditions = _conditions(policy, compiler, scope)
    mutations = tuple(compiler.compile(one.expression, wider, patch_types(one.patch_type)) for one in policy.mutations)
    every = (*(compiled for _, compiled in conditions), *known.expressions, *mutations)
    return CompiledMutatingPolicy(policy, conditions, known.programs, mutations, _names(every), every)


def compile_exemption(exemption: Exemption, compiler: ExpressionCompiler) -> CompiledExemption:
    """Compile one exemption, whose conditions see neither params nor variables."""
    conditions = _conditions(exemption, compiler, Scope(extended=True))
    return CompiledExemption(exemption, conditions, _names(compiled for _, compiled in conditions))


def compile_variables(policy: Policy, compiler: ExpressionCompiler) -> CompiledVariables:
    """Compile a policy's variables in order, each seeing those before it."""
    found: dict[str, Type] = {}
    compiled = []
    for variable in policy.variables:
        scope = Scope(params=policy.param_kind is not None, composed=dict(found), extended=policy.own)
        one = compiler.compile(variable.expression, scope)
        found[variable.name] = composed_type(one.result_type)
        compiled.append(one)
    programs = {
        variable.name: one.program if one.program is not None else one.error
        for variable, one in zip(policy.variables, compiled, strict=True)
    }
    return CompiledVariables(tuple(compiled), programs, found)


def patch_types(patch_type: str) -> tuple[Type, ...]:
    """Return what the expression of a mutation must evaluate to."""
    return _PATCHES.get(patch_type, _PATCHES["JSONPatch"])


def issues_of(compiled: CompiledExpression) -> Iterable[Issue]:
    """Return one Issue for every fault of an expression, each at its place in the file."""
    expression = compiled.expression
    if not compiled.error:
        return
    if not compiled.issues:
        yield expression_issue(expression, compiled.error, 0)
    for issue, hint in zip(compiled.issues, compiled.hints, strict=True):
        yield expression_issue(expression, issue.message, max(issue.offset, 0), hint)


def expression_issue(expression: Expression, message: str, offset: int, hint: str = "") -> Issue:
    """Return an Issue at a code point of an expression."""
    text = f"{expression.field}: {message}"
    if expression.place is None:
        return Issue(text, field=expression.field, id="expression", help=hint)
    position, line = expression.place.locate(offset)
    return Issue(text, position, expression.field, line, id="expression", help=hint)


def _conditions(
    policy: Policy | Exemption, compiler: ExpressionCompiler, scope: Scope
) -> tuple[tuple[str, CompiledExpression], ...]:
    return tuple((one.name, compiler.compile(one.expression, scope, CONDITION)) for one in policy.match_conditions)


_ROOTS: Final = ("object", "oldObject", "request", "namespaceObject", "params", "authorizer")


def _names(compiled: Iterable[CompiledExpression]) -> frozenset[str]:
    texts = [one.expression.text for one in compiled]
    return frozenset(name for name in _ROOTS if any(name in text for text in texts))
