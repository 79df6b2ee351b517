"""What the API server says when a policy or a binding is created: the same fields, the same sentences, the same order.

Content must have the API server's defaults already. Source: k8s.io/kubernetes
pkg/apis/admissionregistration/validation/validation.go; the cases of kubernetes-policies/validation.jsonl were recorded
from the real code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from admission.building import unix_time
from admission.cel.names import dns_1035_faults, qualified_name_faults, subdomain_faults
from admission.compiler import ExpressionCompiler
from admission.decoding import Content, Object, Path
from admission.fielderror import FieldError, duplicate, forbidden, invalid, required, too_many, unsupported
from admission.fieldrules import match_errors, metadata_errors, selector_errors
from admission.names import is_identifier, path_segment_faults
from admission.newexpressions import NewExpressions, trimmed
from admission.pruning import parse_path

Errors: TypeAlias = Iterator[FieldError]

MAX_CONDITIONS: Final = 64
MAX_AUDIT_ANNOTATIONS: Final = 20
MAX_VALUE_EXPRESSION: Final = 5 * 1024
_SPEC: Final[Path] = ("spec",)
_MUTATING_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "UPDATE")


def creation_errors(content: Content, compiler: ExpressionCompiler) -> list[FieldError]:
    """Return every reason for which the API server would refuse to create the object, in its order."""
    spec: Object = content.data.get("spec", {})
    found = [*metadata_errors(content.data.get("metadata", {}), namespaced=content.kind.name == "PolicyExemption")]
    found += _RULES[content.kind.name](content, spec, compiler)
    return found


def _expressions(content: Content, spec: Object, compiler: ExpressionCompiler, *, composed: bool) -> NewExpressions:
    params = "paramKind" in spec
    return NewExpressions(compiler, params=params, composed=composed, extended=content.kind.own)


def _validating_policy(content: Content, spec: Object, compiler: ExpressionCompiler) -> Errors:
    expressions = _expressions(content, spec, compiler, composed=bool(spec.get("variables")))
    yield from _policy(spec)
    yield from _match_constraints(spec)
    yield from _conditions(spec, expressions)
    yield from _variables(spec, expressions)
    validations, annotations = spec.get("validations", []), spec.get("auditAnnotations", [])
    if not validations and not annotations:
        for name in ("validations", "auditAnnotations"):
            yield required((*_SPEC, name), "validations or auditAnnotations must contain at least one item")
    for index, entry in enumerate(validations):
        yield from _validation(entry, (*_SPEC, "validations", index), expressions)
    yield from _audit_annotations(content.name, annotations, expressions)


def _mutating_policy(content: Content, spec: Object, compiler: ExpressionCompiler) -> Errors:
    expressions = _expressions(content, spec, compiler, composed=True)
    yield from _policy(spec)
    yield from _match_constraints(spec)
    yield from _mutating_operations(spec, "matchConstraints")
    yield from _conditions(spec, expressions)
    yield from _variables(spec, expressions)
    mutations = spec.get("mutations", [])
    if not mutations:
        yield required((*_SPEC, "mutations"), "mutations must contain at least one item")
    for index, entry in enumerate(mutations):
        yield from _mutation(entry, (*_SPEC, "mutations", index), expressions)
    yield from _one_of(spec.get("reinvocationPolicy", ""), (*_SPEC, "reinvocationPolicy"), ("IfNeeded", "Never"))


def _validating_binding(_: Content, spec: Object, __: ExpressionCompiler) -> Errors:
    yield from _binding(spec)
    yield from _actions(spec.get("validationActions", []), (*_SPEC, "validationActions"))


def _mutating_binding(_: Content, spec: Object, __: ExpressionCompiler) -> Errors:
    yield from _binding(spec)
    yield from _mutating_operations(spec, "matchResources")


def _validating_webhook_policy(content: Content, spec: Object, compiler: ExpressionCompiler) -> Errors:
    yield from _validating_policy(content, spec, compiler)
    yield from _actions(spec.get("validationActions", []), (*_SPEC, "validationActions"))
    yield from _inline_params(spec)


def _mutating_webhook_policy(content: Content, spec: Object, compiler: ExpressionCompiler) -> Errors:
    yield from _mutating_policy(content, spec, compiler)
    yield from _inline_params(spec)
    if spec.get("podTemplates"):
        yield forbidden((*_SPEC, "podTemplates"), "Pods are changed when they are created, not in templates")


def _inline_params(spec: Object) -> Errors:
    path = (*_SPEC, "paramRef")
    if "paramRef" in spec:
        yield from _param_ref(spec["paramRef"], path)
        if "paramKind" not in spec:
            yield forbidden(path, "may not be specified without paramKind")
    elif "paramKind" in spec:
        yield required(path, "must be specified with paramKind: no binding does it")


def _exemption(content: Content, spec: Object, compiler: ExpressionCompiler) -> Errors:
    references = spec.get("policyRefs", [])
    if not references:
        yield required((*_SPEC, "policyRefs"), "policyRefs must contain at least one item")
    for index, reference in enumerate(references):
        yield from _policy_ref(reference, (*_SPEC, "policyRefs", index))
    for index, path in enumerate(spec.get("paths", [])):
        if parse_path(path) is None:
            detail = "must be a path such as spec.containers[*].securityContext or spec.containers[name=proxy]"
            yield invalid((*_SPEC, "paths", index), path, detail)
    if "paths" in spec and not spec["paths"]:
        yield required((*_SPEC, "paths"), "must contain at least one item where it is given")
    if "matchResources" in spec:
        yield from match_errors(spec["matchResources"], (*_SPEC, "matchResources"))
    yield from _conditions(spec, _expressions(content, {}, compiler, composed=False))
    if not trimmed(spec.get("reason", "")):
        yield required((*_SPEC, "reason"), "say why somebody is let off")
    if not trimmed(spec.get("owner", "")):
        yield required((*_SPEC, "owner"), "say who answers for it")
    expiry = spec.get("expiresAt")
    if expiry is not None and unix_time(expiry) is None:
        yield invalid((*_SPEC, "expiresAt"), expiry, "must be a time as RFC 3339 has it, such as 2030-01-31T00:00:00Z")


def _policy_ref(reference: Object, path: Path) -> Errors:
    name = reference.get("name", "")
    if not name:
        yield required((*path, "name"))
    for fault in subdomain_faults(name) if name else ():
        yield invalid((*path, "name"), name, fault)
    if "validations" not in reference:
        return
    numbers = reference["validations"]
    if not numbers:
        yield required((*path, "validations"), "must contain at least one index; leave it out for all validations")
    for place, number in enumerate(numbers):
        if number < 0:
            yield invalid((*path, "validations", place), number, "must be greater than or equal to 0")
        if number in numbers[:place]:
            yield duplicate((*path, "validations", place), str(number))


_RULES: Final[Mapping[str, Callable[[Content, Object, ExpressionCompiler], Errors]]] = {
    "ValidatingAdmissionPolicy": _validating_policy,
    "ValidatingAdmissionPolicyBinding": _validating_binding,
    "MutatingAdmissionPolicy": _mutating_policy,
    "MutatingAdmissionPolicyBinding": _mutating_binding,
    "ValidatingWebhookPolicy": _validating_webhook_policy,
    "MutatingWebhookPolicy": _mutating_webhook_policy,
    "PolicyExemption": _exemption,
}


def _one_of(value: str, path: Path, supported: tuple[str, ...]) -> Errors:
    if not value:
        yield required(path)
    elif value not in supported:
        yield unsupported(path, value, supported)


def _policy(spec: Object) -> Errors:
    failure_policy = spec.get("failurePolicy")
    if failure_policy is None:
        yield required((*_SPEC, "failurePolicy"))
    elif failure_policy not in ("Fail", "Ignore"):
        yield unsupported((*_SPEC, "failurePolicy"), failure_policy, ("Fail", "Ignore"))
    if "paramKind" in spec:
        yield from _param_kind(spec["paramKind"], (*_SPEC, "paramKind"))


def _param_kind(kind: Object, path: Path) -> Errors:
    api_version: str = kind.get("apiVersion", "")
    where = (*path, "apiVersion")
    if not api_version:
        yield required(where)
    elif api_version.count("/") > 1:
        yield invalid(where, api_version, f"unexpected GroupVersion string: {api_version}")
    else:
        group, _, version = api_version.rpartition("/")
        if group and (faults := subdomain_faults(group)):
            yield invalid(where, group, ",".join(faults))
        if not version:
            yield invalid(where, api_version, "version must be specified")
        elif faults := dns_1035_faults(version):
            yield invalid(where, version, ",".join(faults))
    name: str = kind.get("kind", "")
    if not name:
        yield required((*path, "kind"))
    elif faults := dns_1035_faults(name.lower()):
        sentence = "may have mixed case, but should otherwise match: "
        yield invalid((*path, "kind"), name, sentence + ",".join(faults))


def _match_constraints(spec: Object) -> Errors:
    path = (*_SPEC, "matchConstraints")
    match = spec.get("matchConstraints")
    if match is None:
        yield required(path)
        return
    yield from match_errors(match, path)
    if not match.get("resourceRules"):
        yield required((*path, "resourceRules"))


def _mutating_operations(spec: Object, name: str) -> Errors:
    for index, rule in enumerate(spec.get(name, {}).get("resourceRules", [])):
        for place, operation in enumerate(rule.get("operations", [])):
            if operation not in _MUTATING_OPERATIONS:
                path = (*_SPEC, name, "resourceRules", index, "operations", place)
                error = unsupported(path, operation, _MUTATING_OPERATIONS)
                yield error.under(f"spec.{name}.resourceRules.operations")


def _conditions(spec: Object, expressions: NewExpressions) -> Errors:
    conditions, path = spec.get("matchConditions", []), (*_SPEC, "matchConditions")
    if len(conditions) > MAX_CONDITIONS:
        yield too_many(path, len(conditions), MAX_CONDITIONS)
    seen: set[str] = set()
    for index, entry in enumerate(conditions):
        text, name = entry.get("expression", ""), entry.get("name", "")
        where, name_path = (*path, index, "expression"), (*path, index, "name")
        if not trimmed(text):
            yield required(where)
        else:
            yield from expressions.condition(where, text)
        if not name:
            yield required(name_path)
            continue
        for fault in qualified_name_faults(name):
            yield invalid(name_path, name, fault)
        if name in seen:
            yield duplicate(name_path, name)
        seen.add(name)


def _variables(spec: Object, expressions: NewExpressions) -> Errors:
    for index, entry in enumerate(spec.get("variables", [])):
        path = (*_SPEC, "variables", index)
        name, text = entry.get("name", ""), entry.get("expression", "")
        if not trimmed(name):
            yield required((*path, "name"), "name is not specified")
        elif not is_identifier(name):
            yield invalid((*path, "name"), name, "must be a valid CEL identifier")
        if not trimmed(text):
            yield required((*path, "expression"), "expression is not specified")
        else:
            yield from expressions.variable((*path, "expression"), name, text)


def _validation(entry: Object, path: Path, expressions: NewExpressions) -> Errors:
    text = entry.get("expression", "")
    if not trimmed(text):
        yield required((*path, "expression"), "expression is not specified")
    else:
        yield from expressions.validation((*path, "expression"), text)
    text = entry.get("messageExpression", "")
    if trimmed(text):
        yield from expressions.message((*path, "messageExpression"), text)
    elif text:
        yield invalid((*path, "messageExpression"), text, "must be non-empty if specified")
    message = entry.get("message", "")
    if message and not trimmed(message):
        yield invalid((*path, "message"), message, "must be non-empty if specified")
    elif "\n" in trimmed(message) or "\r" in trimmed(message):
        yield invalid((*path, "message"), message, "must not contain line breaks")
    reasons = ("Forbidden", "Invalid", "RequestEntityTooLarge")
    if "reason" in entry and entry["reason"] not in reasons:
        yield unsupported((*path, "reason"), entry["reason"], reasons)


def _audit_annotations(policy_name: str, annotations: list[Object], expressions: NewExpressions) -> Errors:
    path = (*_SPEC, "auditAnnotations")
    if len(annotations) > MAX_AUDIT_ANNOTATIONS:
        shown = [{"Key": one.get("key", ""), "ValueExpression": one.get("valueExpression", "")} for one in annotations]
        yield invalid(path, shown, f"must not have more than {MAX_AUDIT_ANNOTATIONS} auditAnnotations")
    seen: set[str] = set()
    for index, entry in enumerate(annotations):
        key, text = entry.get("key", ""), entry.get("valueExpression", "")
        key_path, where = (*path, index, "key"), (*path, index, "valueExpression")
        if not policy_name:
            yield invalid(key_path, key, "requires metadata.name be non-empty")
        else:
            for fault in qualified_name_faults(f"{policy_name}/{key}"):
                yield invalid(key_path, f"{policy_name}/{key}", fault)
        if not trimmed(text):
            yield required(where, "valueExpression is not specified")
        elif len(trimmed(text).encode("utf-8", "surrogatepass")) > MAX_VALUE_EXPRESSION:
            yield required(where, f"must not exceed {MAX_VALUE_EXPRESSION} bytes in length")
        else:
            yield from expressions.audit_value(where, text)
        if key in seen:
            yield duplicate(key_path, key)
        seen.add(key)


_PATCH_MEMBERS: Final = {"JSONPatch": "jsonPatch", "ApplyConfiguration": "applyConfiguration"}


def _mutation(entry: Object, path: Path, expressions: NewExpressions) -> Errors:
    patch_type = entry.get("patchType", "")
    if patch_type not in _PATCH_MEMBERS:
        yield from _one_of(patch_type, (*path, "patchType"), ("ApplyConfiguration", "JSONPatch"))
        return
    member = _PATCH_MEMBERS[patch_type]
    other = "jsonPatch" if member == "applyConfiguration" else "applyConfiguration"
    where = (*path, member, "expression")
    if member not in entry:
        yield required((*path, member), f"must be specified when patchType is {patch_type}")
    elif not trimmed(text := entry[member].get("expression", "")):
        yield required(where)
    else:
        yield from expressions.mutation(where, text, patch_type)
    if other in entry:
        yield invalid((*path, other), "{" + other + "}", f"must not be specified when patchType is {patch_type}")


def _binding(spec: Object) -> Errors:
    name, path = spec.get("policyName", ""), (*_SPEC, "policyName")
    if not name:
        yield required(path)
    else:
        for fault in subdomain_faults(name):
            yield invalid(path, name, fault)
    if "paramRef" in spec:
        yield from _param_ref(spec["paramRef"], (*_SPEC, "paramRef"))
    if "matchResources" in spec:
        yield from match_errors(spec["matchResources"], (*_SPEC, "matchResources"))


def _param_ref(reference: Object, path: Path) -> Errors:
    name, selector = reference.get("name", ""), reference.get("selector")
    exclusive = "name and selector are mutually exclusive"
    for fault in path_segment_faults(name):
        yield invalid((*path, "name"), name, fault)
    if name and selector is not None:
        yield forbidden((*path, "name"), exclusive)
    if selector is not None:
        yield from selector_errors(selector, (*path, "selector"))
        if name:
            yield forbidden((*path, "selector"), exclusive)
    if not name and selector is None:
        yield required(path, "one of name or selector must be specified")
    yield from _one_of(
        reference.get("parameterNotFoundAction", ""), (*path, "parameterNotFoundAction"), ("Deny", "Allow")
    )


def _actions(actions: list[str], path: Path) -> Errors:
    seen: set[str] = set()
    for index, action in enumerate(actions):
        if action not in ("Audit", "Deny", "Warn"):
            yield unsupported((*path, index), action, ("Audit", "Deny", "Warn"))
        if action in seen:
            yield duplicate((*path, index), action)
        seen.add(action)
    if "Deny" in actions and "Warn" in actions:
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        yield invalid(path, actions, detail)
    if not actions:
        yield required(path, "at least one validation action is required")
