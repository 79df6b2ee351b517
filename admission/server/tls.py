"""The certificate that the server shows, replaced under it when the files change.

Connections that live keep theirs; every new handshake gets the newest pair that was read whole. A pair is first loaded
into a context of its own, and only when certificate and key belong together do handshakes move over to it: a server
that reads in the middle of a replacement goes on with what it has. Kubernetes replaces the files of a mounted Secret
by turning a symbolic link, so what a path leads to is compared, not the path.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from admission.errors import InputError

POLL_SECONDS: Final = 1.0
_ATTEMPTS: Final = 5

_Stamp: TypeAlias = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """What is told of a certificate in the log and in metrics; times are UTC."""

    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str


class LiveCertificate:
    """A TLS context for a server that lives as long as the process, over files that do not.

    Raises InputError where the first pair cannot be read.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._stamp: _Stamp = ()
        self.context, self.info = self._read()
        self._newest = self.context
        self.context.sni_callback = self._choose

    def refresh(self) -> bool:
        """Look at the files; return whether a new pair is shown from now on.

        Raises InputError where the files have changed into something that cannot be used; the old pair stays.
        """
        if self._stamp_now() == self._stamp:
            return False
        self._newest, self.info = self._read()
        return True

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, context: ssl.SSLContext) -> None:
        """Move a handshake to the newest pair; OpenSSL asks for every ClientHello, with a server name or without."""
        if self._newest is not context:
            connection.context = self._newest

    def _read(self) -> tuple[ssl.SSLContext, CertificateInfo]:
        for _ in range(_ATTEMPTS):
            before = self._stamp_now()
            try:
                pair = self._read_once()
            except InputError:
                if self._stamp_now() == before:
                    self._stamp = before  # told once, not every second, until the files change again
                    raise
                continue
            if self._stamp_now() == before:
                self._stamp = before
                return pair
        raise InputError(f"{self._certificate} and {self._key} keep changing while they are read")

    def _read_once(self) -> tuple[ssl.SSLContext, CertificateInfo]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            data = self._certificate.read_bytes()
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
            certificate = x509.load_pem_x509_certificate(data)
        except ssl.SSLError as error:
            if "KEY_VALUES_MISMATCH" in str(error):
                raise InputError(f"{self._key} is not the private key of {self._certificate}") from None
            raise InputError(
                f"{self._certificate} and {self._key} are not a certificate and its unencrypted key, both as PEM"
            ) from None
        except OSError as error:
            name = error.filename or f"{self._certificate} or {self._key}"
            raise InputError(f"cannot read {name}: {error.strerror}") from None
        except ValueError:
            raise InputError(f"{self._certificate} holds no PEM certificate") from None
        return context, _info(certificate)

    def _stamp_now(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self._certificate, self._key))


class CertificateWatch:
    """A thread that refreshes a certificate every second and tells what came of it."""

    def __init__(
        self,
        certificate: LiveCertificate,
        *,
        renewed: Callable[[CertificateInfo], None],
        failed: Callable[[InputError], None],
        interval: float = POLL_SECONDS,
    ) -> None:
        self._certificate = certificate
        self._renewed = renewed
        self._failed = failed
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="certificate-watch", daemon=True)

    def start(self) -> None:
        """Start to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns at once."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                if self._certificate.refresh():
                    self._renewed(self._certificate.info)
            except InputError as error:
                self._failed(error)


def _no_password() -> str:
    """Answer OpenSSL, which would otherwise ask at the terminal for the password of an encrypted key."""
    return ""


def _stamp(path: Path) -> tuple[int, int, int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  (follows links, and is called every second)
    except OSError:
        return (0, 0, 0, 0)
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def _info(certificate: x509.Certificate) -> CertificateInfo:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        texts = tuple(str(name.value) for name in names)
    except (x509.ExtensionNotFound, ValueError):
        texts = ()
    return CertificateInfo(
        subject=certificate.subject.rfc4514_string(),
        names=texts,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )
