"""What the API server refuses although its types fit: constants, mixed literals, format strings."""

from __future__ import annotations

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment


@pytest.fixture(scope="module")
def kubernetes() -> Environment:
    return environment("kubernetes")


def errors(text: str, env: Environment) -> list[tuple[int, str]]:
    try:
        env.compile(text)
    except CompileError as error:
        return [(issue.column, issue.message) for issue in error.issues]
    return []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 'a']", [(4, "expected type 'int' but found 'string'")]),
        ("[1, 2.0, 'a']", [(4, "expected type 'int' but found 'double'")]),
        ("['a', null]", [(6, "expected type 'string' but found 'null'")]),
        ("[[1], []]", []),
        ("[[], []]", []),
        ("[dyn(1), dyn('a')]", []),
        ("[1, dyn('a')]", [(7, "expected type 'int' but found 'dyn'")]),
        ("[?optional.of(1), 2]", []),
        ("[?optional.of('a'), 2]", [(20, "expected type 'string' but found 'int'")]),
        ("{'a': 1, 'b': 2}", []),
        ("{'a': 1, 2: 2}", [(9, "expected type 'string' but found 'int'")]),
        (
            "{'a': 1, 2: 'b', 3u: null}",
            [
                (9, "expected type 'string' but found 'int'"),
                (12, "expected type 'int' but found 'string'"),
                (17, "expected type 'string' but found 'uint'"),
                (21, "expected type 'int' but found 'null'"),
            ],
        ),
        ("'%s %d'.format(['a', 1])", []),
        ("'%s'.format([{'a': 1, 'b': 'c'}])", []),
        ("['%s'.format([[1, 'a']]), 1]", [(26, "expected type 'string' but found 'int'")]),
    ],
)
def test_literals_hold_one_type_but_in_format_calls(
    text: str, expected: list[tuple[int, str]], kubernetes: Environment
) -> None:
    assert errors(text, kubernetes) == expected


def test_mixed_literals_are_fine_in_plain_cel() -> None:
    assert errors("[1, 'a', {1: 2, 'b': null}]", environment("standard")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("duration('1h')", []),
        ("duration('1 hour')", [(9, "invalid duration argument")]),
        ("duration('320000000000s')", [(9, "invalid duration argument")]),
        ("duration('x' + 'y')", []),
        ("timestamp('2024-01-01T00:00:00Z')", []),
        ("timestamp('yesterday')", [(10, "invalid timestamp argument")]),
        ("timestamp(253402300800)", [(10, "invalid timestamp argument")]),
        ("timestamp(0)", []),
        ("'a'.matches('[a-z]+')", []),
        ("'a'.matches('[')", [(12, "invalid matches argument")]),
        ("'a'.matches('(?=b)')", [(12, "invalid matches argument")]),
        ("'a'.matches('[' + '')", []),
        # of a global call it is the text that is taken for the pattern, as upstream
        ("matches('[', 'a')", [(8, "invalid matches argument")]),
    ],
)
def test_constant_arguments_must_mean_something(
    text: str, expected: list[tuple[int, str]], kubernetes: Environment
) -> None:
    assert errors(text, kubernetes) == expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("'%s'.format([])", 11, "index 0 out of range"),
        ("'%d %d'.format([1])", 14, "index 1 out of range"),
        ("'%s'.format(['a', 'b'])", 11, "too many arguments supplied to string.format (expected 1, got 2)"),
        ("'%'.format(['a'])", 10, "unexpected end of string"),
        ("'%y'.format(['a'])", 11, 'could not parse formatting clause: unrecognized formatting clause "y"'),
        ("'%é'.format(['a'])", 11, 'could not parse formatting clause: unrecognized formatting clause "Ã"'),
        (
            "'%.3'.format([1.0])",
            12,
            (
                "could not parse formatting clause: error while parsing precision: could not find end of precision "
                "specifier"
            ),
        ),
        (
            "'%.f'.format([1.0])",
            12,
            (
                "could not parse formatting clause: error while parsing precision: error while converting precision to "
                'integer: strconv.Atoi: parsing "": invalid syntax'
            ),
        ),
        (
            "'%d'.format(['a'])",
            13,
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
        (
            "'%s %f'.format(['a', 1])",
            21,
            "error during formatting: fixed-point clause can only be used on doubles, was given int",
        ),
        (
            "'%e'.format([1])",
            13,
            "error during formatting: scientific clause can only be used on doubles, was given int",
        ),
        (
            "'%b'.format(['a'])",
            13,
            "error during formatting: only integers and bools can be formatted as binary, was given string",
        ),
        (
            "'%X'.format([1.0])",
            13,
            (
                "error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given "
                "double"
            ),
        ),
        (
            "'%o'.format([null])",
            13,
            "error during formatting: octal clause can only be used on integers, was given null_type",
        ),
        (
            "'%s'.format([[{'a': [quantity('1')]}]])",
            29,
            (
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, "
                "maps, lists, types, durations, and timestamps, was given kubernetes.Quantity"
            ),
        ),
    ],
)
def test_format_strings_must_fit_their_arguments(text: str, column: int, message: str, kubernetes: Environment) -> None:
    assert errors(text, kubernetes) == [(column, message)]


@pytest.mark.parametrize(
    "text",
    [
        "'%%'.format([])",
        "'%s %s %s'.format([1, dyn(quantity('1')), [1, 'a']])",
        "'%f %e'.format(['NaN', 1.5])",
        "'%.2f'.format([1.5])",
        "'%d'.format([dyn('a')])",
        "'%d'.format(dyn(['a']))",
        "string(1).format(['a'])",
    ],
)
def test_format_strings_that_fit_or_cannot_be_known_are_accepted(text: str, kubernetes: Environment) -> None:
    assert errors(text, kubernetes) == []


def test_errors_of_all_validators_come_together_by_position(kubernetes: Environment) -> None:
    found = errors("[duration('x'), '1'] == ['%d'.format(['a'])] && 'a'.matches('[')", kubernetes)
    assert [column for column, _ in found] == [10, 16, 38, 60]


def test_checks_run_only_on_what_has_types(kubernetes: Environment) -> None:
    assert errors("[1, 'a'] == nope", kubernetes) == [(12, "undeclared reference to 'nope' (in container '')")]
