from __future__ import annotations

import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from admission.errors import InputError
from admission.server.tls import CertificateInfo, CertificateWatch, LiveCertificate
from admission_certs.__main__ import main
from tests.server.serving import Running, review, serving, trusting


@pytest.fixture
def folder(certificates: Path, tmp_path: Path) -> Path:
    """A copy of the certificates that a test may change; its authority is the same."""
    copy = tmp_path / "tls"
    shutil.copytree(certificates, copy)
    return copy


def renew(folder: Path) -> None:
    assert main(["bootstrap", "--dir", str(folder), "--dns", "localhost", "127.0.0.1"]) == 0


def live(folder: Path) -> LiveCertificate:
    return LiveCertificate(folder / "tls.crt", folder / "tls.key")


def shown(running: Running, folder: Path, *, name: str | None = "localhost") -> bytes:
    """Return the certificate that a new connection is shown."""
    port = int(running.url.rpartition(":")[2])
    context = trusting(folder)
    context.check_hostname = name is not None
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        certificate = connection.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def leaf(folder: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert((folder / "tls.crt").read_text())


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition did not come true in time"
        time.sleep(0.02)


def test_a_new_certificate_is_shown_while_old_connections_live_on(folder: Path) -> None:
    with serving(folder) as running:
        assert running.answer(review())["allowed"] is True
        before = leaf(folder)
        assert shown(running, folder) == before
        renew(folder)
        wait_for(lambda: running.metric('admission_certificate_reloads_total{result="success"}') == 1)
        for name in ("localhost", None):  # with a server name and without
            assert shown(running, folder, name=name) == leaf(folder) != before
        stream = running.client.stream("POST", f"{running.url}/validate", json=review())
        with stream as response:
            old_socket = response.extensions["network_stream"].get_extra_info("ssl_object")
            assert old_socket.getpeercert(True) == before  # the connection of before the change
            response.read()
            assert response.json()["response"]["allowed"] is True


def test_a_certificate_without_its_key_changes_nothing(folder: Path, certificates: Path) -> None:
    certificate = live(folder)
    renew(folder)
    shutil.copy(certificates / "tls.key", folder / "tls.key")
    with pytest.raises(InputError, match=r"tls\.key is not the private key of .*tls\.crt"):
        certificate.refresh()
    assert certificate.refresh() is False  # told once
    renew(folder)
    assert certificate.refresh() is True


def test_files_that_vanish_and_return_are_noticed(folder: Path) -> None:
    certificate = live(folder)
    content = (folder / "tls.crt").read_bytes()
    (folder / "tls.crt").unlink()
    with pytest.raises(InputError, match="cannot read"):
        certificate.refresh()
    (folder / "tls.crt").write_bytes(content)
    assert certificate.refresh() is True


def test_the_turned_link_of_a_mounted_secret_is_noticed(tmp_path: Path) -> None:
    for version in ("..one", "..two"):
        renew(tmp_path / version)
    (tmp_path / "..data").symlink_to("..one")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    certificate = live(tmp_path)
    first = certificate.info.fingerprint
    assert certificate.refresh() is False
    (tmp_path / "..data_tmp").symlink_to("..two")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert certificate.refresh() is True
    assert certificate.info.fingerprint != first


def test_what_is_told_of_a_certificate(folder: Path) -> None:
    info = live(folder).info
    assert info.subject == "CN=localhost"
    assert info.names == ("localhost", "127.0.0.1")
    assert 89 <= (info.not_after - info.not_before).days <= 90
    assert len(info.fingerprint) == 64


@pytest.mark.parametrize(
    ("certificate", "message"),
    [(b"", "are not a certificate"), (b"hello", "are not a certificate"), (None, "cannot read .*tls.crt")],
)
def test_a_first_pair_that_cannot_be_used_is_an_input_error(
    folder: Path, certificate: bytes | None, message: str
) -> None:
    (folder / "tls.crt").unlink()
    if certificate is not None:
        (folder / "tls.crt").write_bytes(certificate)
    with pytest.raises(InputError, match=message):
        live(folder)


def test_an_encrypted_key_is_refused_without_asking_anybody(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((folder / "tls.key").read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    (folder / "tls.key").write_bytes(encrypted)
    with pytest.raises(InputError, match="unencrypted"):
        live(folder)


def test_a_watch_tells_success_and_failure(folder: Path) -> None:
    told: list[CertificateInfo | InputError] = []
    heard = threading.Semaphore(0)

    def tell(news: CertificateInfo | InputError) -> None:
        told.append(news)
        heard.release()

    watch = CertificateWatch(live(folder), renewed=tell, failed=tell, interval=0.01)
    watch.start()
    try:
        renew(folder)
        assert heard.acquire(timeout=5)
        (folder / "tls.crt").write_bytes(b"broken")
        assert heard.acquire(timeout=5)
    finally:
        watch.stop()
    assert isinstance(told[-1], InputError)


def test_only_http_1_1_over_tls_1_2_or_newer_is_offered(folder: Path) -> None:
    with serving(folder) as running, httpx.Client(verify=trusting(folder), http2=False) as client:
        stream = client.stream("GET", running.url)
        with stream as response:
            connection = response.extensions["network_stream"].get_extra_info("ssl_object")
            assert connection.version() in ("TLSv1.2", "TLSv1.3")
    assert live(folder).context.minimum_version is ssl.TLSVersion.TLSv1_2
