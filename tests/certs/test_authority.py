from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given
from hypothesis import strategies as st

from admission.errors import UsageError
from admission_certs.authority import alternative_names, create_authority, issue_leaf

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_leaf_is_verified_by_its_authority_for_every_name() -> None:
    authority = create_authority("test", now=NOW)
    leaf = issue_leaf(authority, ["admission.ns.svc", "127.0.0.1", "::1"], now=NOW)
    builder = PolicyBuilder().store(Store([authority.certificate])).time(NOW + timedelta(days=30))
    for name in alternative_names(["admission.ns.svc", "127.0.0.1", "::1"]):
        assert isinstance(name, x509.DNSName | x509.IPAddress)
        chain = builder.build_server_verifier(name).verify(leaf.certificate, [])
        assert chain[-1] == authority.certificate


def test_keys_are_p_256_and_may_do_nothing_but_their_job() -> None:
    authority = create_authority("test", now=NOW)
    leaf = issue_leaf(authority, ["localhost"], now=NOW).certificate
    for certificate, is_authority in ((authority.certificate, True), (leaf, False)):
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.key_cert_sign, usage.digital_signature) == (is_authority, not is_authority)
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is is_authority
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_leaf_is_valid_for_90_days_and_an_authority_for_10_years() -> None:
    authority = create_authority("test", now=NOW)
    leaf = issue_leaf(authority, ["localhost"], now=NOW).certificate
    assert leaf.not_valid_after_utc == NOW + timedelta(days=90)
    assert leaf.not_valid_before_utc < NOW
    assert authority.certificate.not_valid_after_utc == NOW + timedelta(days=3652)


def test_a_leaf_never_outlives_its_authority() -> None:
    authority = create_authority("test", now=NOW, validity=timedelta(days=10))
    leaf = issue_leaf(authority, ["localhost"], now=NOW)
    assert leaf.certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_an_expired_authority_signs_nothing() -> None:
    authority = create_authority("test", now=NOW, validity=timedelta(days=10))
    with pytest.raises(UsageError, match="before it begins"):
        issue_leaf(authority, ["localhost"], now=NOW + timedelta(days=11))


def test_repeated_names_stand_once() -> None:
    assert [name.value for name in alternative_names(["a.svc", "A.svc.", "[::1]", "::1"])] == [
        "a.svc",
        alternative_names(["::1"])[0].value,
    ]


@pytest.mark.parametrize(
    "name", ["", "a b", "-a", "a_b", "a..b", "*.*.svc", "https://a", "a" * 64, "a." * 130 + "a", "ä"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="neither a DNS name nor an IP address"):
        alternative_names([name])


def test_no_name_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="give --dns"):
        alternative_names([])


@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_ends_as_names_or_as_a_usage_error(names: list[str]) -> None:
    try:
        found = alternative_names(names)
    except UsageError:
        return
    x509.SubjectAlternativeName(found)
