"""From results of expressions to verdicts: which validation denies, with which message, reason and code.

Pure rules, no evaluation. Source: apiserver pkg/admission/plugin/policy/validating/validator.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from admission.cel.values import Value
from admission.decision import CODES, DEFAULT_CODE, Outcome, trim
from admission.policy import AuditAnnotation, FailurePolicy, Validation

MAX_MESSAGE_BYTES: Final = 5_120
OUT_OF_BUDGET: Final = "validation failed due to running out of cost budget, no further validation rules will be run"
INVALID: Final = "Invalid"


@dataclass(frozen=True, slots=True)
class Result:
    """What an expression came to: a value, or an error in the API server's words."""

    value: Value = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one validation, or the evaluation as a whole, means for the request.

    `index` is None for the evaluation as a whole. An ERROR that failurePolicy ignores does not deny.
    """

    outcome: Outcome
    denies: bool = False
    message: str = ""
    reason: str = ""
    index: int | None = None

    @property
    def code(self) -> int:
        """The HTTP code of a denial with this reason."""
        return CODES.get(self.reason, DEFAULT_CODE)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one audit annotation came to: a value to publish, or an error that denies; neither: nothing."""

    key: str
    value: str = ""
    error: str | None = None


PASSED: Final = Verdict(Outcome.PASS)


def failed(message: str, failure_policy: FailurePolicy, index: int | None = None) -> Verdict:
    """Return the verdict about an error: it denies unless failurePolicy is Ignore; its reason is always Invalid."""
    return Verdict(Outcome.ERROR, failure_policy is not FailurePolicy.IGNORE, message, INVALID, index)


def judge(
    validations: Sequence[Validation],
    results: Sequence[Result],
    messages: Sequence[Result | None],
    messages_error: str | None,
    failure_policy: FailurePolicy,
) -> list[Verdict]:
    """Return the verdict of each validation.

    `messages` are the results of the messageExpressions (None where there is none), `messages_error` why they could not
    all be evaluated: then what is not true is an error.
    """
    verdicts = []
    for index, (validation, result) in enumerate(zip(validations, results, strict=True)):
        if result.error is not None:
            verdicts.append(failed(result.error, failure_policy, index))
        elif messages_error is not None:
            verdicts.append(failed(f"failed messageExpression: {messages_error}", failure_policy, index))
        elif result.value is True:
            verdicts.append(PASSED)
        else:
            message = messages[index] if index < len(messages) else None
            text = denial_message(validation, message)
            verdicts.append(Verdict(Outcome.FAIL, True, text, validation.reason or INVALID, index))
    return verdicts


def denial_message(validation: Validation, evaluated: Result | None) -> str:
    """Return the message of a validation that is not true: messageExpression, else message, else the expression.

    The result of a messageExpression is used only where it is a string that is neither blank nor too long nor has
    more than one line.
    """
    if evaluated is not None and evaluated.error is None and isinstance(evaluated.value, str):
        text = trim(evaluated.value)
        if text and len(text.encode("utf-8", "surrogatepass")) <= MAX_MESSAGE_BYTES and "\n" not in text:
            return text
    return trim(validation.message) or f"failed expression: {trim(validation.expression.text)}"


def annotate(annotation: AuditAnnotation, result: Result, failure_policy: FailurePolicy) -> Annotation:
    """Return what becomes of an audit annotation: blank and null are left out, an error denies unless ignored."""
    if result.error is not None:
        return Annotation(annotation.key, error=None if failure_policy is FailurePolicy.IGNORE else result.error)
    if isinstance(result.value, str):
        return Annotation(annotation.key, trim(result.value))
    return Annotation(annotation.key)
