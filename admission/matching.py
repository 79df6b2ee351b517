"""Which policies and bindings a request concerns.

Sources: apiserver pkg/admission/plugin/policy/matching/matching.go, policy/generic/policy_matcher.go and plugin.go,
webhook/predicates/{rules,namespace,object}. The order is theirs: namespaceSelector, objectSelector, exclude rules,
rules; what a selector has against a request comes to light only when everything else matches.

What depends on nothing but group, version, resource, subresource and operation is worked out once for each such
`Key` and remembered, so a request never looks at policies that are not meant for it. This file may not know how
policies are evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from admission.equivalence import Equivalents
from admission.policy import Binding, Match, Policy, Rule
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation
from admission.selector import Labels, Selector, labels_of
from admission.workload import JsonObject, project, template_path

PODS: Final = GroupVersionResource("", "v1", "pods")
NAMESPACES: Final = GroupVersionResource("", "v1", "namespaces")
NEVER_SEEN: Final = frozenset(
    (
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    )
)
"""Group and resource of objects that no policy may judge (policy/generic/plugin.go, kubeapiserver exclusion)."""

_REMEMBERED_KEYS: Final = 4_096
_REMEMBERED_NAMESPACES: Final = 4096


class Key(NamedTuple):
    """All that a rule can be asked about but the scope and the name."""

    resource: GroupVersionResource
    sub_resource: str
    operation: str


class MatchError(NamedTuple):
    """Why it cannot be said whether something matches; the text is the API server's."""

    message: str


class Way(NamedTuple):
    """One way in which rules cover a Key, with what is left to ask: the scope, and the name where there are `names`.

    `resource` and `kind` are those of the equivalent version through which it matches; None for the request's own.
    """

    scope: str
    names: tuple[str, ...]
    resource: GroupVersionResource | None = None
    kind: GroupVersionKind | None = None


P = TypeVar("P", bound=Policy)
Namespace = JsonObject | MatchError | None


class Entry(NamedTuple, Generic[P]):
    """A policy with its bindings, in order of name; `position` tells it from all others of one index."""

    position: int
    policy: P
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SelectedBinding:
    """A binding that concerns the request, or an error about whether it does."""

    position: int
    binding: Binding
    error: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Selected(Generic[P]):
    """A policy that concerns the request.

    `kind` and `resource` are those of the equivalent version under which it matched, None for the request's own.
    `error` is why matching failed; then there are no bindings. `template` is the path of the pod template that stands
    for the object, None where the object itself is judged. What is selected alike is the same value each time, so it
    may be a key.
    """

    entry: Entry[P]
    bindings: tuple[SelectedBinding, ...] = ()
    error: str | None = None
    template: tuple[str, ...] | None = None
    kind: GroupVersionKind | None = None
    resource: GroupVersionResource | None = None


# ---------------------------------------------------------------------------------------------------------- rules


def covers_resource(rule: Rule, resource: str, sub_resource: str) -> bool:
    """Return whether `resources` of a rule names the resource; `pods/*` names `pods` too, `*` no subresource."""
    for named in rule.resources:
        main, _, sub = named.partition("/")
        if main in ("*", resource) and sub in ("*", sub_resource):
            return True
    return False


def covers(rule: Rule, key: Key) -> bool:
    """Return whether a rule covers group, version, resource, subresource and operation of a Key."""
    return (
        _lists(rule.operations, key.operation)
        and _lists(rule.api_groups, key.resource.group)
        and _lists(rule.api_versions, key.resource.version)
        and covers_resource(rule, key.resource.resource, key.sub_resource)
    )


def _lists(values: Sequence[str], value: str) -> bool:
    return value in values or "*" in values


def in_scope(scope: str, resource: GroupVersionResource, namespace: str) -> bool:
    """Return whether a request is of a rule's scope; a Namespace counts as cluster-scoped, subresources as parents."""
    if scope == "*":
        return True
    cluster = not namespace or resource == NAMESPACES
    return (scope == "Cluster" and cluster) or (scope == "Namespaced" and not cluster)


def ways(rules: Iterable[Rule], match_policy: str, key: Key, equivalents: Equivalents) -> tuple[Way, ...]:
    """Return the ways in which rules cover a Key, in the order in which the API server would try them."""
    rules = tuple(rules)
    found = [Way(rule.scope, rule.resource_names) for rule in rules if covers(rule, key)]
    if match_policy == "Equivalent":
        others = equivalents.of(key.resource, key.sub_resource)
        found += [
            Way(rule.scope, rule.resource_names, other.resource, other.kind)
            for rule in rules
            for other in others
            if covers(rule, key._replace(resource=other.resource))
        ]
    return tuple(found)


