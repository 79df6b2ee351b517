from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.audit.masking import LAST_APPLIED, MASK, MIN_LENGTH, mask, sensitive_texts


def secret(value: str) -> dict[str, Any]:
    encoded = base64.b64encode(value.encode()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": encoded}}


def pod(**container: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "app", **container}]}}


def test_secret_data_is_masked_encoded_and_decoded() -> None:
    item = secret("hunter2-canary")
    text = f"the password is hunter2-canary, or {item['data']['key']}"
    assert mask(text, sensitive_texts(item)) == f"the password is {MASK}, or {MASK}"


def test_string_data_is_masked() -> None:
    item = {"kind": "Secret", "stringData": {"token": "canary-token"}}
    assert mask("got canary-token", sensitive_texts(item)) == f"got {MASK}"


def test_data_of_a_config_map_is_not_secret() -> None:
    item = {"kind": "ConfigMap", "data": {"color": "turquoise"}}
    assert sensitive_texts(item) == frozenset()


def test_environment_values_are_masked_wherever_a_pod_template_stands() -> None:
    template = {
        "kind": "CronJob",
        "spec": {"jobTemplate": {"spec": {"template": pod(env=[{"name": "A", "value": "canary"}])}}},
    }
    assert mask('container "app" has A=canary', sensitive_texts(template)) == f'container "app" has A={MASK}'


def test_the_old_object_counts_too() -> None:
    assert mask("was canary", sensitive_texts(None, pod(env=[{"name": "A", "value": "canary"}]))) == f"was {MASK}"


def test_names_of_variables_and_secrets_stay_readable() -> None:
    item = pod(env=[{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "database", "key": "pass"}}}])
    assert mask("PASSWORD from database/pass", sensitive_texts(item)) == "PASSWORD from database/pass"


def test_a_value_that_only_the_last_applied_configuration_has_is_masked() -> None:
    applied = json.dumps(pod(image="registry/old-canary:1", env=[{"name": "A", "value": "env-canary"}]))
    item = pod(image="registry/new:2")
    item["metadata"]["annotations"] = {LAST_APPLIED: applied}
    sensitive = sensitive_texts(item)
    assert mask(f"changed {applied}", sensitive) == f"changed {MASK}"
    assert mask("old registry/old-canary:1 env-canary", sensitive) == f"old {MASK} {MASK}"
    assert mask("web runs registry/new:2 in app", sensitive) == "web runs registry/new:2 in app"


def test_a_broken_last_applied_configuration_is_masked_as_a_whole() -> None:
    item = {"metadata": {"annotations": {LAST_APPLIED: '{"broken canary'}}}
    assert mask('it says {"broken canary', sensitive_texts(item)) == f"it says {MASK}"


def test_values_in_their_json_spelling_are_masked() -> None:
    sensitive = sensitive_texts(pod(env=[{"name": "A", "value": 'say "canary"\nplease'}]))
    assert mask(json.dumps(['say "canary"\nplease']), sensitive) == f'["{MASK}"]'


def test_one_line_of_a_value_of_several_lines_is_masked() -> None:
    sensitive = sensitive_texts({"kind": "Secret", "stringData": {"key": "first canary\nsecond canary\n"}})
    assert mask("found: second canary!", sensitive) == f"found: {MASK}!"


def test_overlapping_values_leave_nothing_behind() -> None:
    assert mask("x abcdefg y", {"abcde", "defg"}) == f"x {MASK} y"
    assert mask("aaaaaa", {"aaaa"}) == MASK


@pytest.mark.parametrize("value", ["a", "abc", "true", "False", "null"])
def test_short_words_are_left_alone(value: str) -> None:
    assert sensitive_texts(pod(env=[{"name": "A", "value": value}])) == frozenset()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["env", "kind", "data", "stringData", "value", "x", LAST_APPLIED]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["kind", "data", "stringData", "metadata", "spec"]), json_values))
def test_any_object_can_be_searched(item: dict[str, Any]) -> None:
    assert all(len(text) >= MIN_LENGTH for text in sensitive_texts(item))


@given(st.lists(st.text(min_size=1)), st.text())
def test_masking_leaves_no_sensitive_text(sensitive: list[str], text: str) -> None:
    masked = mask(text, sensitive)
    assert not any(value in part for value in sensitive for part in masked.split(MASK))


canary_texts = st.text(min_size=MIN_LENGTH, max_size=30).map(lambda text: f"canary{text}")


@given(canary_texts, st.sampled_from(["secret", "env", "applied"]), st.text(max_size=20), st.text(max_size=20))
def test_planted_canaries_never_survive(canary: str, where: str, before: str, after: str) -> None:
    item: dict[str, Any]
    if where == "secret":
        item = secret(canary)
    elif where == "env":
        item = pod(env=[{"name": "A", "value": canary}])
    else:
        item = {"metadata": {"annotations": {LAST_APPLIED: json.dumps(pod(args=[canary]))}}}
    assert canary not in mask(f"{before}{canary}{after}", sensitive_texts(item))
