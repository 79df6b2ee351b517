"""`admission schema`: JSON Schemas for editors."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from admission.decoding import suggestion
from admission.errors import UsageError
from admission.jsonschema import any_schema, json_schema
from admission.kinds import KINDS

EXAMPLES: Final = (
    "admission schema",
    "admission schema PolicyExemption",
)


def command(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="One kind, such as PolicyExemption; all where none is named.")
    ] = None,
) -> None:
    """Print JSON Schemas of policies, for editors.

    One schema for all kinds, or that of one kind. It says names, types and choices; what expressions say is for
    `admission lint`.
    """
    print(json.dumps(any_schema(KINDS.values()) if kind is None else json_schema(KINDS[_known(kind)]), indent=2))


def _known(kind: str) -> str:
    by_lower = {name.lower(): name for name in KINDS}
    if kind.lower() in by_lower:
        return by_lower[kind.lower()]
    near = suggestion(kind, KINDS)
    raise UsageError(f"no kind {kind!r}; " + (f"did you mean {near}?" if near else f"there are {', '.join(KINDS)}"))
