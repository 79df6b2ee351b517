from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from admission.cel.diagnostic import CompileError
from admission.cel.formatting import LOCALIZED_STYLE, LONGEST_TEXT, PLAIN_STYLE
from admission.cel.values import CelError

Evaluate = Callable[..., Any]

VALUES = (
    "[1, 2u, 1.5, 'a\"é', b'b', true, null, duration('90s'), timestamp('2020-01-02T03:04:05+02:00'), int, [{}], {1: 2}]"
)


@pytest.mark.parametrize(
    ("text", "localized", "plain"),
    [
        ("'%s %s'.format(['a', 1.5])", "a 1.5", "a 1.5"),
        ("'%s'.format([1e21])", "1e+21", "1000000000000000000000"),
        ("'%s'.format([timestamp('2020-01-02T03:04:05+02:00')])", "2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
        ("'%s'.format([duration('1h30m')])", "5400s", "5400s"),
        ("'%s'.format([type(timestamp(0))])", "google.protobuf.Timestamp", "google.protobuf.Timestamp"),
        ("'%s%%'.format([null])", "null%", "null%"),
        ("'%s'.format([['a', 1.5]])", '["a", 1.500000]', "[a, 1.5]"),
        ("'%s'.format([[double('NaN'), double('inf')]])", '["NaN", "+Inf"]', "[NaN, Infinity]"),
        ("'%s'.format([{'b': 1, 'a': [b'x']}])", '{"a":[b"x"], "b":1}', "{a: [x], b: 1}"),
        ("'%s'.format([{true: 1u, 2: {}}])", "{2:{}, true:1}", "{2: {}, true: 1}"),
        ("'%s'.format([[]])", "[]", "[]"),
        ("'%d %d'.format([-1, 2u])", "-1 2", "-1 2"),
        ("'%f'.format([1234567.5])", "1,234,567.500000", "1234567.500000"),
        ("'%.1f'.format([-0.25])", "-0.2", "-0.2"),
        ("'%.0f'.format([2.5])", "2", "2"),
        ("'%f'.format([-0.0])", "0.000000", "-0.000000"),
        ("'%e'.format([1234.5])", "1.234500×10⁰³", "1.234500e+03"),
        ("'%e'.format([-0.00012345])", "-1.234500×10⁻⁰⁴", "-1.234500e-04"),
        ("'%.15e|'.format([0.0])", "  0.000000×10⁰⁰|", "0.000000000000000e+00|"),
        ("'%b %b %b'.format([-5, 5u, true])", "-101 101 1", "-101 101 1"),
        ("'%o'.format([-8])", "-10", "-10"),
        ("'%x %X %x %X'.format([-255, 255u, 'é', b'\\377'])", "-ff FF c3a9 FF", "-ff FF c3a9 FF"),
        ("'é%sé'.format(['日'])", "é日é", "é日é"),
        (f"'%s'.format([{VALUES}])", None, None),
    ],
)
def test_both_styles(evaluate: Evaluate, text: str, localized: str | None, plain: str | None) -> None:
    if localized is None:
        localized = (
            '[1, 2, 1.500000, "a\\"é", b"b", true, null, duration("90s"), timestamp("2020-01-02T03:04:05+02:00"), '
            "int, [{}], {1:2}]"
        )
        plain = '[1, 2, 1.5, a"é, b, true, null, 90s, 2020-01-02T01:04:05Z, int, [{}], {1: 2}]'
    assert evaluate(text) == localized
    assert evaluate(text, env="extended") == localized
    assert evaluate(text, env="standard") == plain


@pytest.mark.parametrize(
    ("text", "arguments", "localized", "plain"),
    [
        ("%f", ["Infinity"], "∞", None),
        ("%f", ["-Infinity"], "-∞", None),
        ("%e", ["NaN"], "   NaN", None),
        ("%.2f", [1e15], "1,000,000,000,000,000.00", "1000000000000000.00"),
        ("%.300f", [0.1], "0.1000000000000000055511151231257827021181583404541015625", None),
        ("%.256f", [0.5], "0.5", None),
        ("%.40000f", [0.5], "0.5" + "0" * 63, None),
        ("%d", [1.5], None, "1.5"),
        ("%.1f", [3], None, "3.0"),
        ("%s", [b"a\xff"], None, "a\ufffd"),
    ],
)
def test_what_the_styles_do_not_share(
    text: str, arguments: list[object], localized: str | None, plain: str | None
) -> None:
    if localized is not None:
        assert LOCALIZED_STYLE.format(text, arguments) == localized
    if plain is not None:
        assert PLAIN_STYLE.format(text, arguments) == plain


DURING = "error during formatting: "
CLAUSE = "could not parse formatting clause: "


@pytest.mark.parametrize(
    ("text", "arguments", "error"),
    [
        ("%s%s", [1], "index 1 out of range"),
        ("%", [1], "unexpected end of string"),
        ("%z", [1], CLAUSE + 'unrecognized formatting clause "z"'),
        ("%é", [1], CLAUSE + 'unrecognized formatting clause "Ã"'),
        ("%.", [1.0], CLAUSE + "error while parsing precision: could not find end of precision specifier"),
        (
            "%.f",
            [1.0],
            CLAUSE
            + 'error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": '
            "invalid syntax",
        ),
        (
            "%.99999999999999999999f",
            [1.0],
            CLAUSE
            + "error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "
            '"99999999999999999999": value out of range',
        ),
        ("%d", [1.5], DURING + "decimal clause can only be used on integers, was given double"),
        ("%f", [1], DURING + "fixed-point clause can only be used on doubles, was given int"),
        ("%e", ["x"], DURING + "scientific clause can only be used on doubles, was given string"),
        ("%b", ["x"], DURING + "only integers and bools can be formatted as binary, was given string"),
        ("%o", [True], DURING + "octal clause can only be used on integers, was given bool"),
        ("%x", [True], DURING + "only integers, byte buffers, and strings can be formatted as hex, was given bool"),
        ("%s", [{1.5: 1}], DURING + "no formatting function for map key of type double"),
        (
            "%s",
            [b"\xff"],
            DURING + 'could not convert argument "invalid UTF-8 in bytes, cannot convert to string" to string',
        ),
    ],
)
def test_faults_of_the_localized_style_are_those_of_cel_go(text: str, arguments: list[object], error: str) -> None:
    with pytest.raises(CelError) as raised:
        LOCALIZED_STYLE.format(text, arguments)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("text", "argument", "error"),
    [
        ("%d", "x", "decimal clause can only be used on ints, uints, and doubles, was given string"),
        ("%f", "NaN", "fixed-point clause can only be used on ints, uints, and doubles, was given string"),
        ("%e", True, "scientific clause can only be used on ints, uints, and doubles, was given bool"),
        ("%b", 1.5, "only ints, uints, and bools can be formatted as binary, was given double"),
        ("%o", 1.5, "octal clause can only be used on ints and uints, was given double"),
        ("%x", None, "only ints, uints, bytes, and strings can be formatted as hex, was given null_type"),
    ],
)
def test_faults_of_the_plain_style_are_those_of_cel_go(text: str, argument: object, error: str) -> None:
    with pytest.raises(CelError) as raised:
        PLAIN_STYLE.format(text, [argument])
    assert str(raised.value) == DURING + error


