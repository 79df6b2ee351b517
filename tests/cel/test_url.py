from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel.url import UrlError, parse_request_uri, parse_url


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("HTTP://Example.com:80/a%2fb?x=1&y#z", "http://Example.com:80/a%2fb?x=1&y#z"),
        ("https://user:pa%40ss@host/", "https://user:pa%40ss@host/"),
        ("http://u%3a:p@h", "http://u%3A:p@h"),
        ("/with space/ü", "/with%20space/%C3%BC"),
        ("mailto:a@b", "mailto:a@b"),
        ("file:///etc", "file:///etc"),
        ("a:/b", "a:/b"),
        ("http://[fe80::1%25en0]:80/", "http://[fe80::1%25en0]:80/"),
        ("http://höst/", "http://h%C3%B6st/"),
        ("*", "*"),
        ("/?", "/?"),
        ("/#%41", "/#%41"),
        ("//host/path", "//host/path"),
    ],
)
def test_urls_are_printed_as_go_prints_them(text: str, printed: str) -> None:
    assert str(parse_url(text)) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'parse "": empty url'),
        ("relative", 'parse "relative": invalid URI for request'),
        (":a", 'parse ":a": missing protocol scheme'),
        ("/\x7f", 'parse "/\\x7f": net/url: invalid control character in URL'),
        ("/%zz", 'parse "/%zz": invalid URL escape "%zz"'),
        ("/%é", 'parse "/%é": invalid URL escape "%é"'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
        ("http://%41/", 'parse "http://%41/": invalid URL escape "%41"'),
        ("https://a:b:c/", 'parse "https://a:b:c/": invalid port ":b:c" after host'),
        ("ftp://a:b/", 'parse "ftp://a:b/": invalid port ":b" after host'),
        ("http://[::1/", "parse \"http://[::1/\": missing ']' in host"),
        ("http://a[b]/", 'parse "http://a[b]/": invalid IP-literal'),
        ("http://[1.2.3.4]/", 'parse "http://[1.2.3.4]/": invalid IP-literal'),
        ("http://[x]/", 'parse "http://[x]/": invalid host: ParseAddr("x"): unable to parse IP'),
        ("http://us er@h/", 'parse "http://us er@h/": net/url: invalid userinfo'),
    ],
)
def test_what_is_no_request_uri_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(UrlError) as caught:
        parse_request_uri(text)
    assert str(caught.value) == message


def test_a_relative_reference_is_a_url_but_no_request_uri() -> None:
    assert str(parse_url("../a")) == "../a"
    with pytest.raises(UrlError, match="first path segment in URL cannot contain colon"):
        parse_url("1:2/3")


def test_query_parameters_that_cannot_be_read_are_left_out() -> None:
    assert parse_url("/?a=1&b=%zz&c;d=2&a=2&e&=f&g+h=i%20j").parameters() == {
        "a": ["1", "2"],
        "e": [""],
        "": ["f"],
        "g h": ["i j"],
    }
    assert parse_url("/?" + "a&" * 10_000 + "a").parameters() == {}


@given(st.text("abc019:/?#[]@!$&'()*+,;=%.- é", max_size=40))
def test_what_was_printed_prints_the_same_again(text: str) -> None:
    try:
        url = parse_url(text)
    except UrlError:
        return
    printed = str(url)
    assert str(parse_url(printed)) == printed
