"""Formats of Kubernetes' strings: what is wrong with a name, a label, a date.

    format.named(string) -> optional(Format)     none where there is no format of that name
    format.dns1123Label() -> Format              ... and so on for every name below
    f.validate(string) -> optional(list(string)) none where the string is fine, else what is wrong, in sentences

Names: dns1123Label, dns1123Subdomain, dns1035Label, qualifiedName (a label key), labelValue, dns1123LabelPrefix,
dns1123SubdomainPrefix, dns1035LabelPrefix (something will be appended: a dash may end them), uri, uuid, byte (base64),
date (2006-01-02), datetime (RFC 3339).

    !format.dns1123Label().validate(object.metadata.name).hasValue()
    format.dns1035Label().validate('1a').orValue([]).join('; ')

Formats are equal where their names are. Cost: 1 for the format; validate a tenth of the string plus one, times a
quarter of a fixed size for each format. Since Kubernetes 1.31. Source: apiserver pkg/cel/library/format.go,
kube-openapi pkg/validation/strfmt.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence

from admission.cel import names, types
from admission.cel.function import Function, Library, Overload
from admission.cel.sizes import regex_cost, size_of
from admission.cel.url import UrlError, parse_request_uri
from admission.cel.values import NONE, CelError, Opaque, Optional_, Value

_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?([zZ]|[+-][0-9]{2}:[0-9]{2})")
_URI_SIZE, _BASE64_SIZE, _UUID_SIZE, _TIME_SIZE = 1103, 84, 70, 71


class Format(Opaque):
    """A named rule; `size` stands in for the length of a pattern when cost is counted."""

    __slots__ = ("faults", "name", "size")
    cel_type = types.FORMAT
    unit_equality = True

    def __init__(self, name: str, faults: Callable[[str], list[str]], size: int) -> None:
        self.name = name
        self.faults = faults
        self.size = size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Format):
            raise CelError("no such overload")
        return self.name == other.name

    def __hash__(self) -> int:
        return hash((Format, self.name))

    def comparable(self, other: object) -> bool:
        """Return whether the other one is a format too."""
        return isinstance(other, Format)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"format({self.name!r})"


def _prefix(judge: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Return the rule for names that get something appended: a final dash counts as a letter.

    Upstream replaces the last two bytes by one letter, so the length it sees is one less.
    """

    def faults(text: str) -> list[str]:
        if len(text) > 1 and text.endswith("-"):
            text = text[:-2] + "a" if text[-2].isascii() else text[:-1]
        return judge(text)

    return faults


def _sentence(sentence: str, fine: Callable[[str], bool]) -> Callable[[str], list[str]]:
    return lambda text: [] if fine(text) else [sentence]


def _uri_faults(text: str) -> list[str]:
    try:
        parse_request_uri(text)
    except UrlError as error:
        return [str(error)]
    return []


def _is_base64(text: str) -> bool:
    return bool(text) and _BASE64.fullmatch(text) is not None


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    if not 1 <= month <= 12:
        return False
    # a year as leap as this one, but one that Python's calendar has
    return 1 <= day <= calendar.monthrange(year % 400 + 2000, month)[1]


def _is_datetime(text: str) -> bool:
    date, separator, rest = text.replace("T", "t").partition("t")
    if not separator or not _is_date(date):
        return False
    match = _TIME.fullmatch(rest.partition("t")[0])
    return match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


FORMATS: dict[str, Format] = {
    "dns1123Label": Format("DNS1123Label", names.dns_label_faults, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", names.subdomain_faults, 60),
    "dns1035Label": Format("DNS1035Label", names.dns_1035_faults, 30),
    "qualifiedName": Format("QualifiedName", names.qualified_name_faults, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(names.dns_label_faults), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(names.subdomain_faults), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(names.dns_1035_faults), 30),
    "labelValue": Format("LabelValue", names.label_value_faults, 40),
    "uri": Format("URI", _uri_faults, _URI_SIZE),
    "uuid": Format("uuid", _sentence("does not match the UUID format", lambda s: bool(_UUID.fullmatch(s))), _UUID_SIZE),
    "byte": Format("byte", _sentence("invalid base64", _is_base64), _BASE64_SIZE),
    "date": Format("date", _sentence("invalid date", _is_date), _TIME_SIZE),
    "datetime": Format("datetime", _sentence("invalid datetime", _is_datetime), _TIME_SIZE),
}


def _named(name: str) -> Optional_:
    known = FORMATS.get(name)
    return NONE if known is None else Optional_(known)


def _constant(known: Format) -> Callable[[], Format]:
    return lambda: known


def _validate(known: Format, text: str) -> Optional_:
    faults = known.faults(text)
    return Optional_(list(faults)) if faults else NONE


def _validate_cost(args: Sequence[Value], _: Value) -> int:
    return regex_cost(size_of(args[1]), args[0].size)


_FAULTS = types.optional_of(types.list_of(types.STRING))

LIBRARY = Library(
    "kubernetes.format",
    functions=(
        Function(
            "validate",
            (
                Overload(
                    "format-validate",
                    (types.FORMAT, types.STRING),
                    _FAULTS,
                    _validate,
                    member=True,
                    cost=_validate_cost,
                ),
            ),
        ),
        Function("format.named", (Overload("format-named", (types.STRING,), types.optional_of(types.FORMAT), _named),)),
        *(
            Function(f"format.{name}", (Overload(f"format.{name}", (), types.FORMAT, _constant(known)),))
            for name, known in FORMATS.items()
        ),
    ),
    since="1.31",
    environments=frozenset({"kubernetes", "extended"}),
)
