"""The function libraries of CEL, one file each; LIBRARIES is the registry, in the order the environments add them."""

from __future__ import annotations

from admission.cel.function import Library
from admission.cel.library import bindings, comprehensions, list_extensions, lists, optionals, quantity, sets, standard

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
)
