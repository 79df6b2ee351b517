"""What elements of associative lists are known by: the values of their keys, or themselves in a set.

Sources: structured-merge-diff v6 typed/helpers.go (listItemToPathElement), fieldpath/element.go, value/value.go.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from admission.cel.quoting import quote
from admission.object_values import Foreign, Native, go_text
from admission.schema.merging import ListType

ItemKey: TypeAlias = tuple[tuple[str, str, str], ...]
"""Name, kind and printed value of each key in order of name; one nameless entry for an element of a set."""


class ItemKeyError(Exception):
    """An element that has no key; the text is the API server's."""


class Nothing:
    """The class of `NOTHING`: no value at all, where null is one."""


NOTHING: Final = Nothing()


def item_key(kind: ListType, item: Native) -> ItemKey:
    """Return what an element of an associative list is known by; ItemKeyError where that cannot be said.

    A key that an element does not have counts as its default, and is left out where it has none.
    """
    if kind.keys:
        return _fields_key(kind, item)
    if isinstance(item, dict):
        raise ItemKeyError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise ItemKeyError("not supported: associative list with lists as elements")
    if item is None:
        raise ItemKeyError("associative list without keys has an element that's an explicit null")
    return (_entry("", item),)


def key_text(kind: ListType, key: ItemKey) -> str:
    """Print a key as an element's place in a path: `[name="a"]`, `[="a"]`."""
    if not kind.keys:
        return f"[={key[0][2]}]"
    return f"[{','.join(f'{name}={text}' for name, _, text in key)}]"


def _fields_key(kind: ListType, item: Native) -> ItemKey:
    if item is None:
        raise ItemKeyError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ItemKeyError("associative list with keys may not have non-map elements")
    element = kind.element.resolve().map
    found = []
    for name in kind.keys:
        value = item.get(name, NOTHING)
        if value is NOTHING:
            declared = element.fields.get(name) if element is not None else None
            value = declared.default if declared is not None else None
            if value is None:
                continue
        found.append(_entry(name, value))
    if not found:
        names = " ".join(map(quote, kind.keys))
        raise ItemKeyError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    found.sort()
    return tuple(found)


def _entry(name: str, value: Native) -> tuple[str, str, str]:
    return name, _kind(value), _text(value)


def _kind(value: Native) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _text(value: Native) -> str:
    """Print a value as part of a path (value.ToString)."""
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "".join(f"{name}={_text(value[name])}" for name in sorted(value))
    return "{{undefined}}" if isinstance(value, Foreign) else go_text(value)
