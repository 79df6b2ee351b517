"""The function libraries of CEL, one file each; LIBRARIES is the registry, in the order the environments add them."""

from __future__ import annotations

from admission.cel.function import Library
from admission.cel.library import (
    bindings,
    comprehensions,
    encoders,
    json,
    list_extensions,
    lists,
    math,
    optionals,
    quantity,
    sets,
    standard,
    string_format,
    strings,
)

LIBRARIES: tuple[Library, ...] = (
    *standard.LIBRARIES,
    optionals.LIBRARY,
    comprehensions.LIBRARY,
    bindings.LIBRARY,
    bindings.BLOCK,
    lists.LIBRARY,
    list_extensions.LIBRARY,
    sets.LIBRARY,
    quantity.LIBRARY,
    strings.LIBRARY,
    string_format.LIBRARY,
    string_format.PLAIN,
    strings.REVERSE,
    strings.STRICT,
    math.LIBRARY,
    encoders.LIBRARY,
    json.LIBRARY,
)