def _taken(candidates: Sequence[Way], request: Request) -> Way | None:
    """Return the first way whose scope and names fit the request."""
    for way in candidates:
        if way.scope != "*" and not in_scope(way.scope, request.key.resource, request.namespace):
            continue
        if not way.names or request.name in way.names:
            return way
    return None


# ------------------------------------------------------------------------------------------------------ the request


class Request:
    """What matching asks of one request, or of the Pod that is projected from it."""

    __slots__ = ("_labels", "_namespace", "_namespace_labels", "key", "name", "namespace")

    def __init__(self, request: AdmissionRequest, namespace: Namespace) -> None:
        self.key = Key(request.resource, request.sub_resource, request.operation)
        self.name = request.name
        self.namespace = request.namespace
        self._namespace = namespace
        self._namespace_labels: Labels | MatchError | None = None
        self._labels = tuple(_own_labels(document) for document in (request.object, request.old_object))
        if (
            request.resource.resource == "namespaces"
            and not request.sub_resource
            and request.operation in (Operation.CREATE, Operation.UPDATE)
        ):
            own = self._labels[0]
            absent = MatchError("Internal error occurred: object does not implement the Object interfaces")
            self._namespace_labels = absent if own is None else own

    def projected(self, pod: JsonObject, old_pod: JsonObject | None) -> Request:
        """Return the same request with the labels of a projected Pod."""
        copy = object.__new__(Request)
        copy.key, copy.name, copy.namespace, copy._namespace = self.key, self.name, self.namespace, self._namespace
        copy._namespace_labels = self._namespace_labels
        copy._labels = (_own_labels(pod), _own_labels(old_pod))
        return copy

    def namespace_selected(self, selector: Selector) -> bool | MatchError:
        """Ask a namespaceSelector; cluster-scoped objects other than Namespaces are always selected."""
        if selector.empty or (not self.namespace and self.key.resource.resource != "namespaces"):
            return True
        if selector.fault is not None:
            return MatchError(f"Internal error occurred: {selector.fault}")
        labels = self._namespace_labels
        if labels is None:
            live = self._namespace
            if live is None:
                live = MatchError(f'namespaces "{self.namespace}" not found')
            labels = self._namespace_labels = live if isinstance(live, MatchError) else labels_of(live)
        return labels if isinstance(labels, MatchError) else selector.selects(labels)

    def object_selected(self, selector: Selector) -> bool | MatchError:
        """Ask an objectSelector about the new and the old object; what has no metadata is never selected."""
        if selector.empty:
            return True
        if selector.fault is not None:
            return MatchError(f"Internal error occurred: {selector.fault}")
        return any(labels is not None and selector.selects(labels) for labels in self._labels)


def _own_labels(document: JsonObject | None) -> Labels | None:
    return None if document is None or "metadata" not in document else labels_of(document)


# -------------------------------------------------------------------------------------------------------- criteria


class Criteria:
    """The match constraints of a policy or a binding, with selectors made ready."""

    __slots__ = ("match", "namespace_selector", "object_selector", "plain")

    def __init__(self, match: Match) -> None:
        self.match = match
        self.namespace_selector = Selector(match.namespace_selector)
        self.object_selector = Selector(match.object_selector)
        self.plain = self.namespace_selector.empty and self.object_selector.empty

    @property
    def unset_selector(self) -> str | None:
        """The API server's complaint about a selector that was never set, None where both are."""
        for name, selector in (("namespace", self.namespace_selector), ("object", self.object_selector)):
            if selector.absent:
                return f"a nil {name} selector was passed, please ensure selectors are initialized properly"
        return None

    def coverage(self, key: Key, equivalents: Equivalents, *, as_pods: bool = False) -> Coverage | None:
        """Return what is left to ask of requests of a Key, None where no such request can match.

        `as_pods` lets rules for core Pods stand for the controllers whose templates are judged.
        """
        match = self.match
        keys = (key, key._replace(resource=PODS)) if as_pods else (key,)
        excluded = tuple(w for k in keys for w in ways(match.exclude_rules, match.match_policy, k, equivalents))
        if not match.rules:
            return Coverage(self, None, excluded)
        found = tuple(w for k in keys for w in ways(match.rules, match.match_policy, k, equivalents))
        return Coverage(self, found, excluded) if found else None


_ANY_WAY: Final = Way("*", ())


