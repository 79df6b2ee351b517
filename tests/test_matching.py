"""Which policies a request concerns: rules, scopes, selectors, exclusion, equivalence, templates, the index."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.equivalence import Equivalents, ServedResource, definition_storage
from admission.matching import MatchError, MatchIndex, Namespace, Way, match_resources
from admission.policy import Binding, LabelRequirement, LabelSelector, Match, Policy, Rule, ValidatingPolicy
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation
from admission.selector import Selector, label_key_faults, requirement_fault

NONE = Equivalents(())
ANYTHING = Rule(("*",), ("*",), ("*",), ("*/*",))
PODS = Rule(("CREATE", "UPDATE"), ("",), ("v1",), ("pods",))
SHOP: dict[str, Any] = {"metadata": {"name": "shop", "labels": {"env": "prod"}}}


def request(
    resource: str = "pods",
    *,
    group: str = "",
    version: str = "v1",
    kind: str = "Pod",
    operation: str = "CREATE",
    sub: str = "",
    name: str = "web",
    namespace: str = "shop",
    labels: dict[str, str] | None = None,
    old_labels: dict[str, str] | None = None,
    document: dict[str, Any] | None = None,
) -> AdmissionRequest:
    gvk, gvr = GroupVersionKind(group, version, kind), GroupVersionResource(group, version, resource)
    own = document if document is not None else {"metadata": {"name": name, "labels": labels or {}}}
    old = {"metadata": {"name": name, "labels": old_labels}} if old_labels is not None else None
    return AdmissionRequest(
        uid="1",
        kind=gvk,
        resource=gvr,
        request_kind=gvk,
        request_resource=gvr,
        operation=Operation(operation),
        sub_resource=sub,
        name=name,
        namespace=namespace,
        object=None if operation == "DELETE" else own,
        old_object=old,
    )


def select(*requirements: tuple[str, str, tuple[str, ...]]) -> LabelSelector:
    return LabelSelector(tuple(LabelRequirement(*item) for item in requirements))


def matches(match: Match, asked: AdmissionRequest, namespace: Namespace = SHOP) -> bool:
    found = match_resources(match, asked, namespace, NONE)
    assert not isinstance(found, MatchError), found
    return found is not None


def names(
    policies: list[Policy], bindings: list[Binding], asked: AdmissionRequest, namespace: Namespace = SHOP
) -> list[str]:
    index = MatchIndex(policies, bindings, NONE)
    return [
        f"{item.entry.policy.name}:{bound.binding.name}"
        for item in index.select(asked, namespace)
        for bound in item.bindings
    ]


def bind(policy: str, name: str = "b", match: Match | None = None) -> Binding:
    return Binding(kind="Validating", name=name, policy_name=policy, match=match)


# rules


@pytest.mark.parametrize(
    ("resources", "resource", "sub", "expected"),
    [
        (("pods",), "pods", "", True),
        (("pods",), "pods", "exec", False),
        (("pods/*",), "pods", "", True),
        (("pods/*",), "pods", "exec", True),
        (("*",), "pods", "", True),
        (("*",), "pods", "exec", False),
        (("*/*",), "pods", "exec", True),
        (("*/exec",), "pods", "exec", True),
        (("*/exec",), "pods", "", False),
        (("pods/exec/x",), "pods", "exec", False),
        (("services", "pods/exec"), "pods", "exec", True),
        ((), "pods", "", False),
    ],
)
def test_a_rule_names_resources_and_subresources(
    resources: tuple[str, ...], resource: str, sub: str, expected: bool
) -> None:
    rule = Rule(("*",), ("*",), ("*",), resources)
    assert matches(Match(rules=(rule,)), request(resource, sub=sub)) is expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(("CREATE",), ("apps",), ("v1",), ("deployments",)), True),
        (Rule(("UPDATE",), ("apps",), ("v1",), ("deployments",)), False),
        (Rule(("create",), ("apps",), ("v1",), ("deployments",)), False),
        (Rule(("*",), ("APPS",), ("v1",), ("deployments",)), False),
        (Rule(("*",), ("*",), ("v2", "*"), ("deployments",)), True),
        (Rule(("*",), ("",), ("v1",), ("deployments",)), False),
        (Rule(), False),
    ],
)
def test_a_rule_is_exact_but_for_stars(rule: Rule, expected: bool) -> None:
    asked = request("deployments", group="apps", kind="Deployment")
    assert matches(Match(rules=(rule,)), asked) is expected


def test_no_rules_match_everything() -> None:
    assert matches(Match(), request(sub="exec"))


@pytest.mark.parametrize(
    ("scope", "resource", "namespace", "expected"),
    [
        ("*", "pods", "shop", True),
        ("Namespaced", "pods", "shop", True),
        ("Cluster", "pods", "shop", False),
        ("Namespaced", "nodes", "", False),
        ("Cluster", "nodes", "", True),
        ("Namespaced", "namespaces", "shop", False),
        ("Cluster", "namespaces", "shop", True),
        ("nonsense", "pods", "shop", False),
    ],
)
def test_scope_counts_a_namespace_as_cluster_scoped(scope: str, resource: str, namespace: str, expected: bool) -> None:
    rule = Rule(("*",), ("*",), ("*",), ("*/*",), (), scope)
    assert matches(Match(rules=(rule,)), request(resource, namespace=namespace)) is expected


def test_resource_names_are_exact_and_a_generated_name_is_none() -> None:
    rule = Rule(("*",), ("*",), ("*",), ("*",), ("web", "api"))
    assert matches(Match(rules=(rule,)), request(name="api"))
    assert not matches(Match(rules=(rule,)), request(name="db"))
    assert not matches(Match(rules=(rule,)), request(name=""))


def test_a_rule_with_another_name_leaves_the_next_rule_its_chance() -> None:
    named = Rule(("*",), ("*",), ("*",), ("pods",), ("api",))
    assert matches(Match(rules=(named, PODS)), request(name="web"))


def test_exclusion_wins_and_respects_names() -> None:
    excluded = Rule(("*",), ("*",), ("*",), ("pods",), ("web",))
    match = Match(rules=(ANYTHING,), exclude_rules=(excluded,))
    assert not matches(match, request(name="web"))
    assert matches(match, request(name="api"))


# selectors


@pytest.mark.parametrize(
    ("operator", "values", "labels", "expected"),
    [
        ("In", ("a", "b"), {"k": "a"}, True),
        ("In", ("a", "b"), {"k": "c"}, False),
        ("In", ("a",), {}, False),
        ("NotIn", ("a",), {"k": "a"}, False),
        ("NotIn", ("a",), {"k": "b"}, True),
        ("NotIn", ("a",), {}, True),
        ("Exists", (), {"k": ""}, True),
        ("Exists", (), {}, False),
        ("DoesNotExist", (), {"k": ""}, False),
        ("DoesNotExist", (), {}, True),
    ],
)
def test_the_four_operators(operator: str, values: tuple[str, ...], labels: dict[str, str], expected: bool) -> None:
    selector = select(("k", operator, values))
    assert Selector(selector).selects(labels) is expected
    assert matches(Match(object_selector=selector), request(labels=labels)) is expected
    assert matches(Match(namespace_selector=selector), request(), {"metadata": {"labels": labels}}) is expected


def test_the_object_selector_asks_the_old_object_too() -> None:
    match = Match(object_selector=select(("app", "In", ("web",))))
    assert matches(match, request(operation="UPDATE", labels={}, old_labels={"app": "web"}))
    assert matches(match, request(operation="DELETE", old_labels={"app": "web"}))
    assert not matches(match, request(operation="DELETE", old_labels={}))


@pytest.mark.parametrize("operator", ["NotIn", "DoesNotExist"])
def test_what_has_no_metadata_is_never_selected(operator: str) -> None:
    match = Match(object_selector=select(("app", operator, ("x",) if operator == "NotIn" else ())))
    options = request(operation="CONNECT", sub="exec", document={"kind": "PodExecOptions", "command": ["sh"]})
    assert not matches(match, options)
    assert matches(match, request(document={"metadata": {}}))


def test_a_cluster_scoped_object_is_never_skipped_by_a_namespace_selector() -> None:
    match = Match(namespace_selector=select(("env", "In", ("nowhere",))))
    assert matches(match, request("nodes", namespace=""), None)


def test_a_new_namespace_is_judged_by_its_own_labels_and_a_deleted_one_by_the_live_ones() -> None:
    match = Match(namespace_selector=select(("env", "In", ("prod",))))
    live: dict[str, Any] = {"metadata": {"labels": {"env": "test"}}}
    assert matches(match, request("namespaces", name="shop", labels={"env": "prod"}), live)
    assert not matches(match, request("namespaces", name="shop", labels={"env": "test"}), SHOP)
    assert matches(match, request("namespaces", operation="UPDATE", labels={"env": "prod"}), live)
    assert matches(match, request("namespaces", operation="DELETE", old_labels={}), SHOP)
    assert not matches(match, request("namespaces", operation="UPDATE", sub="status", labels={"env": "prod"}), live)


def test_a_namespace_that_is_not_there_is_an_error_only_where_all_else_matches() -> None:
    match = Match(rules=(PODS,), namespace_selector=select(("env", "Exists", ())))
    assert match_resources(match, request(), None, NONE) == MatchError('namespaces "shop" not found')
    assert match_resources(match, request("services"), None, NONE) is None
    assert match_resources(match, request(), MatchError("no cluster"), NONE) == MatchError("no cluster")


def test_a_malformed_selector_is_an_error_only_where_all_else_matches() -> None:
    match = Match(rules=(PODS,), object_selector=select(("k", "Like", ())))
    expected = MatchError('Internal error occurred: "Like" is not a valid label selector operator')
    assert match_resources(match, request(), SHOP, NONE) == expected
    assert match_resources(match, request("services"), SHOP, NONE) is None


def test_a_selector_that_was_never_set_selects_nothing() -> None:
    assert not matches(Match(object_selector=None), request())


def test_faults_of_requirements_are_said_in_the_words_of_the_api_server() -> None:
    assert requirement_fault(LabelRequirement("k", "In", ())) == (
        "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"
    )
    assert requirement_fault(LabelRequirement("k", "Exists", ("a",))) == (
        'values: Invalid value: ["a"]: values set must be empty for exists and does not exist'
    )
    form = (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    )
    assert label_key_faults("") == ["name part must be non-empty", form]
    assert label_key_faults("example.com/team") == []
    assert len(label_key_faults("a/b/c")) == 1
    assert label_key_faults("/team") == ["prefix part must be non-empty"]


# equivalence


def served(group: str, version: str) -> ServedResource:
    return ServedResource(
        GroupVersionResource(group, version, "deployments"), GroupVersionKind(group, version, "Deployment")
    )


DEPLOYMENTS = Equivalents(((served("apps", "v1"), served("apps", "v1beta1"), served("extensions", "v1beta1")),))
OLD_RULE = Rule(("*",), ("extensions",), ("v1beta1",), ("deployments",))


def test_an_equivalent_version_matches_and_says_which() -> None:
    asked = request("deployments", group="apps", kind="Deployment")
    way = match_resources(Match(rules=(OLD_RULE,)), asked, SHOP, DEPLOYMENTS)
    assert isinstance(way, Way)
    assert way.kind == GroupVersionKind("extensions", "v1beta1", "Deployment")
    assert way.resource == GroupVersionResource("extensions", "v1beta1", "deployments")


def test_the_exact_version_is_preferred_to_an_equivalent_one() -> None:
    asked = request("deployments", group="apps", kind="Deployment")
    exact = Rule(("*",), ("apps",), ("v1",), ("deployments",))
    way = match_resources(Match(rules=(OLD_RULE, exact)), asked, SHOP, DEPLOYMENTS)
    assert isinstance(way, Way)
    assert way.kind is None


def test_match_policy_exact_knows_no_equivalents() -> None:
    asked = request("deployments", group="apps", kind="Deployment")
    assert match_resources(Match(rules=(OLD_RULE,), match_policy="Exact"), asked, SHOP, DEPLOYMENTS) is None


def test_exclusion_knows_equivalents_too() -> None:
    asked = request("deployments", group="apps", kind="Deployment")
    match = Match(rules=(ANYTHING,), exclude_rules=(OLD_RULE,))
    assert match_resources(match, asked, SHOP, DEPLOYMENTS) is None


def test_the_versions_of_a_custom_resource_are_equivalent() -> None:
    definition = {
        "spec": {
            "group": "acme.io",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {"name": "v1", "served": True, "subresources": {"status": {}, "scale": {}}},
                {"name": "v1alpha1", "served": True},
                {"name": "v0", "served": False},
            ],
        }
    }
    table = Equivalents([definition_storage(definition)])
    v1 = GroupVersionResource("acme.io", "v1", "things")
    assert [item.kind.version for item in table.of(v1, "")] == ["v1alpha1"]
    assert table.of(v1, "status") == ()
    assert table.of(GroupVersionResource("acme.io", "v0", "things"), "") == ()


@pytest.mark.parametrize("broken", [{}, {"spec": 1}, {"spec": {"names": {}, "versions": [1], "group": "g"}}])
def test_a_broken_definition_serves_nothing(broken: dict[str, Any]) -> None:
    assert definition_storage(broken) == ()


# policies and bindings


def test_policies_and_bindings_come_in_order_of_name() -> None:
    policies: list[Policy] = [ValidatingPolicy(name=name) for name in ("b", "a")]
    bindings = [bind("b", "y"), bind("a", "z"), bind("b", "x")]
    assert names(policies, bindings, request()) == ["a:z", "b:x", "b:y"]


def test_a_policy_without_binding_and_a_binding_without_policy_do_nothing() -> None:
    assert names([ValidatingPolicy(name="a")], [bind("gone")], request()) == []


def test_a_binding_narrows_its_policy() -> None:
    policies: list[Policy] = [ValidatingPolicy(name="a")]
    test = Match(namespace_selector=select(("env", "In", ("test",))))
    assert names(policies, [bind("a", "narrow", test), bind("a", "wide")], request()) == ["a:wide"]
    services = Match(rules=(Rule(("*",), ("",), ("v1",), ("services",)),))
    assert names(policies, [bind("a", "narrow", services)], request()) == []


def test_errors_of_matching_are_kept_with_the_policy_or_the_binding() -> None:
    broken = Match(object_selector=select(("k", "Like", ())))
    index = MatchIndex([ValidatingPolicy(name="a", match=broken)], [bind("a")], NONE)
    (found,) = index.select(request(), SHOP)
    assert found.error == 'Internal error occurred: "Like" is not a valid label selector operator'
    assert found.bindings == ()
    index = MatchIndex([ValidatingPolicy(name="a")], [bind("a", "b", broken), bind("a", "c")], NONE)
    (found,) = index.select(request(), SHOP)
    assert [bound.error is None for bound in found.bindings] == [False, True]


def test_a_stored_policy_without_constraints_is_an_error() -> None:
    index = MatchIndex([ValidatingPolicy(name="a", match=None)], [bind("a")], NONE)
    (found,) = index.select(request(), SHOP)
    assert found.error == "policy contained no match constraints, a required field"


def test_a_selector_that_was_never_set_is_an_error_of_the_policy() -> None:
    index = MatchIndex([ValidatingPolicy(name="a", match=Match(object_selector=None))], [bind("a")], NONE)
    (found,) = index.select(request(), SHOP)
    assert found.error == "a nil object selector was passed, please ensure selectors are initialized properly"


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    ],
)
def test_some_objects_are_never_seen(group: str, resource: str) -> None:
    asked = request(resource, group=group)
    assert names([ValidatingPolicy(name="a")], [bind("a")], asked) == []


def test_webhook_configurations_are_seen() -> None:
    asked = request("validatingwebhookconfigurations", group="admissionregistration.k8s.io", namespace="")
    assert names([ValidatingPolicy(name="a")], [bind("a")], asked) == ["a:b"]


# pod templates

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"kind": "controller"}},
    "spec": {"template": {"metadata": {"labels": {"kind": "pod"}}, "spec": {"containers": []}}},
}


def deployment(**changes: Any) -> AdmissionRequest:
    return request("deployments", group="apps", kind="Deployment", document=DEPLOYMENT, **changes)


FOR_PODS = Match(rules=(PODS,))


def templated(match: Match = FOR_PODS) -> list[Policy]:
    return [ValidatingPolicy(name="a", match=match, pod_templates=True)]


def test_a_policy_for_pods_judges_templates_only_where_it_says_so() -> None:
    assert names(templated(), [bind("a")], deployment()) == ["a:b"]
    assert names([ValidatingPolicy(name="a", match=Match(rules=(PODS,)))], [bind("a")], deployment()) == []


def test_the_template_is_said_where_it_stands_for_the_object() -> None:
    (found,) = MatchIndex(templated(), [bind("a")], NONE).select(deployment(), SHOP)
    assert found.template == ("spec", "template")
    assert found.kind is None
    (found,) = MatchIndex(templated(), [bind("a")], NONE).select(request(), SHOP)
    assert found.template is None


def test_the_object_selector_sees_the_projected_pod() -> None:
    for label, expected in (("pod", ["a:b"]), ("controller", [])):
        match = Match(rules=(PODS,), object_selector=select(("kind", "In", (label,))))
        assert names(templated(match), [bind("a")], deployment()) == expected
        assert names(templated(), [bind("a", match=match)], deployment()) == expected


def test_operation_name_and_namespace_are_those_of_the_controller() -> None:
    created = Rule(("CREATE",), ("",), ("v1",), ("pods",), ("web",))
    assert names(templated(Match(rules=(created,))), [bind("a")], deployment()) == ["a:b"]
    assert names(templated(Match(rules=(created,))), [bind("a")], deployment(operation="UPDATE")) == []
    assert names(templated(Match(rules=(created,))), [bind("a")], deployment(name="api")) == []


def test_a_policy_that_matches_the_controller_is_not_projected_onto_it() -> None:
    both = Match(rules=(PODS, Rule(("*",), ("apps",), ("*",), ("deployments",))))
    (found,) = MatchIndex(templated(both), [bind("a")], NONE).select(deployment(), SHOP)
    assert found.template is None
    (found,) = MatchIndex(templated(Match()), [bind("a")], NONE).select(deployment(), SHOP)
    assert found.template is None


def test_subresources_deletions_and_other_kinds_are_not_projected() -> None:
    anything = Match(rules=(Rule(("*",), ("",), ("v1",), ("pods/*",)),))
    assert names(templated(anything), [bind("a")], deployment(sub="scale", operation="UPDATE")) == []
    assert names(templated(anything), [bind("a")], deployment(operation="DELETE")) == []
    assert names(templated(anything), [bind("a")], request("services")) == []


def test_a_controller_without_template_is_not_judged() -> None:
    asked = request("replicationcontrollers", document={"metadata": {}, "spec": {}})
    assert names(templated(), [bind("a")], asked) == []


def test_excluding_pods_or_the_controller_excludes_the_template() -> None:
    for resource, group in (("pods", ""), ("deployments", "apps")):
        match = Match(rules=(PODS,), exclude_rules=(Rule(("*",), (group,), ("v1",), (resource,)),))
        assert names(templated(match), [bind("a")], deployment()) == []


def test_a_binding_for_pods_stands_for_controllers_too() -> None:
    for rule in (PODS, Rule(("*",), ("apps",), ("v1",), ("deployments",))):
        assert names(templated(), [bind("a", match=Match(rules=(rule,)))], deployment()) == ["a:b"]
    services = Match(rules=(Rule(("*",), ("",), ("v1",), ("services",)),))
    assert names(templated(), [bind("a", match=services)], deployment()) == []


# the index

some_names = st.sampled_from(["", "a", "b", "*"])
rules = st.builds(
    Rule,
    st.lists(st.sampled_from(["CREATE", "DELETE", "*"]), max_size=2).map(tuple),
    st.lists(some_names, max_size=2).map(tuple),
    st.lists(some_names, max_size=2).map(tuple),
    st.lists(st.sampled_from(["a", "b", "*", "a/b", "*/b", "a/*", "*/*"]), max_size=3).map(tuple),
    st.lists(st.sampled_from(["web", "api"]), max_size=1).map(tuple),
    st.sampled_from(["*", "Cluster", "Namespaced"]),
)
criteria = st.builds(
    Match, rules=st.lists(rules, max_size=3).map(tuple), exclude_rules=st.lists(rules, max_size=1).map(tuple)
)


@given(
    st.lists(criteria, max_size=4),
    st.sampled_from(["CREATE", "DELETE"]),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "b"]),
    st.sampled_from(["", "shop"]),
)
def test_the_index_finds_what_looking_at_each_policy_finds(
    matches_: list[Match], operation: str, group: str, resource: str, sub: str, namespace: str
) -> None:
    policies = [ValidatingPolicy(name=f"p{number}", match=match) for number, match in enumerate(matches_)]
    asked = request(resource, group=group, version="a", operation=operation, sub=sub, namespace=namespace)
    index = MatchIndex(policies, [bind(policy.name) for policy in policies], NONE)
    expected = [policy.name for policy in policies if policy.match and matches(policy.match, asked)]
    for _ in range(2):
        assert [item.entry.policy.name for item in index.select(asked, SHOP)] == expected