@pytest.mark.parametrize("style", [LOCALIZED_STYLE, PLAIN_STYLE])
def test_types_without_a_form_are_errors(evaluate: Evaluate, style: object) -> None:
    assert isinstance(style, type(LOCALIZED_STYLE))
    optional = evaluate("optional.of(1)")
    with pytest.raises(CelError, match=r"string clause can only be used on strings.* was given optional_type"):
        style.format("%s", [optional])
    with pytest.raises(CelError, match="optional_type"):
        style.format("%s", [[optional]])


@pytest.mark.parametrize(
    "text",
    [
        "'%d'.format([1.5])",
        "'%s %s'.format([1])",
        "'%s'.format([1, 2])",
        "'%q'.format([1])",
        "'%s'.format([quantity('1')])",
    ],
)
def test_a_constant_format_is_checked_at_compile_time(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(CompileError):
        evaluate(text)


def test_arguments_beyond_the_format_do_no_harm_at_run_time(evaluate: Evaluate) -> None:
    assert evaluate("f.format([1, 2])", f="%s") == "1"


def test_nesting_is_as_deep_as_the_object() -> None:
    deep: Any = []
    for _ in range(50_000):
        deep = [deep]
    assert LOCALIZED_STYLE.format("%s", [deep]) == "[" * 50_001 + "]" * 50_001


def test_a_text_that_would_not_fit_the_memory_is_not_made() -> None:
    shared: Any = ["x"] * 100
    for _ in range(10):
        shared = [shared] * 100
    for style in (LOCALIZED_STYLE, PLAIN_STYLE):
        with pytest.raises(CelError, match=f"may not be longer than {LONGEST_TEXT}"):
            style.format("%s", [shared])
    with pytest.raises(CelError, match="the most digits"):
        PLAIN_STYLE.format("%.2000000f", [1.5])


def test_a_format_costs_its_own_length_only(cost_of: Callable[..., int]) -> None:
    assert cost_of("'%s %s %s %s'.format([s, s, s, s])", s="x" * 1000) == 16
