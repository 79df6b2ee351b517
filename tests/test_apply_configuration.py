"""ApplyConfiguration, from the expression to the object: what it may do, and what is said where it may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from admission.apply_configuration import ApplyError, apply_configuration
from admission.cel.activation import Activation
from admission.cel.values import StructValue
from admission.compiler import ExpressionCompiler, Scope
from admission.facts import FileFacts
from admission.object_values import Originals
from admission.policy import Expression
from admission.schema.definitions import KindName
from admission.schema.merging import MergeTypes
from tests.judging import NAMESPACE, bound, mutate, mutating, request
from tests.merging import WIDGET, configurations, definition, live_specs, merge_types

DEPLOYMENT_KIND = KindName("apps", "v1", "Deployment")
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "finalizers": ["a/b"]},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {"name": "app", "image": "app:1", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "log", "image": "log:1", "args": ["-v"]},
                ]
            },
        },
    },
}
CONTAINERS = (
    "Object{{spec: Object.spec{{template: Object.spec.template{{spec: Object.spec.template.spec{{containers: {}}}}}}}}}"
)
COMPILER = ExpressionCompiler()


@pytest.fixture(scope="module")
def types() -> MergeTypes:
    return merge_types()


def applied(text: str, live: dict[str, Any], kind: KindName, types: MergeTypes, **variables: Any) -> dict[str, Any]:
    program = COMPILER.compile(Expression(text), Scope(mutation=True, params=True)).program
    assert program is not None
    value = program.evaluate(Activation({"object": live, **variables}))
    assert isinstance(value, StructValue)
    return apply_configuration(value, Originals(live, *variables.values()), live, kind, types)


def deployed(text: str, types: MergeTypes) -> dict[str, Any]:
    return applied(text, DEPLOYMENT, DEPLOYMENT_KIND, types)


def containers(text: str, types: MergeTypes) -> list[Any]:
    found: list[Any] = deployed(CONTAINERS.format(text), types)["spec"]["template"]["spec"]["containers"]
    return found


def refusal(text: str, types: MergeTypes) -> str:
    with pytest.raises(ApplyError) as caught:
        deployed(text, types)
    return str(caught.value).removeprefix("error applying patch: ")


def widget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "acme.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def test_an_empty_object_changes_nothing(types: MergeTypes) -> None:
    assert deployed("Object{}", types) == DEPLOYMENT


def test_what_is_not_named_is_shared_with_the_live_object(types: MergeTypes) -> None:
    found = deployed("Object{spec: Object.spec{replicas: 5}}", types)
    assert found["spec"]["replicas"] == 5
    assert found["spec"]["template"] is DEPLOYMENT["spec"]["template"]
    assert found["metadata"] is DEPLOYMENT["metadata"]
    assert DEPLOYMENT["spec"]["replicas"] == 3


def test_containers_are_merged_by_name_ports_by_number_and_protocol(types: MergeTypes) -> None:
    port = "Object.spec.template.spec.containers.ports{containerPort: 80, name: 'http'}"
    found = containers(f"[Object.spec.template.spec.containers{{name: 'app', ports: [{port}]}}]", types)
    assert found[0] == {
        "name": "app",
        "image": "app:1",
        "ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}],
    }
    assert found[1] is DEPLOYMENT["spec"]["template"]["spec"]["containers"][1]


def test_sets_are_united_and_maps_merged(types: MergeTypes) -> None:
    found = deployed("Object{metadata: Object.metadata{finalizers: ['c/d'], labels: {'x': 'y'}}}", types)
    assert found["metadata"] == {"name": "web", "finalizers": ["a/b", "c/d"], "labels": {"x": "y"}}


def test_group_version_and_kind_stay(types: MergeTypes) -> None:
    assert deployed("Object{apiVersion: 'v2', kind: 'Other'}", types) == DEPLOYMENT


def test_a_list_without_elements_that_nothing_is_merged_with_is_null(types: MergeTypes) -> None:
    text = "Object{metadata: Object.metadata{finalizers: [], ownerReferences: []}}"
    assert deployed(text, types)["metadata"] == {"name": "web", "finalizers": ["a/b"], "ownerReferences": None}


def test_what_is_added_gets_no_defaults(types: MergeTypes) -> None:
    found = containers("[Object.spec.template.spec.containers{name: 'new'}]", types)
    assert found[-1] == {"name": "new"}


def test_a_list_from_a_function_is_a_list(types: MergeTypes) -> None:
    found = deployed("Object{metadata: Object.metadata{finalizers: 'c/d,e/f'.split(',')}}", types)
    assert found["metadata"]["finalizers"] == ["a/b", "c/d", "e/f"]


def test_whole_doubles_are_integers(types: MergeTypes) -> None:
    found = deployed("Object{spec: Object.spec{replicas: 5.0}}", types)["spec"]["replicas"]
    assert (found, type(found)) == (5, int)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "Object{spec: Object.other{}}",
            (
                'type mismatch: unexpected type name "Object.other", expected "Object.spec", '
                "which matches field name path from root Object type"
            ),
        ),
        ("Object{spec: {1: 'a'}}", "invalid return type: *dynamic.ObjectVal"),
        (
            "Object{spec: Object.spec{nope: 1}}",
            "failed to convert patch object to typed object: .spec.nope: field not declared in schema",
        ),
        (
            "Object{spec: Object.spec{replicas: 5u}}",
            (
                "failed to convert patch object to typed object: .spec.replicas: "
                "expected numeric (int or float), got uint64"
            ),
        ),
        (
            CONTAINERS.format("[Object.spec.template.spec.containers{name: 'app', args: ['x']}]"),
            (
                "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
                ".spec.template.spec.containers[0].args"
            ),
        ),
        (
            "Object{spec: Object.spec{selector: Object.spec.selector{}}}",
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector",
        ),
        (
            "Object{spec: Object.spec{replicas: 5.5}}",
            "unable to convert unstructured object to apps/v1, Kind=Deployment: cannot convert float64 to int32",
        ),
        (
            "Object{metadata: Object.metadata{creationTimestamp: 'x'}}",
            (
                "unable to convert unstructured object to apps/v1, Kind=Deployment: "
                'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'
            ),
        ),
    ],
)
def test_what_is_refused_is_refused_in_the_words_of_the_api_server(text: str, fault: str, types: MergeTypes) -> None:
    assert refusal(text, types) == fault


def test_a_kind_without_a_type_is_refused(types: MergeTypes) -> None:
    scale = KindName("autoscaling", "v1", "Scale")
    with pytest.raises(ApplyError) as caught:
        applied("Object{}", {"spec": {"replicas": 1}}, scale, types)
    assert str(caught.value) == (
        "error applying patch: failed to convert patch object to typed object: "
        "no corresponding type for autoscaling/v1, Kind=Scale"
    )


def test_the_live_object_may_have_duplicates_but_not_what_no_schema_declares(types: MergeTypes) -> None:
    live = widget(set=["a", "a"], nope=1)
    text = "Object{spec: Object.spec{text: 'x'}}"
    with pytest.raises(ApplyError) as caught:
        applied(text, live, WIDGET, types)
    assert str(caught.value) == (
        "error applying patch: failed to convert original object to typed object: "
        ".spec.nope: field not declared in schema"
    )
    del live["spec"]["nope"]
    assert applied(text, live, WIDGET, types)["spec"] == {"set": ["a", "a"], "text": "x"}


def test_where_the_cluster_may_be_newer_fields_that_no_schema_declares_are_kept() -> None:
    live = widget(nope={"a": 1})
    found = applied("Object{spec: Object.spec{text: 'x'}}", live, WIDGET, merge_types(complete=False))
    assert found["spec"] == {"nope": {"a": 1}, "text": "x"}


def test_a_number_that_json_does_not_have_is_refused(types: MergeTypes) -> None:
    with pytest.raises(ApplyError, match="infinite or not a number"):
        applied("Object{spec: Object.spec{number: double('NaN')}}", widget(), WIDGET, types)


def test_objects_that_are_nested_too_deeply_are_refused(types: MergeTypes) -> None:
    deep: dict[str, Any] = {}
    for _ in range(3000):
        deep = {"a": deep}
    with pytest.raises(ApplyError, match="nested too deeply"):
        applied("Object{spec: Object.spec{free: params.free}}", widget(), WIDGET, types, params={"free": deep})


@given(live_specs, configurations)
def test_applying_twice_is_applying_once(live: Any, configuration: Any) -> None:
    types = _TYPES
    fields = ", ".join(f"{field}: params.{field}" for field in configuration)
    text = f"Object{{spec: Object.spec{{{fields}}}}}"
    once = applied(text, widget(**live), WIDGET, types, params=configuration)
    assert applied(text, once, WIDGET, types, params=configuration) == once


_TYPES = merge_types()


# through the engine


def test_custom_resources_are_merged_as_their_definition_says() -> None:
    text = "Object{spec: Object.spec{items: [Object.spec.items{name: 'a', size: 2}]}}"
    facts = FileFacts([NAMESPACE, definition()], strict=True)
    live = widget(items=[{"name": "a", "port": 80}, {"name": "b"}])
    decision = mutate([_applying(text), bound("m")], _about(live), facts)
    assert decision.object is not None
    assert decision.object["spec"]["items"] == [{"name": "a", "port": 80, "size": 2}, {"name": "b"}]
    assert decision.patch == ({"op": "add", "path": "/spec/items/0/size", "value": 2},)


@pytest.mark.parametrize("text", ["Object{}", "Object{spec: object.nope}"])
def test_a_kind_of_an_unknown_version_is_refused_before_anything_is_evaluated(text: str) -> None:
    facts = FileFacts([NAMESPACE], strict=True)
    decision = mutate([_applying(text, failurePolicy="Ignore"), bound("m")], _about(widget()), facts)
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason) == (503, "ServiceUnavailable")
    assert decision.status.message == (
        "Resource kind acme.io/v1, Kind=Widget not found. "
        "There can be a delay between when CustomResourceDefinitions are created and when they are available."
    )


def test_json_patches_need_to_know_the_version_only_where_all_versions_are_known() -> None:
    policy = mutating("m", "[JSONPatch{op: 'add', path: '/spec/text', value: 'x'}]")
    strict, lenient = (FileFacts([NAMESPACE], strict=strict) for strict in (True, False))
    assert not mutate([policy, bound("m")], _about(widget()), strict).allowed
    assert mutate([policy, bound("m")], _about(widget()), lenient).patch


def test_a_beta_kind_is_merged_too() -> None:
    live = {**DEPLOYMENT, "apiVersion": "apps/v1beta1"}
    asked = request(live, kind=("apps", "v1beta1", "Deployment"), resource="deployments")
    decision = mutate([_applying("Object{spec: Object.spec{replicas: 5}}"), bound("m")], asked)
    assert decision.patch == ({"op": "replace", "path": "/spec/replicas", "value": 5},)


def _applying(text: str, **spec: Any) -> dict[str, Any]:
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}
    return mutating("m", mutations=[mutation], **spec)


def _about(live: dict[str, Any]) -> Any:
    return request(live, kind=("acme.io", "v1", "Widget"), resource="widgets")
