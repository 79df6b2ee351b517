"""The folder that certificates live in: ca.crt, ca.key, tls.crt, tls.key.

Files appear complete or not at all (written beside and renamed), private keys are readable by their owner alone. A
server that reads while a pair is being replaced may see a new key beside an old certificate for an instant; it must
check that the two belong together, as `admission.server.tls` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from admission.errors import InputError
from admission_certs.authority import KeyPair

AUTHORITY: Final = "ca"
LEAF: Final = "tls"

_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of certificates; `folder` is made, private, when something is first written."""

    folder: Path

    def certificate_path(self, name: str) -> Path:
        """Return the path of the certificate called `name` (AUTHORITY or LEAF)."""
        return self.folder / f"{name}.crt"

    def key_path(self, name: str) -> Path:
        """Return the path of the private key called `name` (AUTHORITY or LEAF)."""
        return self.folder / f"{name}.key"

    def save(self, name: str, pair: KeyPair) -> None:
        """Write certificate and key; the key first, so that the certificate is the last to change.

        Raises InputError where the folder cannot be written.
        """
        key = pair.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self.key_path(name), key, _PRIVATE)
            _replace(self.certificate_path(name), pair.certificate.public_bytes(serialization.Encoding.PEM), _PUBLIC)
        except OSError as error:
            raise InputError(f"cannot write to {self.folder}: {error.strerror}") from None

    def load(self, name: str) -> KeyPair | None:
        """Return the pair called `name`, or None where neither of its files exists.

        Raises InputError where one of the two is missing or unreadable, or where they do not belong together.
        """
        certificate_path, key_path = self.certificate_path(name), self.key_path(name)
        if not certificate_path.exists() and not key_path.exists():
            return None
        certificate = read_certificates(certificate_path)[0]
        key = _read_key(key_path)
        if certificate.public_key() != key.public_key():
            raise InputError(f"{key_path} is not the key of {certificate_path}; remove both to start anew")
        return KeyPair(certificate, key)


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, at least one; raises InputError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} holds no PEM certificate") from None


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise InputError(f"{path} holds no unencrypted PEM private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InputError(f"{path} holds no elliptic curve key; remove it to start anew")
    return key


def _replace(path: Path, data: bytes, mode: int) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
