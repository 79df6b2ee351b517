"""Short ways to write policies, bindings and requests in tests, and to judge them with an engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any

from admission.building import read
from admission.compiler import compile_policies
from admission.decision import Decision
from admission.engine import Engine
from admission.facts import FactSource, FileFacts
from admission.policy import Binding, Exemption, MutatingPolicy, PolicySet, ValidatingPolicy
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, UserInfo

Object = dict[str, Any]

EVERYTHING: Object = {
    "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}]
}
NAMESPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"env": "prod"}}}
POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"containers": [{"name": "app", "image": "app:1"}, {"name": "log", "image": "log:2"}]},
}


def validating(name: str, *validations: Object | str, **spec: Any) -> Object:
    """A ValidatingAdmissionPolicy for everything; a validation given as text is its expression."""
    annotations = spec.pop("annotations", {})
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "matchConstraints": EVERYTHING,
            "validations": [{"expression": item} if isinstance(item, str) else item for item in validations],
            **spec,
        },
    }


def mutating(name: str, *patches: str, **spec: Any) -> Object:
    """A MutatingAdmissionPolicy for everything whose mutations are JSON patches."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": EVERYTHING,
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": text}} for text in patches],
            **spec,
        },
    }


def bound(policy: str, *actions: str, name: str = "", **spec: Any) -> Object:
    """A binding of a policy; of a mutating one where no actions are given."""
    annotations = spec.pop("annotations", {})
    kind = "ValidatingAdmissionPolicyBinding" if actions else "MutatingAdmissionPolicyBinding"
    own: Object = {"validationActions": list(actions)} if actions else {}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name or f"{policy}-binding", "annotations": annotations},
        "spec": {"policyName": policy, **own, **spec},
    }


def config_map(name: str, namespace: str = "shop", labels: Mapping[str, str] | None = None, **data: str) -> Object:
    """A ConfigMap, as params use it."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels or {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def request(
    document: Object | None = None,
    *,
    kind: tuple[str, str, str] = ("", "v1", "Pod"),
    resource: str = "pods",
    operation: str = "CREATE",
    old: Object | None = None,
    sub_resource: str = "",
    name: str = "web",
    namespace: str = "shop",
    user: UserInfo | None = None,
    options: Object | None = None,
    size: int = 0,
) -> AdmissionRequest:
    """A request about a Pod called web, unless something else is said."""
    gvk, gvr = GroupVersionKind(*kind), GroupVersionResource(kind[0], kind[1], resource)
    own = POD if document is None and operation in ("CREATE", "UPDATE") else document
    return AdmissionRequest(
        uid="u-1",
        kind=gvk,
        resource=gvr,
        request_kind=gvk,
        request_resource=gvr,
        operation=Operation(operation),
        sub_resource=sub_resource,
        request_sub_resource=sub_resource,
        name=name,
        namespace=namespace,
        user=user if user is not None else UserInfo("ann", groups=("dev",)),
        object=own,
        old_object=old,
        options=options,
        size=size,
    )


def engine(policies: Iterable[Object], facts: FactSource | None = None, **settings: Any) -> Engine:
    """An engine with policies and bindings as if they were stored."""
    built = [read(item) for item in policies]
    policy_set = PolicySet.of(
        [item for item in built if isinstance(item, ValidatingPolicy | MutatingPolicy)],
        [item for item in built if isinstance(item, Binding)],
        [item for item in built if isinstance(item, Exemption)],
    )
    settings.setdefault("clock", time.monotonic)
    return Engine(compile_policies(policy_set)[0], facts or FileFacts([NAMESPACE]), **settings)


def validate(
    policies: Iterable[Object], asked: AdmissionRequest | None = None, facts: FactSource | None = None, **settings: Any
) -> Decision:
    """What validating policies say about a request."""
    return asyncio.run(engine(policies, facts, **settings).validate(asked or request()))


def mutate(
    policies: Iterable[Object], asked: AdmissionRequest | None = None, facts: FactSource | None = None, **settings: Any
) -> Decision:
    """What mutating policies make of a request."""
    return asyncio.run(engine(policies, facts, **settings).mutate(asked or request()))
