from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.origin import render_path
from admission.cli.report import Judged, Summary, as_json, as_page, path_in
from admission.decision import Decision, Finding, Outcome
from admission.documents.document import Source, read
from admission.manifest import Kinds, Requester
from admission.policy import Action, ValidatingPolicy

DEPLOYMENT = """\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        - name: web
          image: nginx
        - name: shell
          securityContext:
            privileged: true
"""
PRIVILEGED = "spec.template.spec.containers[1].securityContext.privileged"


def judged(*findings: Finding, text: str = DEPLOYMENT, **decided: Any) -> Judged:
    [document], issues = read(Source("deploy/web.yaml", text))
    assert issues == []
    allowed = not any(finding.denies for finding in findings)
    request = Requester(Kinds()).request(document.data)
    return Judged(document, request, Decision(allowed=allowed, findings=findings, **decided))


def denial(**changed: Any) -> Finding:
    fields: dict[str, Any] = {
        "policy": "privileged-containers",
        "binding": "pod-security",
        "index": 0,
        "outcome": Outcome.FAIL,
        "actions": (Action.DENY, Action.AUDIT),
        "message": "containers must not run privileged: shell",
        "path": PRIVILEGED,
        "severity": "critical",
    }
    return Finding(**{**fields, **changed})


def test_a_finding_shows_the_line_that_decided() -> None:
    policy = ValidatingPolicy(name="privileged-containers", annotations={"admission.dev/remedy": "remove privileged"})
    page = as_page([judged(denial())], {policy.name: policy}, colour=False)
    assert page.splitlines() == [
        "deploy/web.yaml:15:13: Deployment shop/web  denied by privileged-containers",
        "   |",
        "13 |         - name: shell",
        "14 |           securityContext:",
        "15 |             privileged: true",
        "   |             ^^^^^^^^^^^^^^^^ containers must not run privileged: shell",
        "   = help: remove privileged",
    ]


def test_an_absent_field_is_shown_where_it_would_be() -> None:
    page = as_page([judged(denial(path="metadata.labels", message="no labels"))], {}, colour=False)
    assert page.splitlines()[0] == "deploy/web.yaml:4:1: Deployment shop/web  denied by privileged-containers"
    assert page.splitlines()[-2:] == ["4 | metadata:", "  | ^^^^^^^^ no labels"]


def test_a_finding_without_a_path_is_shown_without_lines() -> None:
    page = as_page([judged(denial(path=None, actions=(Action.WARN,), message="two\nlines"))], {}, colour=False)
    assert page.splitlines() == [
        "deploy/web.yaml:2:1: Deployment shop/web  warned by privileged-containers",
        "   = two",
        "     lines",
    ]


def test_findings_stand_in_the_order_of_the_lines() -> None:
    findings = (denial(), denial(policy="a", path="spec.template.spec.containers[0].image"))
    page = as_page([judged(*findings)], {}, colour=False)
    assert [line.split(":")[1] for line in page.splitlines() if line.startswith("deploy/")] == ["12", "15"]


def test_what_passed_or_was_skipped_is_no_news() -> None:
    quiet = (denial(outcome=Outcome.PASS, actions=()), denial(outcome=Outcome.SKIP, actions=()))
    assert as_page([judged(*quiet)], {}, colour=False) == ""


def test_an_ignored_error_is_told() -> None:
    page = as_page([judged(denial(outcome=Outcome.ERROR, actions=(), path=None))], {}, colour=False)
    assert "could not be judged by privileged-containers" in page


def test_a_change_lists_its_operations() -> None:
    patch = ({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}, {"op": "remove", "path": "/spec/paused"})
    page = as_page([judged(patch=patch, mutated_by=("labels", "labels", "unpause"))], {}, colour=False)
    assert page.splitlines() == [
        "deploy/web.yaml:2:1: Deployment shop/web  changed by labels, unpause",
        '   = add /metadata/labels {"a": "b"}',
        "   = remove /spec/paused",
    ]


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" not in as_page([judged(denial())], {}, colour=False)
    assert "\x1b[31mdenied\x1b[0m" in as_page([judged(denial())], {}, colour=True)


