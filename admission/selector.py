"""Label selectors: are they well-formed, and do they select these labels.

Sources: apimachinery pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), pkg/labels/selector.go (NewRequirement,
Matches), pkg/api/validate/content. The API server refuses a malformed selector when a policy is written; one that is
stored all the same is an error, but only for requests that everything else of the policy matches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from admission.policy import LabelRequirement, LabelSelector

_NAME: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_PATTERN: Final = re.compile(_NAME)
_SUBDOMAIN_PATTERN: Final = re.compile(_SUBDOMAIN)
_CHARACTERS: Final = (
    "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_KEY_FAULT: Final = (
    f"must {_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_FAULT: Final = (
    f"a valid label must be an empty string or {_CHARACTERS} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_NAME})?')"
)
_PREFIX_FAULT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NAME_LENGTH: Final = 63
_PREFIX_LENGTH: Final = 253
_OPERATORS: Final = frozenset(("In", "NotIn", "Exists", "DoesNotExist"))

Labels = Mapping[str, Any]


class Selector:
    """A label selector made ready to be asked many times.

    `empty` selects everything without looking; `fault` is the API server's sentence about a malformed selector, None
    for a good one. Made from None it selects nothing, as a selector that was never set.
    """

    __slots__ = ("_requirements", "absent", "empty", "fault")

    def __init__(self, selector: LabelSelector | None) -> None:
        self.absent = selector is None
        requirements = selector.requirements if selector is not None else ()
        self.empty = not self.absent and not requirements
        self.fault = next(filter(None, map(requirement_fault, requirements)), None)
        self._requirements = tuple((item.key, item.operator, frozenset(item.values)) for item in requirements)

    def selects(self, labels: Labels) -> bool:
        """Return whether all requirements hold for `labels`; NotIn and DoesNotExist hold where the key is absent."""
        if self.absent:
            return False
        for key, operator, values in self._requirements:
            if key in labels:
                if operator == "In":
                    held = labels[key] in values
                elif operator == "NotIn":
                    held = labels[key] not in values
                else:
                    held = operator == "Exists"
            else:
                held = operator in ("NotIn", "DoesNotExist")
            if not held:
                return False
        return True


def requirement_fault(requirement: LabelRequirement) -> str | None:
    """Return what the API server says about a malformed requirement, None about a good one."""
    if requirement.operator not in _OPERATORS:
        return f"{json.dumps(requirement.operator, ensure_ascii=False)} is not a valid label selector operator"
    faults = []
    key_faults = label_key_faults(requirement.key)
    if key_faults:
        faults.append(f"key: Invalid value: {json.dumps(requirement.key, ensure_ascii=False)}: {'; '.join(key_faults)}")
    values = list(requirement.values)
    if requirement.operator in ("In", "NotIn"):
        if not values:
            faults.append("values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty")
    elif values:
        rendered = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        faults.append(f"values: Invalid value: {rendered}: values set must be empty for exists and does not exist")
    for index, value in enumerate(values):
        value_faults = label_value_faults(value)
        if value_faults:
            place = f"values[{index}][{requirement.key}]"
            faults.append(f"{place}: Invalid value: {json.dumps(value, ensure_ascii=False)}: {'; '.join(value_faults)}")
    if len(faults) > 1:
        return f"[{', '.join(dict.fromkeys(faults))}]"
    return faults[0] if faults else None


def label_key_faults(key: str) -> list[str]:
    """Return what is wrong with a label key (`[prefix/]name`), in the API server's words."""
    parts = key.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {_KEY_FAULT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    faults = []
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            faults.append("prefix part must be non-empty")
        else:
            if len(prefix.encode()) > _PREFIX_LENGTH:
                faults.append(f"prefix part must be no more than {_PREFIX_LENGTH} bytes")
            if not _SUBDOMAIN_PATTERN.fullmatch(prefix):
                faults.append(f"prefix part {_PREFIX_FAULT}")
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name.encode()) > _NAME_LENGTH:
        faults.append(f"name part must be no more than {_NAME_LENGTH} bytes")
    if not _NAME_PATTERN.fullmatch(name):
        faults.append(f"name part {_KEY_FAULT}")
    return faults


def label_value_faults(value: str) -> list[str]:
    """Return what is wrong with a label value, in the API server's words; the empty value is fine."""
    faults = []
    if len(value.encode()) > _NAME_LENGTH:
        faults.append(f"must be no more than {_NAME_LENGTH} bytes")
    if value and not _NAME_PATTERN.fullmatch(value):
        faults.append(_VALUE_FAULT)
    return faults


def labels_of(document: Mapping[str, Any] | None) -> Labels:
    """Return the labels of an object; nothing where it has none, or where they are no map."""
    metadata = document.get("metadata") if document is not None else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}
