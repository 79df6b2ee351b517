"""Warnings about expressions that cannot be right for the kinds a policy matches."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from admission.cel.environment import Environment, environment
from admission.errors import Position
from admission.policy import (
    AuditAnnotation,
    Expression,
    Match,
    MatchCondition,
    MutatingPolicy,
    Mutation,
    ParamKind,
    Rule,
    ValidatingPolicy,
    Validation,
    Variable,
)
from admission.schema.bundle import bundled
from admission.schema.definitions import Definitions, KindName
from admission.typecheck import check_types, issues, kinds_to_check, upstream_warnings

DEPLOYMENTS = Rule(("*",), ("apps",), ("v1",), ("deployments",))
WORKLOADS = Rule(("*",), ("apps",), ("v1",), ("deployments", "statefulsets", "deployments/scale"))
PODS = Rule(("*",), ("",), ("v1",), ("pods",))
NAME = "spec.validations[0].expression"


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return bundled()


@pytest.fixture(scope="module")
def kubernetes() -> Environment:
    return environment("kubernetes")


@dataclass(frozen=True, slots=True)
class Line:
    """A text that stands on line 7, from column 5 on."""

    text: str

    @property
    def position(self) -> Position:
        return Position("policy.yaml", 7, 5)

    def locate(self, offset: int) -> tuple[Position, str]:
        return Position("policy.yaml", 7, 5 + offset), "    " + self.text

    def at(self, *steps: str | int, text: str = "") -> Line:
        return Line(text)


def expression(text: str, field: str = NAME) -> Expression:
    return Expression(text, field, Line(text))


def policy(
    *texts: str, rules: tuple[Rule, ...] = (DEPLOYMENTS,), variables: dict[str, str] | None = None
) -> ValidatingPolicy:
    named = [
        Variable(name, expression(text, f"spec.variables[{index}].expression"))
        for index, (name, text) in enumerate((variables or {}).items())
    ]
    checked = [
        Validation(expression(text, f"spec.validations[{index}].expression")) for index, text in enumerate(texts)
    ]
    return ValidatingPolicy(name="p", match=Match(rules), validations=tuple(checked), variables=tuple(named))


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.replicas > 1",
        "has(object.spec.template.spec.securityContext.runAsNonRoot)",
        "object.spec.template.spec.containers.all(c, c.image.startsWith('registry/'))",
        "object.metadata.namespace == 'a' && object.metadata.labels['a'] == 'b'",
        "object.spec.?replicas.orValue(1) > oldObject.spec.replicas",
        "object == null || oldObject != null",
        "authorizer.requestResource.check('get').allowed()",
        # quantities and the like are only known at run time
        "object.spec.template.spec.containers.all(c, quantity(c.resources.limits['cpu']).isLessThan(quantity('1')))",
        "object.spec.strategy.rollingUpdate.maxSurge == 1",
        "request.kind.kind == object.kind",
    ],
)
def test_expressions_that_fit_the_schema_give_no_warning(
    text: str, definitions: Definitions, kubernetes: Environment
) -> None:
    assert check_types(policy(text), definitions, kubernetes) == ()


def test_an_unknown_field_is_placed_and_explained(definitions: Definitions, kubernetes: Environment) -> None:
    found = issues(check_types(policy("object.spec.template.spec.containrs.size() > 0"), definitions, kubernetes))
    assert [issue.message for issue in found] == ["undefined field 'containrs' (for apps/v1 Deployment)"]
    assert found[0].help == "did you mean 'containers'?"
    assert found[0].severity == "warning"
    assert found[0].field == NAME
    assert found[0].position == Position("policy.yaml", 7, 5 + len("object.spec.template.spec"))
    assert found[0].source == "    object.spec.template.spec.containrs.size() > 0"


def test_one_fault_for_many_kinds_is_one_issue(definitions: Definitions, kubernetes: Environment) -> None:
    found = issues(check_types(policy("object.spec.replica > 1", rules=(WORKLOADS,)), definitions, kubernetes))
    assert [issue.message for issue in found] == [
        "undefined field 'replica' (for apps/v1 Deployment, apps/v1 StatefulSet)"
    ]


def test_a_comparison_of_other_types_is_warned_of(definitions: Definitions, kubernetes: Environment) -> None:
    found = issues(check_types(policy("object.spec.replicas == '1'"), definitions, kubernetes))
    assert [(issue.message, issue.help) for issue in found] == [
        (
            "found no matching overload for '_==_' applied to '(int, string)' (for apps/v1 Deployment)",
            "both sides must be of one type",
        )
    ]


def test_variables_have_the_types_of_their_expressions(definitions: Definitions, kubernetes: Environment) -> None:
    named = {
        "count": "object.spec.replicas",
        "containers": "object.spec.template.spec.containers",
        "bad": "object.nope",
    }
    warnings = check_types(
        policy(
            "variables.count == '1'",
            "variables.containers[0].nope",
            "variables.bad.x",
            "variables.cont",
            variables=named,
        ),
        definitions,
        kubernetes,
    )
    assert [(warning.expression.field, issue.message) for warning in warnings for issue in warning.error.issues] == [
        ("spec.variables[2].expression", "undefined field 'nope'"),
        (NAME, "found no matching overload for '_==_' applied to '(int, string)'"),
    ]  # objects in lists are dyn once they come from a variable; an unknown variable is the first check's matter


def test_params_are_typed_where_their_kind_is_known(definitions: Definitions, kubernetes: Environment) -> None:
    for kind, expected in (("ConfigMap", ["undefined field 'dota'"]), ("Unknown", [])):
        parametrised = ValidatingPolicy(
            name="p",
            match=Match((DEPLOYMENTS,)),
            param_kind=ParamKind("v1", kind),
            validations=(Validation(expression("params.dota['max'] == 'x'")),),
        )
        warnings = check_types(parametrised, definitions, kubernetes)
        assert [issue.message for warning in warnings for issue in warning.error.issues] == expected


def test_every_expression_of_a_policy_is_looked_at(definitions: Definitions, kubernetes: Environment) -> None:
    bad = "object.nope == 1"
    validating = ValidatingPolicy(
        name="p",
        match=Match((PODS,)),
        match_conditions=(MatchCondition("c", expression(bad, "condition")),),
        variables=(Variable("v", expression(bad, "variable")),),
        validations=(Validation(expression(bad, "validation"), message_expression=expression(bad, "message")),),
        audit_annotations=(AuditAnnotation("a", expression(bad, "annotation")),),
    )
    mutating = MutatingPolicy(
        name="m",
        match=Match((PODS,)),
        mutations=(
            Mutation("ApplyConfiguration", expression("Object{spec: Object.spec{a: object.nope}}", "mutation")),
        ),
    )
    fields = [warning.expression.field for warning in check_types(validating, definitions, kubernetes)]
    assert fields == ["condition", "variable", "validation", "message", "annotation"]
    assert [warning.expression.field for warning in check_types(validating, definitions, kubernetes, exact=True)] == [
        "validation",
        "message",
    ]
    assert [warning.expression.field for warning in check_types(mutating, definitions, kubernetes)] == ["mutation"]
    assert check_types(mutating, definitions, kubernetes, exact=True) == ()


def test_what_the_first_check_refuses_is_not_repeated(definitions: Definitions, kubernetes: Environment) -> None:
    texts = ("object.nope == 1 &&", "nope == 1", "request.nope == object.nope", "[1, 'a'] == object.nope")
    assert check_types(policy(*texts), definitions, kubernetes) == ()
    assert len(check_types(policy(*texts), definitions, kubernetes, exact=True)) == 4


def test_warnings_read_as_in_the_status_of_the_policy(definitions: Definitions, kubernetes: Environment) -> None:
    warnings = check_types(policy("object.replicas > 1", rules=(WORKLOADS,)), definitions, kubernetes, exact=True)
    text = "ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^\n"
    assert upstream_warnings(warnings) == [
        {"fieldRef": NAME, "warning": f"apps/v1, Kind=Deployment: {text}\napps/v1, Kind=StatefulSet: {text}"}
    ]


def test_upstream_does_not_know_quantities_and_we_do(definitions: Definitions, kubernetes: Environment) -> None:
    limited = policy("object.spec.template.spec.containers.all(c, has(c.resources.limits))")
    assert check_types(limited, definitions, kubernetes) == ()
    (warning,) = check_types(limited, definitions, kubernetes, exact=True)
    assert [issue.message for issue in warning.error.issues] == ["undefined field 'limits'"]


def test_custom_resources_are_checked_by_their_definitions(definitions: Definitions, kubernetes: Environment) -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definition = {
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.com",
            "names": {"kind": "Database", "plural": "databases"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}],
        },
    }
    rule = Rule(("*",), ("example.com",), ("v1",), ("databases",))
    texts = ("object.spec.sise > 1", "object.spec.size > 1", "object.metadata.labels['a'] == 'b'")
    assert check_types(policy(*texts, rules=(rule,)), definitions, kubernetes) == ()
    known = definitions.with_custom_resources([definition])
    found = issues(check_types(policy(*texts, rules=(rule,)), known, kubernetes))
    assert [(issue.message, issue.help) for issue in found] == [
        ("undefined field 'sise' (for example.com/v1 Database)", "did you mean 'size'?")
    ]


def rule(groups: tuple[str, ...], versions: tuple[str, ...], resources: tuple[str, ...]) -> Rule:
    return Rule(("*",), groups, versions, resources)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), []),
        ((DEPLOYMENTS,), ["Deployment"]),
        ((DEPLOYMENTS, PODS), ["Pod", "Deployment"]),
        ((rule(("apps",), ("v1",), ("*",)),), []),
        ((rule(("*",), ("v1",), ("deployments",)),), []),
        ((rule(("apps",), ("*",), ("deployments",)), PODS), ["Pod"]),
        ((rule(("apps",), ("v1",), ("deployments/scale", "pods/*")),), []),
        ((rule(("apps", "batch"), ("v1",), ("deployments", "jobs")),), ["Deployment", "Job"]),
        ((rule(("nope",), ("v1",), ("deployments",)),), []),
    ],
)
def test_rules_name_kinds(rules: tuple[Rule, ...], expected: list[str], definitions: Definitions) -> None:
    assert [kind.kind for kind in kinds_to_check(rules, definitions)] == expected


def test_at_most_ten_kinds_are_checked(definitions: Definitions) -> None:
    resources = tuple({resource.name for resource in definitions.resources if "/" not in resource.name})
    many = rule(("", "apps", "batch"), ("v1",), resources)
    assert len(kinds_to_check((many, DEPLOYMENTS), definitions)) <= 10
    assert KindName("apps", "v1", "Deployment") not in kinds_to_check((many, DEPLOYMENTS), definitions)


@pytest.mark.parametrize(
    "text",
    [
        "(object.spec.containers + object.spec.initContainers).all(c, c.image != '')",
        "object.spec.?securityContext.orValue({}) != {}",
    ],
)
def test_types_that_are_alike_but_for_their_names_are_no_fault(
    text: str, definitions: Definitions, kubernetes: Environment
) -> None:
    assert check_types(policy(text, rules=(PODS,)), definitions, kubernetes) == ()
    assert len(check_types(policy(text, rules=(PODS,)), definitions, kubernetes, exact=True)) == 1
