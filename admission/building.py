"""The frozen model made of decoded policies and bindings, with the API server's defaults.

What the API server would refuse is built as if it were already stored, and fails closed. Sources: k8s.io/kubernetes
pkg/apis/admissionregistration/v1/defaults.go and v1alpha1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from admission import policy as model
from admission.cel.times import parse_timestamp
from admission.cel.values import CelError
from admission.decoding import Content, Object, Path, decode, field_path, listed_actions
from admission.kinds import GROUP
from admission.policy import Action, FailurePolicy, Place

Built: TypeAlias = model.ValidatingPolicy | model.MutatingPolicy | model.Binding | model.Exemption


def defaulted(content: Content) -> Content:
    """Return the content with the API server's defaults; what was given stays."""
    data = dict(content.data)
    spec: Object = dict(data.get("spec", {}))
    if content.kind.name == "PolicyExemption":
        _default_match(spec, "matchResources")
    elif content.kind.name.endswith("Binding"):
        _default_match(spec, "matchResources")
        if "paramRef" in spec and data.get("apiVersion", "").endswith("/v1alpha1"):
            spec["paramRef"] = {"parameterNotFoundAction": "Deny", **spec["paramRef"]}
    else:
        spec.setdefault("failurePolicy", FailurePolicy.FAIL.value)
        _default_match(spec, "matchConstraints")
    data["spec"] = spec
    return Content(content.kind, data, content.faults)


def build(content: Content, place: Place | None = None) -> Built:
    """Make the frozen value. What the API server would refuse is made as if already stored, and fails closed."""
    return _BUILDERS[content.kind.name](content.data, place)


def read(data: Mapping[str, Any], *, defaults: bool = True) -> Built:
    """Decode and build in one go, ignoring faults: for objects that are known to be stored in a cluster."""
    content = decode(data)
    return build(defaulted(content) if defaults else content)


def _default_match(spec: Object, name: str) -> None:
    if name not in spec:
        return
    match: Object = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, **spec[name]}
    for rules in ("resourceRules", "excludeResourceRules"):
        if rules in match:
            match[rules] = [{"scope": "*", **rule} for rule in match[rules]]
    spec[name] = match


def _at(place: Place | None, *steps: str | int, text: str = "") -> Place | None:
    return place.at(*steps, text=text) if place is not None else None


def _expression(owner: Object, name: str, path: Path, place: Place | None) -> model.Expression:
    text = owner.get(name, "")
    return model.Expression(text, field_path((*path, name)), _at(place, *path, name, text=text))


def _selector(data: Object | None) -> model.LabelSelector | None:
    if data is None:
        return None
    by_label = [
        model.LabelRequirement(key, "In", (value,)) for key, value in sorted(data.get("matchLabels", {}).items())
    ]
    by_expression = [
        model.LabelRequirement(entry.get("key", ""), entry.get("operator", ""), tuple(entry.get("values", ())))
        for entry in data.get("matchExpressions", ())
    ]
    return model.LabelSelector((*by_label, *by_expression))


def _rules(data: list[Object]) -> tuple[model.Rule, ...]:
    return tuple(
        model.Rule(
            operations=tuple(rule.get("operations", ())),
            api_groups=tuple(rule.get("apiGroups", ())),
            api_versions=tuple(rule.get("apiVersions", ())),
            resources=tuple(rule.get("resources", ())),
            resource_names=tuple(rule.get("resourceNames", ())),
            scope=rule.get("scope", "*"),
        )
        for rule in data
    )


def _match(data: Object | None) -> model.Match | None:
    if data is None:
        return None
    return model.Match(
        rules=_rules(data.get("resourceRules", [])),
        exclude_rules=_rules(data.get("excludeResourceRules", [])),
        match_policy=data.get("matchPolicy", "Exact"),
        namespace_selector=_selector(data.get("namespaceSelector")),
        object_selector=_selector(data.get("objectSelector")),
    )


