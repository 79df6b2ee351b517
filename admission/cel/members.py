"""What a list holds, for functions that ask for membership: at once for scalars, one by one for everything else."""

from __future__ import annotations

from collections.abc import Iterable

from admission.cel.values import Uint, Value, same

_EXACT_IN_DOUBLES = 2**53


class Members:
    """A growing collection of values with CEL's own equality (1, 1u and 1.0 are one; NaN is never in it)."""

    __slots__ = ("_others", "_scalars")

    def __init__(self, elements: Iterable[Value] = ()) -> None:
        self._scalars: set[tuple[type, Value]] = set()
        self._others: list[Value] = []
        for element in elements:
            self.add(element)

    def __contains__(self, element: Value) -> bool:
        identity = _identity(element)
        if identity is not None:
            return identity in self._scalars
        return any(same(element, other) for other in self._others)

    def add(self, element: Value) -> None:
        """Put one more value in."""
        identity = _identity(element)
        if identity is None:
            self._others.append(element)
        else:
            self._scalars.add(identity)


def _identity(value: Value) -> tuple[type, Value] | None:
    """Return what is the same exactly where two scalars are equal; None for what must be compared."""
    kind = type(value)
    if kind is int or kind is Uint or kind is float:
        # beyond 2^53 cel-go compares integers with doubles after rounding them; NaN equals nothing
        return (float, value) if abs(value) < _EXACT_IN_DOUBLES else None
    if kind is str or kind is bytes or kind is bool or value is None:
        return kind, value
    return None
