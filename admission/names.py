"""Names as Kubernetes allows them: each rule returns the API server's sentences about what is wrong, none if fine.

Source: apimachinery pkg/api/validate/content (dns.go, kube.go, path.go, errors.go) and pkg/util/validation. Lengths
count bytes of UTF-8, as there.
"""

from __future__ import annotations

import re
from typing import Final

_DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_DNS_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_NAME})?"
_IDENTIFIER: Final = "[_a-zA-Z][_a-zA-Z0-9]*"

_SUBDOMAIN_PATTERN: Final = re.compile(_SUBDOMAIN)
_DNS_1035_PATTERN: Final = re.compile(_DNS_1035)
_NAME_PATTERN: Final = re.compile(_NAME)
_VALUE_PATTERN: Final = re.compile(_VALUE)
_IDENTIFIER_PATTERN: Final = re.compile(_IDENTIFIER)

_LABEL_LENGTH: Final = 63
_SUBDOMAIN_LENGTH: Final = 253
_CHARACTERS: Final = (
    "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_EMPTY: Final = "must be non-empty"
_RESERVED: Final = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)


def subdomain_faults(name: str) -> list[str]:
    """Judge a DNS-1123 subdomain, which most objects are named by."""
    faults = _length_faults(name, _SUBDOMAIN_LENGTH)
    if not _SUBDOMAIN_PATTERN.fullmatch(name):
        faults.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character " + _example(_SUBDOMAIN, "example.com")
        )
    return faults


def dns_1035_faults(name: str) -> list[str]:
    """Judge a DNS-1035 label: API versions and (in lower case) kinds."""
    faults = _length_faults(name, _LABEL_LENGTH)
    if not _DNS_1035_PATTERN.fullmatch(name):
        faults.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character " + _example(_DNS_1035, "my-name", "abc-123")
        )
    return faults


def qualified_name_faults(name: str) -> list[str]:
    """Judge a label key: a name with an optional `subdomain/` before it."""
    sentence = f"must {_CHARACTERS} {_example(_NAME, 'MyName', 'my.name', '123-abc')}"
    parts = name.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {sentence} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    faults = []
    if len(parts) > 1:
        prefix_faults = subdomain_faults(parts[0]) if parts[0] else [_EMPTY]
        faults += [f"prefix part {fault}" for fault in prefix_faults]
    last = parts[-1]
    if not last:
        faults.append(f"name part {_EMPTY}")
    faults += [f"name part {fault}" for fault in _length_faults(last, _LABEL_LENGTH)]
    if not _NAME_PATTERN.fullmatch(last):
        faults.append(f"name part {sentence}")
    return faults


def label_value_faults(value: str) -> list[str]:
    """Judge the value of a label."""
    faults = _length_faults(value, _LABEL_LENGTH)
    if not _VALUE_PATTERN.fullmatch(value):
        faults.append(
            f"a valid label must be an empty string or {_CHARACTERS} "
            + _example(_VALUE, "MyValue", "my_value", "12345")
        )
    return faults


def path_segment_faults(name: str) -> list[str]:
    """Judge what becomes one segment of a URL's path; the empty string is fine."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def is_identifier(name: str) -> bool:
    """Return whether a variable may have this name: an identifier of CEL and no reserved word."""
    return _IDENTIFIER_PATTERN.fullmatch(name) is not None and name not in _RESERVED


def _length_faults(text: str, limit: int) -> list[str]:
    too_long = len(text.encode("utf-8", "surrogatepass")) > limit
    return [f"must be no more than {limit} bytes"] if too_long else []


def _example(pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"(e.g. {shown}regex used for validation is '{pattern}')"
