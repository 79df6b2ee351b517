"""What the API server fills in before any policy sees an object: Pods, whatever holds a pod template, and Services.

A table of our own, made from recorded objects and the manifests that they were applied from. The `default`s of OpenAPI
are not that: they are what Go's structs print, and know nothing of fields that follow from others. Only what is the
same in every cluster is here: no addresses, no uids, no service account tokens. Objects are never changed: what comes
back shares with what went in whatever stayed as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from admission.workload import JsonObject


@dataclass(frozen=True, slots=True)
class Table:
    """Defaults of one kind of struct.

    `values` are for absent fields, `inside` goes into fields that are there (also by `values`), `each` into the items
    of lists; then `computed` returns what follows from other fields.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    inside: Mapping[str, Table] = field(default_factory=dict)
    each: Mapping[str, Table] = field(default_factory=dict)
    computed: Callable[[JsonObject], JsonObject] | None = None


def apply_defaults(document: JsonObject) -> JsonObject:
    """Return an object as policies in a cluster see it; the object itself where its kind is in no table.

    A null counts as absent, as it does to the API server, and disappears. Idempotent.
    """
    table = TABLES.get((document.get("apiVersion"), document.get("kind")))
    return _fill(table, _without_nulls(document)) if table is not None else document


def _fill(table: Table, given: JsonObject) -> JsonObject:
    filled = {**given, **{key: value for key, value in table.values.items() if key not in given}}
    for key, inner in table.inside.items():
        if isinstance(filled.get(key), dict):
            filled[key] = _fill(inner, filled[key])
    for key, inner in table.each.items():
        if isinstance(filled.get(key), list):
            filled[key] = [_fill(inner, item) if isinstance(item, dict) else item for item in filled[key]]
    if table.computed is not None:
        filled |= table.computed(filled)
    return filled


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _section(document: JsonObject, key: str) -> JsonObject:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _sections(document: JsonObject, key: str) -> list[JsonObject]:
    value = document.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _pull_policy(container: JsonObject) -> JsonObject:
    """Pull always what has the tag latest, or neither tag nor digest."""
    image = container.get("image")
    if "imagePullPolicy" in container:
        return {}
    name = image if isinstance(image, str) else ""
    tag = name.rpartition("/")[2].partition(":")[2]
    always = "@" not in name and tag in ("", "latest")
    return {"imagePullPolicy": "Always" if always else "IfNotPresent"}


