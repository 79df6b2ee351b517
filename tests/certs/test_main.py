from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from admission_certs.__main__ import main
from admission_certs.authority import create_authority, issue_leaf
from admission_certs.inspection import describe
from admission_certs.store import AUTHORITY, LEAF, Store, read_certificates

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_bootstrap_makes_an_authority_and_a_leaf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost", "127.0.0.1", "--dns", "a.b.svc"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.crt", "ca.key", "tls.crt", "tls.key"]
    assert "localhost, 127.0.0.1, a.b.svc, until 20" in capsys.readouterr().out
    leaf = read_certificates(tmp_path / "tls.crt")[0]
    leaf.verify_directly_issued_by(read_certificates(tmp_path / "ca.crt")[0])


def test_a_second_bootstrap_keeps_the_authority_and_renews_the_leaf(tmp_path: Path) -> None:
    assert main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost"]) == 0
    authority, leaf = (tmp_path / "ca.crt").read_bytes(), (tmp_path / "tls.crt").read_bytes()
    assert main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost"]) == 0
    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert (tmp_path / "tls.crt").read_bytes() != leaf


def test_an_expired_authority_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    expired = create_authority("old", now=datetime.now(UTC) - timedelta(days=20), validity=timedelta(days=10))
    store.save(AUTHORITY, expired)
    assert main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost"]) == 0
    assert read_certificates(store.certificate_path(AUTHORITY))[0] != expired.certificate


def test_a_bad_name_is_a_usage_error_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--dir", str(tmp_path / "d"), "--dns", "not a name"]) == 2
    assert "'not a name' is neither a DNS name nor an IP address" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_inspect_prints_both_certificates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost", "127.0.0.1"])
    capsys.readouterr()
    assert main(["inspect", "--dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(str(tmp_path / "ca.crt"))
    assert "names    localhost, 127.0.0.1" in printed
    assert "valid, 89 days left" in printed


def test_inspect_of_nothing_says_what_to_give(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--dir", str(tmp_path)]) == 2
    assert "give --dir D" in capsys.readouterr().err


def test_a_description_has_subject_names_validity_key_and_fingerprint() -> None:
    authority = create_authority("test authority", now=NOW)
    leaf = issue_leaf(authority, ["a.svc", "127.0.0.1"], now=NOW)
    facts = dict(describe(leaf.certificate, now=NOW + timedelta(days=91)))
    assert facts.pop("sha256").count(":") == 31
    assert facts == {
        "subject": "CN=a.svc",
        "issuer": "CN=test authority",
        "names": "a.svc, 127.0.0.1",
        "kind": "leaf",
        "valid": "2026-03-01 11:55:00 UTC to 2026-05-30 12:00:00 UTC",
        "now": "EXPIRED 1 days ago",
        "key": "ECDSA P-256",
    }
    assert dict(describe(authority.certificate, now=NOW - timedelta(days=1)))["now"] == "NOT YET VALID"


def test_the_leaf_of_a_folder_is_the_pair_the_server_reads(tmp_path: Path) -> None:
    main(["bootstrap", "--dir", str(tmp_path), "--dns", "localhost"])
    assert Store(tmp_path).load(LEAF) is not None
