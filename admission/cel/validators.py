"""Checks of a checked expression beyond its types: constants that cannot mean anything, literals of mixed types.

The API server's environment has all of `KUBERNETES_VALIDATORS` (apiserver pkg/cel/environment/base.go) plus what a
library brings along (the strings library: `STRING_FORMAT`). They run only on what passed the type checker, and their
errors are reported together, by position. Sources: cel-go cel/validator.go, ext/formatting.go, ext/formatting_v2.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from admission.cel.ast import Call, Expr, ListExpr, Literal, MapExpr, children
from admission.cel.checker import MAX_ISSUES, CheckedAst, Declarations
from admission.cel.diagnostic import CompileError, issue_at
from admission.cel.function import Function, Validator
from admission.cel.types import Kind, Type
from admission.cel.unification import same_type
from admission.cel.values import CelError, type_of

_MIXED_ARGUMENTS = frozenset(("format", "cel.@block"))  # calls below which literals may mix types
_WATCHED = frozenset(("duration", "timestamp", "matches", "format"))


@dataclass(frozen=True, slots=True)
class Survey:
    """What validators look at, found in one walk: literals outside of format calls, and calls by function name."""

    checked: CheckedAst
    declarations: Declarations
    lists: list[ListExpr] = field(default_factory=list)
    maps: list[MapExpr] = field(default_factory=list)
    calls: dict[str, list[Call]] = field(default_factory=dict)


def validate(checked: CheckedAst, declarations: Declarations, validators: Iterable[Validator]) -> None:
    """Run the validators in order; raises CompileError with all that they find."""
    survey = _survey(checked, declarations)
    if not (survey.lists or survey.maps or survey.calls):
        return
    source = checked.source
    issues = [
        issue_at(source, source.offsets.get(node_id, -1), message)
        for validator in validators
        for node_id, message in validator.check(survey)
    ]
    if issues:
        raise CompileError(issues[:MAX_ISSUES], source, max(0, len(issues) - MAX_ISSUES))


def _survey(checked: CheckedAst, declarations: Declarations) -> Survey:
    survey = Survey(checked, declarations)
    stack: list[tuple[Expr, bool]] = [(checked.expr, False)]
    while stack:
        node, exempt = stack.pop()
        if isinstance(node, Call):
            if node.function in _WATCHED:
                survey.calls.setdefault(node.function, []).append(node)
            exempt = exempt or node.function in _MIXED_ARGUMENTS
        elif isinstance(node, ListExpr) and not exempt:
            survey.lists.append(node)
        elif isinstance(node, MapExpr) and not exempt:
            survey.maps.append(node)
        stack.extend([(child, exempt) for child in children(node)])
    return survey


# -- literals of one type


def _mixed_literals(survey: Survey) -> list[tuple[int, str]]:
    known = survey.checked.types
    found = []
    for items in survey.lists:
        first: Type | None = None
        for index, element in enumerate(items.elements):
            t = known[element.id]
            if index in items.optional:
                t = _inside(t)
            if first is None:
                first = t
            elif not same_type(first, t, ignore_parameter_names=True):
                found.append(_mismatch(element, first, t))
                break
    for entries in survey.maps:
        first_key: Type | None = None
        first_value: Type | None = None
        for entry in entries.entries:
            key, value = known[entry.key.id], known[entry.value.id]
            if entry.optional:
                value = _inside(value)
            if first_key is None or first_value is None:
                first_key, first_value = key, value
                continue
            if not same_type(first_key, key, ignore_parameter_names=True):
                found.append(_mismatch(entry.key, first_key, key))
            if not same_type(first_value, value, ignore_parameter_names=True):
                found.append(_mismatch(entry.value, first_value, value))
    return found


def _inside(t: Type) -> Type:
    return t.params[0] if t.params else t


def _mismatch(node: Expr, expected: Type, found: Type) -> tuple[int, str]:
    return node.id, f"expected type '{expected}' but found '{found}'"


# -- constant arguments


def _failing_conversions(survey: Survey, name: str) -> list[tuple[int, str]]:
    """Evaluate calls of a conversion that have a constant argument, with the function the environment has for it."""
    function = survey.declarations.find_function(name)
    found = []
    for call in survey.calls.get(name, ()):
        argument = call.args[0] if call.args else None
        if isinstance(argument, Literal) and function is not None and not _converts(function, argument):
            found.append((argument.id, f"invalid {name} argument"))
    return found


def _converts(function: Function, argument: Literal) -> bool:
    given = type_of(argument.value)
    for overload in function.overloads:
        if overload.params == (given,):
            try:
                overload.implementation(argument.value)
            except CelError:
                return False
            return True
    return False


def _failing_patterns(survey: Survey) -> list[tuple[int, str]]:
    """Try the constant first argument of `matches`, which cel-go takes for the pattern in `matches(text, re)` too."""
    function = survey.declarations.find_function("matches")
    found = []
    for call in survey.calls.get("matches", ()):
        argument = call.args[0] if call.args else None
        if isinstance(argument, Literal) and isinstance(argument.value, str) and function is not None:
            try:
                function.overloads[0].implementation("", argument.value)
            except CelError:
                found.append((argument.id, "invalid matches argument"))
    return found


# -- string.format

_WHOLE = frozenset((Kind.INT, Kind.UINT))
_NUMBERS = _WHOLE | {Kind.DOUBLE}
_TIMES = frozenset((Kind.TIMESTAMP, Kind.DURATION))
_TEXT_KINDS = _NUMBERS | _TIMES | {Kind.LIST, Kind.MAP, Kind.BOOL, Kind.STRING, Kind.BYTES, Kind.TYPE, Kind.NULL}
_TEXT_ONLY = (
    "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and "
    "timestamps"
)
_HEX_KINDS = frozenset((Kind.INT, Kind.UINT, Kind.STRING, Kind.BYTES))
_BINARY_KINDS = frozenset((Kind.INT, Kind.UINT, Kind.BOOL))
_FLOATS = frozenset((Kind.DOUBLE, Kind.STRING))

Clauses = Mapping[str, tuple[frozenset[Kind], str]]

_CLAUSES: Clauses = {
    "s": (_TEXT_KINDS, _TEXT_ONLY),
    "d": (_WHOLE, "decimal clause can only be used on integers"),
    "f": (_FLOATS, "fixed-point clause can only be used on doubles"),
    "e": (_FLOATS, "scientific clause can only be used on doubles"),
    "b": (_BINARY_KINDS, "only integers and bools can be formatted as binary"),
    "x": (_HEX_KINDS, "only integers, byte buffers, and strings can be formatted as hex"),
    "X": (_HEX_KINDS, "only integers, byte buffers, and strings can be formatted as hex"),
    "o": (_WHOLE, "octal clause can only be used on integers"),
}
_CLAUSES_V2: Clauses = {
    "s": (_TEXT_KINDS, _TEXT_ONLY),
    "d": (_NUMBERS, "decimal clause can only be used on ints, uints, and doubles"),
    "f": (_NUMBERS, "fixed-point clause can only be used on ints, uints, and doubles"),
    "e": (_NUMBERS, "scientific clause can only be used on ints, uints, and doubles"),
    "b": (_BINARY_KINDS, "only ints, uints, and bools can be formatted as binary"),
    "x": (_HEX_KINDS, "only ints, uints, bytes, and strings can be formatted as hex"),
    "X": (_HEX_KINDS, "only ints, uints, bytes, and strings can be formatted as hex"),
    "o": (_WHOLE, "octal clause can only be used on ints and uints"),
}
_PRECISION = re.compile(rb"\.([0-9]*)")
_INT_MAX = 2**63 - 1


class _BadFormatError(Exception):
    """A clause that cannot be; `node_id` is the argument's, None for the call."""

    def __init__(self, message: str, node_id: int | None = None) -> None:
        super().__init__(message)
        self.node_id = node_id


