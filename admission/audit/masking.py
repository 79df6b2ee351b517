"""Find what must not leave the engine in an object, and mask it in a text.

Secret: values of a Secret, values of environment variables, and what stands in the annotation that kubectl keeps of
the last applied configuration. A policy's own message may put such a value into words; it then appears as `***`.

Laws of this file: pure, no recursion, linear in the size of the objects; masking never fails. Values shorter than
MIN_LENGTH are left alone, because masking them would tear ordinary words apart and tell their value all the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from admission.decision import Decision, Finding, decide_mutation, decide_validation, trim
from admission.policy import PolicySet, ValidatingPolicy
from admission.rawjson import JsonObject
from admission.review import AdmissionRequest

MASK: Final = "***"
MIN_LENGTH: Final = 4
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_NO_SECRETS: Final = frozenset({"true", "false", "null", "none"})
_WHOLE_TEXT: Final = 4_096
"""A last applied configuration longer than this is not looked for as a whole, only by the strings in it."""


class Masking:
    """Masks decisions of one set of policies: texts that the policies hold themselves are not searched."""

    def __init__(self, policies: PolicySet) -> None:
        self._known = frozenset(_policy_texts(policies))

    def masked(self, decision: Decision, request: AdmissionRequest) -> Decision:
        """Return the decision with the secrets of the request's objects masked in all that it says but its patch."""
        if not self._speaks(decision):
            return decision
        sensitive = sensitive_texts(request.object, request.old_object, decision.object)
        if not sensitive:
            return decision
        findings = tuple(self._finding(finding, sensitive) for finding in decision.findings)
        annotations = {key: mask(value, sensitive) for key, value in decision.policy_annotations.items()}
        status = decision.status
        again = _decide(findings, request, annotations)
        if status is not None and status == _decide(decision.findings, request, decision.policy_annotations).status:
            status = again.status
        elif status is not None:  # it says something of its own
            status = replace(status, message=mask(status.message, sensitive))
        return replace(
            decision,
            findings=findings,
            status=status,
            warnings=again.warnings,
            audit_annotations=again.audit_annotations,
            policy_annotations=annotations,
        )

    def _speaks(self, decision: Decision) -> bool:
        """Return whether the decision says anything that does not stand in a policy word for word."""
        speaking = [finding for finding in decision.findings if finding.message]
        if decision.policy_annotations or any(self._is_made(finding) for finding in speaking):
            return True
        return decision.status is not None and not any(finding.denies for finding in speaking)

    def _is_made(self, finding: Finding) -> bool:
        return bool(finding.message) and finding.message not in self._known

    def _finding(self, finding: Finding, sensitive: Collection[str]) -> Finding:
        if not self._is_made(finding):
            return finding
        return replace(finding, message=mask(finding.message, sensitive))


def _decide(findings: Sequence[Finding], request: AdmissionRequest, annotations: Mapping[str, str]) -> Decision:
    """Decide anew, so that everything that is derived from findings is derived from the masked ones."""
    if any(finding.actions and finding.policy_kind.startswith("Mutating") for finding in findings):
        return decide_mutation(findings, request)
    return decide_validation(findings, request, annotations)


def _policy_texts(policies: PolicySet) -> Iterator[str]:
    """Yield the messages that stand in the policies, as findings carry them."""
    for policy in policies.policies:
        if isinstance(policy, ValidatingPolicy):
            for validation in policy.validations:
                yield trim(validation.message)
                yield f"failed expression: {trim(validation.expression.text)}"


def sensitive_texts(*objects: JsonObject | None) -> frozenset[str]:
    """Return the texts of `objects` that must be masked, in every spelling in which a message may show them.

    That is: `data` (encoded and decoded) and `stringData` of a Secret; `value` of the entries of every list called
    `env`; of a last applied configuration the same, and every string in it that no visible part of the objects has.
    Texts of several lines count line by line too.
    """
    found: set[str] = set()
    visible: set[str] = set()
    applied: list[str] = []
    for item in objects:
        if item is not None:
            _collect(item, found, visible, applied)
    hidden: set[str] = set()
    for text in applied:
        if len(text) <= _WHOLE_TEXT:
            found.add(text)
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict):
            _collect(document, found, hidden, [])
    found.update(hidden - visible)
    return frozenset(_spellings(found))


def mask(text: str, sensitive: Collection[str]) -> str:
    """Return `text` with every occurrence of a sensitive text, overlapping ones too, replaced by MASK."""
    spans = sorted(span for secret in sensitive for span in _occurrences(text, secret))
    if not spans:
        return text
    parts: list[str] = []
    at = 0
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start <= end:
            end = max(end, next_end)
            continue
        parts += (text[at:start], MASK)
        at, start, end = end, next_start, next_end
    parts += (text[at:start], MASK, text[end:])
    return "".join(parts)


def _occurrences(text: str, secret: str) -> Iterator[tuple[int, int]]:
    at = text.find(secret)
    while at >= 0:
        yield at, at + len(secret)
        at = text.find(secret, at + 1)


def _collect(document: JsonObject, found: set[str], visible: set[str], applied: list[str]) -> None:
    """Sort the strings of a document: secrets to `found`, all others to `visible`, annotations to `applied`."""
    stack: list[Any] = []
    if document.get("kind") == "Secret":
        found.update(_secret_values(document))
        stack += [value for key, value in document.items() if key not in ("data", "stringData")]
    else:
        stack.append(document)
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            visible.add(node)
        elif isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            for key, value in node.items():
                if key == LAST_APPLIED and isinstance(value, str):
                    applied.append(value)
                elif key == "env" and isinstance(value, list):
                    stack += _environment(value, found)
                else:
                    stack.append(value)


def _secret_values(secret: JsonObject) -> Iterator[str]:
    for field in ("data", "stringData"):
        values = secret.get(field)
        for value in values.values() if isinstance(values, dict) else ():
            if not isinstance(value, str):
                continue
            yield value
            if field == "data":
                try:
                    yield base64.b64decode(value, validate=False).decode("utf-8")
                except (binascii.Error, ValueError):
                    continue


def _environment(entries: list[Any], found: set[str]) -> Iterator[Any]:
    """Add the values of environment variables to `found`; yield what else stands in the list."""
    for entry in entries:
        if not isinstance(entry, dict):
            yield entry
            continue
        for key, value in entry.items():
            if key == "value" and isinstance(value, str):
                found.add(value)
            else:
                yield value


def _spellings(texts: Collection[str]) -> Iterator[str]:
    for text in texts:
        for part in (text, text.strip(), *text.splitlines()):
            if len(part) < MIN_LENGTH or part.lower() in _NO_SECRETS:
                continue
            yield part
            escaped = _escaped(part)
            if escaped != part:
                yield escaped


def _escaped(text: str) -> str:
    try:
        return orjson.dumps(text)[1:-1].decode()
    except TypeError:  # lone surrogates; they cannot stand in JSON that orjson wrote either
        return text
