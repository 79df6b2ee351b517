from __future__ import annotations

import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from admission.errors import InputError
from admission_certs.authority import create_authority
from admission_certs.store import AUTHORITY, LEAF, Store, read_certificates

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder")
    pair = create_authority("test", now=NOW)
    store.save(AUTHORITY, pair)
    loaded = store.load(AUTHORITY)
    assert loaded is not None
    assert loaded.certificate == pair.certificate
    assert loaded.key.private_numbers() == pair.key.private_numbers()
    assert store.load(LEAF) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX modes")
def test_private_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.key_path(AUTHORITY).write_text("was open to all")
    store.key_path(AUTHORITY).chmod(0o644)
    store.save(AUTHORITY, create_authority("test", now=NOW))
    assert stat.S_IMODE(store.key_path(AUTHORITY).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.certificate_path(AUTHORITY).stat().st_mode) == 0o644


def test_saving_leaves_nothing_else_behind(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(AUTHORITY, create_authority("test", now=NOW))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.crt", "ca.key"]


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "a"), Store(tmp_path / "b")
    store.save(AUTHORITY, create_authority("test", now=NOW))
    other.save(AUTHORITY, create_authority("test", now=NOW))
    store.key_path(AUTHORITY).write_bytes(other.key_path(AUTHORITY).read_bytes())
    with pytest.raises(InputError, match="is not the key of"):
        store.load(AUTHORITY)


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(AUTHORITY, create_authority("test", now=NOW))
    store.key_path(AUTHORITY).unlink()
    with pytest.raises(InputError, match=r"cannot read .*ca\.key: No such file"):
        store.load(AUTHORITY)


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tls.crt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds no PEM certificate"):
        read_certificates(path)
