"""How an error message shows a value: what Go's %v makes of it, because that is what upstream prints.

Sources: cel-go common/types (String of each type), Go fmt, time.Time.String.
"""

from __future__ import annotations

from admission.cel.formatting import Nesting
from admission.cel.numerals import format_shortest
from admission.cel.times import format_duration, format_timestamp
from admission.cel.types import Type
from admission.cel.values import LIST_CLASSES, MAP_CLASSES, Duration, Optional_, Timestamp, Value


def show(value: Value) -> str:
    """Return a value as error messages show it: `true`, `1e+30`, `[a, 1]`, `{a: 1}`, `1m30s`."""
    if type(value) in LIST_CLASSES or type(value) in MAP_CLASSES:
        return _NESTING.render(value)
    return _scalar(value)


def _scalar(value: Value) -> str:
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return format_shortest(value)
    if value is None:
        return "0"  # the number of google.protobuf.NullValue
    if kind is bytes:
        return f"[{' '.join(map(str, value))}]"
    if isinstance(value, int):
        return str(int(value))
    if kind is Duration:
        return format_duration(value.nanos)
    if kind is Timestamp:
        return _timestamp(value)
    if isinstance(value, Type):
        return value.full_name
    if isinstance(value, Optional_):
        return f"optional({show(value.value)})" if value.present else "optional.none()"
    return str(value)


def _timestamp(value: Timestamp) -> str:
    text = format_timestamp(value.nanos, value.offset)
    day, _, time = text.removesuffix("Z").partition("T")
    if not value.offset:
        return f"{day} {time} +0000 UTC"
    time, zone = time[:-6], time[-6:].replace(":", "")
    return f"{day} {time} {zone} {zone}"


_NESTING = Nesting(_scalar, show, ": ")
