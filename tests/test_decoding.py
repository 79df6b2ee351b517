from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.decoding import decode, listed_actions, suggestion
from admission.kinds import KINDS, kind_of

API_VERSION = "admissionregistration.k8s.io/v1"


def _policy(spec: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "n"},
        "spec": spec,
        **rest,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_known_in_all_their_versions(kind: str) -> None:
    known = KINDS[kind]
    versions = ["v1alpha1"] if known.own else ["v1", "v1beta1", "v1alpha1"]
    assert known.api_versions == tuple(f"{known.group}/{version}" for version in versions)
    assert all(kind_of({"apiVersion": api_version, "kind": kind}) is known for api_version in known.api_versions)


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("admissionregistration.k8s.io/v2", "ValidatingAdmissionPolicy"),
        ("v1", "ValidatingAdmissionPolicy"),
        (API_VERSION, "Policy"),
        (None, None),
        (1, ["x"]),
    ],
)
def test_other_objects_are_no_policies(api_version: Any, kind: Any) -> None:
    assert kind_of({"apiVersion": api_version, "kind": str(kind)}) is None


def test_an_unknown_field_is_named_as_the_api_server_names_it_with_a_suggestion() -> None:
    [fault] = decode(_policy({"validation": []})).faults
    assert fault.message == 'strict decoding error: unknown field "spec.validation"'
    assert (fault.part, fault.help, fault.path) == ("key", "did you mean `validations`?", ("spec", "validation"))


def test_an_unknown_field_like_no_other_shows_what_there_is() -> None:
    [fault] = decode(_policy({"validations": [{"zzz": 1}]})).faults
    assert fault.message == 'strict decoding error: unknown field "spec.validations[0].zzz"'
    assert fault.help == "fields here: expression, message, messageExpression, reason"


@pytest.mark.parametrize(
    ("spec", "path", "message", "help_text"),
    [
        ({"validations": {}}, ("spec", "validations"), "must be a list, but is an object", ""),
        ({"validations": ["x"]}, ("spec", "validations", 0), "must be an object, but is a string", ""),
        (
            {"validations": [{"expression": True}]},
            ("spec", "validations", 0, "expression"),
            "must be a string, but is a boolean",
            "put quotes around it",
        ),
        ({"paramKind": []}, ("spec", "paramKind"), "must be an object, but is a list", ""),
        (
            {"matchConstraints": {"objectSelector": {"matchLabels": {"a": 1.5}}}},
            ("spec", "matchConstraints", "objectSelector", "matchLabels", "a"),
            "must be a string, but is a number",
            "put quotes around it",
        ),
    ],
)
def test_a_wrong_type_is_said_and_left_out(spec: Any, path: Any, message: str, help_text: str) -> None:
    content = decode(_policy(spec))
    [fault] = content.faults
    assert (fault.path, fault.message, fault.help, fault.mistyped) == (path, message, help_text, True)
    assert not content.usable


def test_null_is_the_same_as_absent() -> None:
    content = decode(_policy({"failurePolicy": None, "validations": [None], "variables": None}, status=None))
    assert content.faults == ()
    assert content.data["spec"] == {"validations": [{}]}


def test_a_mutating_policy_has_no_status() -> None:
    data = {"apiVersion": API_VERSION, "kind": "MutatingAdmissionPolicy", "status": {}}
    assert [fault.message for fault in decode(data).faults] == ['strict decoding error: unknown field "status"']


@pytest.mark.parametrize(
    ("kind", "annotation", "value", "faults"),
    [
        ("ValidatingAdmissionPolicy", "pod-templates", "true", []),
        ("ValidatingAdmissionPolicy", "pod-templates", "yes", ["error"]),
        ("ValidatingAdmissionPolicy", "severity", "critical", []),
        ("ValidatingAdmissionPolicy", "severity", "bad", ["error"]),
        ("ValidatingAdmissionPolicy", "pod-template", "true", ["warning"]),
        ("ValidatingAdmissionPolicyBinding", "pod-template-actions", "Warn, Audit", []),
        ("ValidatingAdmissionPolicyBinding", "pod-template-actions", '["Deny"]', []),
        ("ValidatingAdmissionPolicyBinding", "pod-template-actions", "", ["error"]),
        ("ValidatingAdmissionPolicyBinding", "pod-template-actions", "Deny, Shout", ["error"]),
        ("ValidatingAdmissionPolicyBinding", "severity", "high", ["warning"]),
    ],
)
def test_our_annotations_are_checked(kind: str, annotation: str, value: str, faults: list[str]) -> None:
    data = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"annotations": {f"admission.dev/{annotation}": value}},
    }
    assert [fault.severity for fault in decode(data).faults] == faults


def test_actions_may_be_written_as_a_list_or_with_commas() -> None:
    assert listed_actions("Warn, Audit") == listed_actions("[\"Warn\", 'Audit']") == ["Warn", "Audit"]


def test_a_suggestion_ignores_case_and_stays_silent_when_nothing_is_near() -> None:
    assert suggestion("MATCHCONSTRAINTS", ["matchConstraints", "other"]) == "matchConstraints"
    assert suggestion("qqq", ["matchConstraints"]) is None


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "metadata", "validations", "matchConstraints", "annotations", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(["spec", "metadata", "status"]), _anything))
def test_any_object_is_decoded_to_something_or_to_faults(kind: str, rest: dict[str, Any]) -> None:
    content = decode({"apiVersion": API_VERSION, "kind": kind, **rest})
    assert isinstance(content.data, dict)
