"""From findings to answers: texts, codes, causes, warnings, audit annotations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.decision import (
    Decision,
    Finding,
    Outcome,
    decide_mutation,
    decide_validation,
    flatten,
    go_json,
    object_name,
    trim,
    truncate,
)
from admission.policy import Action
from admission.review import Status
from tests.judging import POD, Object, request

DENY, WARN, AUDIT = Action.DENY, Action.WARN, Action.AUDIT


def failing(
    policy: str = "p", *actions: Action, message: str = "no", path: str | None = None, index: int | None = 0
) -> Finding:
    return Finding(
        policy,
        "b",
        index=index,
        outcome=Outcome.FAIL,
        actions=actions,
        message=message,
        path=path,
        reason="Invalid",
        code=422,
    )


def test_nothing_found_is_allowed_and_says_nothing() -> None:
    decision = decide_validation([Finding("p", "b")], request(), {})
    assert decision == Decision(allowed=True, findings=(Finding("p", "b"),))


def test_the_first_denial_is_the_status_and_all_are_causes() -> None:
    findings = [failing("p1", DENY, path="spec.x"), failing("p2", WARN), failing("p3", DENY, message="also no")]
    decision = decide_validation(findings, request(), {})
    assert decision.status == Status(
        422,
        "Invalid",
        "ValidatingAdmissionPolicy 'p1' with binding 'b' denied request: no",
        {
            "name": "web",
            "kind": "pods",
            "causes": [
                {"message": "ValidatingAdmissionPolicy 'p1' with binding 'b' denied request: no", "field": "spec.x"},
                {"message": "ValidatingAdmissionPolicy 'p3' with binding 'b' denied request: also no"},
            ],
        },
    )


def test_an_error_of_the_policy_itself_names_no_binding() -> None:
    finding = Finding("p", outcome=Outcome.ERROR, actions=(DENY,), message="m", reason="Invalid", code=422)
    decision = decide_validation([finding], request(), {})
    assert decision.status is not None
    assert decision.status.message == "ValidatingAdmissionPolicy 'p' denied request: m"


def test_details_name_the_group_where_there_is_one() -> None:
    asked = request(kind=("apps", "v1", "Deployment"), resource="deployments")
    decision = decide_validation([failing("p", DENY)], asked, {})
    assert decision.status is not None
    assert decision.status.details is not None
    assert (decision.status.details["group"], decision.status.details["kind"]) == ("apps", "deployments")


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("web", POD, "web"),
        ("", POD, "web"),
        ("", {"metadata": {"generateName": "web-"}}, "web-"),
        ("", {"metadata": {}}, "Unknown"),
        ("", {"command": ["sh"]}, "Unknown/errorGettingName"),
        ("", None, "Unknown"),
    ],
)
def test_an_object_without_a_name_is_still_called_something(name: str, document: Object | None, expected: str) -> None:
    asked = request(document, name=name, operation="CONNECT")
    assert object_name(asked) == expected


def test_warnings_are_upstreams_text_on_one_line_and_never_twice() -> None:
    findings = [failing("p", WARN, message="a\n| b\t\x00c"), failing("p", WARN, message="a | b c"), failing("q", WARN)]
    decision = decide_validation(findings, request(), {})
    assert decision.allowed
    assert decision.warnings == (
        "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': a | b c",
        "Validation failed for ValidatingAdmissionPolicy 'q' with binding 'b': no",
    )


def test_audited_failures_are_one_list_in_upstreams_form() -> None:
    findings = [failing("p", AUDIT, DENY, message="<a> & b", index=2), failing("q", AUDIT, index=None)]
    decision = decide_validation(findings, request(), {})
    assert decision.audit_annotations["validation_failure"] == (
        '[{"message":"\\u003ca\\u003e \\u0026 b","policy":"p","binding":"b","expressionIndex":2,'
        '"validationActions":["Audit","Deny"]},'
        '{"message":"no","policy":"q","binding":"b","expressionIndex":0,"validationActions":["Audit"]}]'
    )


def test_annotations_of_policies_are_one_object_by_policy_and_key() -> None:
    decision = decide_validation([], request(), {"p/b": "2", "p/a": "1"})
    assert decision.audit_annotations == {"audit_annotations": '{"p/a":"1","p/b":"2"}'}
    assert all("/" not in key for key in decision.audit_annotations)


def test_annotations_are_published_with_a_denial_too() -> None:
    decision = decide_validation([failing("p", DENY)], request(), {"p/a": "1"})
    assert not decision.allowed
    assert "audit_annotations" in decision.audit_annotations


def test_a_failing_mutation_is_403_whatever_its_reason() -> None:
    findings = [
        Finding("m", "mb", outcome=Outcome.ERROR, actions=(DENY,), message="x", reason="Invalid", code=403),
        Finding('n"', outcome=Outcome.ERROR, actions=(DENY,), message="y", reason="Forbidden", code=403),
    ]
    decision = decide_mutation(findings, request())
    assert decision.status == Status(
        403,
        "Invalid",
        "policy 'm' with binding 'mb' denied request: x",
        {
            "name": "web",
            "kind": "pods",
            "causes": [
                {"message": "policy 'm' with binding 'mb' denied request: x"},
                {"message": 'policy "n\\"" denied request: y'},
            ],
        },
    )


def test_an_audit_only_decision_allows_without_a_patch_and_still_warns() -> None:
    decision = Decision(
        allowed=False,
        status=Status(422, "Invalid", "no"),
        warnings=("w",),
        patch=({"op": "add", "path": "/a", "value": 1},),
        audit_only=True,
    )
    response = decision.response("u")
    assert (response.allowed, response.status, response.patch, response.warnings) == (True, None, (), ("w",))


def test_a_denial_carries_no_patch() -> None:
    decision = Decision(allowed=False, patch=({"op": "add", "path": "/a", "value": 1},))
    assert decision.response("u").patch == ()


def test_trimming_is_that_of_go() -> None:
    assert trim("\x1c \t\n\v\f\r\x85\xa0\u2003\u3000a\x1f ") == "\x1c \t\n\v\f\r\x85\xa0\u2003\u3000a\x1f"
    assert trim(" \t\n\v\f\r\x85\xa0\u1680\u2003\u2028\u3000a ") == "a"


def test_a_cut_character_becomes_one_replacement_a_byte() -> None:
    assert truncate("aé", 2) == "a\ufffd"
    assert truncate("a\U0001f600", 4) == "a\ufffd\ufffd\ufffd"
    assert truncate("abc", 3) == "abc"


@given(st.text(max_size=30), st.integers(0, 40))
def test_truncated_text_is_never_longer_than_allowed_but_for_replacements(text: str, limit: int) -> None:
    cut = truncate(text, limit)
    assert cut.replace("\ufffd", "") in text.replace("\ufffd", "") or "\ufffd" in text
    if len(text.encode("utf-8", "replace")) <= limit:
        assert cut == text


@given(st.text())
def test_flattened_text_has_no_control_characters(text: str) -> None:
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in flatten(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_for_go_is_json_without_markup(value: object) -> None:
    text = go_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
