from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.netip import AddressError, Prefix, parse_address, parse_prefix


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::", "::"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::0:0:0:ABCD", "2001:db8::abcd"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ("fe80::", "fe80::"),
        ("::1.2.3.4", "::102:304"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_addresses_are_printed_in_one_form(text: str, printed: str) -> None:
    assert str(parse_address(text)) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'ParseAddr(""): unable to parse IP'),
        ("1.2.3", 'ParseAddr("1.2.3"): IPv4 address too short'),
        ("1.2.3.4.5", 'ParseAddr("1.2.3.4.5"): IPv4 address too long'),
        ("1.2.3.256", 'ParseAddr("1.2.3.256"): IPv4 field has value >255'),
        ("1.2.3.04", 'ParseAddr("1.2.3.04"): IPv4 field has octet with leading zero'),
        ("1..2.3", 'ParseAddr("1..2.3"): IPv4 field must have at least one digit (at ".2.3")'),
        ("1.2.3.a", 'ParseAddr("1.2.3.a"): unexpected character (at "a")'),
        ("%eth0", 'ParseAddr("%eth0"): missing IPv6 address'),
        ("fe80::1%", 'ParseAddr("fe80::1%"): zone must be a non-empty string'),
        ("12345::", 'ParseAddr("12345::"): each group must have 4 or less digits (at "12345::")'),
        (":1", 'ParseAddr(":1"): each colon-separated field must have at least one digit (at ":1")'),
        ("1::2::3", 'ParseAddr("1::2::3"): multiple :: in address (at ":3")'),
        ("1:2", 'ParseAddr("1:2"): address string too short'),
        ("1:2:3:4:5:6:7:8:9", 'ParseAddr("1:2:3:4:5:6:7:8:9"): trailing garbage after address (at "9")'),
        ("1:2:3:4:5:6:7::8", 'ParseAddr("1:2:3:4:5:6:7::8"): the :: must expand to at least one field of zeros'),
        (
            "1:1.2.3.4",
            (
                'ParseAddr("1:1.2.3.4"): embedded IPv4 address must replace the final 2 fields of the address '
                '(at "1.2.3.4")'
            ),
        ),
        ("1:", 'ParseAddr("1:"): colon must be followed by more characters (at ":")'),
        ("1:2x", 'ParseAddr("1:2x"): unexpected character, want colon (at "x")'),
        ('"', 'ParseAddr("\\""): unable to parse IP'),
    ],
)
def test_what_is_no_address_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.2.3.4", "netip.ParsePrefix(\"1.2.3.4\"): no '/'"),
        ("1.2.3.4/", 'netip.ParsePrefix("1.2.3.4/"): bad bits after slash: ""'),
        ("1.2.3.4/08", 'netip.ParsePrefix("1.2.3.4/08"): bad bits after slash: "08"'),
        ("1.2.3.4/+8", 'netip.ParsePrefix("1.2.3.4/+8"): bad bits after slash: "+8"'),
        ("1.2.3.4/33", 'netip.ParsePrefix("1.2.3.4/33"): prefix length out of range'),
        ("1.2.3.4/1000", 'netip.ParsePrefix("1.2.3.4/1000"): prefix length out of range'),
        ("x/8", 'netip.ParsePrefix("x/8"): ParseAddr("x"): unable to parse IP'),
        ("fe80::1%a/8", 'netip.ParsePrefix("fe80::1%a/8"): IPv6 zones cannot be present in a prefix'),
        ("::/" + "9" * 30, f'netip.ParsePrefix("::/{"9" * 30}"): bad bits after slash: "{"9" * 30}"'),
    ],
)
def test_what_is_no_prefix_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_prefix(text)
    assert str(caught.value) == message


def test_host_bits_stay_until_they_are_masked() -> None:
    prefix = parse_prefix("192.168.1.77/16")
    assert str(prefix) == "192.168.1.77/16"
    assert str(prefix.masked()) == "192.168.0.0/16"


@given(st.integers(0, 2**32 - 1))
def test_ipv4_is_read_and_printed_as_python_does(number: int) -> None:
    text = str(IPv4Address(number))
    assert parse_address(text).number == number
    assert str(parse_address(text)) == text


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**40).map(lambda number: number << 64))
def test_ipv6_is_read_and_printed_as_python_does(number: int) -> None:
    address = IPv6Address(number)
    for text in (address.compressed, address.exploded):
        assert parse_address(text).number == number
    if address.ipv4_mapped is None:
        assert str(parse_address(address.exploded)) == address.compressed


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 32))
def test_networks_contain_what_python_says(first: int, second: int, length: int, other_length: int) -> None:
    prefix = parse_prefix(f"{IPv4Address(first)}/{length}")
    other = parse_prefix(f"{IPv4Address(second)}/{other_length}")
    network = ip_network(f"{IPv4Address(first)}/{length}", strict=False)
    assert prefix.contains(other.address) is (IPv4Address(second) in network)
    assert prefix.overlaps(other) is network.overlaps(ip_network(f"{IPv4Address(second)}/{other_length}", strict=False))
    assert isinstance(prefix.masked(), Prefix)
    assert str(prefix.masked()) == str(network)


@given(st.text("0123456789abcdef:.%/", max_size=24))
def test_anything_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert parse_address(str(address)) == address
