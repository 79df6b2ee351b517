"""What the server counts, in Prometheus' text format, from a registry of its own.

Reviews are counted in plain dicts by the event loop's thread, because a review has many policies and a few
microseconds; the objects of prometheus-client are made when somebody asks. METRICS is the list that docs/metrics.md
explains.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from admission.decision import Finding, Outcome

Labels = tuple[str, ...]
Samples = Iterable[tuple[Labels, float]]

_PASS: Final = Outcome.PASS
_MOST_SELECTIONS: Final = 1_000
"""Sets of policies that are counted together; where there are more, policies are counted one by one."""


BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, in seconds, of the buckets of the review duration; there is one more for all above."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric's name, kind, one sentence of explanation, and the names of its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: Labels = ()


REVIEWS: Final = MetricSpec(
    "admission_reviews_total",
    "counter",
    "Reviews answered, by what was answered.",
    ("phase", "operation", "decision", "dry_run"),
)
DURATION: Final = MetricSpec(
    "admission_review_duration_seconds",
    "histogram",
    "Seconds from a request's headers to its answer.",
    ("phase",),
)
RESULTS: Final = MetricSpec(
    "admission_policy_results_total",
    "counter",
    "What came of each policy for each review it was selected for.",
    ("phase", "policy", "outcome"),
)
REFUSED: Final = MetricSpec(
    "admission_refused_requests_total", "counter", "Requests that are no review, by HTTP status.", ("status",)
)
IN_FLIGHT: Final = MetricSpec("admission_reviews_in_flight", "gauge", "Requests being read or judged.")
BYTES: Final = MetricSpec("admission_body_bytes_in_flight", "gauge", "Bytes of bodies in memory.")
HEAVY: Final = MetricSpec(
    "admission_heavy_reviews_total", "counter", "Reviews evaluated off the event loop, because they take long."
)
HEAVY_WAITING: Final = MetricSpec(
    "admission_heavy_reviews_in_flight", "gauge", "Reviews that wait for, or are in, evaluation off the event loop."
)
EVENTS: Final = MetricSpec("admission_audit_events_total", "counter", "Audit events written, by sink.", ("sink",))
EVENTS_DROPPED: Final = MetricSpec(
    "admission_audit_events_dropped_total",
    "counter",
    "Audit events lost because a sink stalled or failed.",
    ("sink",),
)
EVENTS_QUEUED: Final = MetricSpec(
    "admission_audit_events_queued", "gauge", "Audit events that wait for their sink.", ("sink",)
)
DEFERRED_QUEUED: Final = MetricSpec(
    "admission_deferred_reviews_queued", "gauge", "Reviews answered in audit-only mode and not evaluated yet."
)
DEFERRED_DROPPED: Final = MetricSpec(
    "admission_deferred_reviews_dropped_total",
    "counter",
    "Reviews answered in audit-only mode and never evaluated, because too many waited.",
)
EXPIRY: Final = MetricSpec(
    "admission_certificate_expiry_timestamp_seconds", "gauge", "When the certificate that is shown ends (Unix time)."
)
RELOADS: Final = MetricSpec(
    "admission_certificate_reloads_total", "counter", "Times the certificate was read again.", ("result",)
)
POLICY_SET: Final = MetricSpec(
    "admission_policy_set_info", "gauge", "Always 1; the version of the policies that are loaded.", ("version",)
)
POLICIES: Final = MetricSpec("admission_policies", "gauge", "Policies that are loaded.")
READY: Final = MetricSpec("admission_ready", "gauge", "1 while new reviews are welcome, else 0.")
LAST_TICK: Final = MetricSpec(
    "admission_event_loop_idle_seconds", "gauge", "Seconds since the event loop last showed a sign of life."
)
BUILD: Final = MetricSpec("admission_build_info", "gauge", "Always 1; the version of the server.", ("version",))

METRICS: Final = (
    REVIEWS,
    DURATION,
    RESULTS,
    REFUSED,
    IN_FLIGHT,
    BYTES,
    HEAVY,
    HEAVY_WAITING,
    EVENTS,
    EVENTS_DROPPED,
    EVENTS_QUEUED,
    DEFERRED_QUEUED,
    DEFERRED_DROPPED,
    EXPIRY,
    RELOADS,
    POLICY_SET,
    POLICIES,
    READY,
    LAST_TICK,
    BUILD,
)


@dataclass(slots=True)
class Tally:
    """How many reviews a set of policies passed together: one number instead of one for each policy."""

    times: int = 0


@dataclass(slots=True)
class _Durations:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0


class Metrics:
    """Counts reviews and knows where to read everything else.

    `review`, `results` and `refused` are called by the event loop's thread only; `exposition` by any.
    """

    def __init__(self) -> None:
        self._counters: dict[MetricSpec, dict[Labels, int]] = {REVIEWS: {}, RESULTS: {}, REFUSED: {}, RELOADS: {}}
        self._tallies: dict[tuple[str, Labels], Tally] = {}
        self._durations: dict[Labels, _Durations] = {}
        self._sources: list[tuple[MetricSpec, Callable[[], Samples]]] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Families(self._families))
        ProcessCollector(registry=self._registry)

    def review(self, phase: str, operation: str, decision: str, seconds: float, *, dry_run: bool) -> None:
        """Count one answered review and how long it took."""
        labels = (phase, operation, decision, "true" if dry_run else "false")
        self._count(REVIEWS, labels)
        durations = self._durations.get((phase,))
        if durations is None:
            durations = self._durations[phase,] = _Durations()
        durations.counts[bisect_left(BUCKETS, seconds)] += 1
        durations.total += seconds

    def results(self, phase: str, findings: Sequence[Finding]) -> None:
        """Count what came of each policy for one review."""
        for tally in self.tallies(phase, findings):
            tally.times += 1
        for finding in findings:
            if finding.outcome is not _PASS:
                self._count(RESULTS, (phase, finding.policy, finding.outcome.value))

    def tallies(self, phase: str, findings: Sequence[Finding]) -> tuple[Tally, ...]:
        """Return what to count up for the policies that passed; the same for every review that ends like this."""
        passed = tuple([finding.policy for finding in findings if finding.outcome is _PASS])
        if (phase, passed) in self._tallies or len(self._tallies) < _MOST_SELECTIONS:
            return (self._tallies.setdefault((phase, passed), Tally()),)
        return tuple(self._tallies.setdefault((phase, (policy,)), Tally()) for policy in passed)

    def refused(self, status: int) -> None:
        """Count one request that was no review."""
        self._count(REFUSED, (str(status),))

    def reloaded(self, result: str) -> None:
        """Count one reading of a changed certificate; called by the thread that watches it."""
        self._count(RELOADS, (result,))

    def read(self, spec: MetricSpec, source: Callable[[], Samples]) -> None:
        """Ask `source`, from any thread, for the samples of a metric that somebody else counts."""
        self._sources.append((spec, source))

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)

    def _count(self, spec: MetricSpec, labels: Labels) -> None:
        counts = self._counters[spec]
        counts[labels] = counts.get(labels, 0) + 1

    def _families(self) -> Iterator[Metric]:
        for spec, counts in self._counters.items():
            samples = list(counts.items())
            if spec is RESULTS:
                samples += self._passes()
            yield _family(spec, samples)
        histogram = HistogramMetricFamily(DURATION.name, DURATION.text, labels=DURATION.labels)
        for labels, durations in list(self._durations.items()):
            histogram.add_metric(labels, list(_cumulative(list(durations.counts))), durations.total)
        yield histogram
        for spec, source in self._sources:
            yield _family(spec, source())

    def _passes(self) -> Iterator[tuple[Labels, int]]:
        counts: Counter[tuple[str, str]] = Counter()
        for (phase, policies), tally in list(self._tallies.items()):
            for policy in policies:
                counts[phase, policy] += tally.times
        for (phase, policy), times in counts.items():
            yield (phase, policy, _PASS.value), times


def one(value: float) -> Samples:
    """Return the samples of a metric without labels."""
    return (((), value),)


class _Families(Collector):
    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


def _family(spec: MetricSpec, samples: Samples) -> Metric:
    family = (CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily)(
        spec.name, spec.text, labels=spec.labels
    )
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _cumulative(counts: list[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        total += count
        yield bound, total
