"""Facts from files: namespaces, scopes, params, the authorizer; and what stands for a fact that is missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from admission.authorization import AuthorizationRules
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes
from admission.errors import InputError
from admission.facts import NAME_LABEL, FileFacts, Missing, collect_params, unresolvable
from admission.policy import LabelRequirement, LabelSelector, ParamKind, ParamRef
from admission.review import GroupVersionResource
from tests.judging import NAMESPACE, Object, config_map

CONFIG_MAP = ParamKind("v1", "ConfigMap")
EVERY = LabelSelector()


def collected(
    facts: FileFacts, ref: ParamRef | None, kind: ParamKind | None = CONFIG_MAP, namespace: str = "shop"
) -> list[str | None] | str:
    found = asyncio.run(collect_params(facts, kind, ref, namespace))
    if isinstance(found, str):
        return found
    return [item["metadata"]["name"] if item is not None else None for item in found]


def definition(scope: str) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "limits.acme.io"},
        "spec": {
            "group": "acme.io",
            "scope": scope,
            "names": {"plural": "limits", "kind": "Limit"},
            "versions": [{"name": "v1", "served": True}, {"name": "v1beta1", "served": True}],
        },
    }


def limit(name: str, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "acme.io/v1", "kind": "Limit", "metadata": metadata}


# namespaces


def test_a_namespace_gets_the_name_label_that_the_api_server_gives_to_all() -> None:
    facts = FileFacts([NAMESPACE])
    found = asyncio.run(facts.namespace("shop"))
    assert not isinstance(found, Missing)
    assert found["metadata"]["labels"] == {"env": "prod", NAME_LABEL: "shop"}
    assert NAMESPACE["metadata"]["labels"] == {"env": "prod"}


def test_a_namespace_that_is_not_there_is_assumed_and_said_once() -> None:
    notes: list[str] = []
    facts = FileFacts(note=notes.append)
    for _ in range(3):
        found = asyncio.run(facts.namespace("shop"))
        assert not isinstance(found, Missing)
        assert found["metadata"] == {"name": "shop", "labels": {NAME_LABEL: "shop"}}
    assert notes == ["namespace 'shop' is in no resource given; assuming one with just its name label"]


def test_a_namespace_that_is_not_there_is_missing_where_facts_are_strict() -> None:
    assert asyncio.run(FileFacts(strict=True).namespace("shop")) == Missing('namespaces "shop" not found')


def test_lists_are_their_items() -> None:
    facts = FileFacts([{"apiVersion": "v1", "kind": "List", "items": [NAMESPACE, config_map("a")]}], strict=True)
    assert not isinstance(asyncio.run(facts.namespace("shop")), Missing)
    assert collected(facts, ParamRef(name="a")) == ["a"]


# scopes


@pytest.mark.parametrize(
    ("api_version", "kind", "scope"),
    [
        ("v1", "ConfigMap", "Namespaced"),
        ("v1", "Node", "Cluster"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "Cluster"),
        ("acme.io/v1", "Limit", None),
    ],
)
def test_the_scope_of_built_in_kinds_is_known(api_version: str, kind: str, scope: str | None) -> None:
    assert FileFacts().param_scope(api_version, kind) == scope


@pytest.mark.parametrize("scope", ["Namespaced", "Cluster"])
def test_the_scope_of_a_custom_kind_is_that_of_its_definition(scope: str) -> None:
    facts = FileFacts([definition(scope)])
    assert facts.param_scope("acme.io/v1beta1", "Limit") == scope


def test_without_a_definition_the_objects_tell_the_scope() -> None:
    assert FileFacts([limit("a")]).param_scope("acme.io/v1", "Limit") == "Cluster"
    assert FileFacts([limit("a", "shop")]).param_scope("acme.io/v1", "Limit") == "Namespaced"


def test_the_versions_of_a_definition_are_equivalent() -> None:
    table = FileFacts([definition("Cluster")]).equivalents()
    (other,) = table.of(GroupVersionResource("acme.io", "v1", "limits"), "")
    assert other.resource.version == "v1beta1"


# params

PARAMS = FileFacts(
    [
        config_map("b", labels={"tier": "1"}),
        config_map("a", labels={"tier": "2"}),
        config_map("a", "other"),
        limit("cluster-wide"),
    ]
)


def test_no_kind_or_no_reference_is_one_evaluation_without_params() -> None:
    assert collected(PARAMS, ParamRef(name="a"), None) == [None]
    assert collected(PARAMS, None) == [None]


def test_params_by_name_come_from_the_namespace_of_the_request_or_of_the_reference() -> None:
    assert collected(PARAMS, ParamRef(name="a")) == ["a"]
    assert collected(PARAMS, ParamRef(name="b"), namespace="other") == []
    assert collected(PARAMS, ParamRef(name="b", namespace="shop"), namespace="other") == ["b"]


def test_params_by_selector_come_in_order_of_name() -> None:
    assert collected(PARAMS, ParamRef(selector=EVERY)) == ["a", "b"]
    tier = LabelSelector((LabelRequirement("tier", "In", ("1",)),))
    assert collected(PARAMS, ParamRef(selector=tier)) == ["b"]


def test_no_params_are_an_error_where_the_binding_says_deny() -> None:
    expected = "no params found for policy binding with `Deny` parameterNotFoundAction"
    assert collected(PARAMS, ParamRef(name="x", not_found_action="Deny")) == expected
    assert collected(PARAMS, ParamRef(name="x", not_found_action="Allow")) == []


def test_namespaced_params_need_a_namespace_even_where_missing_ones_are_allowed() -> None:
    expected = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
    assert collected(PARAMS, ParamRef(name="a", not_found_action="Allow"), namespace="") == expected


def test_cluster_scoped_params_have_no_namespace() -> None:
    kind = ParamKind("acme.io/v1", "Limit")
    assert collected(PARAMS, ParamRef(name="cluster-wide"), kind) == ["cluster-wide"]
    expected = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
    assert collected(PARAMS, ParamRef(name="cluster-wide", namespace="shop"), kind) == expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        (ParamRef(), "one of name or selector must be provided"),
        (ParamRef(name="a", selector=EVERY), "paramRef.name and paramRef.selector are mutually exclusive"),
        (
            ParamRef(selector=LabelSelector((LabelRequirement("k", "Like"),))),
            '"Like" is not a valid label selector operator',
        ),
    ],
)
def test_a_reference_that_cannot_be_is_an_error(ref: ParamRef, expected: str) -> None:
    assert collected(PARAMS, ref) == expected


def test_an_unknown_kind_is_said_as_the_api_server_says_it() -> None:
    assert unresolvable(ParamKind("foo.io/v1", "Bar")) == (
        "failed to find resource referenced by paramKind: 'foo.io/v1, Kind=Bar'"
    )
    assert unresolvable(ParamKind("v1", "Bar")).endswith("'/v1, Kind=Bar'")


# the authorizer


def answer(document: Any, **attributes: Any) -> AuthorizationAnswer:
    return AuthorizationRules.parse(document).answer(AuthorizationAttributes(user="ann", verb="get", **attributes))


def test_a_rule_allows_what_has_all_its_values() -> None:
    rules = [{"verb": "get", "resource": "pods", "namespace": "shop", "reason": "because"}]
    assert answer(rules, resource="pods", namespace="shop") == AuthorizationAnswer(allowed=True, reason="because")
    assert not answer(rules, resource="pods").allowed
    assert not answer(rules, path="/pods").allowed
    assert answer({"rules": rules}, resource="pods", namespace="shop", name="x").allowed


def test_one_error_answers_everything() -> None:
    assert answer({"error": "boom"}) == AuthorizationAnswer(allowed=False, error="boom")


@pytest.mark.parametrize("document", [None, 1, "x", {"rule": []}, [1], [{"verb": 1}], [{"verbs": "get"}], {"rules": 1}])
def test_rules_that_are_none_are_refused(document: Any) -> None:
    with pytest.raises(InputError):
        AuthorizationRules.parse(document)


def test_without_rules_there_is_no_answer() -> None:
    found = asyncio.run(FileFacts().authorize(AuthorizationAttributes(user="ann", verb="get")))
    assert isinstance(found, Missing)


def test_rules_answer() -> None:
    facts = FileFacts(authorization=AuthorizationRules.parse([{"user": "ann"}]))
    found = asyncio.run(facts.authorize(AuthorizationAttributes(user="ann", verb="get")))
    assert found == AuthorizationAnswer(allowed=True)
