"""Names in policies that are no names in CEL: segments of a path, and variables.

The other rules are those of `admission.cel.names`, which the format library shares. Sources: apimachinery
pkg/api/validate/content/path.go; k8s.io/kubernetes pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Final

_IDENTIFIER: Final = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED: Final = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)


def path_segment_faults(name: str) -> list[str]:
    """Judge what becomes one segment of a URL's path; the empty string is fine."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def is_identifier(name: str) -> bool:
    """Return whether a variable may have this name: an identifier of CEL and no reserved word."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in _RESERVED