class Coverage(NamedTuple):
    """Criteria as far as one Key needs them; `ways` is None where there are no rules, which matches everything."""

    criteria: Criteria
    ways: tuple[Way, ...] | None
    excluded: tuple[Way, ...]

    @property
    def way(self) -> Way:
        """The way that is tried first."""
        return self.ways[0] if self.ways else _ANY_WAY

    @property
    def certain(self) -> bool:
        """Whether nothing is left to ask: every request of the Key matches, and in the first way."""
        first = self.way
        return self.criteria.plain and not self.excluded and first.scope == "*" and not first.names

    @property
    def by_namespace(self) -> bool:
        """Whether the answer depends on nothing of the request but its Namespace."""
        selector = self.criteria.object_selector
        named = any(way.names for way in (*(self.ways or ()), *self.excluded))
        return selector.empty and selector.fault is None and not named

    def matches(self, request: Request) -> Way | MatchError | None:
        """Return the way in which the request matches, an error, or None where it does not."""
        namespace: bool | MatchError = True
        own: bool | MatchError = True
        if not self.criteria.plain:
            namespace = request.namespace_selected(self.criteria.namespace_selector)
            if namespace is False:
                return None
            own = request.object_selected(self.criteria.object_selector)
            if own is False:
                return None
        if self.excluded and _taken(self.excluded, request) is not None:
            return None
        way = _ANY_WAY if self.ways is None else _taken(self.ways, request)
        if way is None:
            return None
        if isinstance(namespace, MatchError):
            return namespace
        if isinstance(own, MatchError):
            return own
        return way


def match_resources(
    match: Match, request: AdmissionRequest, namespace: Namespace, equivalents: Equivalents
) -> Way | MatchError | None:
    """Answer for one MatchResources alone: the way in which it matches a request, an error, or None."""
    asked = Request(request, namespace)
    coverage = Criteria(match).coverage(asked.key, equivalents)
    return coverage.matches(asked) if coverage is not None else None


# ----------------------------------------------------------------------------------------------------------- index


class _Candidate(Generic[P]):
    """A policy as far as one Key needs it; `always` is what it comes to where nothing is left to ask."""

    __slots__ = ("_made", "always", "as_pods", "bindings", "coverage", "entry", "fault", "template")

    def __init__(
        self,
        entry: Entry[P],
        coverage: Coverage,
        bindings: tuple[tuple[SelectedBinding, Coverage | None], ...] = (),
        *,
        fault: str | None = None,
        template: tuple[str, ...] | None = None,
    ) -> None:
        self.entry = entry
        self.coverage = coverage
        self.bindings = bindings
        self.fault = fault
        self.template = template
        self._made: dict[tuple[int, ...], Selected[P]] = {}
        self.always: Selected[P] | None = None
        if fault is not None:
            self.always = Selected(entry, error=fault, template=template)
        elif coverage.certain and all(own is None or own.certain for _, own in bindings):
            self.always = self.chosen(tuple(bound for bound, _ in bindings), coverage.way)

    @property
    def by_namespace(self) -> bool:
        """Whether requests of the Key differ in nothing but the Namespace they are for."""
        every = (self.coverage, *(own for _, own in self.bindings if own is not None))
        return self.always is not None or (self.template is None and all(one.by_namespace for one in every))

    def selected(self, request: Request) -> Selected[P] | None:
        """Return what the policy comes to for a request; None where it does not concern it."""
        way = self.coverage.matches(request)
        if way is None:
            return None
        if isinstance(way, MatchError):
            return Selected(self.entry, error=way.message, template=self.template)
        bound = []
        for selected, coverage in self.bindings:
            narrowed = coverage.matches(request) if coverage is not None else way
            if isinstance(narrowed, MatchError):
                bound.append(SelectedBinding(selected.position, selected.binding, narrowed.message))
            elif narrowed is not None:
                bound.append(selected)
        return self.chosen(tuple(bound), way)

    def chosen(self, bindings: tuple[SelectedBinding, ...], way: Way) -> Selected[P]:
        """Return the one value for these bindings and this way."""
        key = (id(way), *map(id, bindings))
        made = self._made.get(key)
        if made is None:
            made = Selected(self.entry, bindings, None, self.template, way.kind, way.resource)
            if all(item.error is None for item in bindings):
                self._made[key] = made
        return made