SECRETS = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      env:
        - name: PASSWORD
          value: canary-one
      image: nginx
"""


def test_lines_of_the_file_show_no_secrets() -> None:
    page = as_page([judged(denial(path="spec.containers[0].image"), text=SECRETS)], {}, colour=False)
    assert "canary-one" not in page
    assert "          value: ***" in page
    patch = ({"op": "add", "path": "/metadata/labels/x", "value": "canary-one"},)
    assert "canary-one" not in as_page([judged(text=SECRETS, patch=patch)], {}, colour=False)


def test_json_has_every_finding_with_its_place() -> None:
    passed = denial(outcome=Outcome.PASS, actions=(), message="", path=None, index=None)
    [entry] = json.loads(as_json([judged(passed, denial(param="ns/p"), patch=({"op": "remove", "path": "/a"},))]))
    assert entry == {
        "file": "deploy/web.yaml",
        "line": 2,
        "resource": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"},
        "allowed": False,
        "findings": [
            {
                "policy": "privileged-containers",
                "binding": "pod-security",
                "param": None,
                "index": None,
                "outcome": "PASS",
                "actions": [],
                "message": "",
                "path": None,
                "line": None,
                "column": None,
                "severity": "critical",
                "exemption": None,
            },
            {
                "policy": "privileged-containers",
                "binding": "pod-security",
                "param": "ns/p",
                "index": 0,
                "outcome": "FAIL",
                "actions": ["Deny", "Audit"],
                "message": "containers must not run privileged: shell",
                "path": PRIVILEGED,
                "line": 15,
                "column": 13,
                "severity": "critical",
                "exemption": None,
            },
        ],
        "patch": [{"op": "remove", "path": "/a"}],
    }


def test_the_summary_counts_resources_by_how_they_ended() -> None:
    results = [judged(denial()), judged(warnings=("w",)), judged(patch=({"op": "remove", "path": "/a"},)), judged()]
    assert Summary(1, 2, 0.214).line(results) == (
        "1 file, 4 resources, 2 policies: 1 denied, 1 warned, 1 changed, 1 fine in 0.21 s"
    )
    assert Summary(0, 1, 0).line([]) == "0 files, 0 resources, 1 policy: nothing to judge in 0.00 s"


@pytest.mark.parametrize(
    ("data", "text", "path"),
    [
        (
            {"spec": {"containers": [{}, {"image": "x"}]}},
            "spec.containers[1].image",
            ("spec", "containers", 1, "image"),
        ),
        ({"metadata": {"labels": {"a.b/c": "x"}}}, "metadata.labels[a.b/c]", ("metadata", "labels", "a.b/c")),
        ({"data": {"0": "x"}}, "data[0]", ("data", "0")),
        ({}, "spec.hostNetwork", ("spec", "hostNetwork")),
        ({}, "", ()),
    ],
)
def test_printed_paths_are_read_with_the_data(data: Any, text: str, path: tuple[str | int, ...]) -> None:
    assert path_in(data, text) == path


KEYS = st.text(st.characters(exclude_characters="[]", codec="utf-8"), min_size=1, max_size=8)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def paths_of(data: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, inner in items:
        yield from paths_of(inner, *path, step)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), DATA, max_size=3))
def test_every_path_into_data_is_read_as_it_was_printed(data: dict[str, Any]) -> None:
    for path in paths_of(data):
        assert path_in(data, render_path(path)) == path


def test_a_manifest_is_named_as_people_say() -> None:
    assert judged().name == "Deployment shop/web"
    assert judged(text="{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").name == "Namespace shop"
    assert judged(text="{apiVersion: v1, kind: Pod, metadata: {generateName: web-}}").name == "Pod default/web-"
    assert judged(text="{apiVersion: v1, kind: Pod}").name == "Pod default/(no name)"
