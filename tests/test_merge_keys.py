"""What elements of associative lists are known by."""

from __future__ import annotations

from typing import Any

import pytest

from admission.merge_keys import ItemKeyError, item_key, key_text
from admission.object_values import Foreign
from admission.schema.merging import Atom, Field, ListType, MapType, TypeReference

TEXT = TypeReference(lambda: Atom("string"))
NUMBER = TypeReference(lambda: Atom("numeric"))
PORT = TypeReference(
    lambda: Atom(map=MapType({"port": Field(NUMBER), "protocol": Field(TEXT, "TCP"), "other": Field(TEXT)}))
)
SET = ListType(TEXT, associative=True)
PORTS = ListType(PORT, associative=True, keys=("protocol", "port"))
BARE = ListType(PORT, associative=True, keys=("port", "other"))


def text(kind: ListType, item: Any) -> str:
    return key_text(kind, item_key(kind, item))


@pytest.mark.parametrize(
    ("kind", "item", "place"),
    [
        (SET, "a", '[="a"]'),
        (SET, 5, "[=5]"),
        (SET, True, "[=true]"),
        (SET, Foreign("uint64", "5", "0x5", 5), "[={{undefined}}]"),
        (PORTS, {"port": 80}, '[port=80,protocol="TCP"]'),
        (PORTS, {"port": 80, "protocol": None}, "[port=80,protocol=null]"),
        (PORTS, {}, '[protocol="TCP"]'),
        (PORTS, {"port": ["a", {"b": 1}]}, '[port=["a",b=1],protocol="TCP"]'),
        (BARE, {"port": 80}, "[port=80]"),
    ],
)
def test_places_in_paths(kind: ListType, item: Any, place: str) -> None:
    assert text(kind, item) == place


def test_the_same_number_is_the_same_key_and_a_bool_is_no_number() -> None:
    assert item_key(SET, 80) == item_key(SET, 80.0)
    assert item_key(SET, 1) != item_key(SET, True)
    assert item_key(SET, 1) != item_key(SET, "1")


def test_an_absent_key_counts_as_its_default_and_an_absent_one_without_is_another_key() -> None:
    assert item_key(PORTS, {"port": 80}) == item_key(PORTS, {"protocol": "TCP", "port": 80})
    assert item_key(BARE, {"port": 80}) != item_key(BARE, {"port": 80, "other": ""})


@pytest.mark.parametrize(
    ("kind", "item", "fault"),
    [
        (SET, {}, "associative list without keys has an element that's a map type"),
        (SET, [], "not supported: associative list with lists as elements"),
        (SET, None, "associative list without keys has an element that's an explicit null"),
        (PORTS, None, "associative list with keys may not have a null element"),
        (PORTS, "a", "associative list with keys may not have non-map elements"),
        (
            BARE,
            {"protocol": "UDP"},
            (
                'associative list with keys has an element that omits all key fields ["port" "other"] '
                "(and doesn't have default values for any key fields)"
            ),
        ),
    ],
)
def test_elements_without_a_key(kind: ListType, item: Any, fault: str) -> None:
    with pytest.raises(ItemKeyError) as caught:
        item_key(kind, item)
    assert str(caught.value) == fault
