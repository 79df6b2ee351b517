"""JSON texts inside of objects: annotations and config maps often hold them. Ours; the API server does not have it.

    json.decode(string) -> dyn                    objects are maps, whole numbers ints (doubles beyond 64 bit)
    json.encode(value) -> string                  keys in order; bytes as base64, durations and timestamps as text

    json.decode(object.metadata.annotations['example.com/limits']).cpu < 4
    json.encode({'b': [1, 2.5], 'a': null})       // '{"a":null,"b":[1,2.5]}'

What is no JSON, and a value that JSON cannot hold (NaN, a map with keys other than strings), are errors; ask
`json.decode` only for what may be trusted to be there. Cost: a tenth of the text, read or written.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Sequence

import orjson

from admission.cel import types
from admission.cel.formatting import Nesting
from admission.cel.function import Function, Library, Overload
from admission.cel.numerals import format_positional
from admission.cel.sizes import first_string_cost, string_cost
from admission.cel.times import format_timestamp, total_seconds
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    LIST_CLASSES,
    MAP_CLASSES,
    CelError,
    Duration,
    Timestamp,
    Value,
    type_of,
)


def _decode(text: str) -> Value:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CelError(f"json.decode: {error}") from None
    return _with_doubles(value)


def _with_doubles(value: Value) -> Value:
    """Return the value with integers beyond 64 bits as doubles; it is changed in place."""
    holder = [value]
    pending: list[list[Value] | dict[str, Value]] = [holder]
    while pending:
        container = pending.pop()
        items = enumerate(container) if isinstance(container, list) else list(container.items())
        for key, item in items:
            if type(item) is int:
                if not INT_MIN <= item <= INT_MAX:
                    container[key] = float(item)  # type: ignore[index]  # each container with its own keys
            elif isinstance(item, list | dict):
                pending.append(item)
    return holder[0]


def _encode(value: Value) -> str:
    if type(value) in LIST_CLASSES or type(value) in MAP_CLASSES:
        return _NESTING.render(value)
    return _scalar(value)


def _scalar(value: Value) -> str:
    kind = type(value)
    if value is None or kind is bool:
        return _CONSTANTS[value]
    if kind is str:
        return _text(value)
    if isinstance(value, int):
        return str(int(value))
    if kind is float:
        if not math.isfinite(value):
            raise CelError("json.encode: NaN and infinity have no JSON form")
        return orjson.dumps(value).decode()
    if kind is bytes:
        return f'"{binascii.b2a_base64(value, newline=False).decode()}"'
    if kind is Duration:
        return f'"{format_positional(total_seconds(value.nanos))}s"'
    if kind is Timestamp:
        return f'"{format_timestamp(value.nanos, value.offset)}"'
    raise CelError(f"json.encode: a value of type {type_of(value).name} has no JSON form")


def _key(key: Value) -> str:
    if type(key) is not str:
        raise CelError(f"json.encode: a map with a key of type {type_of(key).name} has no JSON form")
    return _text(key)


def _text(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except TypeError:
        raise CelError("json.encode: a string that is no valid Unicode has no JSON form") from None


def _result_cost(_: Sequence[Value], result: Value) -> int:
    return string_cost(len(result))


_CONSTANTS = {None: "null", True: "true", False: "false"}
_NESTING = Nesting(_scalar, _key, ":", ",")

LIBRARY = Library(
    "admission.json",
    functions=(
        Function(
            "json.decode",
            (Overload("json_decode_string", (types.STRING,), types.DYN, _decode, cost=first_string_cost),),
        ),
        Function("json.encode", (Overload("json_encode_dyn", (types.DYN,), types.STRING, _encode, cost=_result_cost),)),
    ),
    environments=frozenset({"extended"}),
)
