"""Offline and server: the same engine, so the same bytes, whatever the object is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admission.cli.offline import Notes, Offline, open_offline
from admission.cli.review import Phase, answer_to
from admission.errors import NotAReviewError
from admission.server.loading import load_engine
from tests.server.serving import Running, serving

ROOT = Path(__file__).resolve().parent.parent.parent
RESOURCES = (str(ROOT / "examples" / "namespaces.yaml"),)

TEXTS = st.sampled_from(["", "web", "RuntimeDefault", "nginx:latest", "docker.io/nginx", "ALL", "0", "é"]) | st.text(
    max_size=6
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def sometimes(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mostly what is usual, sometimes anything that JSON can say."""
    return st.integers(0, 19).flatmap(lambda number: ANYTHING if number == 0 else usual)


def fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return sometimes(st.fixed_dictionaries({}, optional={name: sometimes(value) for name, value in optional.items()}))


LABELS = st.dictionaries(st.sampled_from(["app", "team", "app.kubernetes.io/name"]), TEXTS, max_size=3)
SECURITY = fields(
    privileged=st.booleans(),
    allowPrivilegeEscalation=st.booleans(),
    runAsNonRoot=st.booleans(),
    runAsUser=st.integers(0, 2),
    procMount=TEXTS,
    capabilities=fields(add=st.lists(TEXTS, max_size=2), drop=st.lists(TEXTS, max_size=2)),
    seccompProfile=fields(type=TEXTS, localhostProfile=TEXTS),
    seLinuxOptions=fields(type=TEXTS, user=TEXTS),
    windowsOptions=fields(hostProcess=st.booleans()),
)
CONTAINER = fields(
    name=TEXTS,
    image=TEXTS,
    env=st.lists(fields(name=TEXTS, value=TEXTS), max_size=2),
    ports=st.lists(fields(hostPort=st.integers(0, 2)), max_size=2),
    resources=fields(limits=st.dictionaries(st.sampled_from(["cpu", "memory"]), TEXTS, max_size=2)),
    securityContext=SECURITY,
)
SPEC = fields(
    containers=st.lists(CONTAINER, max_size=3),
    initContainers=st.lists(CONTAINER, max_size=2),
    hostNetwork=st.booleans(),
    hostPID=st.booleans(),
    automountServiceAccountToken=st.booleans(),
    volumes=st.lists(fields(name=TEXTS, hostPath=fields(path=TEXTS), emptyDir=fields()), max_size=2),
    securityContext=SECURITY,
)
METADATA = fields(name=TEXTS, labels=LABELS, annotations=LABELS)
PODS = fields(metadata=METADATA, spec=SPEC)
DEPLOYMENTS = fields(metadata=METADATA, spec=fields(replicas=st.integers(0, 3), template=PODS))


@st.composite
def reviews(draw: st.DrawFn) -> bytes:
    """Draw the body of a review of a Pod or a Deployment."""
    group, kind, resource, objects = draw(
        st.sampled_from([("", "Pod", "pods", PODS), ("apps", "Deployment", "deployments", DEPLOYMENTS)])
    )
    operation = draw(st.sampled_from(["CREATE", "CREATE", "UPDATE", "DELETE"]))
    judged = draw(objects)
    if isinstance(judged, dict):
        judged = {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, **judged}
    request = {
        "uid": draw(st.uuids().map(str)),
        "kind": {"group": group, "version": "v1", "kind": kind},
        "resource": {"group": group, "version": "v1", "resource": resource},
        "name": "web",
        "namespace": draw(st.sampled_from(["default", "payments", "nowhere"])),
        "operation": operation,
        "userInfo": {"username": draw(TEXTS), "groups": ["dev"]},
        "object": None if operation == "DELETE" else judged,
        "oldObject": None if operation == "CREATE" else judged,
        "dryRun": draw(st.booleans()),
    }
    document = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode()


@pytest.fixture(scope="module")
def bundled(certificates: Path) -> Iterator[Running]:
    """A server with the bundled policies."""
    with serving(certificates, load=load_engine, policies_from=("builtin:",), resources=RESOURCES) as running:
        yield running


@pytest.fixture(scope="module")
def offline() -> Iterator[Offline]:
    """What `admission review` asks, with the same policies."""
    with open_offline(["builtin:"], RESOURCES, None, strict=False, note=Notes(strict=False)) as opened:
        yield opened


@given(reviews())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("phase", [Phase.MUTATE, Phase.VALIDATE])
def test_offline_and_server_answer_the_same_bytes(
    bundled: Running, offline: Offline, phase: Phase, body: bytes
) -> None:
    answer, _ = answer_to(offline, body, phase)
    assert bundled.post(body, f"/{phase.value}").content == answer


@given(reviews(), st.integers(0, 2_000), st.binary(max_size=2))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_they_agree_on_bodies_that_are_broken_too(
    bundled: Running, offline: Offline, body: bytes, place: int, instead: bytes
) -> None:
    broken = body[:place] + instead + body[place + 1 :]
    try:
        expected = 200, answer_to(offline, broken, Phase.VALIDATE)[0]
    except NotAReviewError as error:
        expected = 400, f"{error}\n".encode()
    answer = bundled.post(broken)
    assert (answer.status_code, answer.content) == expected