_HTTP: Final = Table({"path": "/", "scheme": "HTTP"})
_PROBE: Final = Table(
    {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    inside={"httpGet": _HTTP, "grpc": Table({"service": ""})},
)
_HOOK: Final = Table(inside={"httpGet": _HTTP})
_FIELD_REF: Final = Table({"apiVersion": "v1"})
_CONTAINER: Final = Table(
    {"resources": {}, "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    inside={
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "startupProbe": _PROBE,
        "lifecycle": Table(inside={"postStart": _HOOK, "preStop": _HOOK}),
    },
    each={
        "ports": Table({"protocol": "TCP"}),
        "env": Table(inside={"valueFrom": Table(inside={"fieldRef": _FIELD_REF})}),
    },
    computed=_pull_policy,
)

_FILES: Final = Table({"defaultMode": 420})
_DOWNWARD_ITEMS: Final = Table(inside={"fieldRef": _FIELD_REF})
_PROJECTED_SOURCE: Final = Table(
    inside={
        "serviceAccountToken": Table({"expirationSeconds": 3600}),
        "downwardAPI": Table(each={"items": _DOWNWARD_ITEMS}),
    }
)
_CLAIM: Final = Table({"volumeMode": "Filesystem"})


def _volume_source(volume: JsonObject) -> JsonObject:
    """Make a volume without any source an empty folder."""
    return {} if any(key != "name" for key in volume) else {"emptyDir": {}}


_VOLUME: Final = Table(
    inside={
        "configMap": _FILES,
        "secret": _FILES,
        "downwardAPI": Table({"defaultMode": 420}, each={"items": _DOWNWARD_ITEMS}),
        "projected": Table({"defaultMode": 420}, each={"sources": _PROJECTED_SOURCE}),
        "hostPath": Table({"type": ""}),
        "iscsi": Table({"iscsiInterface": "default"}),
        "rbd": Table({"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}),
        "azureDisk": Table({"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"}),
        "scaleIO": Table({"storageMode": "ThinProvisioned", "fsType": "xfs"}),
        "ephemeral": Table(inside={"volumeClaimTemplate": Table({"metadata": {}}, inside={"spec": _CLAIM})}),
    },
    computed=_volume_source,
)


def _service_account(spec: JsonObject) -> JsonObject:
    """Let the old name of the field and the new one say the same; the new one wins."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    return {"serviceAccountName": name, "serviceAccount": name} if name else {}


_POD_SPEC: Final = Table(
    {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
    },
    each={
        "containers": _CONTAINER,
        "initContainers": _CONTAINER,
        "ephemeralContainers": _CONTAINER,
        "volumes": _VOLUME,
    },
    computed=_service_account,
)
_TEMPLATE: Final = Table({"metadata": {}}, inside={"spec": _POD_SPEC})

_TOLERATED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOLERATION_SECONDS: Final = 300


def _pod(pod: JsonObject) -> JsonObject:
    """Add what only Pods get, never templates: from the defaults of Pod, and from plugins that every cluster runs."""
    spec = _section(pod, "spec")
    if not spec:
        return {}
    filled = {"enableServiceLinks": True, **spec, "tolerations": _tolerations(_sections(spec, "tolerations"))}
    if "priorityClassName" not in spec:
        filled = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority", **filled}
    host_network = spec.get("hostNetwork") is True
    for kind in ("containers", "initContainers"):
        if isinstance(spec.get(kind), list):
            filled[kind] = [_pod_container(item, host_network) for item in spec[kind]]
    return {"spec": filled}


def _pod_container(container: Any, host_network: bool) -> Any:
    """Let requests follow limits; on the host's network, make ports the host's."""
    if not isinstance(container, dict):
        return container
    filled = dict(container)
    resources = _section(container, "resources")
    limits = _section(resources, "limits")
    if limits:
        filled["resources"] = {**resources, "requests": {**limits, **_section(resources, "requests")}}
    if host_network and isinstance(container.get("ports"), list):
        filled["ports"] = [
            {**port, "hostPort": port["containerPort"]}
            if isinstance(port, dict) and not port.get("hostPort") and "containerPort" in port
            else port
            for port in container["ports"]
        ]
    return filled


def _tolerations(given: list[JsonObject]) -> list[JsonObject]:
    def tolerates(key: str) -> bool:
        return any(item.get("key", "") in (key, "") and item.get("effect", "") in ("NoExecute", "") for item in given)

    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATION_SECONDS}
        for key in _TOLERATED
        if not tolerates(key)
    ]
    return [*given, *added]


def _rolling(**limits: Any) -> Callable[[JsonObject], JsonObject]:
    """Return what completes a rolling update strategy: the limits that were not given."""

    def complete(strategy: JsonObject) -> JsonObject:
        if strategy.get("type") != "RollingUpdate":
            return {}
        return {"rollingUpdate": {**limits, **_section(strategy, "rollingUpdate")}}

    return complete


def _strategy(**limits: Any) -> Table:
    return Table({"type": "RollingUpdate"}, computed=_rolling(**limits))


def _job_spec(spec: JsonObject) -> JsonObject:
    filled: JsonObject = {}
    if "completions" not in spec and "parallelism" not in spec:
        filled["completions"] = 1
    if "parallelism" not in spec:
        filled["parallelism"] = 1
    if "backoffLimit" not in spec:
        filled["backoffLimit"] = 2**31 - 1 if "backoffLimitPerIndex" in spec else 6
    if "podReplacementPolicy" not in spec:
        filled["podReplacementPolicy"] = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    return filled


def _labels_of_template(controller: JsonObject) -> JsonObject:
    """Give a ReplicationController without selector or labels those of its template."""
    spec = _section(controller, "spec")
    metadata = _section(controller, "metadata")
    labels = _section(_section(_section(spec, "template"), "metadata"), "labels")
    if not labels:
        return {}
    filled: JsonObject = {}
    if not spec.get("selector"):
        filled["spec"] = {**spec, "selector": labels}
    if not metadata.get("labels"):
        filled["metadata"] = {**metadata, "labels": labels}
    return filled


def _service_spec(spec: JsonObject) -> JsonObject:
    kind = spec.get("type")
    outside = kind in ("NodePort", "LoadBalancer")
    filled: JsonObject = {}
    if kind in ("ClusterIP", "NodePort", "LoadBalancer") and "internalTrafficPolicy" not in spec:
        filled["internalTrafficPolicy"] = "Cluster"
    if (outside or spec.get("externalIPs")) and "externalTrafficPolicy" not in spec and kind != "ExternalName":
        filled["externalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer" and "allocateLoadBalancerNodePorts" not in spec:
        filled["allocateLoadBalancerNodePorts"] = True
    if spec.get("sessionAffinity") == "ClientIP":
        filled["sessionAffinityConfig"] = _fill(
            Table({"clientIP": {}}, inside={"clientIP": Table({"timeoutSeconds": 10_800})}),
            _section(spec, "sessionAffinityConfig"),
        )
    return filled


def _target_port(port: JsonObject) -> JsonObject:
    return {"targetPort": port["port"]} if "port" in port and port.get("targetPort", "") in (0, "") else {}


def _controller(values: Mapping[str, Any], status: JsonObject | None = None, **inside: Table) -> Table:
    """Return the table of a kind that holds a pod template under `spec.template`."""
    return Table({"status": status or {}}, inside={"spec": Table(values, inside={"template": _TEMPLATE, **inside})})


_CLAIM_TEMPLATE: Final = Table(
    {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {}, "status": {"phase": "Pending"}},
    inside={"spec": _CLAIM},
)

TABLES: Final[Mapping[tuple[Any, Any], Table]] = {
    ("v1", "Pod"): Table({"status": {}}, inside={"spec": _POD_SPEC}, computed=_pod),
    ("v1", "PodTemplate"): Table(inside={"template": _TEMPLATE}),
    ("v1", "ReplicationController"): Table(
        {"status": {"replicas": 0}},
        inside={"spec": Table({"replicas": 1}, inside={"template": _TEMPLATE})},
        computed=_labels_of_template,
    ),
    ("apps/v1", "ReplicaSet"): _controller({"replicas": 1}, {"replicas": 0}),
    ("apps/v1", "Deployment"): _controller(
        {"replicas": 1, "strategy": {}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
        strategy=_strategy(maxUnavailable="25%", maxSurge="25%"),
    ),
    ("apps/v1", "DaemonSet"): _controller(
        {"updateStrategy": {}, "revisionHistoryLimit": 10},
        {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
        updateStrategy=_strategy(maxUnavailable=1, maxSurge=0),
    ),
    ("apps/v1", "StatefulSet"): Table(
        {"status": {"replicas": 0, "availableReplicas": 0}},
        inside={
            "spec": Table(
                {
                    "replicas": 1,
                    "podManagementPolicy": "OrderedReady",
                    "updateStrategy": {},
                    "revisionHistoryLimit": 10,
                    "persistentVolumeClaimRetentionPolicy": {},
                },
                inside={
                    "template": _TEMPLATE,
                    "updateStrategy": _strategy(partition=0),
                    "persistentVolumeClaimRetentionPolicy": Table({"whenDeleted": "Retain", "whenScaled": "Retain"}),
                },
                each={"volumeClaimTemplates": _CLAIM_TEMPLATE},
            )
        },
    ),
    ("batch/v1", "Job"): Table(
        {"status": {}},
        inside={
            "spec": Table(
                {"completionMode": "NonIndexed", "suspend": False, "manualSelector": False},
                inside={"template": _TEMPLATE},
                computed=_job_spec,
            )
        },
    ),
    ("batch/v1", "CronJob"): Table(
        {"status": {}},
        inside={
            "spec": Table(
                {
                    "concurrencyPolicy": "Allow",
                    "suspend": False,
                    "successfulJobsHistoryLimit": 3,
                    "failedJobsHistoryLimit": 1,
                },
                inside={"jobTemplate": Table({"metadata": {}}, inside={"spec": Table(inside={"template": _TEMPLATE})})},
            )
        },
    ),
    ("v1", "Service"): Table(
        {"status": {"loadBalancer": {}}},
        inside={
            "spec": Table(
                {"type": "ClusterIP", "sessionAffinity": "None"},
                each={"ports": Table({"protocol": "TCP"}, computed=_target_port)},
                computed=_service_spec,
            )
        },
    ),
}
"""By apiVersion and kind. A Job's own fields are defaults of Jobs, not of the jobTemplate of a CronJob."""
