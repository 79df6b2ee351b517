from __future__ import annotations

import pytest

from admission import fielderror
from admission.fielderror import FieldError, rejection


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (fielderror.required(("spec", "a"), "why"), "spec.a: Required value: why"),
        (fielderror.required(("spec", "a")), "spec.a: Required value"),
        (fielderror.invalid(("a", 0), 'x"\n', "bad"), 'a[0]: Invalid value: "x\\"\\n": bad'),
        (fielderror.invalid(("a",), ["Deny", "<"], "bad"), 'a: Invalid value: ["Deny","\\u003c"]: bad'),
        (fielderror.invalid(("a",), -1, "bad"), "a: Invalid value: -1: bad"),
        (
            fielderror.unsupported(("a",), "x", ("p", "q")),
            'a: Unsupported value: "x": supported values: "p", "q"',
        ),
        (fielderror.duplicate(("a", 1), "x"), 'a[1]: Duplicate value: "x"'),
        (fielderror.forbidden(("a",), "no"), "a: Forbidden: no"),
        (fielderror.too_many(("a",), 65, 64), "a: Too many: 65: must have at most 64 items"),
        (fielderror.too_long(("a",), 10), "a: Too long: may not be more than 10 bytes"),
    ],
)
def test_an_error_is_printed_as_the_api_server_prints_it(error: FieldError, text: str) -> None:
    assert str(error) == text


def test_a_refusal_lists_each_error_once() -> None:
    one, two = fielderror.required(("a",)), fielderror.required(("b",))
    assert rejection("Kind.group", "n", [one, one]) == 'Kind.group "n" is invalid: a: Required value'
    assert rejection("Kind.group", "n", [one, two]) == (
        'Kind.group "n" is invalid: [a: Required value, b: Required value]'
    )


def test_the_field_may_be_another_than_the_path() -> None:
    error = fielderror.required(("a", 0, "b")).under("a.b")
    assert (error.field, error.path, str(error)) == ("a.b", ("a", 0, "b"), "a.b: Required value")
