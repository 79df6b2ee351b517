from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from admission.decision import Finding, Outcome
from admission.server.metrics import BUCKETS, BYTES, METRICS, Metrics, one
from admission.server.workers import merge
from tests.server.serving import Running

ROOT = Path(__file__).resolve().parent.parent.parent


def values(text: bytes) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_reviews_results_and_refusals_are_counted() -> None:
    metrics = Metrics()
    for seconds in (0.0001, 0.02, 99.0):
        metrics.review("validate", "CREATE", "allowed", seconds, dry_run=False)
    metrics.results("validate", [Finding("a"), Finding("a"), Finding("b", outcome=Outcome.FAIL)])
    metrics.refused(415)
    found = values(metrics.exposition())
    labels = "[('decision', 'allowed'), ('dry_run', 'false'), ('operation', 'CREATE'), ('phase', 'validate')]"
    assert found[f"admission_reviews_total{labels}"] == 3
    assert found["admission_policy_results_total[('outcome', 'PASS'), ('phase', 'validate'), ('policy', 'a')]"] == 2
    assert found["admission_policy_results_total[('outcome', 'FAIL'), ('phase', 'validate'), ('policy', 'b')]"] == 1
    assert found["admission_refused_requests_total[('status', '415')]"] == 1
    assert found["admission_review_duration_seconds_bucket[('le', '0.0005'), ('phase', 'validate')]"] == 1
    assert found["admission_review_duration_seconds_bucket[('le', '30.0'), ('phase', 'validate')]"] == 2
    assert found["admission_review_duration_seconds_bucket[('le', '+Inf'), ('phase', 'validate')]"] == 3


def test_passes_are_counted_right_for_any_number_of_selections() -> None:
    metrics = Metrics()
    for number in range(2500):
        metrics.results("validate", [Finding("a"), Finding(f"policy-{number}")])
    found = values(metrics.exposition())
    assert found["admission_policy_results_total[('outcome', 'PASS'), ('phase', 'validate'), ('policy', 'a')]"] == 2500
    assert (
        found["admission_policy_results_total[('outcome', 'PASS'), ('phase', 'validate'), ('policy', 'policy-7')]"] == 1
    )


def test_a_duration_on_a_bound_belongs_to_its_bucket() -> None:
    metrics = Metrics()
    metrics.review("validate", "CREATE", "allowed", BUCKETS[0], dry_run=False)
    found = values(metrics.exposition())
    assert found["admission_review_duration_seconds_bucket[('le', '0.0005'), ('phase', 'validate')]"] == 1


def test_metrics_of_others_are_read_when_somebody_asks() -> None:
    metrics = Metrics()
    number = [1]
    metrics.read(BYTES, lambda: one(number[0]))
    number[0] = 2
    assert values(metrics.exposition())["admission_body_bytes_in_flight[]"] == 2


def test_two_sets_of_metrics_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.refused(400)
    assert b'status="400"' not in second.exposition()


def test_metrics_of_workers_are_told_apart_by_a_label() -> None:
    texts = []
    for number in range(2):
        metrics = Metrics()
        metrics.refused(400 + number)
        metrics.refused(400)
        texts.append((number, metrics.exposition()))
    merged = merge(texts)
    assert merged.count(b"# TYPE admission_refused_requests_total counter") == 1
    found = values(merged)
    assert found["admission_refused_requests_total[('status', '400'), ('worker', '0')]"] == 2
    assert found["admission_refused_requests_total[('status', '400'), ('worker', '1')]"] == 1
    assert found["admission_refused_requests_total[('status', '401'), ('worker', '1')]"] == 1


def test_a_server_tells_every_metric_and_no_other(server: Running) -> None:
    server.client.get(server.url)
    families = {family.name for family in text_string_to_metric_families(server.ops("/metrics").text)}
    own = {name for name in families if name.startswith("admission_")}
    assert own == {spec.name.removesuffix("_total") for spec in METRICS}


def test_every_metric_and_label_is_explained_in_the_documentation() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    for spec in METRICS:
        assert f"`{spec.name}`" in page
        for label in spec.labels:
            assert f"`{label}`" in page
