"""The JSON form of CEL values: what is written can be read again as the same value."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel import types, values
from admission.cel.encoding import decode_value, encode_value
from admission.cel.values import Optional_, Uint

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**64 - 1).map(Uint),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.integers(-(10**15), 10**15).map(values.Duration),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("ab", min_size=2), inner, max_size=3),
        inner.map(Optional_),
        st.dictionaries(st.integers(0, 9), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(VALUES)
def test_what_is_written_is_read_as_the_same_value(value: Any) -> None:
    again = decode_value(json.loads(json.dumps(encode_value(value))))
    assert values.equal(again, value) or repr(again) == repr(value)
    assert type(again) is type(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (math.inf, {"$double": "+Inf"}),
        (-math.inf, {"$double": "-Inf"}),
        (Uint(5), {"$uint": "5"}),
        (b"b", {"$bytes": "Yg=="}),
        (values.NONE, {"$optional": []}),
        (types.INT, {"$type": "int"}),
        (values.make_map([(True, 1)]), {"$map": [[True, 1]]}),
        (values.Duration(5_400_000_000_000), {"$duration": "1h30m0s"}),
        (1.0, 1.0),
    ],
)
def test_what_json_has_no_word_for_is_tagged(value: Any, wanted: Any) -> None:
    assert encode_value(value) == wanted


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\$nonsense"):
        decode_value({"$nonsense": 1})
