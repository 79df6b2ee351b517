"""More of strings: positions, parts, case, joining and quoting; all positions count code points from 0.

    string.charAt(i) -> string                    '' at the end, an error beyond
    string.indexOf(part[, from]) -> int           -1 where there is none
    string.lastIndexOf(part[, from]) -> int       the last place at or before `from`
    string.lowerAscii(), string.upperAscii() -> string   A to Z only
    string.replace(old, new[, count]) -> string   a negative count replaces all
    string.split(separator[, count]) -> list(string)     0 gives [], a negative count all parts
    string.substring(start[, end]) -> string      `end` is not included
    string.trim() -> string                       without white space at both ends (Unicode's)
    list(string).join([separator]) -> string
    strings.quote(string) -> string               in double quotes, with CEL's escapes

    'tacocat'.substring(4)                        // 'cat'
    'registry/app:1'.split(':')                   // ['registry/app', '1']
    ['a', 'b'].join('-')                          // 'a-b'
    'hello'.indexOf('l', 4)                       // -1

Cost: a tenth of the string for one walk, two tenths where a new string is built, a tenth of the bytes for indexOf and
lastIndexOf; charAt 1. Always available; `format` is in string_format.py.

`REVERSE` adds `string.reverse() -> string` where the API server need not agree: 'gums'.reverse() == 'smug'. `STRICT` is
for the conformance suite alone: there `from` beyond the end is an error, where cel-go and the API server say -1.
Sources: cel-go ext/strings.go (version 2, `reverse` version 3), apiserver pkg/cel/library/cost.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admission.cel import types
from admission.cel.formatting import LONGEST_TEXT
from admission.cel.function import CostFunction, Function, Implementation, Library, Overload
from admission.cel.printing import show
from admission.cel.sizes import affordable, double_string_cost, first_string_cost, traversal_cost, walkable
from admission.cel.types import Type
from admission.cel.values import CelError, Value

_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_ESCAPES = str.maketrans(
    {
        "\a": r"\a",
        "\b": r"\b",
        "\f": r"\f",
        "\n": r"\n",
        "\r": r"\r",
        "\t": r"\t",
        "\v": r"\v",
        "\\": r"\\",
        '"': r"\"",
    }
)
_QUICK = 10_000  # code points up to which the quadratic worst case of rfind does not matter


def _out_of_range(index: int) -> CelError:
    return CelError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str) -> int:
    return text.find(part)


def _index_of_from(text: str, part: str, start: int) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    return text.find(part, start)


def _last_index_of(text: str, part: str) -> int:
    return _last_place(text, part, len(text))


def _last_index_of_from(text: str, part: str, start: int) -> int:
    if not part:
        return start
    if start < 0:
        raise _out_of_range(start)
    return -1 if start >= len(text) else _last_place(text, part, start + len(part))


def _strictly(search: Callable[[str, str, int], int]) -> Callable[[str, str, int], int]:
    def strict(text: str, part: str, start: int) -> int:
        if part and start > len(text):
            raise _out_of_range(start)
        return search(text, part, start)

    return strict


def _last_place(text: str, part: str, end: int) -> int:
    if len(text) <= _QUICK:
        return text.rfind(part, 0, end)
    end = min(end, len(text))
    place = text[:end][::-1].find(part[::-1])  # forwards the search is linear
    return place if place < 0 else end - place - len(part)


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _upper(text: str) -> str:
    if text.isascii():
        return text.upper()
    return text.encode("utf-8", "surrogatepass").upper().decode("utf-8", "surrogatepass")


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    if len(new) > len(old):
        found = text.count(old)
        times = found if count < 0 else min(count, found)
        if len(text) + times * (len(new) - len(old)) > LONGEST_TEXT:
            raise CelError(f"replace would make a text longer than {LONGEST_TEXT} code points")
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if 0 < count < len(text):
        return [*text[: count - 1], text[count - 1 :]]
    return list(text)


def _substring(text: str, start: int) -> str:
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    return text[start:]


def _substring_to(text: str, start: int, end: int) -> str:
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _trim(text: str) -> str:
    return text.strip(_WHITE_SPACE)


def _join(elements: Value, separator: str = "") -> str:
    walkable(len(elements))
    length = 0
    for element in elements:
        if type(element) is not str:
            raise CelError(f"join: invalid input: {show(element)}")
        length += len(element)
    if elements:
        length += len(separator) * (len(elements) - 1)
    affordable(double_string_cost(length))
    return separator.join(elements)


def _quote(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _reverse(text: str) -> str:
    return text[::-1]


def _twice(args: Sequence[Value], _: Value) -> int:
    return double_string_cost(len(args[0]))


def _twice_result(_: Sequence[Value], result: Value) -> int:
    return double_string_cost(len(result))


def _traversal(args: Sequence[Value], _: Value) -> int:
    return traversal_cost(args[0])


_STRING, _INT = types.STRING, types.INT
_STRINGS = types.list_of(types.STRING)


def _member(
    id_: str, params: tuple[Type, ...], result: Type, implementation: Implementation, cost: CostFunction | None = None
) -> Overload:
    return Overload(id_, params, result, implementation, member=True, cost=cost)


LIBRARY = Library(
    "cel.lib.ext.strings",
    functions=(
        Function("charAt", (_member("string_char_at_int", (_STRING, _INT), _STRING, _char_at),)),
        Function(
            "indexOf",
            (
                _member("string_index_of_string", (_STRING, _STRING), _INT, _index_of, _traversal),
                _member("string_index_of_string_int", (_STRING, _STRING, _INT), _INT, _index_of_from, _traversal),
            ),
        ),
        Function(
            "lastIndexOf",
            (
                _member("string_last_index_of_string", (_STRING, _STRING), _INT, _last_index_of, _traversal),
                _member(
                    "string_last_index_of_string_int", (_STRING, _STRING, _INT), _INT, _last_index_of_from, _traversal
                ),
            ),
        ),
        Function("lowerAscii", (_member("string_lower_ascii", (_STRING,), _STRING, _lower, first_string_cost),)),
        Function(
            "replace",
            (
                _member("string_replace_string_string", (_STRING, _STRING, _STRING), _STRING, _replace, _twice),
                _member(
                    "string_replace_string_string_int", (_STRING, _STRING, _STRING, _INT), _STRING, _replace, _twice
                ),
            ),
        ),
        Function(
            "split",
            (
                _member("string_split_string", (_STRING, _STRING), _STRINGS, _split, _twice),
                _member("string_split_string_int", (_STRING, _STRING, _INT), _STRINGS, _split, _twice),
            ),
        ),
        Function(
            "substring",
            (
                _member("string_substring_int", (_STRING, _INT), _STRING, _substring, first_string_cost),
                _member("string_substring_int_int", (_STRING, _INT, _INT), _STRING, _substring_to, first_string_cost),
            ),
        ),
        Function("trim", (_member("string_trim", (_STRING,), _STRING, _trim, first_string_cost),)),
        Function("upperAscii", (_member("string_upper_ascii", (_STRING,), _STRING, _upper, first_string_cost),)),
        Function("strings.quote", (Overload("strings_quote", (_STRING,), _STRING, _quote, cost=first_string_cost),)),
        Function(
            "join",
            (
                _member("list_join", (_STRINGS,), _STRING, _join, _twice_result),
                _member("list_join_string", (_STRINGS, _STRING), _STRING, _join, _twice_result),
            ),
        ),
    ),
)

REVERSE = Library(
    "cel.lib.ext.strings.reverse",
    functions=(Function("reverse", (_member("string_reverse", (_STRING,), _STRING, _reverse, first_string_cost),)),),
    environments=frozenset({"extended", "standard"}),
)

_PLACE = (_STRING, _STRING, _INT)
STRICT = Library(
    "cel.lib.ext.strings.strict",
    functions=(
        Function("indexOf", (_member("string_index_of_string_int", _PLACE, _INT, _strictly(_index_of_from)),)),
        Function(
            "lastIndexOf", (_member("string_last_index_of_string_int", _PLACE, _INT, _strictly(_last_index_of_from)),)
        ),
    ),
    environments=frozenset({"standard"}),
)
