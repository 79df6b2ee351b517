"""Which functions, macros, types and rules an expression may use: three environments, one table.

`kubernetes` is exactly what the API server offers in a given minor version; `extended` adds what our own kinds may use;
`standard` is plain CEL as its conformance suite has it, which no policy can choose. What a version has is data: the
`since` of libraries, functions and overloads. Source: apiserver pkg/cel/environment/base.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from admission.cel import messages, structs, types
from admission.cel.ast import Ast
from admission.cel.checker import CheckedAst, check
from admission.cel.diagnostic import CompileError, issue_at
from admission.cel.function import Function, Library, Macro, Overload, Validator
from admission.cel.library import LIBRARIES, json_patch
from admission.cel.macro import STANDARD_MACROS
from admission.cel.parser import parse
from admission.cel.program import Program
from admission.cel.types import Type
from admission.cel.validators import KUBERNETES_VALIDATORS, validate
from admission.cel.values import MISSING, CelError, Value
from admission.errors import UsageError

NEWEST = "1.36"
OLDEST = (1, 30)  # of an older one it is not recorded what it had
_VERSION = re.compile(r"v?(1\.[0-9]{1,3})(?![0-9])")
MUTATED_OBJECT = "Object"  # where this type is declared, a mutation is written: it also has the JSON patch functions


@dataclass(frozen=True, slots=True)
class Rules:
    """What distinguishes environments beyond their libraries."""

    escaped_identifiers: bool = False  # a.`b-c`
    strict: bool = False  # as the specification has it where cel-go is lenient: repeated keys, fields of scalars
    validators: tuple[Validator, ...] = KUBERNETES_VALIDATORS


ENVIRONMENTS: dict[str, Rules] = {
    "kubernetes": Rules(),
    "extended": Rules(),
    "standard": Rules(escaped_identifiers=True, strict=True, validators=()),
}

# types that are values too; all others can be named and built, but their name alone is an error when planned
_TYPE_NAMES: dict[str, Type] = {
    "bool": types.BOOL,
    "bytes": types.BYTES,
    "double": types.DOUBLE,
    "int": types.INT,
    "list": types.LIST_DYN,
    "map": types.MAP_DYN,
    "null_type": types.NULL,
    "optional_type": types.opaque("optional_type"),
    "string": types.STRING,
    "type": types.TYPE,
    "uint": types.UINT,
    "google.protobuf.Duration": types.DURATION,
    "google.protobuf.Empty": types.struct("google.protobuf.Empty"),
    "google.protobuf.Timestamp": types.TIMESTAMP,
}


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.removeprefix("v").split(".")[:2]
    return int(major), int(minor)


def minor_version(text: str) -> str:
    """Return `1.N` of a version as people or servers write it (`v1.36.2-x.1`); UsageError for any other or older."""
    version = _VERSION.match(text)
    if version is None:
        raise UsageError(f"{text!r} is no version of Kubernetes; write it as {NEWEST}")
    if _minor(version.group(1)) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UsageError(f"Kubernetes {version.group(1)} is older than {oldest}, the first version that is known here")
    return version.group(1)


def environment(name: str, version: str = NEWEST) -> Environment:
    """Return the environment of that name as of that Kubernetes minor version; KeyError for an unknown name."""
    return Environment(name, version, ENVIRONMENTS[name], LIBRARIES)


class Environment:
    """Declarations for the checker, macros for the parser, functions for the planner: all that an expression sees."""

    def __init__(self, name: str, version: str, rules: Rules, libraries: Iterable[Library]) -> None:
        self.name = name
        self.version = version
        self.rules = rules
        self.container = ""
        self.strict = rules.strict
        self.macros: dict[tuple[str, bool, int | None], Macro] = {_key(m): m for m in STANDARD_MACROS}
        self.validators: tuple[Validator, ...] = tuple(v for v in rules.validators if self._has(v.since))
        self.newer: dict[str, str] = {}
        self._functions: dict[str, Function] = {}
        self._idents: dict[str, tuple[Type, Value]] = {
            known: (types.type_of_type(kind), kind) for known, kind in _TYPE_NAMES.items()
        } | {name: (types.INT, number) for name, number in messages.ENUM_VALUES.items()}
        self._structs: dict[str, Mapping[str, Type]] = dict(messages.FIELDS)
        self._by_name: set[str] = set()
        for library in libraries:
            if name in library.environments:
                self._add(library)

    def _add(self, library: Library) -> None:
        for function in library.functions:
            self._add_function(library, function)
        for macro in library.macros:
            if self._has(macro.since or library.since):
                self.macros[_key(macro)] = macro
            else:
                self.newer[macro.name] = macro.since or library.since or ""
        if not self._has(library.since):
            return
        for constant, kind, value in library.constants:
            self._idents[constant] = (kind, value)
        self._structs.update(library.structs)
        self.validators += tuple(v for v in library.validators if self._has(v.since))

    def _add_function(self, library: Library, function: Function) -> None:
        overloads = tuple(
            overload for overload in function.overloads if self._has(overload.since or function.since or library.since)
        )
        if not overloads:
            first = function.overloads[0]
            self.newer.setdefault(function.name, first.since or function.since or library.since or "")
            return
        known = self._functions.get(function.name)
        if known is not None:
            merged: dict[str, Overload] = {overload.id: overload for overload in (*known.overloads, *overloads)}
            overloads = tuple(merged.values())
        self._functions[function.name] = replace(function, overloads=overloads)
        if library.priced_by_name and known is None:  # `string` of an address is still the language's own function
            self._by_name.add(function.name)
        self.newer.pop(function.name, None)

    def _has(self, since: str | None) -> bool:
        return since is None or self.name == "standard" or _minor(since) <= _minor(self.version)

    def extend(
        self,
        variables: Mapping[str, Type],
        structs: Mapping[str, Mapping[str, Type]] | None = None,
        *,
        container: str = "",
        functions: Iterable[Function] = (),
    ) -> Environment:
        """Return this environment with more variables, object types and functions, names looked up in `container`."""
        if structs is not None and MUTATED_OBJECT in structs:
            functions = (*functions, *json_patch.LIBRARY.functions)
        child = object.__new__(Environment)
        child.__dict__.update(self.__dict__)
        child._idents = {**self._idents, **{name: (kind, MISSING) for name, kind in variables.items()}}
        child._structs = {**self._structs, **(structs or {})}
        child._functions = {**self._functions, **{function.name: function for function in functions}}
        child.container = container or self.container
        return child

    def find_ident(self, name: str) -> tuple[Type, Value] | None:
        """Return the type and constant value (MISSING for variables) of a global name."""
        return self._idents.get(name)

    def find_function(self, name: str) -> Function | None:
        """Return the function of that name with the overloads this version has."""
        return self._functions.get(name)

    def find_struct(self, name: str) -> Type | None:
        """Return the type that `name{...}` makes."""
        known = messages.WELL_KNOWN.get(name)
        if known is not None:
            return known
        return types.struct(name) if name in self._structs or self.is_open(name) else None

    def find_field(self, struct: str, field: str) -> Type | None:
        """Return the type of a field of a declared object type."""
        if self.is_open(struct):
            return types.DYN
        missing = (
            types.UNSPECIFIED if struct == structs.JSON_PATCH else None
        )  # it has any field, but only four have a type
        return self._structs.get(struct, {}).get(field, missing)

    def ident_names(self) -> Iterable[str]:
        """Return the names of variables, constants and types."""
        return self._idents

    def function_names(self) -> Iterable[str]:
        """Return the names of all functions, operators included."""
        return self._functions

    def field_names(self, struct: str) -> Iterable[str]:
        """Return the declared fields of an object type."""
        return self._structs.get(struct, {})

    def remark(self, name: str) -> str | None:
        """Return since when a name exists that this version does not have: itself, or what begins with it and a dot."""
        since = self.newer.get(name)
        if since:
            return f"exists since Kubernetes {since}"
        inside = {function: since for function, since in self.newer.items() if function.startswith(f"{name}.")}
        if len(inside) > 1:
            return f"{name}.* exist since Kubernetes {' and '.join(sorted(set(inside.values())))}"
        return ", ".join(f"{function} exists since Kubernetes {since}" for function, since in inside.items()) or None

    def is_open(self, name: str) -> bool:
        """Return whether the type takes any field: `Object` and `Object.a.b` of mutations (pkg/cel/mutation)."""
        return MUTATED_OBJECT in self._structs and (name == MUTATED_OBJECT or name.startswith(MUTATED_OBJECT + "."))

    def priced_by_name(self, name: str) -> bool:
        """Return whether cost depends on the function's name and not on the resolved overload."""
        return name in self._by_name

    def struct_builder(self, name: str) -> Callable[[dict[str, Value]], Value]:
        """Return what makes a value of the type from its fields; CelError where there is no such type."""
        builder = messages.BUILDERS.get(name)
        if builder is not None:
            return builder
        struct = self.find_struct(name)
        if struct is None:
            raise CelError(f"unknown type: {name}")
        return structs.builder(struct, is_open=self.is_open(name))

    def parse(self, text: str) -> Ast:
        """Parse; CompileError for syntax errors."""
        return parse(text, macros=self.macros, escaped_identifiers=self.rules.escaped_identifiers)

    def check(self, ast: Ast) -> CheckedAst:
        """Check types and constants; CompileError with every error."""
        checked = check(ast, self)
        validate(checked, self, self.validators)
        if structs.JSON_PATCH in self._structs and types.UNSPECIFIED in checked.types.values():
            untyped = "unexpected compilation error: missing type conversion to proto: "
            raise CompileError([issue_at(ast.source, -1, untyped)], ast.source)
        return checked

    def compile(self, text: str) -> CheckedAst:
        """Parse and check; CompileError with every error."""
        return self.check(self.parse(text))

    def program(self, checked: CheckedAst) -> Program:
        """Make a program; ProgramError where a constant cannot be converted or a pattern is no regular expression."""
        return Program(checked, self)


def _key(macro: Macro) -> tuple[str, bool, int | None]:
    return macro.name, macro.member, macro.arity
