"""One fault of a field, as the API server prints it: `spec.reason: Unsupported value: "x": supported values: "y"`.

Source: apimachinery pkg/util/validation/field/errors.go, pkg/util/errors (aggregates), pkg/api/errors (NewInvalid).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as member
from enum import StrEnum
from typing import Any, Final

from admission.cel.diagnostic import CelIssue
from admission.cel.quoting import quote
from admission.decoding import Path, field_path


class ErrorType(StrEnum):
    """The kinds of faults, by the API server's names for them."""

    REQUIRED = "FieldValueRequired"
    INVALID = "FieldValueInvalid"
    UNSUPPORTED = "FieldValueNotSupported"
    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    INTERNAL = "InternalError"


_WORDS: Final = {
    ErrorType.REQUIRED: "Required value",
    ErrorType.INVALID: "Invalid value",
    ErrorType.UNSUPPORTED: "Unsupported value",
    ErrorType.DUPLICATE: "Duplicate value",
    ErrorType.FORBIDDEN: "Forbidden",
    ErrorType.TOO_LONG: "Too long",
    ErrorType.TOO_MANY: "Too many",
    ErrorType.INTERNAL: "Internal error",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault. `value` is printed as it is; `path` leads to the value in the object (`field` sometimes does not).

    `issues` are the single faults of an expression, their offsets counting in its text without the first `shift` code
    points, and `hints` a sentence of help for each, or nothing.
    """

    type: ErrorType
    field: str
    detail: str = ""
    value: str = ""
    path: Path = ()
    issues: tuple[CelIssue, ...] = member(default=(), compare=False)
    hints: tuple[str, ...] = member(default=(), compare=False)
    shift: int = 0

    @property
    def body(self) -> str:
        """The text without the field, as in the causes of a status."""
        return self.say(self.detail)

    def say(self, detail: str) -> str:
        """Return the body with another detail: one issue of an expression instead of all of them."""
        return ": ".join(part for part in (_WORDS[self.type], self.value, detail) if part)

    def under(self, field_name: str) -> FieldError:
        """Return the same fault with the field that upstream names, where that is not the path to the value."""
        return replace(self, field=field_name)

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def required(path: Path, detail: str = "") -> FieldError:
    """Return: the field must be given and not be empty."""
    return FieldError(ErrorType.REQUIRED, field_path(path), detail, path=path)


def invalid(path: Path, value: Any, detail: str) -> FieldError:
    """Return: the value is malformed. Strings are quoted as Go's %q, everything else is printed as JSON."""
    shown = quote(value) if isinstance(value, str) else as_json(value)
    return FieldError(ErrorType.INVALID, field_path(path), detail, shown, path)


def unsupported(path: Path, value: str, supported: Sequence[str]) -> FieldError:
    """Return: the value is none of those that exist."""
    detail = "supported values: " + ", ".join(quote(one) for one in supported)
    return FieldError(ErrorType.UNSUPPORTED, field_path(path), detail, as_json(value), path)


def duplicate(path: Path, value: str) -> FieldError:
    """Return: the value occurs before."""
    return FieldError(ErrorType.DUPLICATE, field_path(path), "", quote(value), path)


def forbidden(path: Path, detail: str) -> FieldError:
    """Return: the field may not be given here."""
    return FieldError(ErrorType.FORBIDDEN, field_path(path), detail, path=path)


def too_many(path: Path, actual: int, limit: int) -> FieldError:
    """Return: the list has more items than it may."""
    return FieldError(ErrorType.TOO_MANY, field_path(path), f"must have at most {limit} items", str(actual), path)


def too_long(path: Path, limit: int) -> FieldError:
    """Return: the value has more bytes than it may."""
    return FieldError(ErrorType.TOO_LONG, field_path(path), f"may not be more than {limit} bytes", path=path)


def as_json(value: Any) -> str:
    """Print a value as Go's json.Marshal does, which escapes what would be markup in HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def rejection(group_kind: str, name: str, errors: Iterable[FieldError]) -> str:
    """Return the message of the API server's refusal: all errors, each once, in brackets where there are several."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return f"{group_kind} {quote(name)} is invalid: {joined}"
