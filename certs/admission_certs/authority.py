"""Make a certificate authority and the leaf certificates it signs.

Pure but for the randomness of keys and serial numbers: the time is an argument, files belong to `store`.
Rules: RFC 5280 for the extensions; kube-apiserver checks subject alternative names only and never the common name
(spec/policies.md, section 9), so every name a client may use must be given.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from admission.errors import UsageError

AUTHORITY_VALIDITY: Final = timedelta(days=3652)
LEAF_VALIDITY: Final = timedelta(days=90)
BACKDATE: Final = timedelta(minutes=5)
"""Certificates start this much before now, because the clocks of a cluster differ a little."""

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_MAX_DNS_NAME: Final = 253
_MAX_COMMON_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def alternative_names(names: Sequence[str]) -> tuple[x509.GeneralName, ...]:
    """Return the subject alternative names for DNS names and IP addresses, in order and without repeats.

    Raises UsageError where `names` is empty or one of them is neither.
    """
    if not names:
        raise UsageError("no name given: a certificate without names is accepted by nobody; give --dns NAME")
    found: dict[x509.GeneralName, None] = {}
    for name in names:
        found[_alternative_name(name)] = None
    return tuple(found)


def _alternative_name(name: str) -> x509.GeneralName:
    text = name.strip().rstrip(".").lower()
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    if len(text) > _MAX_DNS_NAME or not _DNS_NAME.fullmatch(text):
        raise UsageError(f"{name!r} is neither a DNS name nor an IP address; expected for example admission.ns.svc")
    return x509.DNSName(text)


def create_authority(name: str, *, now: datetime, validity: timedelta = AUTHORITY_VALIDITY) -> KeyPair:
    """Return a new self-signed ECDSA P-256 authority that may sign leaves only.

    `now` must be timezone-aware. Raises UsageError for a validity that is not positive.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_MAX_COMMON_NAME])])
    builder = (
        _builder(subject, subject, key.public_key(), now=now, end=now + validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return KeyPair(builder.sign(key, hashes.SHA256()), key)


def issue_leaf(
    authority: KeyPair, names: Sequence[str], *, now: datetime, validity: timedelta = LEAF_VALIDITY
) -> KeyPair:
    """Return a new ECDSA P-256 server certificate for `names`, signed by `authority`.

    It never outlives its authority. Raises UsageError for unusable names, a validity that is not positive, or an
    authority that has expired.
    """
    subject_names = alternative_names(names)
    end = min(now + validity, authority.certificate.not_valid_after_utc)
    key = ec.generate_private_key(ec.SECP256R1())
    first = str(subject_names[0].value)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, first[:_MAX_COMMON_NAME])])
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(subject, issuer.subject, key.public_key(), now=now, end=end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(subject_names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return KeyPair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    if end <= now:
        raise UsageError(f"the certificate would end {end:%Y-%m-%d}, before it begins; give a longer validity")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
