"""URLs as Go's net/url reads and prints them, error texts included.

Source: Go net/url (Parse, ParseRequestURI, URL.String, EscapedPath). Python's urllib takes anything for a URL, so the
rules are written out here. Text is kept as str; bytes that percent-escapes make and that are no UTF-8 are kept as lone
surrogates (Python's surrogateescape).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from string import ascii_letters, digits
from typing import TypeVar

from admission.cel.netip import AddressError, parse_address
from admission.cel.quoting import quote

_PLAIN = ascii_letters + digits + "-_.~"
_HOST = frozenset(_PLAIN + "!$&'()*+,;=:[]<>\"")
_USERINFO = frozenset(_PLAIN + ":!$&'()*+,;=%@")
_ALSO_IN_WRITTEN = "!$&'()*+,;=:@[]%"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):", re.ASCII)
_PORT = re.compile(r"(:[0-9]*)?", re.ASCII)
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})?", re.ASCII)
_ESCAPED_BYTE = re.compile(rb"%([0-9a-fA-F]{2})")
_MOST_PARAMETERS = 10_000


_Parsed = TypeVar("_Parsed")


class UrlError(Exception):
    """The text is no URL; the message is Go's."""


class _Part:
    """One part of a URL: how its bytes are written, and which characters it may be written with."""

    __slots__ = ("_bytes", "_written")

    def __init__(self, also: str) -> None:
        allowed = frozenset(_PLAIN + also)
        self._bytes = tuple(chr(byte) if chr(byte) in allowed else f"%{byte:02X}" for byte in range(256))
        self._written = allowed.union(_ALSO_IN_WRITTEN)

    def escape(self, text: str) -> str:
        """Return the text with every byte escaped that cannot stand for itself."""
        return "".join(map(self._bytes.__getitem__, text.encode("utf-8", "surrogateescape")))

    def rewrite(self, plain: str, raw: str) -> str:
        """Return the raw text where it was written well, else the plain one escaped."""
        return raw if raw and self._written.issuperset(raw) else self.escape(plain)


_HOST_PART = _Part("!$&'()*+,;=:[]<>\"")
_PATH_PART = _Part("$&+,/:;=@")
_USER_PART = _Part("$&+,;=")
_FRAGMENT_PART = _Part("$&+,/:;=?@!()*")


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed URL; `raw_path` and `raw_fragment` are what was written where escaping anew gives another text."""

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    password: str | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    query: str = ""
    empty_query: bool = False
    fragment: str = ""
    raw_fragment: str = ""
    no_authority: bool = False

    @property
    def hostname(self) -> str:
        """The host without port, an IPv6 address without its brackets."""
        return self._split_host()[0]

    @property
    def port(self) -> str:
        """The digits after the host's last colon."""
        return self._split_host()[1]

    def _split_host(self) -> tuple[str, str]:
        host, port = self.host, ""
        head, colon, tail = host.rpartition(":")
        if colon and _PORT.fullmatch(colon + tail):
            host, port = head, tail
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        return host, port

    @property
    def escaped_path(self) -> str:
        """The path as it was written where that was valid, else escaped anew."""
        return "*" if self.path == "*" and not self.raw_path else _PATH_PART.rewrite(self.path, self.raw_path)

    def parameters(self) -> dict[str, list[str]]:
        """Return the query parameters that can be read, unescaped; none at all where there are more than 10,000."""
        found: dict[str, list[str]] = {}
        pairs = self.query.split("&")
        for pair in pairs if len(pairs) <= _MOST_PARAMETERS else ():
            if not pair or ";" in pair:
                continue
            name, _, value = pair.replace("+", " ").partition("=")
            try:
                key, unescaped = _unescape(name), _unescape(value)
            except UrlError:
                continue
            found.setdefault(key, []).append(unescaped)
        return found

    def __str__(self) -> str:
        """Print the URL; two URLs are equal where this is."""
        text = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            text += self.opaque
        else:
            text += self._authority()
            path = self.escaped_path
            if path and path[0] != "/" and self.host:
                text += "/"
            if not text and ":" in path.partition("/")[0]:
                text += "./"
            text += path
        if self.empty_query or self.query:
            text += f"?{self.query}"
        if self.fragment:
            text += f"#{_FRAGMENT_PART.rewrite(self.fragment, self.raw_fragment)}"
        return text

    def _authority(self) -> str:
        if not (self.host or self.user is not None) and (self.no_authority or not self.scheme):
            return ""
        text = "//" if self.host or self.path or self.user is not None else ""
        if self.user is not None:
            password = "" if self.password is None else ":" + _USER_PART.escape(self.password)
            text += f"{_USER_PART.escape(self.user)}{password}@"
        return text + _HOST_PART.escape(self.host)


