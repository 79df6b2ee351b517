"""Every bundled policy against the resources beside it, by the engine and from the files that users get.

A validating policy has `pass.yaml` and `fail.yaml`, and every failing object stands here with what is said of it, as
whole strings. A mutating one has `unchanged.yaml`, and `before.yaml` and `after.yaml`, object by object.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from admission.decision import Decision, Outcome
from admission.defaults import apply_defaults
from admission.engine import Engine
from admission.facts import FileFacts
from admission.loader import LoadResult, load_documents, load_policies
from admission.manifest import Kinds, Requester
from admission.policy import SEVERITIES, MutatingPolicy, ValidatingPolicy
from admission.review import AdmissionRequest, Operation

ROOT = Path(__file__).parent.parent / "policies"
FOLDERS = sorted(path.parent for path in ROOT.rglob("policy.yaml"))
VALIDATING = [folder for folder in FOLDERS if folder.parent.name != "mutating"]
POD_POLICIES = [folder for folder in VALIDATING if folder.parent.name != "labels"]
MUTATING = [folder for folder in FOLDERS if folder.parent.name == "mutating"]

# Folder and name of the failing object: path and message of every finding, in order.
FINDINGS: dict[str, dict[str, list[tuple[str, str]]]] = {
    "best-practices/resource-limits": {
        "nothing": [
            ("spec.containers[0].resources.limits", "containers must have a limit for cpu: app"),
            ("spec.containers[0].resources.limits", "containers must have a limit for memory: app"),
        ],
        "memory-of-one": [
            ("spec.containers[1].resources.limits.memory", "containers must have a limit for memory: sidecar"),
        ],
        "template": [
            ("spec.template.spec.containers[0].resources.limits.cpu", "containers must have a limit for cpu: import"),
        ],
    },
    "images/no-latest": {
        "latest": [
            (
                "spec.containers[1].image",
                "images must have a tag other than latest, or a digest: proxy (registry.example.com/proxy:latest)",
            ),
        ],
        "no-tag": [
            (
                "spec.containers[0].image",
                (
                    "images must have a tag other than latest, or a digest: "
                    "app (nginx), setup (registry.example.com:5000/setup)"
                ),
            ),
        ],
        "volume": [
            (
                "spec.volumes[0].image.reference",
                (
                    "images of volumes must have a tag other than latest, or a digest: "
                    "model (registry.example.com/model:latest)"
                ),
            ),
        ],
        "template": [
            (
                "spec.template.spec.containers[0].image",
                "images must have a tag other than latest, or a digest: database (postgres)",
            ),
        ],
    },
    "images/require-digest": {
        "tag": [
            ("spec.containers[0].image", "images must be named by digest: app (registry.example.com/app:1.4.2)"),
        ],
        "digest-too-short": [
            (
                "spec.containers[0].image",
                "images must be named by digest: app (registry.example.com/app@sha256:9f86d081)",
            ),
        ],
        "volume": [
            (
                "spec.volumes[0].image.reference",
                "images of volumes must be named by digest: model (registry.example.com/model:1)",
            ),
        ],
    },
    "labels/required-labels": {
        "one-missing": [
            ("metadata.labels", "a required label is missing: team"),
        ],
        "no-labels": [
            ("metadata.labels", "required labels are missing: team, app.kubernetes.io/name"),
        ],
        "empty": [
            ("metadata.labels.team", "a required label is missing: team"),
        ],
    },
    "pod-security/apparmor-profile": {
        "unconfined-pod": [
            (
                "spec.securityContext.appArmorProfile.type",
                "the Pod's appArmorProfile.type must be RuntimeDefault or Localhost",
            ),
        ],
        "unconfined-container": [
            (
                "spec.containers[0].securityContext.appArmorProfile.type",
                "appArmorProfile.type must be RuntimeDefault or Localhost: app (Unconfined)",
            ),
        ],
        "unconfined-annotation": [
            (
                "metadata.annotations[container.apparmor.security.beta.kubernetes.io/app]",
                "annotations for AppArmor must say runtime/default or localhost/NAME: app (unconfined)",
            ),
        ],
    },
    "pod-security/baseline-capabilities": {
        "sys-admin": [
            (
                "spec.containers[0].securityContext.capabilities.add[0]",
                "containers must not add these capabilities: app (SYS_ADMIN)",
            ),
        ],
        "several": [
            (
                "spec.containers[0].securityContext.capabilities.add[1]",
                "containers must not add these capabilities: app (NET_RAW, SYS_PTRACE), debugger (ALL)",
            ),
        ],
    },
    "pod-security/baseline-seccomp": {
        "unconfined-pod": [
            (
                "spec.securityContext.seccompProfile.type",
                "the Pod's seccompProfile.type must be RuntimeDefault or Localhost",
            ),
        ],
        "unconfined-container": [
            (
                "spec.containers[0].securityContext.seccompProfile.type",
                "seccompProfile.type must be RuntimeDefault or Localhost: app (Unconfined)",
            ),
        ],
    },
    "pod-security/host-namespaces": {
        "network": [
            ("spec.hostNetwork", "hostNetwork must not be true: the Pod would share the node's network"),
        ],
        "pid": [
            ("spec.hostPID", "hostPID must not be true: the Pod would see every process of the node"),
        ],
        "ipc": [
            ("spec.hostIPC", "hostIPC must not be true: the Pod would share memory with every process of the node"),
        ],
        "agent": [
            ("spec.template.spec.hostNetwork", "hostNetwork must not be true: the Pod would share the node's network"),
            ("spec.template.spec.hostPID", "hostPID must not be true: the Pod would see every process of the node"),
        ],
    },
    "pod-security/host-path-volumes": {
        "socket": [
            ("spec.volumes[1].hostPath", "volumes must not be of type hostPath: runtime"),
        ],
        "log-shipper": [
            ("spec.template.spec.volumes[0].hostPath", "volumes must not be of type hostPath: logs, keys"),
        ],
    },
    "pod-security/host-ports": {
        "one": [
            ("spec.containers[0].ports[0].hostPort", "containers must not use ports of the host: app (80)"),
        ],
        "several": [
            (
                "spec.containers[0].ports[0].hostPort",
                "containers must not use ports of the host: app (80, 443), proxy (53)",
            ),
        ],
    },
    "pod-security/non-root-user": {
        "pod": [
            ("spec.securityContext.runAsUser", "the Pod must not set securityContext.runAsUser to 0"),
        ],
        "container": [
            (
                "spec.containers[0].securityContext.runAsUser",
                "containers must not set securityContext.runAsUser to 0: app",
            ),
        ],
    },
    "pod-security/privilege-escalation": {
        "absent": [
            (
                "spec.containers[0].securityContext",
                "containers must set securityContext.allowPrivilegeEscalation to false: app",
            ),
        ],
        "allowed": [
            (
                "spec.containers[0].securityContext.allowPrivilegeEscalation",
                "containers must set securityContext.allowPrivilegeEscalation to false: app",
            ),
        ],
        "one-of-two": [
            (
                "spec.template.spec.containers[1].securityContext",
                "containers must set securityContext.allowPrivilegeEscalation to false: sidecar",
            ),
        ],
    },
    "pod-security/privileged-containers": {
        "privileged": [
            ("spec.containers[0].securityContext.privileged", "containers must not run privileged: app"),
        ],
        "init-and-sidecar": [
            ("spec.containers[1].securityContext.privileged", "containers must not run privileged: shell, setup"),
        ],
        "template": [
            (
                "spec.template.spec.containers[1].securityContext.privileged",
                "containers must not run privileged: shell",
            ),
        ],
        "nightly": [
            (
                "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged",
                "containers must not run privileged: app",
            ),
        ],
    },
    "pod-security/probe-hosts": {
        "liveness": [
            ("spec.containers[0].livenessProbe.httpGet.host", "probes and lifecycle hooks must not name a host: app"),
        ],
        "startup": [
            ("spec.containers[0].startupProbe.tcpSocket.host", "probes and lifecycle hooks must not name a host: app"),
        ],
        "pre-stop": [
            (
                "spec.containers[0].lifecycle.preStop.httpGet.host",
                "probes and lifecycle hooks must not name a host: app, sidecar",
            ),
        ],
    },
    "pod-security/proc-mount": {
        "unmasked": [
            (
                "spec.containers[0].securityContext.procMount",
                "procMount must be Default where the Pod has no user namespace of its own: app (Unmasked)",
            ),
        ],
        "unmasked-as-user-of-the-host": [
            (
                "spec.containers[0].securityContext.procMount",
                "procMount must be Default where the Pod has no user namespace of its own: app (Unmasked)",
            ),
        ],
    },
    "pod-security/restricted-capabilities": {
        "absent": [
            ("spec.containers[0].securityContext", "containers must drop ALL capabilities: app"),
        ],
        "some-dropped": [
            ("spec.containers[0].securityContext.capabilities.drop", "containers must drop ALL capabilities: app"),
        ],
        "chown-added": [
            (
                "spec.containers[0].securityContext.capabilities.add[1]",
                "containers must not add capabilities other than NET_BIND_SERVICE: app (CHOWN)",
            ),
        ],
    },
    "pod-security/restricted-proc-mount": {
        "unmasked": [
            ("spec.containers[0].securityContext.procMount", "procMount must be Default: app (Unmasked)"),
        ],
        "unmasked-in-a-user-namespace": [
            ("spec.containers[0].securityContext.procMount", "procMount must be Default: app (Unmasked)"),
        ],
    },
    "pod-security/restricted-seccomp": {
        "absent": [
            (
                "spec.containers[0].securityContext",
                "seccompProfile.type must be RuntimeDefault or Localhost, in the Pod or in these containers: app",
            ),
        ],
        "unconfined-pod": [
            (
                "spec.securityContext.seccompProfile.type",
                "the Pod's seccompProfile.type must be RuntimeDefault or Localhost",
            ),
            (
                "spec.securityContext.seccompProfile.type",
                "seccompProfile.type must be RuntimeDefault or Localhost, in the Pod or in these containers: app",
            ),
        ],
        "unconfined-container": [
            (
                "spec.containers[0].securityContext.seccompProfile.type",
                "seccompProfile.type must be RuntimeDefault or Localhost, in the Pod or in these containers: app",
            ),
        ],
    },
    "pod-security/run-as-non-root": {
        "absent": [
            ("spec.containers[0].securityContext", "runAsNonRoot must be true in the Pod or in these containers: app"),
        ],
        "false-in-the-pod": [
            ("spec.securityContext.runAsNonRoot", "the Pod must not set securityContext.runAsNonRoot to false"),
        ],
        "false-in-a-container": [
            (
                "spec.containers[0].securityContext.runAsNonRoot",
                "runAsNonRoot must be true in the Pod or in these containers: app",
            ),
        ],
        "one-of-two": [
            (
                "spec.containers[1].securityContext",
                "runAsNonRoot must be true in the Pod or in these containers: sidecar",
            ),
        ],
        "nightly": [
            (
                "spec.jobTemplate.spec.template.spec.containers[0].securityContext",
                "runAsNonRoot must be true in the Pod or in these containers: app",
            ),
        ],
    },
    "pod-security/selinux-options": {
        "type-of-pod": [
            (
                "spec.securityContext.seLinuxOptions.type",
                "the Pod's seLinuxOptions.type is not one of the types for containers: spc_t",
            ),
        ],
        "user-of-pod": [
            ("spec.securityContext.seLinuxOptions.user", "the Pod must not set seLinuxOptions.user or .role"),
        ],
        "type-of-container": [
            (
                "spec.containers[0].securityContext.seLinuxOptions.type",
                "seLinuxOptions.type is not one of the types for containers: app (spc_t)",
            ),
        ],
        "role-of-container": [
            (
                "spec.containers[0].securityContext.seLinuxOptions.role",
                "containers must not set seLinuxOptions.user or .role: app",
            ),
        ],
    },
    "pod-security/sysctls": {
        "two-of-the-node": [
            (
                "spec.securityContext.sysctls[1].name",
                "these sysctls reach beyond the Pod and must not be set: kernel.msgmax, net.core.somaxconn",
            ),
        ],
    },
    "pod-security/volume-types": {
        "host-path": [
            ("spec.volumes[0].hostPath", "volumes must not be of these types: logs (hostPath)"),
        ],
        "network-storage": [
            ("spec.volumes[1].nfs", "volumes must not be of these types: share (nfs), block (iscsi)"),
        ],
    },
    "pod-security/windows-host-process": {
        "pod": [
            (
                "spec.securityContext.windowsOptions.hostProcess",
                "the Pod's windowsOptions.hostProcess must not be true",
            ),
        ],
        "container": [
            (
                "spec.containers[0].securityContext.windowsOptions.hostProcess",
                "windowsOptions.hostProcess must not be true: app",
            ),
        ],
    },
}


@cache
def loaded() -> LoadResult:
    return load_policies([ROOT])


@cache
def engine(folder: Path) -> Engine:
    """Return an engine that has only the policy of one folder, with its bindings from wherever they are."""
    everything = loaded()
    name = load_policies([folder]).policies.policies[0].name
    policies = replace(
        everything.policies,
        policies=tuple(policy for policy in everything.policies.policies if policy.name == name),
        bindings=tuple(binding for binding in everything.policies.bindings if binding.policy_name == name),
    )
    params = folder / "resources" / "params.yaml"
    documents = [document.data for document in load_documents([params])] if params.exists() else []
    return Engine(replace(everything, policies=policies).compile(), FileFacts(documents), clock=time.monotonic)


def objects(folder: Path, name: str) -> list[dict[str, Any]]:
    return [document.data for document in load_documents([folder / "resources" / name])]


def requests(folder: Path, name: str) -> Iterator[AdmissionRequest]:
    requester = Requester(Kinds())
    yield from (requester.request(item) for item in objects(folder, name))


def validate(folder: Path, request: AdmissionRequest) -> Decision:
    return asyncio.run(engine(folder).validate(request))


def mutate(folder: Path, request: AdmissionRequest) -> Decision:
    return asyncio.run(engine(folder).mutate(request))


def cases(folders: list[Path], name: str) -> list[Any]:
    return [
        pytest.param(folder, request, id=f"{folder.name}-{request.name}")
        for folder in folders
        for request in requests(folder, name)
    ]


@pytest.mark.parametrize(("folder", "request_"), cases(VALIDATING, "pass.yaml"))
def test_a_passing_resource_passes(folder: Path, request_: AdmissionRequest) -> None:
    decision = validate(folder, request_)
    assert decision.allowed
    assert not decision.warnings
    assert {finding.outcome for finding in decision.findings} <= {Outcome.PASS, Outcome.SKIP}


@pytest.mark.parametrize(("folder", "request_"), cases(VALIDATING, "fail.yaml"))
def test_a_failing_resource_is_found_with_path_and_message(folder: Path, request_: AdmissionRequest) -> None:
    decision = validate(folder, request_)
    assert {finding.outcome for finding in decision.findings} == {Outcome.FAIL}
    expected = FINDINGS[folder.relative_to(ROOT).as_posix()][request_.name]
    assert [(finding.path, finding.message) for finding in decision.findings] == expected


@pytest.mark.parametrize(("folder", "request_"), cases(POD_POLICIES, "fail.yaml"))
def test_an_update_that_changes_nothing_else_is_let_through(folder: Path, request_: AdmissionRequest) -> None:
    """A policy must not keep anybody from labelling, or finally deleting, what was there before it."""
    assert request_.object is not None
    changed = {**request_.object, "metadata": {**request_.object["metadata"], "finalizers": []}}
    update = replace(request_, operation=Operation.UPDATE, object=changed, old_object=request_.object)
    assert validate(folder, update).allowed


@pytest.mark.parametrize(("folder", "request_"), cases(MUTATING, "unchanged.yaml"))
def test_a_resource_that_says_itself_what_it_wants_stays(folder: Path, request_: AdmissionRequest) -> None:
    decision = mutate(folder, request_)
    assert decision.allowed
    assert decision.patch == ()


def changes() -> list[Any]:
    return [
        pytest.param(folder, before, after, id=f"{folder.name}-{before['metadata']['name']}")
        for folder in MUTATING
        for before, after in zip(objects(folder, "before.yaml"), objects(folder, "after.yaml"), strict=True)
    ]


@pytest.mark.parametrize(("folder", "before", "after"), changes())
def test_a_resource_is_changed_as_written_beside_it(
    folder: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    request = Requester(Kinds()).request(before)
    decision = mutate(folder, request)
    assert decision.allowed
    assert decision.patch != ()
    expected = apply_defaults({**after, "metadata": {**after["metadata"], "namespace": "default"}})
    assert decision.object == expected
    again = mutate(folder, replace(request, object=decision.object))
    assert again.patch == ()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_policy_says_what_people_need_to_know(folder: Path) -> None:
    [policy] = load_policies([folder]).policies.policies
    assert policy.title != policy.name
    assert policy.category
    assert policy.description
    assert policy.remedy
    assert policy.annotations["admission.dev/severity"] in SEVERITIES


@pytest.mark.parametrize("folder", VALIDATING, ids=lambda folder: folder.name)
def test_a_policy_has_passing_and_failing_resources(folder: Path) -> None:
    assert objects(folder, "pass.yaml")
    names = {item["metadata"]["name"] for item in objects(folder, "fail.yaml")}
    assert names == set(FINDINGS[folder.relative_to(ROOT).as_posix()])


@pytest.mark.parametrize("folder", VALIDATING, ids=lambda folder: folder.name)
def test_every_validation_fails_for_some_resource(folder: Path) -> None:
    [policy] = load_policies([folder]).policies.policies
    assert isinstance(policy, ValidatingPolicy)
    failed = {
        finding.index for request in requests(folder, "fail.yaml") for finding in validate(folder, request).findings
    }
    assert failed == set(range(len(policy.validations)))


@pytest.mark.parametrize("folder", VALIDATING, ids=lambda folder: folder.name)
def test_a_policy_for_pods_judges_templates_too(folder: Path) -> None:
    [policy] = load_policies([folder]).policies.policies
    assert policy.match is not None
    resources = {resource for rule in policy.match.rules for resource in rule.resources}
    assert policy.pod_templates == (resources <= {"pods", "pods/ephemeralcontainers"})


def test_every_policy_is_bound_and_loads_without_a_word() -> None:
    assert loaded().issues == ()
    bound = {binding.policy_name for binding in loaded().policies.bindings}
    assert bound == {policy.name for policy in loaded().policies.policies}
    assert len(loaded().policies.policies) == len(FOLDERS)


def test_mutating_policies_lie_in_their_folder() -> None:
    for folder in FOLDERS:
        [policy] = load_policies([folder]).policies.policies
        assert isinstance(policy, MutatingPolicy) == (folder in MUTATING)


def test_a_level_is_its_bindings_and_what_they_bind() -> None:
    baseline = load_policies(["builtin:pod-security/baseline"])
    restricted = load_policies(["builtin:pod-security/restricted"])
    everything = load_policies(["builtin:pod-security"])
    assert baseline.issues == ()
    assert len(baseline.policies.policies) == len(baseline.policies.bindings) == 12
    assert set(baseline.policies.bindings) < set(restricted.policies.bindings)
    assert restricted.policies == everything.policies


def test_the_policies_of_a_category_are_bound_at_its_level() -> None:
    for level, bound in (("baseline", True), ("restricted", False)):
        names = {
            policy.name
            for policy in load_policies(["builtin:pod-security"]).policies.policies
            if policy.category == f"Pod Security Standards, {level}"
        }
        baseline = {policy.name for policy in load_policies(["builtin:pod-security/baseline"]).policies.policies}
        assert (names <= baseline) == bound


@pytest.mark.parametrize("folder", VALIDATING, ids=lambda folder: folder.name)
def test_a_validating_policy_works_in_every_version_that_has_the_kind(folder: Path) -> None:
    warnings = load_policies([folder / "policy.yaml"], kubernetes_version="1.30").issues
    assert {issue.id for issue in warnings} <= {"binding"}
