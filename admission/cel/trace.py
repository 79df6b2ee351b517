"""What happened inside one evaluation: every step with its value, and where in `object` the values came from.

Only traced evaluations pay for this. Steps form a tree that follows evaluation (a step inside a comprehension appears
once a round). Origins: lists and maps of `object` are known by identity, since nothing copies them; the elements of
lists that an expression builds (`+`, filter, literals) keep the origin of what was put in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

from admission.cel import values
from admission.cel.values import MISSING, CelError, Value

Path: TypeAlias = tuple[str | int, ...]


class FoldVariables(Protocol):
    """The names of a comprehension's variables."""

    iter_var: str
    iter_var2: str | None


class Read:
    """One look into a value: `container[key]`, the result (MISSING where absent), and where that is in `object`."""

    __slots__ = ("container", "key", "path", "result")

    def __init__(self, container: Value, key: Value, result: Value, path: Path | None) -> None:
        self.container = container
        self.key = key
        self.result = result
        self.path = path


class Step:
    """One evaluated sub-expression: node id, value or error, what it read, and the steps inside it.

    `origin` is the path in `object` that the value came from; `round` the comprehension round the step belongs to.
    """

    __slots__ = ("children", "error", "id", "node", "origin", "reads", "round", "value")

    def __init__(self, id: int, node: object, round_: int) -> None:  # noqa: A002
        self.id = id
        self.node = node
        self.value: Value = MISSING
        self.error: CelError | None = None
        self.origin: Path | None = None
        self.reads: list[Read] = []
        self.children: list[Step] = []
        self.round = round_


class Trace:
    """The recorder of one traced evaluation; `root` is the step of the whole expression."""

    def __init__(self, root: Value) -> None:
        self.root_value = root
        self.root = Step(0, None, 0)
        self._stack = [self.root]
        self._round = [0]
        self._places = _Places(root)
        self._elements: dict[int, tuple[Value, list[Path | None]]] = {}
        self._names: list[tuple[str, Value, Path | None]] = []

    @contextmanager
    def step(self, id: int, node: Any) -> Iterator[Step]:  # noqa: A002
        """Record one evaluation: the caller sets `value`; a CelError is kept and passed on."""
        step = Step(id, node, self._round[-1])
        self._stack[-1].children.append(step)
        self._stack.append(step)
        names = len(self._names)
        self._round.append(0)
        try:
            yield step
            self._remember(step)
        except CelError as error:
            step.error = error
            raise
        finally:
            self._round.pop()
            del self._names[names:]
            self._stack.pop()

    def named(self, name: str, value: Value) -> None:
        """Record that a variable was read by name."""
        step = self._stack[-1]
        step.origin = self._origin_of_name(name, value)
        if step.origin is not None:
            step.reads.append(Read(None, name, value, step.origin))

    def read(self, container: Value, key: Value, result: Value) -> None:
        """Record one qualifier: `container[key]` gave `result`, or nothing (MISSING; False for has())."""
        step = self._stack[-1]
        base = self.path_of(container)
        path: Path | None = None
        if base is not None and isinstance(key, str | int):
            path = (*base, key)
        elif type(key) is int:
            path = self._element_path(container, key)
        step.reads.append(Read(container, key, result, path))
        step.origin = path
        if type(result) is list and result not in self._places and id(result) not in self._elements:
            self._elements[id(result)] = (result, list(map(self.path_of, result)))

    def start_round(self, fold: FoldVariables, iterable: Value, index: int, first: Value) -> None:
        """Record that a comprehension goes on to its next element."""
        self._round[-1] = index
        base = self.path_of(iterable)
        path: Path | None = None
        if type(iterable) in values.MAP_CLASSES:
            path = (*base, first) if base is not None and isinstance(first, str) else None
        elif base is not None:
            path = (*base, index)
        else:
            path = self._element_path(iterable, index)
        name = fold.iter_var2 or fold.iter_var
        while self._names and self._names[-1][0] == name:
            self._names.pop()
        self._names.append((name, first, path))

    def path_of(self, value: Value) -> Path | None:
        """Return where a list or map of `object` stands, by identity."""
        return self._places.path_of(value)

    def first_element_path(self, value: Value) -> Path | None:
        """Return where the first element of a list that the expression built came from."""
        known = self._elements.get(id(value))
        return next((path for path in known[1] if path is not None), None) if known is not None else None

    def _origin_of_name(self, name: str, value: Value) -> Path | None:
        for known, _, path in reversed(self._names):
            if known == name:
                return path
        return self.path_of(value)

    def _element_path(self, container: Value, index: int) -> Path | None:
        known = self._elements.get(id(container))
        if known is None or not 0 <= index < len(known[1]):
            return None
        return known[1][index]

    def _remember(self, step: Step) -> None:
        value = step.value
        path = self.path_of(value) if isinstance(value, list | dict) else None
        if path is not None:
            step.origin = path
        elif isinstance(value, list) and id(value) not in self._elements:
            self._elements[id(value)] = (value, self._element_origins(step, value))
        elif step.origin is None:
            step.origin = _inherited(step)

    def _element_origins(self, step: Step, value: list[Value]) -> list[Path | None]:
        by_identity = list(map(self.path_of, value))
        if all(path is not None for path in by_identity):
            return by_identity
        parts: list[Path | None] = []
        for child in step.children:
            if isinstance(child.value, list):
                base = self.path_of(child.value)
                if base is not None:
                    parts.extend((*base, index) for index in range(len(child.value)))
                elif id(child.value) in self._elements:
                    parts.extend(self._elements[id(child.value)][1])
            else:
                parts.append(child.origin)
        return parts if len(parts) == len(value) else by_identity


def _inherited(step: Step) -> Path | None:
    """Return the origin of the sub-step that had the same value (?:, orValue, optional)."""
    for child in reversed(step.children):
        if child.origin is not None and child.value is step.value:
            return child.origin
    return None


class _Places:
    """Where the lists and maps of a value stand, by identity.

    Each is known by what holds it and under which key: whole paths would take memory by the square of the depth.
    """

    __slots__ = ("_holders",)

    def __init__(self, root: Value) -> None:
        self._holders: dict[int, tuple[int, str | int] | None] = {}
        if type(root) not in (dict, list):
            return
        self._holders[id(root)] = None
        pending: list[Value] = [root]
        while pending:
            value = pending.pop()
            for key, item in value.items() if type(value) is dict else enumerate(value):
                if type(item) in (dict, list):
                    self._holders[id(item)] = id(value), key
                    pending.append(item)

    def __contains__(self, value: Value) -> bool:
        return id(value) in self._holders

    def path_of(self, value: Value) -> Path | None:
        """Return the path of a list or map, None where it is no part of the root."""
        if id(value) not in self._holders:
            return None
        path: list[str | int] = []
        holder = self._holders[id(value)]
        while holder is not None:
            path.append(holder[1])
            holder = self._holders[holder[0]]
        return tuple(reversed(path))


class Watched(Protocol):
    """A planned node, as far as watching it goes."""

    id: int

    def eval(self, scope: Any) -> Value:
        """Return the value; CelError where evaluation ends in one."""
        ...


class Watch:
    """A node that reports each evaluation of another node to the trace."""

    __slots__ = ("id", "node")

    def __init__(self, node: Watched) -> None:
        self.node = node
        self.id = node.id

    def eval(self, scope: Any) -> Value:
        """Evaluate the node as a step of the trace of `scope`."""
        with scope.trace.step(self.id, self.node) as step:
            step.value = self.node.eval(scope)
            return step.value
