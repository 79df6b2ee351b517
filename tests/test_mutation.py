"""The mutating phase: order, what mutations see, errors, reinvocation, patches, apply configurations, refusals."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from admission.authorization import AuthorizationRules
from admission.decision import Decision, Outcome
from admission.facts import FileFacts
from admission.jsonpatch import apply
from admission.policy import Action
from tests.judging import NAMESPACE, POD, Object, bound, config_map, engine, mutate, mutating, request, validating

LABELS = "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': 'b'}}]"
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "app", "image": "app:1"}, {"name": "log", "image": "log:2"}]},
        },
    },
}


def deployment() -> Any:
    return request(DEPLOYMENT, kind=("apps", "v1", "Deployment"), resource="deployments")


def labelled(name: str, value: str) -> str:
    return f"[JSONPatch{{op: 'add', path: '/metadata/labels', value: {{'{name}': {value}}}}}]"


def applying(name: str, *expressions: str, **spec: Any) -> Object:
    mutations = [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}} for text in expressions
    ]
    return mutating(name, mutations=mutations, **spec)


def labels(decision: Decision) -> Any:
    assert decision.allowed, decision.status
    assert decision.object is not None
    return decision.object["metadata"].get("labels")


def denial(decision: Decision) -> str:
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason) == (403, "Invalid")
    return decision.status.message.removeprefix("policy 'm' with binding 'm-binding' denied request: ")


# patches


def test_a_patch_is_applied_and_returned() -> None:
    before = copy.deepcopy(POD)
    decision = mutate([mutating("m", LABELS), bound("m")])
    assert decision.patch == ({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},)
    assert decision.object == apply(POD, decision.patch)
    assert decision.mutated_by == ("m",)
    assert before == POD


def test_what_changes_nothing_carries_no_patch_and_names_nobody() -> None:
    same = "[JSONPatch{op: 'replace', path: '/metadata/name', value: 'web'}]"
    decision = mutate([mutating("m", same), bound("m")])
    assert (decision.patch, decision.mutated_by, decision.reinvoked) == ((), (), True)


def test_no_policy_no_patch() -> None:
    decision = mutate([])
    assert (decision.allowed, decision.patch, decision.object) == (True, (), POD)


def test_a_test_that_is_not_met_leaves_the_object_alone() -> None:
    text = "[JSONPatch{op: 'test', path: '/metadata/name', value: 'x'}, JSONPatch{op: 'remove', path: '/spec'}]"
    decision = mutate([mutating("m", text), bound("m")])
    assert decision.allowed
    assert decision.patch == ()
    assert [finding.outcome for finding in decision.findings] == [Outcome.PASS]


def test_deletions_are_not_mutated() -> None:
    asked = request(None, operation="DELETE", old=POD)
    assert mutate([mutating("m", LABELS), bound("m")], asked).findings == ()


# order


def test_each_mutation_sees_what_those_before_it_made_but_the_same_old_object() -> None:
    first = labelled("v", "'1'")
    second = "[JSONPatch{op: 'add', path: '/metadata/labels/w', value: object.metadata.labels.v + '2'}]"
    third = "[JSONPatch{op: 'add', path: '/metadata/labels/old', value: string(has(oldObject.metadata.labels))}]"
    asked = request(POD, operation="UPDATE", old=POD)
    policies = [mutating("b", second, third), bound("b"), mutating("a", first), bound("a")]
    decision = mutate(policies, asked)
    assert labels(decision) == {"v": "1", "w": "12", "old": "false"}
    assert decision.mutated_by == ("a", "b")


def test_variables_are_computed_anew_for_each_mutation() -> None:
    count = "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'n': string(variables.n + 1)}}]"
    variables = [{"name": "n", "expression": "has(object.metadata.labels) ? int(object.metadata.labels.n) : 0"}]
    assert labels(mutate([mutating("m", count, count, variables=variables), bound("m")])) == {"n": "2"}


def test_match_conditions_see_what_other_policies_made() -> None:
    conditions = [{"name": "c", "expression": "has(object.metadata.labels)"}]
    second = "[JSONPatch{op: 'add', path: '/metadata/labels/x', value: 'y'}]"
    policies = [mutating("a", LABELS), bound("a"), mutating("b", second, matchConditions=conditions), bound("b")]
    assert labels(mutate(policies)) == {"a": "b", "x": "y"}
    alone = mutate([mutating("b", second, matchConditions=conditions), bound("b")])
    assert [finding.outcome for finding in alone.findings] == [Outcome.SKIP]
    assert alone.findings[0].message == "match condition 'c' is false"


def test_each_param_is_applied() -> None:
    text = "[JSONPatch{op: 'add', path: '/metadata/labels/' + params.metadata.name, value: params.data.v}]"
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    facts = FileFacts([NAMESPACE, config_map("b", v="2"), config_map("a", v="1")])
    policies = [
        mutating("a", labelled("z", "'0'")),
        bound("a"),
        mutating("m", text, paramKind=kind),
        bound("m", paramRef={"selector": {}, "parameterNotFoundAction": "Deny"}),
    ]
    assert labels(mutate(policies, facts=facts)) == {"z": "0", "a": "1", "b": "2"}


# errors


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "[JSONPatch{op: 'remove', path: '/metadata/labels'}]",
            (
                "JSON Patch: error in remove for path: '/metadata/labels': "
                "Unable to remove nonexistent key: labels: missing value"
            ),
        ),
        (
            "[JSONPatch{op: 'add', path: object.nope, value: 1}]",
            "expression '[JSONPatch{op: 'add', path: object.nope, value: 1}]' resulted in error: no such key: nope",
        ),
        ("object.spec", "must evaluate to list(JSONPatch) but got dyn"),
        (
            "[JSONPatch{op: 'add', path: '/metadata/labels', value: quantity('1')}]",
            (
                "JSONPath valueExpression evaluated to a type that could not marshal to JSON: "
                "type conversion error from 'Quantity' to '*structpb.Value'"
            ),
        ),
        (
            "[JSONPatch{op: 'add', path: '/spec', value: Object.spec{a: Object.b{}}}]",
            (
                'type mismatch: unexpected type name "Object.b", expected "Object.spec.a", '
                "which matches field name path from root Object type"
            ),
        ),
    ],
)
def test_errors_deny_in_the_words_of_the_api_server(expression: str, message: str) -> None:
    assert denial(mutate([mutating("m", expression), bound("m")])) == message


def test_the_other_mutations_still_run_and_every_error_is_a_cause() -> None:
    broken = "[JSONPatch{op: 'x', path: ''}]"
    decision = mutate([mutating("m", broken, LABELS, broken), bound("m")])
    assert decision.status is not None
    assert decision.status.details is not None
    assert [cause["message"][-18:] for cause in decision.status.details["causes"]] == [" Unexpected kind: x"[1:]] * 2
    assert [finding.index for finding in decision.findings] == [0, 2]
    assert decision.patch == ()


def test_an_ignored_error_is_no_mutation() -> None:
    broken = "[JSONPatch{op: 'x', path: ''}]"
    decision = mutate([mutating("m", broken, LABELS, failurePolicy="Ignore"), bound("m")])
    assert labels(decision) == {"a": "b"}
    assert [finding.actions for finding in decision.findings] == [()]


def test_errors_of_configuration_come_first_and_are_forbidden() -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    reference = {"name": "gone", "parameterNotFoundAction": "Deny"}
    policies = [
        mutating("a", "[JSONPatch{op: 'x', path: ''}]"),
        bound("a"),
        mutating("b", LABELS, paramKind=kind),
        bound("b", paramRef=reference),
    ]
    decision = mutate(policies)
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason) == (403, "Forbidden")
    assert decision.status.message == (
        "policy 'b' with binding 'b-binding' denied request: failed to configure binding: "
        "no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    assert [finding.actions for finding in decision.findings] == [(Action.DENY,)] * 2


def test_errors_in_match_conditions_deny_or_skip() -> None:
    conditions = [{"name": "c", "expression": "object.nope == 1"}]
    decision = mutate([mutating("m", LABELS, matchConditions=conditions), bound("m")])
    assert denial(decision) == "expression 'object.nope == 1' resulted in error: no such key: nope"
    ignored = mutate([mutating("m", LABELS, matchConditions=conditions, failurePolicy="Ignore"), bound("m")])
    assert labels(ignored) is None


def test_a_namespace_that_is_not_there_fails_the_request() -> None:
    decision = mutate([mutating("m", LABELS, failurePolicy="Ignore"), bound("m")], facts=FileFacts(strict=True))
    assert decision.status is not None
    assert (decision.status.code, decision.status.message) == (404, 'namespaces "shop" not found')


# reinvocation

COUNT = (
    "[JSONPatch{op: 'add', path: '/metadata/labels', "
    "value: {'n': string(int(object.metadata.?labels.?n.orValue('0')) + 1)}}]"
)


@pytest.mark.parametrize(("reinvocation", "expected"), [("Never", "1"), ("IfNeeded", "2")])
def test_what_applied_runs_once_more_where_it_may(reinvocation: str, expected: str) -> None:
    decision = mutate([mutating("m", COUNT, reinvocationPolicy=reinvocation), bound("m")])
    assert labels(decision) == {"n": expected}
    assert decision.reinvoked


def test_nothing_applied_nothing_runs_again() -> None:
    conditions = [{"name": "c", "expression": "false"}]
    decision = mutate([mutating("m", COUNT, reinvocationPolicy="IfNeeded", matchConditions=conditions), bound("m")])
    assert not decision.reinvoked


def test_what_did_not_run_first_does_not_run_again() -> None:
    conditions = [{"name": "c", "expression": "has(object.metadata.labels)"}]
    second = "[JSONPatch{op: 'add', path: '/metadata/labels/x', value: 'y'}]"
    early = mutating("a", second, reinvocationPolicy="IfNeeded", matchConditions=conditions)
    assert labels(mutate([early, bound("a"), mutating("b", LABELS), bound("b")])) == {"a": "b"}


# apply configurations


def test_containers_are_merged_by_name_and_the_rest_stays() -> None:
    text = (
        "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: ["
        "Object.spec.template.spec.containers{name: 'log', imagePullPolicy: 'Always'},"
        "Object.spec.template.spec.containers{name: 'extra', image: 'x'}]}}}}"
    )
    decision = mutate([applying("m", text), bound("m")], deployment())
    assert decision.patch is not None
    assert {operation["op"] for operation in decision.patch} == {"add"}
    containers = apply(copy.deepcopy(DEPLOYMENT), list(decision.patch))["spec"]["template"]["spec"]["containers"]
    assert containers == [
        {"name": "app", "image": "app:1"},
        {"name": "log", "image": "log:2", "imagePullPolicy": "Always"},
        {"name": "extra", "image": "x"},
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "Object{spec: Object.spec{nope: 1}}",
            (
                "error applying patch: failed to convert patch object to typed object: .spec.nope: "
                "field not declared in schema"
            ),
        ),
        (
            "Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}",
            (
                "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                ".spec.selector"
            ),
        ),
        ("Object.spec{}", "must evaluate to Object but got Object.spec"),
    ],
)
def test_what_cannot_be_merged_is_an_error(expression: str, message: str) -> None:
    assert denial(mutate([applying("m", expression), bound("m")], deployment())) == message


def custom(scope: str = "Namespaced") -> tuple[Object, Object]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer"},
                    "parts": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                        "items": {
                            "type": "object",
                            "properties": {"id": {"type": "string"}, "v": {"type": "integer"}},
                        },
                    },
                    "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.acme.io"},
        "spec": {
            "group": "acme.io",
            "scope": scope,
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    thing = {
        "apiVersion": "acme.io/v1",
        "kind": "Thing",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"size": 1, "parts": [{"id": "a", "v": 1}], "tags": ["x"], "free": {"k": {"l": 1}}},
    }
    return definition, thing


def test_custom_resources_are_merged_by_their_definition() -> None:
    definition, thing = custom()
    text = (
        "Object{spec: Object.spec{size: 2, tags: ['y', 'x'], free: Object.spec.free{k: Object.spec.free.k{m: 2}}, "
        "parts: [Object.spec.parts{id: 'a', v: 2}, Object.spec.parts{id: 'b'}]}}"
    )
    asked = request(thing, kind=("acme.io", "v1", "Thing"), resource="things")
    decision = mutate([applying("m", text), bound("m")], asked, FileFacts([NAMESPACE, definition]))
    assert decision.object is not None, decision.status
    assert decision.object["spec"] == {
        "size": 2,
        "parts": [{"id": "a", "v": 2}, {"id": "b"}],
        "tags": ["y", "x"],
        "free": {"k": {"l": 1, "m": 2}},
    }


def test_an_unknown_kind_is_refused_whatever_failure_policy_says() -> None:
    _, thing = custom()
    asked = request(thing, kind=("acme.io", "v1", "Thing"), resource="things")
    decision = mutate([applying("m", "Object{}", failurePolicy="Ignore"), bound("m")], asked)
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason) == (503, "ServiceUnavailable")
    assert decision.status.message.startswith("Resource kind acme.io/v1, Kind=Thing not found.")


# what is refused


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        ("{op: 'add', path: '/spec/nope', value: 1}", 'strict decoding error: unknown field "spec.nope"'),
        (
            "{op: 'add', path: '/spec/replicas', value: 'x'}",
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
    ],
)
def test_an_object_that_does_not_decode_is_refused_whatever_failure_policy_says(patch: str, fault: str) -> None:
    decision = mutate([mutating("m", f"[JSONPatch{patch}]", failurePolicy="Ignore"), bound("m")], deployment())
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason) == (500, "InternalError")
    assert decision.status.message == f"Internal error occurred: {fault}"


# the rest


def test_an_object_that_is_nested_too_deeply_for_its_types_is_an_error() -> None:
    schema: Object = {"type": "string"}
    for _ in range(600):
        schema = {"type": "object", "properties": {"a": schema}}
    versions = [{"name": "v1", "schema": {"openAPIV3Schema": schema}}]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.acme.io"},
        "spec": {"group": "acme.io", "versions": versions},
    }
    kind = ("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    text = "[JSONPatch{op: 'replace', path: '/spec/versions', value: object.spec.versions}]"
    decision = mutate([mutating("m", text), bound("m")], request(definition, kind=kind, resource=kind[2].lower() + "s"))
    assert denial(decision) == "the object is nested too deeply to be mutated"


def test_mutations_ask_the_authorizer_too() -> None:
    text = "authorizer.group('').resource('pods').check('get').allowed() ? " + LABELS + " : []"
    facts = FileFacts([NAMESPACE], AuthorizationRules.parse([{"user": "ann"}]))
    assert labels(mutate([mutating("m", text), bound("m")], facts=facts)) == {"a": "b"}
    denied = mutate([mutating("m", text), bound("m")], facts=FileFacts([NAMESPACE]))
    assert "there are no authorizer rules to ask" in denial(denied)


def test_review_validates_what_came_out_and_carries_the_patch() -> None:
    policies = [
        mutating("m", LABELS),
        bound("m"),
        validating("v", "has(object.metadata.labels)"),
        bound("v", "Deny"),
    ]
    decision = asyncio.run(engine(policies).review(request()))
    assert decision.allowed
    assert decision.response("u").patch == ({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},)
    assert [finding.policy for finding in decision.findings] == ["m", "v"]


def test_review_stops_where_mutating_denies() -> None:
    policies = [
        mutating("m", "[JSONPatch{op: 'x', path: ''}]"),
        bound("m"),
        validating("v", "false"),
        bound("v", "Deny"),
    ]
    decision = asyncio.run(engine(policies).review(request()))
    assert [finding.policy for finding in decision.findings] == ["m"]
    assert decision.response("u").patch == ()


@pytest.mark.parametrize(("phase", "policies"), [("mutate", ["m"]), ("validate", ["v"]), ("both", ["m", "v"])])
def test_review_runs_the_phases_it_is_asked_for(phase: Any, policies: list[str]) -> None:
    judge = engine([mutating("m", LABELS), bound("m"), validating("v", "true"), bound("v", "Deny")])
    decision = asyncio.run(judge.review(request(), phase=phase))
    assert [finding.policy for finding in decision.findings] == policies


def test_audit_only_records_the_patch_and_does_not_send_it() -> None:
    decision = mutate([mutating("m", LABELS), bound("m")], audit_only=True)
    assert decision.patch
    assert decision.response("u").patch == ()
