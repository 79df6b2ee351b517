"""Help with the paths of JSON patches.

    jsonpatch.escapeKey(string) -> string     a map key as one step of a path: ~ becomes ~0, / becomes ~1

    JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/team'), value: 'a'}

Only mutations have it. Cost: a tenth of the string. Source: apiserver pkg/cel/library/jsonpatch.go.
"""

from __future__ import annotations

from admission.cel import types
from admission.cel.function import Function, Library, Overload
from admission.cel.sizes import first_string_cost


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


LIBRARY = Library(
    "kubernetes.jsonpatch",
    functions=(
        Function(
            "jsonpatch.escapeKey",
            (
                Overload(
                    "string_jsonpatch_escapeKey_string",
                    (types.STRING,),
                    types.STRING,
                    _escape,
                    cost=first_string_cost,
                ),
            ),
        ),
    ),
    environments=frozenset({"extended"}),  # mutations of the kubernetes environment add it themselves
)
