from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from admission.policy import (
    Action,
    Binding,
    Expression,
    LabelSelector,
    Match,
    MutatingPolicy,
    PolicySet,
    ValidatingPolicy,
    Validation,
    describe,
)

POLICY = ValidatingPolicy(name="b", validations=(Validation(Expression("true", "spec.validations[0].expression")),))
BINDING = Binding(kind="Validating", name="z", policy_name="b", actions=(Action.DENY,))


def test_nothing_can_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        POLICY.name = "c"  # type: ignore[misc]


def test_a_set_is_in_order_of_name_whatever_the_files_were() -> None:
    other = replace(POLICY, name="a")
    mutating = MutatingPolicy(name="a")
    first = PolicySet.of([POLICY, other, mutating], [BINDING, replace(BINDING, name="y")])
    second = PolicySet.of([mutating, other, POLICY], [replace(BINDING, name="y"), BINDING])
    assert [policy.name for policy in first.policies] == ["a", "a", "b"]
    assert [binding.name for binding in first.bindings] == ["y", "z"]
    assert first == second


def test_the_version_changes_with_what_a_policy_says() -> None:
    versions = {
        PolicySet.of(policies, bindings).version
        for policies, bindings in (
            ([POLICY], [BINDING]),
            ([replace(POLICY, match=None)], [BINDING]),
            ([replace(POLICY, annotations={"a": "b"})], [BINDING]),
            ([replace(POLICY, validations=(Validation(Expression("false")),))], [BINDING]),
            ([POLICY], [replace(BINDING, actions=(Action.WARN,))]),
            ([POLICY], []),
        )
    }
    assert len(versions) == 6
    assert all(len(version) == 16 for version in versions)


def test_the_version_does_not_depend_on_the_process() -> None:
    assert PolicySet.of([POLICY], [BINDING]).version == "67c1b6c7a0b74a74"


def test_a_policy_describes_itself_by_its_annotations() -> None:
    described = replace(
        POLICY,
        annotations={
            "admission.dev/severity": "high",
            "admission.dev/title": "No root",
            "admission.dev/category": "pods",
            "admission.dev/description": "why",
            "admission.dev/remedy": "what",
        },
    )
    assert (described.severity, described.title, described.category) == ("high", "No root", "pods")
    assert (described.description, described.remedy) == ("why", "what")
    assert (POLICY.severity, POLICY.title, POLICY.remedy) == ("medium", "b", "")
    assert replace(POLICY, annotations={"admission.dev/severity": "x"}).severity == "medium"


def test_what_is_empty_is_not_described() -> None:
    assert describe(Match()) == {"match_policy": "Equivalent"}
    assert describe(LabelSelector()) == {}