def parse_url(text: str) -> Url:
    """Return any URL, relative ones too; UrlError with Go's `parse "...": ...` for anything else."""
    before, _, fragment = text.partition("#")
    url = _naming(before, lambda: _parse(before, absolute=False))
    if not fragment:
        return url
    plain = _naming(text, lambda: _unescape(fragment))
    return replace(url, fragment=plain, raw_fragment="" if _FRAGMENT_PART.escape(plain) == fragment else fragment)


def parse_request_uri(text: str) -> Url:
    """Return an absolute URI or an absolute path, a `#` being part of it; UrlError for anything else."""
    return _naming(text, lambda: _parse(text, absolute=True))


def _naming(text: str, parse: Callable[[], _Parsed]) -> _Parsed:
    try:
        return parse()
    except UrlError as error:
        raise UrlError(f"parse {quote(text)}: {error}") from None


def _parse(text: str, *, absolute: bool) -> Url:
    if _CONTROL.search(text):
        raise UrlError("net/url: invalid control character in URL")
    if not text and absolute:
        raise UrlError("empty url")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise UrlError("missing protocol scheme")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    rest = text[match.end() :] if match else text
    empty_query = rest.endswith("?") and rest.count("?") == 1
    rest, _, query = rest.partition("?")
    url = Url(scheme=scheme, query=query, empty_query=empty_query)
    if not rest.startswith("/"):
        if scheme:
            return replace(url, opaque=rest)
        if absolute:
            raise UrlError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise UrlError("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or (not absolute and not rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        url = _with_authority(url, authority)
        rest = slash + path
    elif scheme and rest.startswith("/"):
        url = replace(url, no_authority=True)
    plain = _unescape(rest)
    return replace(url, path=plain, raw_path="" if _PATH_PART.escape(plain) == rest else rest)


def _with_authority(url: Url, authority: str) -> Url:
    info, at, host = authority.rpartition("@")
    url = replace(url, host=_parse_host(url.scheme, host))
    if not at:
        return url
    if not _USERINFO.issuperset(info):
        raise UrlError("net/url: invalid userinfo")
    user, colon, password = info.partition(":")
    user = _unescape(user)
    return replace(url, user=user, password=_unescape(password) if colon else None)


def _parse_host(scheme: str, host: str) -> str:
    bracket = host.rfind("[")
    if bracket > 0:
        raise UrlError("invalid IP-literal")
    if bracket == 0:
        return _parse_literal(host)
    if ":" in host:
        colon = host.find(":") if scheme in ("http", "https") else host.rfind(":")
        if not _PORT.fullmatch(host[colon:]):
            raise UrlError(f"invalid port {quote(host[colon:])} after host")
    return _unescape_host(host)


def _parse_literal(host: str) -> str:
    """Return `[address]:port` unescaped; the address is IPv6 and may have a zone."""
    end = host.rfind("]")
    if end < 0:
        raise UrlError("missing ']' in host")
    port = host[end + 1 :]
    if not _PORT.fullmatch(port):
        raise UrlError(f"invalid port {quote(port)} after host")
    inside = host[1:end]
    zone = inside.find("%25")
    if zone >= 0:
        name = _unescape_host(inside[:zone]) + _unescape_host(inside[zone:], zone=True)
    else:
        name = _unescape_host(inside)
    try:
        address = parse_address(name)
    except AddressError as error:
        raise UrlError(f"invalid host: {error}") from None
    if address.bits == 32:
        raise UrlError("invalid IP-literal")
    return f"[{name}]{port}"


def _unescape_host(text: str, *, zone: bool = False) -> str:
    """Unescape a host: ASCII must stand for itself, but for `%25` and, in zones, for what may be in a host."""
    for place, char in enumerate(text):
        if char == "%":
            escape = _ESCAPE.match(text, place)
            byte = int(escape[1], 16) if escape and escape[1] else -1
            refused = (byte != 0x20 and chr(byte) not in _HOST) if zone and byte >= 0 else byte < 0x80
            if byte < 0 or (refused and text[place : place + 3] != "%25"):
                raise _escape_fault(text, place)
        elif char < "\x80" and char not in _HOST:
            raise UrlError(f"invalid character {quote(char)} in host name")
    return _unescape(text)


def _unescape(text: str) -> str:
    """Return the text with percent-escapes resolved; UrlError where one is cut short."""
    if "%" not in text:
        return text
    for escape in _ESCAPE.finditer(text):
        if escape[1] is None:
            raise _escape_fault(text, escape.start())
    encoded = text.encode("utf-8", "surrogateescape")
    return _ESCAPED_BYTE.sub(lambda match: bytes((int(match[1], 16),)), encoded).decode("utf-8", "surrogateescape")


def _escape_fault(text: str, place: int) -> UrlError:
    shown = text[place : place + 3].encode("utf-8", "surrogateescape")[:3]
    return UrlError(f"invalid URL escape {quote(shown.decode('utf-8', 'surrogateescape'))}")
