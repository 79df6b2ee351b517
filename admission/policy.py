"""The frozen model of policies and bindings: what every other room reads, and nobody changes.

Words are those of admissionregistration.k8s.io/v1, in Python's spelling. What a user may leave out already has the
API server's default here (k8s.io/kubernetes pkg/apis/admissionregistration/v1/defaults.go), so readers need none of
their own. This file may not know YAML, CEL or matching; `admission.loader` makes these values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from dataclasses import field as member
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Protocol

from admission.errors import Position

POD_TEMPLATES: Final = "admission.dev/pod-templates"
POD_TEMPLATE_ACTIONS: Final = "admission.dev/pod-template-actions"
EXEMPTABLE: Final = "admission.dev/exemptable"
SEVERITY: Final = "admission.dev/severity"
TITLE: Final = "admission.dev/title"
CATEGORY: Final = "admission.dev/category"
DESCRIPTION: Final = "admission.dev/description"
REMEDY: Final = "admission.dev/remedy"

SEVERITIES: Final = ("info", "low", "medium", "high", "critical")
DEFAULT_SEVERITY: Final = "medium"


class Place(Protocol):
    """Where a value of a policy stands in its file; found when somebody asks, because few ever do."""

    @property
    def position(self) -> Position | None:
        """The first character of the value."""

    def locate(self, offset: int) -> tuple[Position | None, str]:
        """Return the position of a code point of a string value, and the line of the file that it stands on."""

    def at(self, *steps: str | int, text: str = "") -> Place:
        """Return the place of something inside: field names and indexes; `text` is the value where it is a string."""


class FailurePolicy(StrEnum):
    """What an error of evaluation means."""

    FAIL = "Fail"
    IGNORE = "Ignore"


class Action(StrEnum):
    """What a binding does about a validation that is not true."""

    DENY = "Deny"
    WARN = "Warn"
    AUDIT = "Audit"


@dataclass(frozen=True, slots=True)
class Expression:
    """CEL as the user wrote it; `field` is its path in the object: `spec.validations[0].expression`."""

    text: str
    field: str = ""
    place: Place | None = member(default=None, compare=False, repr=False)

    @property
    def position(self) -> Position | None:
        """Where the text begins in its file, if it came from one."""
        return self.place.position if self.place is not None else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One NamedRuleWithOperations; no `resource_names` means every name."""

    operations: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    scope: str = "*"


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """`key operator values`; the operator is In, NotIn, Exists or DoesNotExist, or whatever a stored policy holds."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements of which all must hold; matchLabels come first, as In with one value. None at all: everything."""

    requirements: tuple[LabelRequirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """MatchResources; a selector that is None matches nothing, as upstream (the default is `LabelSelector()`)."""

    rules: tuple[Rule, ...] = ()
    exclude_rules: tuple[Rule, ...] = ()
    match_policy: str = "Equivalent"
    namespace_selector: LabelSelector | None = LabelSelector()
    object_selector: LabelSelector | None = LabelSelector()


@dataclass(frozen=True, slots=True)
class MatchCondition:
    """A condition that must be true before the policy is looked at."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Variable:
    """A named expression that later expressions read as `variables.NAME`."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Validation:
    """An expression that must be true; `reason` is empty where the policy gives none."""

    expression: Expression
    message: str = ""
    message_expression: Expression | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuditAnnotation:
    """A string (or null) that is recorded under `<policy>/<key>`."""

    key: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change: the expression makes an `Object` (ApplyConfiguration) or a `list(JSONPatch)` (JSONPatch)."""

    patch_type: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class ParamKind:
    """The kind of object that parametrises a policy."""

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class ParamRef:
    """Which params a binding uses: by `name`, or all that `selector` selects."""

    name: str = ""
    namespace: str = ""
    selector: LabelSelector | None = None
    not_found_action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What validating and mutating policies have in common.

    `match` is None only for a stored policy that lacks matchConstraints: that is an error of configuration.
    `pod_templates` says that a policy for Pods also judges the templates in controllers, `unexemptable` that nobody may
    be let off.
    """

    kind: ClassVar[str] = ""
    own: ClassVar[bool] = False  # a kind of this project: bound by itself, and compiled in the extended environment

    name: str
    api_version: str = "admissionregistration.k8s.io/v1"
    labels: Mapping[str, str] = member(default_factory=dict, hash=False)
    annotations: Mapping[str, str] = member(default_factory=dict, hash=False)
    failure_policy: FailurePolicy = FailurePolicy.FAIL
    param_kind: ParamKind | None = None
    match: Match | None = Match()
    match_conditions: tuple[MatchCondition, ...] = ()
    variables: tuple[Variable, ...] = ()
    pod_templates: bool = False
    unexemptable: bool | None = None
    place: Place | None = member(default=None, compare=False, repr=False)

    @property
    def position(self) -> Position | None:
        """Where the policy begins in its file."""
        return self.place.position if self.place is not None else None

    @property
    def severity(self) -> str:
        """One of SEVERITIES, from the annotation `admission.dev/severity`."""
        written = self.annotations.get(SEVERITY, DEFAULT_SEVERITY)
        return written if written in SEVERITIES else DEFAULT_SEVERITY

    @property
    def title(self) -> str:
        """One line that names the policy for people; the name where there is none."""
        return self.annotations.get(TITLE, self.name)

    @property
    def category(self) -> str:
        """The group of policies it belongs to, or the empty string."""
        return self.annotations.get(CATEGORY, "")

    @property
    def description(self) -> str:
        """What the policy asks for and why, or the empty string."""
        return self.annotations.get(DESCRIPTION, "")

    @property
    def remedy(self) -> str:
        """What to do about a denial, or the empty string."""
        return self.annotations.get(REMEDY, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatingPolicy(Policy):
    """A ValidatingAdmissionPolicy."""

    kind: ClassVar[str] = "ValidatingAdmissionPolicy"

    validations: tuple[Validation, ...] = ()
    audit_annotations: tuple[AuditAnnotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MutatingPolicy(Policy):
    """A MutatingAdmissionPolicy; `reinvocation_policy` is Never or IfNeeded."""

    kind: ClassVar[str] = "MutatingAdmissionPolicy"

    mutations: tuple[Mutation, ...] = ()
    reinvocation_policy: str = "Never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatingWebhookPolicy(ValidatingPolicy):
    """A validating policy that needs no binding: it says itself what is done about a finding, and with which params."""

    kind: ClassVar[str] = "ValidatingWebhookPolicy"
    own: ClassVar[bool] = True

    actions: tuple[Action, ...] = ()
    pod_template_actions: tuple[Action, ...] | None = None
    param_ref: ParamRef | None = None

    @property
    def binding(self) -> Binding:
        """The binding that the policy is to itself; it has no name."""
        own = Binding(kind="Validating", name="", policy_name=self.name, param_ref=self.param_ref, inline=True)
        return replace(own, actions=self.actions, pod_template_actions=self.pod_template_actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MutatingWebhookPolicy(MutatingPolicy):
    """A mutating policy that needs no binding."""

    kind: ClassVar[str] = "MutatingWebhookPolicy"
    own: ClassVar[bool] = True

    param_ref: ParamRef | None = None

    @property
    def binding(self) -> Binding:
        """The binding that the policy is to itself; it has no name."""
        return Binding(kind="Mutating", name="", policy_name=self.name, param_ref=self.param_ref, inline=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Puts a policy to work: where (`match`, None: wherever the policy matches), with which params, to what effect.

    `actions` is empty for mutating bindings. `pod_template_actions` is what a finding in a controller's template does;
    None: the same as `actions`. An `inline` one is part of a policy of our own, and binds no other.
    """

    kind: Literal["Validating", "Mutating"]
    name: str
    policy_name: str
    api_version: str = "admissionregistration.k8s.io/v1"
    labels: Mapping[str, str] = member(default_factory=dict, hash=False)
    annotations: Mapping[str, str] = member(default_factory=dict, hash=False)
    param_ref: ParamRef | None = None
    match: Match | None = None
    actions: tuple[Action, ...] = ()
    pod_template_actions: tuple[Action, ...] | None = None
    inline: bool | None = None
    place: Place | None = member(default=None, compare=False, repr=False)

    @property
    def position(self) -> Position | None:
        """Where the binding begins in its file."""
        return self.place.position if self.place is not None else None


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """A policy that an exemption lets off from; `validations` None means all that it finds."""

    name: str
    validations: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A PolicyExemption: who is let off from what, why, on whose word, and until when.

    One with a `namespace` reaches only that namespace. `paths` are places in the object: who is let off there is judged
    as if there were nothing. `expires_at` is Unix time, None for never; it applies before that moment only.
    """

    name: str
    namespace: str = ""
    api_version: str = "admission.dev/v1alpha1"
    policy_refs: tuple[PolicyRef, ...] = ()
    paths: tuple[str, ...] = ()
    match: Match | None = None
    match_conditions: tuple[MatchCondition, ...] = ()
    reason: str = ""
    owner: str = ""
    expires_at: float | None = None
    place: Place | None = member(default=None, compare=False, repr=False)

    @property
    def position(self) -> Position | None:
        """Where the exemption begins in its file."""
        return self.place.position if self.place is not None else None

    @property
    def full_name(self) -> str:
        """The name as findings carry it: `namespace/name`, just the name of one that reaches every namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def expired(self, now: float | None) -> bool:
        """Return whether it is over at a Unix time; where that is not known, one that ends counts as over."""
        return self.expires_at is not None and (now is None or now >= self.expires_at)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Policies, bindings and exemptions, each in order of name; `version` is a hash of all that they say."""

    policies: tuple[ValidatingPolicy | MutatingPolicy, ...] = ()
    bindings: tuple[Binding, ...] = ()
    version: str = ""
    exemptions: tuple[Exemption, ...] = ()

    @staticmethod
    def of(
        policies: Iterable[ValidatingPolicy | MutatingPolicy],
        bindings: Iterable[Binding],
        exemptions: Iterable[Exemption] = (),
    ) -> PolicySet:
        """Sort by kind and name, add the bindings that policies are to themselves, and compute the version."""
        ordered = tuple(sorted(policies, key=lambda policy: (policy.name, policy.kind)))
        inline = (one.binding for one in ordered if isinstance(one, ValidatingWebhookPolicy | MutatingWebhookPolicy))
        bound = tuple(sorted((*bindings, *inline), key=lambda binding: (binding.name, binding.kind)))
        exempting = tuple(sorted(exemptions, key=lambda exemption: (exemption.namespace, exemption.name)))
        content = [[policy.kind, describe(policy)] for policy in ordered]
        content += [["Binding", describe(binding)] for binding in bound]
        content += [["Exemption", describe(exemption)] for exemption in exempting]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        version = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return PolicySet(ordered, bound, version, exempting)


def describe(value: Any) -> Any:
    """Return a value of this model as plain JSON: fields by name, without places and without what is empty.

    Leaving out the empty keeps the hash of a policy when the model learns a new field.
    """
    if is_dataclass(value):
        described = ((part.name, describe(getattr(value, part.name))) for part in fields(value) if part.name != "place")
        return {name: inner for name, inner in described if inner not in (None, "", [], {})}
    if isinstance(value, tuple):
        return [describe(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value