class MatchIndex(Generic[P]):
    """All policies of one phase, ready to be asked which of them a request concerns.

    Policies without a binding take no part, as in the API server; bindings of unknown policies neither.
    """

    def __init__(self, policies: Iterable[P], bindings: Iterable[Binding], equivalents: Equivalents) -> None:
        by_policy: dict[tuple[bool, str], list[Binding]] = {}
        for binding in sorted(bindings, key=lambda item: item.name):
            by_policy.setdefault((bool(binding.inline), binding.policy_name), []).append(binding)
        ordered = sorted(policies, key=lambda item: item.name)
        bound = [policy for policy in ordered if (policy.own, policy.name) in by_policy]
        self.entries: tuple[Entry[P], ...] = tuple(
            Entry(position, policy, tuple(by_policy[policy.own, policy.name])) for position, policy in enumerate(bound)
        )
        self._equivalents = equivalents
        self._criteria = [
            (
                Criteria(entry.policy.match) if entry.policy.match is not None else None,
                tuple(Criteria(item.match) if item.match is not None else None for item in entry.bindings),
            )
            for entry in self.entries
        ]
        self._by_key: dict[Key, tuple[_Candidate[P], ...]] = {}
        self._steady: dict[Key, bool] = {}
        self._remembered: dict[tuple[Key, str], tuple[Namespace, tuple[Selected[P], ...]]] = {}

    def candidates(self, key: Key) -> tuple[_Candidate[P], ...]:
        """Return the policies that could concern requests of a Key, in order of name."""
        found = self._by_key.get(key)
        if found is None:
            if len(self._by_key) >= _REMEMBERED_KEYS:
                self._by_key.clear()
                self._steady.clear()
            found = self._by_key[key] = tuple(
                filter(None, map(self._candidate, self.entries, [key] * len(self.entries)))
            )
            self._steady[key] = key.resource.resource != "namespaces" and all(
                candidate.by_namespace for candidate in found
            )
        return found

    def select(self, request: AdmissionRequest, namespace: Namespace) -> tuple[Selected[P], ...]:
        """Return the policies that concern a request, in order of name.

        `namespace` is the live Namespace of `request.namespace`, None where there is no such Namespace, a MatchError
        where it could not be had.
        """
        if (request.resource.group, request.resource.resource) in NEVER_SEEN:
            return ()
        key = Key(request.resource, request.sub_resource, request.operation)
        candidates = self.candidates(key)
        steady = self._steady[key] and not isinstance(namespace, MatchError)
        if steady:
            remembered = self._remembered.get((key, request.namespace))
            if remembered is not None and remembered[0] is namespace:
                return remembered[1]
        chosen = self._choose(request, namespace, candidates)
        if steady:
            if len(self._remembered) >= _REMEMBERED_NAMESPACES:
                self._remembered.clear()
            self._remembered[key, request.namespace] = (namespace, chosen)
        return chosen

    def _choose(
        self, request: AdmissionRequest, namespace: Namespace, candidates: Iterable[_Candidate[P]]
    ) -> tuple[Selected[P], ...]:
        asked = Request(request, namespace)
        pods: Request | None = None
        selected = []
        for candidate in candidates:
            subject = asked
            if candidate.template is not None:
                if pods is None:
                    pod = project(request.object, candidate.template, request.namespace)
                    if pod is None:
                        continue
                    pods = asked.projected(pod, project(request.old_object, candidate.template, request.namespace))
                subject = pods
            chosen = candidate.always or candidate.selected(subject)
            if chosen is not None:
                selected.append(chosen)
        return tuple(selected)

    def _candidate(self, entry: Entry[P], key: Key) -> _Candidate[P] | None:
        criteria, binding_criteria = self._criteria[entry.position]
        if criteria is None:
            unset = "policy contained no match constraints, a required field"
            return _Candidate(entry, _EVERYTHING, fault=unset)
        template: tuple[str, ...] | None = None
        coverage = criteria.coverage(key, self._equivalents)
        if coverage is None and entry.policy.pod_templates:
            template = _template_of(key)
            if template is not None:
                coverage = criteria.coverage(key, self._equivalents, as_pods=True)
        fault = criteria.unset_selector
        if fault is not None:
            return _Candidate(entry, _EVERYTHING, fault=fault)
        if coverage is None:
            return None
        bindings: list[tuple[SelectedBinding, Coverage | None]] = []
        for position, (binding, own) in enumerate(zip(entry.bindings, binding_criteria, strict=True)):
            if own is None:
                bindings.append((SelectedBinding(position, binding), None))
            elif own.unset_selector is not None:
                bindings.append((SelectedBinding(position, binding, own.unset_selector), None))
            else:
                narrowed = own.coverage(key, self._equivalents, as_pods=template is not None)
                if narrowed is not None:
                    bindings.append((SelectedBinding(position, binding), narrowed))
        if not bindings and entry.policy.param_kind is None and criteria.plain:
            return None
        return _Candidate(entry, coverage, tuple(bindings), template=template)


_EVERYTHING: Final = Coverage(Criteria(Match()), None, ())


def _template_of(key: Key) -> tuple[str, ...] | None:
    if key.sub_resource or key.operation not in (Operation.CREATE, Operation.UPDATE):
        return None
    return template_path(key.resource.group, key.resource.resource)
