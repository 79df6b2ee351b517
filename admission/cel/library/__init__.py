"""The function libraries of CEL, one file each; LIBRARIES is the registry, in the order the environments add them."""

from __future__ import annotations

from admission.cel.function import Library
from admission.cel.library import standard

LIBRARIES: tuple[Library, ...] = (*standard.LIBRARIES,)
