"""Expressions of a policy that is being created: compiled as the API server does it before it stores the policy.

Not as for a stored policy: match conditions see no variables, what upstream trims is trimmed, and `variables` exists in
a validating policy only if it has some. Source: k8s.io/kubernetes
pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from admission.cel.quoting import quote
from admission.cel.types import Type
from admission.compiler import ANYTHING, AUDIT_VALUE, CONDITION, MESSAGE, ExpressionCompiler, Scope, patch_types
from admission.decoding import Path, field_path
from admission.fielderror import ErrorType, FieldError
from admission.policy import Expression
from admission.variables import composed_type

# What Go's strings.TrimSpace removes; Python's strip() would remove four separators more.
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def trimmed(text: str) -> str:
    """Return the text without the white space around it."""
    return text.strip(_SPACE)


class NewExpressions:
    """The expressions of one policy, in the order in which they are judged."""

    def __init__(self, compiler: ExpressionCompiler, *, params: bool, composed: bool, extended: bool = False) -> None:
        self._compiler = compiler
        self._extended = extended
        self._params = params
        self._composed: dict[str, Type] | None = {} if composed else None

    def condition(self, path: Path, text: str) -> Iterator[FieldError]:
        """Judge a match condition."""
        yield from self._judge(path, text, Scope(params=self._params, extended=self._extended), CONDITION, trim=True)

    def variable(self, path: Path, name: str, text: str) -> Iterator[FieldError]:
        """Judge a variable and let those after it see it."""
        scope = self._scope()
        yield from self._judge(path, text, scope, ANYTHING)
        if self._composed is not None:
            compiled = self._compiler.compile(Expression(text), scope)
            self._composed[name] = composed_type(compiled.result_type)

    def validation(self, path: Path, text: str) -> Iterator[FieldError]:
        """Judge the expression of a validation."""
        yield from self._judge(path, text, self._scope(), CONDITION)

    def message(self, path: Path, text: str) -> Iterator[FieldError]:
        """Judge a message expression, which sees no authorizer."""
        yield from self._judge(path, text, self._scope(authorizer=False), MESSAGE)

    def audit_value(self, path: Path, text: str) -> Iterator[FieldError]:
        """Judge the expression of an audit annotation."""
        yield from self._judge(path, text, self._scope(), AUDIT_VALUE, trim=True, shown=text)

    def mutation(self, path: Path, text: str, patch_type: str) -> Iterator[FieldError]:
        """Judge the expression of a mutation."""
        yield from self._judge(path, text, self._scope(mutation=True), patch_types(patch_type), trim=True)

    def _scope(self, *, authorizer: bool = True, mutation: bool = False) -> Scope:
        composed = dict(self._composed) if self._composed is not None else None
        return Scope(self._params, authorizer, mutation, composed, self._extended)

    def _judge(
        self, path: Path, text: str, scope: Scope, wanted: tuple[Type, ...], *, trim: bool = False, shown: str = ""
    ) -> Iterator[FieldError]:
        judged = trimmed(text) if trim else text
        compiled = self._compiler.compile(Expression(judged), scope, wanted)
        if not compiled.error:
            return
        shift = len(text) - len(text.lstrip(_SPACE)) if trim else 0
        kind = ErrorType.INTERNAL if compiled.internal else ErrorType.INVALID
        value = "" if compiled.internal else quote(shown or judged)
        yield FieldError(kind, field_path(path), compiled.error, value, path, compiled.issues, compiled.hints, shift)
