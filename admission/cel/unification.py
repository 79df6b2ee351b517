"""When one type may stand for another, and what a type parameter is bound to.

The rules are cel-go's (checker/types.go, checker/mapping.go, the IsAssignableType and IsExactType of
common/types/types.go). A wrapper counts as its primitive everywhere but where null is asked for, as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from admission.cel.types import DYN, Kind, Type

_WILDCARDS = frozenset((Kind.DYN, Kind.ANY, Kind.ERROR))
_DYNAMIC = frozenset((Kind.DYN, Kind.ANY))
_NULLABLE = frozenset((Kind.NULL, Kind.WRAPPER, Kind.OPAQUE, Kind.STRUCT, Kind.ANY, Kind.DURATION, Kind.TIMESTAMP))
_PLAIN = frozenset((Kind.BOOL, Kind.INT, Kind.UINT, Kind.DOUBLE, Kind.STRING, Kind.BYTES))  # the kind says it all
_COMPOSED = frozenset((Kind.LIST, Kind.MAP, Kind.OPAQUE, Kind.TYPE))
_CONTAINERS = frozenset((Kind.LIST, Kind.MAP, Kind.OPAQUE))


MAX_TYPE_SIZE = 500  # parts of one type; ours: `m.map(a, {a: a})` doubles it, and cel-go would go on until it is killed


class TypeTooLargeError(Exception):
    """A type has more parts than any expression needs."""


def is_dynamic(t: Type) -> bool:
    """Return whether `t` is dyn or google.protobuf.Any: what is only known at run time."""
    return t.kind in _DYNAMIC


def is_wildcard(t: Type) -> bool:
    """Return whether `t` goes with every type: dyn, Any, or the type of what already failed."""
    return t.kind in _WILDCARDS


def unwrap_optional(t: Type) -> Type | None:
    """Return what an `optional_type(x)` holds, or None where `t` is no optional."""
    if t.kind is Kind.OPAQUE and t.name == "optional_type":
        return t.params[0]
    return None


def same_type(a: Type, b: Type, *, ignore_parameter_names: bool = False) -> bool:
    """Return whether two types are one; `wrapper(int)` and `int` are.

    `ignore_parameter_names` takes any two type parameters as one (cel-go: IsEquivalentType instead of IsExactType).
    """
    if a is b:
        return True
    if a.kind is Kind.WRAPPER:
        a = a.params[0]
    if b.kind is Kind.WRAPPER:
        b = b.params[0]
    if a.kind is not b.kind or len(a.params) != len(b.params):
        return False
    if a.name != b.name and not (ignore_parameter_names and a.kind is Kind.TYPE_PARAM):
        return False
    return all(
        same_type(x, y, ignore_parameter_names=ignore_parameter_names) for x, y in zip(a.params, b.params, strict=True)
    )


def most_general(a: Type, b: Type) -> Type:
    """Return the less specific of two types that are known to unify, `a` where they are equal."""
    return a if _less_or_equally_specific(a, b) else b


def _less_or_equally_specific(a: Type, b: Type) -> bool:
    if a.kind in _DYNAMIC or a.kind is Kind.TYPE_PARAM:
        return True
    if b.kind in _DYNAMIC or b.kind is Kind.TYPE_PARAM:
        return False
    if a.kind is b.kind:
        if a.kind is Kind.TYPE:
            return True
        if a.kind in _CONTAINERS:
            return (
                a.name == b.name
                and len(a.params) == len(b.params)
                and all(_less_or_equally_specific(x, y) for x, y in zip(a.params, b.params, strict=True))
            )
    return same_type(a, b)


def instantiate(t: Type, fresh: Mapping[str, Type]) -> Type:
    """Return `t` with the type parameters named in `fresh` replaced."""
    if t.kind is Kind.TYPE_PARAM:
        return fresh.get(t.name, t)
    if not t.params:
        return t
    return Type(t.kind, t.name, tuple([instantiate(param, fresh) for param in t.params]))


class Substitution:
    """What the type parameters of one check are bound to so far; a failed attempt leaves no trace."""

    __slots__ = ("_bound", "_room", "_trail")

    def __init__(self) -> None:
        self._room = 0  # parts that the type being resolved may still have
        self._bound: dict[str, Type] = {}
        self._trail: list[tuple[str, Type | None]] = []  # what each binding replaced, newest last

    def assignable(self, a: Type, b: Type) -> bool:
        """Return whether a value of type `a` may be given where `b` is asked for; binds parameters where it may."""
        trail = self._trail
        trail.clear()
        if self._assign(a, b):
            return True
        self._undo()
        return False

    def all_assignable(self, given: Sequence[Type], asked: Sequence[Type]) -> bool:
        """Return whether each of `given` may stand at its place in `asked`, all together."""
        if len(given) != len(asked):
            return False
        trail = self._trail
        if trail:
            trail.clear()
        for index, b in enumerate(asked):
            a = given[index]
            if not self._assign(a, b):
                if trail:
                    self._undo()
                return False
        return True

    def resolve(self, t: Type, *, free_to_dyn: bool = False) -> Type:
        """Return `t` with every bound parameter replaced; the free ones stay, or become dyn.

        Raises TypeTooLargeError where that has more than MAX_TYPE_SIZE parts.
        """
        if not t.params and t.kind is not Kind.TYPE_PARAM:
            return t
        self._room = MAX_TYPE_SIZE
        return self._resolve(t, free_to_dyn=free_to_dyn)

    def _resolve(self, t: Type, *, free_to_dyn: bool) -> Type:
        if t.kind is Kind.TYPE_PARAM:
            bound = self._bound.get(t.name)
            while bound is not None and bound.kind is Kind.TYPE_PARAM:
                t, bound = bound, self._bound.get(bound.name)
            if bound is None:
                return DYN if free_to_dyn else t
            t = bound
        if not t.params or t.kind not in _COMPOSED:
            return t
        self._room -= len(t.params)
        if self._room < 0:
            raise TypeTooLargeError
        changed = False
        params = []
        for param in t.params:
            resolved = self._resolve(param, free_to_dyn=free_to_dyn)
            changed = changed or resolved is not param
            params.append(resolved)
        return Type(t.kind, t.name, tuple(params)) if changed else t

    def _undo(self) -> None:
        for name, before in reversed(self._trail):
            if before is None:
                del self._bound[name]
            else:
                self._bound[name] = before
        self._trail.clear()

    def _bind(self, parameter: Type, t: Type) -> None:
        self._trail.append((parameter.name, self._bound.get(parameter.name)))
        self._bound[parameter.name] = t

    def _assign(self, a: Type, b: Type) -> bool:
        if a is b:
            return a.kind is not Kind.UNSPECIFIED
        kind_a, kind_b = a.kind, b.kind
        if kind_b is Kind.TYPE_PARAM:
            valid, had_binding = self._substitute(a, b)
            if valid or had_binding:
                return valid
        if kind_a is Kind.TYPE_PARAM:
            return self._substitute(b, a)[0]
        if kind_a in _WILDCARDS or kind_b in _WILDCARDS:
            return True
        if kind_a in _PLAIN and kind_b in _PLAIN:
            return kind_a is kind_b
        if kind_a is Kind.NULL:
            return kind_b in _NULLABLE
        if kind_b is Kind.NULL:
            return kind_a in _NULLABLE
        if kind_a is Kind.WRAPPER:
            kind_a = a.params[0].kind
        if kind_b is Kind.WRAPPER:
            kind_b = b.params[0].kind
        if kind_a is not kind_b:
            return False
        if kind_a is Kind.TYPE:
            return True
        if kind_a in _CONTAINERS:
            if a.name != b.name or len(a.params) != len(b.params):
                return False
            return all(self._assign(x, y) for x, y in zip(a.params, b.params, strict=True))
        return a.name == b.name and kind_a is not Kind.UNSPECIFIED

    def _substitute(self, t: Type, parameter: Type) -> tuple[bool, bool]:
        """Return whether `parameter` may be bound to `t`, and whether it was bound before; binds it where it may."""
        if t.kind is Kind.TYPE_PARAM and t.name == parameter.name:
            return True, True
        bound = self._bound.get(parameter.name)
        if bound is not None:
            if same_type(t, bound):
                return True, True
            if self._assign(t, bound):
                wider = most_general(t, bound)
                if not self._occurs(parameter, wider):
                    self._bind(parameter, wider)
                return True, True
            return False, True
        if self._occurs(parameter, t):
            return False, False
        self._bind(parameter, t)
        return True, False

    def _occurs(self, parameter: Type, within: Type) -> bool:
        while within.kind is Kind.TYPE_PARAM:
            if within.name == parameter.name:
                return True
            bound = self._bound.get(within.name)
            if bound is None:
                return False
            within = bound
        if within.kind not in _COMPOSED:
            return False
        return any(self._occurs(parameter, param) for param in within.params)