def _bad_formats(survey: Survey, clauses: Clauses) -> list[tuple[int, str]]:
    found = []
    for call in survey.calls.get("format", ()):
        target = call.target
        if not (isinstance(target, Literal) and isinstance(target.value, str) and len(call.args) == 1):
            continue
        reference = survey.checked.references.get(call.id)
        if reference is not None and reference.overloads and "string_format" not in reference.overloads:
            continue
        arguments = call.args[0]
        if not isinstance(arguments, ListExpr):
            continue
        try:
            used = _check_format(target.value.encode("utf-8", "surrogatepass"), arguments.elements, survey, clauses)
        except _BadFormatError as error:
            found.append((call.id if error.node_id is None else error.node_id, str(error)))
            continue
        given = len(arguments.elements)
        if given > used:
            found.append(
                (call.id, f"too many arguments supplied to string.format (expected {used}, got {given})"),
            )
    return found


def _check_format(text: bytes, arguments: list[Expr], survey: Survey, clauses: Clauses) -> int:
    """Return how many arguments a format string asks for, its clauses fitting the arguments' types.

    Walks bytes, as cel-go does: the unknown clause it names is a single byte.
    """
    used = 0
    place = text.find(b"%")
    while place >= 0:
        if text[place + 1 : place + 2] == b"%":
            place = text.find(b"%", place + 2)
            continue
        if place + 1 >= len(text):
            raise _BadFormatError("unexpected end of string")
        if used >= len(arguments):
            raise _BadFormatError(f"index {used} out of range")
        place = _after_precision(text, place + 1)
        clause = chr(text[place])
        if clause not in clauses:
            raise _BadFormatError(f'could not parse formatting clause: unrecognized formatting clause "{clause}"')
        kinds, message = clauses[clause]
        misfit = _misfit(arguments[used], kinds, survey.checked.types, deep=clause == "s")
        if misfit is not None:
            name = survey.checked.types[misfit.id].name
            raise _BadFormatError(f"error during formatting: {message}, was given {name}", misfit.id)
        used += 1
        place = text.find(b"%", place + 1)
    return used