def _match_conditions(spec: Object, place: Place | None) -> tuple[model.MatchCondition, ...]:
    return tuple(
        model.MatchCondition(
            entry.get("name", ""), _expression(entry, "expression", ("spec", "matchConditions", index), place)
        )
        for index, entry in enumerate(spec.get("matchConditions", ()))
    )


def _common(data: Object, place: Place | None) -> dict[str, Any]:
    metadata, spec = data.get("metadata", {}), data.get("spec", {})
    annotations = metadata.get("annotations", {})
    param_kind = spec.get("paramKind")
    return {
        "name": metadata.get("name", ""),
        "api_version": data.get("apiVersion", f"{GROUP}/v1"),
        "labels": metadata.get("labels", {}),
        "annotations": annotations,
        # An unknown policy cannot be stored; should one be, an error must not let the request through.
        "failure_policy": FailurePolicy.IGNORE if spec.get("failurePolicy") == "Ignore" else FailurePolicy.FAIL,
        "param_kind": model.ParamKind(param_kind.get("apiVersion", ""), param_kind.get("kind", ""))
        if param_kind is not None
        else None,
        "match": _match(spec.get("matchConstraints")),
        "match_conditions": _match_conditions(spec, place),
        "variables": tuple(
            model.Variable(entry.get("name", ""), _expression(entry, "expression", ("spec", "variables", index), place))
            for index, entry in enumerate(spec.get("variables", ()))
        ),
        "pod_templates": annotations.get(model.POD_TEMPLATES) == "true",
        "unexemptable": True if annotations.get(model.EXEMPTABLE, "true") != "true" else None,
        "place": place,
    }


def _validation(entry: Object, index: int, place: Place | None) -> model.Validation:
    path: Path = ("spec", "validations", index)
    return model.Validation(
        expression=_expression(entry, "expression", path, place),
        message=entry.get("message", ""),
        message_expression=_expression(entry, "messageExpression", path, place)
        if entry.get("messageExpression")
        else None,
        reason=entry.get("reason", ""),
    )


def _validating_parts(data: Object, place: Place | None) -> dict[str, Any]:
    spec = data.get("spec", {})
    return {
        **_common(data, place),
        "validations": tuple(
            _validation(entry, index, place) for index, entry in enumerate(spec.get("validations", ()))
        ),
        "audit_annotations": tuple(
            model.AuditAnnotation(
                entry.get("key", ""), _expression(entry, "valueExpression", ("spec", "auditAnnotations", index), place)
            )
            for index, entry in enumerate(spec.get("auditAnnotations", ()))
        ),
    }


def _validating_policy(data: Object, place: Place | None) -> model.ValidatingPolicy:
    return model.ValidatingPolicy(**_validating_parts(data, place))


def _validating_webhook_policy(data: Object, place: Place | None) -> model.ValidatingWebhookPolicy:
    spec = data.get("spec", {})
    listed = data.get("metadata", {}).get("annotations", {}).get(model.POD_TEMPLATE_ACTIONS)
    return model.ValidatingWebhookPolicy(
        **_validating_parts(data, place) | _own_parts(spec),
        actions=_actions(spec.get("validationActions", ())),
        pod_template_actions=_actions(listed_actions(listed)) if listed is not None else None,
    )


def _own_parts(spec: Object) -> dict[str, Any]:
    return {
        "pod_templates": spec.get("podTemplates", False),
        "unexemptable": True if spec.get("exemptable") is False else None,
        "param_ref": _param_ref(spec.get("paramRef")),
    }


def _param_ref(reference: Object | None) -> model.ParamRef | None:
    if reference is None:
        return None
    return model.ParamRef(
        name=reference.get("name", ""),
        namespace=reference.get("namespace", ""),
        selector=_selector(reference.get("selector")),
        not_found_action=reference.get("parameterNotFoundAction", ""),
    )


_PATCH_MEMBERS: Final = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}


