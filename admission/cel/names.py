"""Names as Kubernetes allows them: each rule returns the API server's sentences about what is wrong, none if fine.

Source: apimachinery pkg/util/validation and pkg/api/validate/content. Both packages have some of the rules and disagree
in one word (a limit is in `characters` there, in `bytes` here); both count bytes of UTF-8.
"""

from __future__ import annotations

import re
from typing import Literal

Unit = Literal["bytes", "characters"]

_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"

_DNS_LABEL_PATTERN = re.compile(_DNS_LABEL)
_SUBDOMAIN_PATTERN = re.compile(_SUBDOMAIN)
_DNS_1035_PATTERN = re.compile(_DNS_1035)
_NAME_PATTERN = re.compile(_NAME)
_VALUE_PATTERN = re.compile(_VALUE)

_LABEL_LENGTH = 63
_SUBDOMAIN_LENGTH = 253
_ENDS = "and must start and end with an alphanumeric character"
_CHARACTERS = f"consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"


def dns_label_faults(name: str) -> list[str]:
    """Judge a DNS-1123 label: namespaces, containers."""
    faults = _length_faults(name, _LABEL_LENGTH, "characters")
    if _DNS_LABEL_PATTERN.fullmatch(name):
        return faults
    if _SUBDOMAIN_PATTERN.fullmatch(name):
        return [*faults, "must not contain dots"]
    sentence = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
    return [*faults, f"{sentence} {_example(_DNS_LABEL, 'my-name', '123-abc')}"]


def subdomain_faults(name: str, unit: Unit = "characters") -> list[str]:
    """Judge a DNS-1123 subdomain, which most objects are named by."""
    faults = _length_faults(name, _SUBDOMAIN_LENGTH, unit)
    if not _SUBDOMAIN_PATTERN.fullmatch(name):
        sentence = (
            f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}"
        )
        faults.append(f"{sentence} {_example(_SUBDOMAIN, 'example.com')}")
    return faults


def dns_1035_faults(name: str) -> list[str]:
    """Judge a DNS-1035 label: services, API versions."""
    faults = _length_faults(name, _LABEL_LENGTH, "characters")
    if not _DNS_1035_PATTERN.fullmatch(name):
        faults.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            f"character, and end with an alphanumeric character {_example(_DNS_1035, 'my-name', 'abc-123')}"
        )
    return faults


def qualified_name_faults(name: str) -> list[str]:
    """Judge a label key: a name with an optional `subdomain/` before it."""
    sentence = f"must {_CHARACTERS} {_example(_NAME, 'MyName', 'my.name', '123-abc')}"
    prefix, slash, last = name.rpartition("/")
    if "/" in prefix:
        return [
            f"a valid label key {sentence} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    faults = []
    if slash:
        prefix_faults = subdomain_faults(prefix, "bytes") if prefix else ["must be non-empty"]
        faults += [f"prefix part {fault}" for fault in prefix_faults]
    if not last:
        faults.append("name part must be non-empty")
    faults += [f"name part {fault}" for fault in _length_faults(last, _LABEL_LENGTH, "bytes")]
    if not _NAME_PATTERN.fullmatch(last):
        faults.append(f"name part {sentence}")
    return faults


def label_value_faults(value: str) -> list[str]:
    """Judge the value of a label."""
    faults = _length_faults(value, _LABEL_LENGTH, "bytes")
    if not _VALUE_PATTERN.fullmatch(value):
        sentence = f"a valid label must be an empty string or {_CHARACTERS}"
        faults.append(f"{sentence} {_example(_VALUE, 'MyValue', 'my_value', '12345')}")
    return faults


def _length_faults(text: str, limit: int, unit: Unit) -> list[str]:
    too_long = len(text.encode("utf-8", "surrogatepass")) > limit
    return [f"must be no more than {limit} {unit}"] if too_long else []


def _example(pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"(e.g. {shown}regex used for validation is '{pattern}')"
