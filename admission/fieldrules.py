"""The API server's rules for what many kinds share: metadata, label selectors, and resource rules.

Sources: apimachinery pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation/validation.go; k8s.io/kubernetes
pkg/apis/admissionregistration/validation/validation.go (validateMatchResources, validateRule, validateResources). Maps
have no order there; here their faults come in order of the keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from admission.cel.names import dns_label_faults, label_value_faults, qualified_name_faults, subdomain_faults
from admission.decoding import Object, Path, field_path
from admission.fielderror import FieldError, duplicate, forbidden, invalid, required, too_long, unsupported
from admission.names import path_segment_faults

Errors: TypeAlias = Iterator[FieldError]

MAX_ANNOTATIONS_SIZE: Final = 256 * 1024
_METADATA: Final[Path] = ("metadata",)
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_MATCH_POLICIES: Final = ("Equivalent", "Exact")


def metadata_errors(metadata: Object, *, namespaced: bool = False) -> Errors:
    """Judge the metadata of an object named by a DNS subdomain; only with `namespaced` it may live in a namespace."""
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    if prefix:
        stem = prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        for fault in subdomain_faults(stem):
            yield invalid((*_METADATA, "generateName"), prefix, fault)
    if name:
        for fault in subdomain_faults(name):
            yield invalid((*_METADATA, "name"), name, fault)
    elif not prefix:
        yield required((*_METADATA, "name"), "name or generateName is required")
    namespace = metadata.get("namespace", "")
    if namespace and not namespaced:
        yield forbidden((*_METADATA, "namespace"), "not allowed on this type")
    elif namespace:
        for fault in dns_label_faults(namespace):
            yield invalid((*_METADATA, "namespace"), namespace, fault)
    if metadata.get("generation", 0) < 0:
        yield invalid((*_METADATA, "generation"), metadata["generation"], "must be greater than or equal to 0")
    yield from label_errors(metadata.get("labels", {}), (*_METADATA, "labels"))
    yield from _annotation_errors(metadata.get("annotations", {}), (*_METADATA, "annotations"))
    for index, finalizer in enumerate(metadata.get("finalizers", [])):
        for fault in qualified_name_faults(finalizer):
            yield invalid((*_METADATA, "finalizers", index), finalizer, fault).under("metadata.finalizers")


def label_errors(labels: Mapping[str, str], path: Path) -> Errors:
    """Judge labels; the field of a fault is the whole map, its path the label."""
    for key, value in sorted(labels.items()):
        found = [invalid((*path, key), key, fault) for fault in qualified_name_faults(key)]
        found += [invalid((*path, key), value, fault) for fault in label_value_faults(value)]
        for error in found:
            yield error.under(field_path(path))


def _annotation_errors(annotations: Mapping[str, str], path: Path) -> Errors:
    for key in sorted(annotations):
        for fault in qualified_name_faults(key.lower()):
            yield invalid((*path, key), key, fault).under("metadata.annotations")
    size = sum(_bytes(key) + _bytes(value) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS_SIZE:
        yield too_long(path, MAX_ANNOTATIONS_SIZE)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def selector_errors(selector: Object, path: Path) -> Errors:
    """Judge a label selector strictly."""
    yield from label_errors(selector.get("matchLabels", {}), (*path, "matchLabels"))
    for index, entry in enumerate(selector.get("matchExpressions", [])):
        yield from _requirement_errors(entry, (*path, "matchExpressions", index))


def _requirement_errors(entry: Object, path: Path) -> Errors:
    operator, key, values = entry.get("operator", ""), entry.get("key", ""), entry.get("values", [])
    if operator in ("In", "NotIn"):
        if not values:
            yield required((*path, "values"), "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden((*path, "values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        yield invalid((*path, "operator"), operator, "not a valid selector operator")
    for fault in qualified_name_faults(key):
        yield invalid((*path, "key"), key, fault)
    for index, value in enumerate(values):
        for fault in label_value_faults(value):
            yield invalid((*path, "values", index), value, fault)


def match_errors(match: Object, path: Path) -> Errors:
    """Judge matchConstraints or matchResources."""
    match_policy = match.get("matchPolicy")
    if match_policy is None:
        yield required((*path, "matchPolicy"))
    elif match_policy not in _MATCH_POLICIES:
        yield unsupported((*path, "matchPolicy"), match_policy, _MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        selector = match.get(name)
        if selector is None:
            yield required((*path, name))
        else:
            yield from selector_errors(selector, (*path, name))
    for name in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(name, [])):
            yield from _rule_errors(rule, (*path, name, index))


def _rule_errors(rule: Object, path: Path) -> Errors:
    seen: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames", [])):
        where = (*path, "resourceNames", index)
        for fault in path_segment_faults(name):
            yield invalid(where, name, fault)
        if name in seen:
            yield duplicate(where, name)
        seen.add(name)
    yield from _wildcard_errors(rule, path, "operations", "operations")
    for index, operation in enumerate(rule.get("operations", [])):
        if operation not in _OPERATIONS:
            yield unsupported((*path, "operations", index), operation, _OPERATIONS)
    yield from _wildcard_errors(rule, path, "apiGroups", "API groups")
    yield from _wildcard_errors(rule, path, "apiVersions", "API versions")
    for index, version in enumerate(rule.get("apiVersions", [])):
        if not version:
            yield required((*path, "apiVersions", index))
    yield from _resource_errors(rule.get("resources", []), (*path, "resources"))
    if "scope" in rule and rule["scope"] not in _SCOPES:
        yield unsupported((*path, "scope"), rule["scope"], _SCOPES)


def _wildcard_errors(rule: Object, path: Path, name: str, noun: str) -> Errors:
    values: Sequence[Any] = rule.get(name, [])
    if not values:
        yield required((*path, name))
    elif len(values) > 1 and "*" in values:
        yield invalid((*path, name), values, f"if '*' is present, must not specify other {noun}")


def _resource_errors(resources: list[str], path: Path) -> Errors:
    if not resources:
        yield required(path)
    whole: set[str] = set()  # r of every r/* so far
    everywhere: set[str] = set()  # s of every */s so far
    plain = False  # whether the last entry without a slash is no wildcard: that one alone counts upstream
    for index, entry in enumerate(resources):
        resource, slash, sub = entry.partition("/")
        if not entry:
            yield required((*path, index))
        elif not slash:
            plain = entry != "*"
        else:
            if resource in whole:
                yield invalid((*path, index), entry, f"if '{resource}/*' is present, must not specify {entry}")
            if sub in everywhere:
                yield invalid((*path, index), entry, f"if '*/{sub}' is present, must not specify {entry}")
            if sub == "*":
                whole.add(resource)
            if resource == "*":
                everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        yield invalid(path, resources, detail)
