from __future__ import annotations

import pytest

from admission.cel.names import (
    dns_1035_faults,
    dns_label_faults,
    label_value_faults,
    qualified_name_faults,
    subdomain_faults,
)


@pytest.mark.parametrize("name", ["a", "a-b", "0", "a" * 63])
def test_labels_are_short_and_lower_case(name: str) -> None:
    assert dns_label_faults(name) == []


@pytest.mark.parametrize(
    ("name", "count"), [("", 1), ("A", 1), ("-a", 1), ("a-", 1), ("a\n", 1), ("a" * 64, 1), ("A" * 64, 2), ("é", 1)]
)
def test_other_labels_have_faults(name: str, count: int) -> None:
    assert len(dns_label_faults(name)) == count


def test_a_subdomain_is_no_label_because_of_its_dots() -> None:
    assert dns_label_faults("a.b") == ["must not contain dots"]
    assert subdomain_faults("a.b") == []


def test_lengths_are_counted_in_bytes_and_named_as_upstream_does() -> None:
    assert dns_1035_faults("a" * 64) == ["must be no more than 63 characters"]
    assert label_value_faults("a" * 64) == ["must be no more than 63 bytes"]
    assert subdomain_faults("a" * 254) == ["must be no more than 253 characters"]
    assert "must be no more than 63 bytes" in label_value_faults("é" * 32)


def test_qualified_names_may_have_a_prefix() -> None:
    assert qualified_name_faults("example.com/My.name_1") == []
    assert qualified_name_faults("/a") == ["prefix part must be non-empty"]
    assert qualified_name_faults("a/")[0] == "name part must be non-empty"
    assert qualified_name_faults("A/b")[0].startswith("prefix part a lowercase RFC 1123 subdomain")
    assert qualified_name_faults("a/b/c")[0].endswith("prefix and '/' (e.g. 'example.com/MyName')")