def _after_precision(text: bytes, place: int) -> int:
    precision = _PRECISION.match(text, place)
    if precision is None:
        return place
    failed = "could not parse formatting clause: error while parsing precision: "
    if precision.end() >= len(text):
        raise _BadFormatError(failed + "could not find end of precision specifier")
    digits = precision.group(1).decode()
    if not digits or int(digits.lstrip("0")[:20] or 0) > _INT_MAX:
        fault = "value out of range" if digits else "invalid syntax"
        raise _BadFormatError(
            f'{failed}error while converting precision to integer: strconv.Atoi: parsing "{digits}": {fault}'
        )
    return precision.end()


def _misfit(argument: Expr, kinds: frozenset[Kind], known: Mapping[int, Type], *, deep: bool) -> Expr | None:
    """Return the argument, or with `deep` the first element in a literal of it, that is of none of the kinds."""
    stack = [argument]
    while stack:
        node = stack.pop()
        t = known[node.id]
        kind = t.params[0].kind if t.kind is Kind.WRAPPER else t.kind
        if kind is not Kind.DYN and kind not in kinds:
            return node
        if deep and isinstance(node, ListExpr | MapExpr):
            stack.extend(reversed(children(node)))
    return None


HOMOGENEOUS_LITERALS = Validator("homogeneous_literals", _mixed_literals)
DURATION_LITERALS = Validator("duration", lambda survey: _failing_conversions(survey, "duration"))
TIMESTAMP_LITERALS = Validator("timestamp", lambda survey: _failing_conversions(survey, "timestamp"))
REGEX_LITERALS = Validator("matches", _failing_patterns)
STRING_FORMAT = Validator("string_format", lambda survey: _bad_formats(survey, _CLAUSES))
STRING_FORMAT_V2 = Validator("string_format", lambda survey: _bad_formats(survey, _CLAUSES_V2))

KUBERNETES_VALIDATORS = (HOMOGENEOUS_LITERALS, DURATION_LITERALS, TIMESTAMP_LITERALS, REGEX_LITERALS)
