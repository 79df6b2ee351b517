"""Merge types for tests: those of one small custom resource, and values of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from admission.schema.bundle import bundled
from admission.schema.definitions import KindName
from admission.schema.merging import MergeTypes, TypeReference

WIDGET = KindName("acme.io", "v1", "Widget")

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_ITEM = {
    "type": "object",
    "properties": {"name": _TEXT, "port": {**_NUMBER, "default": 80}, "size": _NUMBER, "notes": {"type": "object"}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": _TEXT,
        "number": _NUMBER,
        "flag": {"type": "boolean"},
        "either": {"x-kubernetes-int-or-string": True},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "piece": {"type": "object", "properties": {"text": _TEXT}, "x-kubernetes-map-type": "atomic"},
        "list": {"type": "array", "items": _TEXT},
        "set": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "items": {
            "type": "array",
            "items": _ITEM,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "port"],
        },
        "inner": {"type": "object", "properties": {"text": _TEXT, "items": {"$ref": "#/components/schemas/x"}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def definition(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """A CustomResourceDefinition of Widgets; `schema` is that of their spec."""
    whole = {"type": "object", "properties": {"spec": schema if schema is not None else SCHEMA}}
    names = {"plural": "widgets", "kind": "Widget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.acme.io"},
        "spec": {"group": "acme.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def merge_types(schema: dict[str, Any] | None = None, *, complete: bool = True) -> MergeTypes:
    """The merge types of a cluster that has Widgets."""
    native = bundled()
    return MergeTypes(native.with_custom_resources([definition(schema)]), native, complete=complete)


def spec_type(schema: dict[str, Any] | None = None) -> TypeReference:
    """The type of the spec of Widgets."""
    found = merge_types(schema).of(WIDGET)
    assert found is not None
    widget = found.resolve().map
    assert widget is not None
    return widget.fields["spec"].type


_WORDS = st.sampled_from(["a", "b", "c", "d"])
_SMALL = st.integers(0, 3)


def _struct(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _items(*, duplicates: bool) -> st.SearchStrategy[list[Any]]:
    item = st.fixed_dictionaries({"name": _WORDS}, optional={"port": st.sampled_from([80, 81]), "size": _SMALL})
    if duplicates:
        return st.lists(item, max_size=4)
    return st.lists(item, max_size=4, unique_by=lambda found: (found["name"], found.get("port", 80)))


def _specs(*, pieces: bool, duplicates: bool) -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "text": _WORDS,
        "number": _SMALL,
        "flag": st.booleans(),
        "either": _SMALL | _WORDS,
        "labels": st.dictionaries(_WORDS, _WORDS, max_size=3),
        "set": st.lists(_WORDS, max_size=3, unique=not duplicates),
        "items": _items(duplicates=duplicates),
        "free": st.dictionaries(_WORDS, _SMALL | st.dictionaries(_WORDS, _SMALL, max_size=2), max_size=2),
    }
    whole = {"piece": _struct(text=_WORDS), "list": st.lists(_WORDS, max_size=3)} if pieces else {}
    return _struct(**common, **whole, inner=_struct(text=_WORDS))


live_specs = _specs(pieces=True, duplicates=True)
"""Specs as they may stand in a cluster: with pieces, and with elements of the same key."""

configurations = _specs(pieces=False, duplicates=False)
"""Specs as an apply configuration may have them."""