def _mutating_parts(data: Object, place: Place | None) -> dict[str, Any]:
    spec = data.get("spec", {})
    mutations = []
    for index, entry in enumerate(spec.get("mutations", ())):
        patch_type = entry.get("patchType", "")
        member = _PATCH_MEMBERS.get(patch_type, "jsonPatch")
        path: Path = ("spec", "mutations", index, member)
        mutations.append(model.Mutation(patch_type, _expression(entry.get(member, {}), "expression", path, place)))
    return {
        **_common(data, place),
        "mutations": tuple(mutations),
        "reinvocation_policy": spec.get("reinvocationPolicy", "Never"),
        "pod_templates": False,  # what changes Pods changes them when they are created
    }


def _mutating_policy(data: Object, place: Place | None) -> model.MutatingPolicy:
    return model.MutatingPolicy(**_mutating_parts(data, place))


def _mutating_webhook_policy(data: Object, place: Place | None) -> model.MutatingWebhookPolicy:
    parts = _mutating_parts(data, place)
    return model.MutatingWebhookPolicy(**parts | _own_parts(data.get("spec", {})) | {"pod_templates": False})


def _binding(kind: Literal["Validating", "Mutating"]) -> Callable[[Object, Place | None], model.Binding]:
    def build_binding(data: Object, place: Place | None) -> model.Binding:
        metadata, spec = data.get("metadata", {}), data.get("spec", {})
        annotations = metadata.get("annotations", {})
        listed = annotations.get(model.POD_TEMPLATE_ACTIONS)
        return model.Binding(
            kind=kind,
            name=metadata.get("name", ""),
            policy_name=spec.get("policyName", ""),
            api_version=data.get("apiVersion", f"{GROUP}/v1"),
            labels=metadata.get("labels", {}),
            annotations=annotations,
            param_ref=_param_ref(spec.get("paramRef")),
            match=_match(spec.get("matchResources")),
            actions=_actions(spec.get("validationActions", ())),
            pod_template_actions=_actions(listed_actions(listed)) if listed is not None else None,
            place=place,
        )

    return build_binding


def _exemption(data: Object, place: Place | None) -> model.Exemption:
    metadata, spec = data.get("metadata", {}), data.get("spec", {})
    return model.Exemption(
        name=metadata.get("name", ""),
        namespace=metadata.get("namespace", ""),
        policy_refs=tuple(
            model.PolicyRef(entry.get("name", ""), tuple(entry["validations"]) if "validations" in entry else None)
            for entry in spec.get("policyRefs", ())
        ),
        paths=tuple(spec.get("paths", ())),
        match=_match(spec.get("matchResources")),
        match_conditions=_match_conditions(spec, place),
        reason=spec.get("reason", ""),
        owner=spec.get("owner", ""),
        expires_at=_expiry(spec.get("expiresAt")),
        place=place,
    )


def _expiry(text: str | None) -> float | None:
    """Return a time that cannot be read as one that is long past: nobody is let off by mistake."""
    if text is None:
        return None
    moment = unix_time(text)
    return moment if moment is not None else 0.0


def unix_time(text: str) -> float | None:
    """Return the Unix time of an RFC 3339 text, None where it is none."""
    try:
        return parse_timestamp(text) / 1e9
    except CelError:
        return None


def _actions(names: Iterable[str]) -> tuple[Action, ...]:
    """Return the actions without duplicates; one that nobody knows denies."""
    return tuple(dict.fromkeys(Action(name) if name in tuple(Action) else Action.DENY for name in names))


_BUILDERS: Final[Mapping[str, Callable[[Object, Place | None], Built]]] = {
    "ValidatingAdmissionPolicy": _validating_policy,
    "ValidatingAdmissionPolicyBinding": _binding("Validating"),
    "MutatingAdmissionPolicy": _mutating_policy,
    "MutatingAdmissionPolicyBinding": _binding("Mutating"),
    "ValidatingWebhookPolicy": _validating_webhook_policy,
    "MutatingWebhookPolicy": _mutating_webhook_policy,
    "PolicyExemption": _exemption,
}
