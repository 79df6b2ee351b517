"""URLs and their parts.

    url(string) -> URL                  an error for what is neither an absolute URI nor an absolute path
    isURL(string) -> bool
    u.getScheme() -> string             'https'
    u.getHost() -> string               with the port: 'example.com:80', '[::1]:80'
    u.getHostname() -> string           without it: 'example.com', '::1'
    u.getPort() -> string               '80'
    u.getEscapedPath() -> string        '/with%20space'
    u.getQuery() -> map(string, list(string))   unescaped

    url('https://example.com:80/a?k=1&k=2').getQuery()   // {'k': ['1', '2']}
    url('/path').getHost()                               // ''
    isURL('../relative')                                 // false

What is absent is empty. URLs are equal where they print alike. There is no string(url). Cost: a tenth of the string
for url, else 1. Always available. Source: apiserver pkg/cel/library/urls.go, pkg/cel/url.go.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.function import Function, Implementation, Library, Overload
from admission.cel.sizes import first_string_cost
from admission.cel.types import Type
from admission.cel.url import Url, UrlError, parse_request_uri, parse_url
from admission.cel.values import CelError, Opaque, Value

_REPLACEMENT = dict.fromkeys(range(56448, 56576), "�")


class UrlValue(Opaque):
    """A URL."""

    __slots__ = ("url",)
    cel_type = types.URL
    unit_equality = True

    def __init__(self, url: Url) -> None:
        self.url = url

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UrlValue):
            raise CelError("no such overload")
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash((UrlValue, str(self)))

    def comparable(self, other: object) -> bool:
        """Return whether the other one is a URL too."""
        return isinstance(other, UrlValue)

    def __str__(self) -> str:
        return _text(str(self.url))

    def __repr__(self) -> str:
        return f"url({str(self)!r})"


def _text(part: str) -> str:
    """Return text that can leave: bytes that are no UTF-8 become U+FFFD, as when Go prints them."""
    return part if part.isascii() else part.translate(_REPLACEMENT)


def _url(text: str) -> UrlValue:
    try:
        parse_request_uri(text)
        return UrlValue(parse_url(text))
    except UrlError as error:
        raise CelError(f"URL parse error during conversion from string: {error}") from None


def _is_url(text: str) -> bool:
    try:
        parse_request_uri(text)
    except UrlError:
        return False
    return True


def _query(value: UrlValue) -> dict[Value, Value]:
    return {_text(key): [_text(item) for item in items] for key, items in value.url.parameters().items()}


def _getter(name: str, id_: str, result: Type, implementation: Implementation) -> Function:
    return Function(name, (Overload(id_, (types.URL,), result, implementation, member=True),))


LIBRARY = Library(
    "kubernetes.urls",
    functions=(
        Function("url", (Overload("string_to_url", (types.STRING,), types.URL, _url, cost=first_string_cost),)),
        Function("isURL", (Overload("is_url_string", (types.STRING,), types.BOOL, _is_url),)),
        _getter("getScheme", "url_get_scheme", types.STRING, lambda u: u.url.scheme),
        _getter("getHost", "url_get_host", types.STRING, lambda u: _text(u.url.host)),
        _getter("getHostname", "url_get_hostname", types.STRING, lambda u: _text(u.url.hostname)),
        _getter("getPort", "url_get_port", types.STRING, lambda u: u.url.port),
        _getter("getEscapedPath", "url_get_escaped_path", types.STRING, lambda u: u.url.escaped_path),
        _getter("getQuery", "url_get_query", types.map_of(types.STRING, types.list_of(types.STRING)), _query),
    ),
    environments=frozenset({"kubernetes", "extended"}),
)
