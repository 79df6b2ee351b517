"""Say in words what a certificate is: subject, names, validity, key, fingerprint. Pure; the time is an argument."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def describe(certificate: x509.Certificate, *, now: datetime) -> list[tuple[str, str]]:
    """Return the facts of a certificate as (label, text) pairs in the order to print them."""
    return [
        ("subject", certificate.subject.rfc4514_string()),
        ("issuer", certificate.issuer.rfc4514_string()),
        ("names", ", ".join(names_of(certificate)) or "none"),
        ("kind", "authority" if _is_authority(certificate) else "leaf"),
        ("valid", f"{_moment(certificate.not_valid_before_utc)} to {_moment(certificate.not_valid_after_utc)}"),
        ("now", _standing(certificate, now)),
        ("key", _key(certificate)),
        ("sha256", certificate.fingerprint(hashes.SHA256()).hex(":")),
    ]


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the subject alternative names as text, in the certificate's order."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _standing(certificate: x509.Certificate, now: datetime) -> str:
    if now < certificate.not_valid_before_utc:
        return "NOT YET VALID"
    left = certificate.not_valid_after_utc - now
    if left.total_seconds() <= 0:
        return f"EXPIRED {-left.days} days ago"
    return f"valid, {left.days} days left"


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}.get(key.curve.name, key.curve.name)
        return f"ECDSA {name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return type(key).__name__
