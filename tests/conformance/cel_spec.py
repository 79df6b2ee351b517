"""The conformance suite of the CEL project (google/cel-spec, Apache-2.0), as JSON: reading it, running it.

Left out, and nothing else: cases that need protobuf message types, which a policy on JSON objects can never meet
(`needs_protobuf`). Everything is run in the `standard` environment.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from admission.cel import types, values
from admission.cel.activation import Activation
from admission.cel.checker import CheckedAst
from admission.cel.diagnostic import CompileError
from admission.cel.environment import Environment, environment
from admission.cel.function import Function, Overload
from admission.cel.messages import WELL_KNOWN
from admission.cel.types import Type
from admission.cel.values import CelError, Uint, Value

PROTOBUF_MARKS = ("TestAllTypes", "cel.expr.conformance", "GlobalEnum", "NestedEnum", "NestedMessage")


@dataclass(slots=True)
class Tally:
    """What became of the cases of one file."""

    name: str
    passed: int = 0
    left_out: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, differences: list[str]) -> None:
        """Count one case: passed where there are no differences."""
        if differences:
            self.failures.append(f"{name}: {'; '.join(differences)}")
        else:
            self.passed += 1


def needs_protobuf(case: dict[str, Any]) -> bool:
    """Whether a case cannot be said without a protobuf message type of its own."""
    text = json.dumps({key: value for key, value in case.items() if key not in ("container", "name", "description")})
    return any(mark in text for mark in PROTOBUF_MARKS)


def cases(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, case) of one file of the suite."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for section in document["section"]:
        for case in section.get("test", []):
            yield f"{document['name']}/{section['name']}/{case['name']}", case


def run_file(path: Path, base: Environment | None = None) -> Tally:
    """Run every case of one file."""
    tally = Tally(path.name)
    base = base or environment("standard")
    for name, case in cases(path):
        if needs_protobuf(case):
            tally.left_out += 1
            continue
        failure = run_case(case, base)
        if failure is None:
            tally.passed += 1
        else:
            tally.failures.append(f"{name}: {failure}")
    return tally


def run_case(case: dict[str, Any], base: Environment) -> str | None:
    """Return None where the case holds, otherwise what is wrong."""
    try:
        env = _declare(case, base)
        ast = env.parse(case["expr"])
        if case.get("disableCheck"):
            checked = CheckedAst(ast.expr, ast.source, {}, {}, types.DYN)
        else:
            checked = env.check(ast)
    except CompileError as error:
        return None if "evalError" in case else f"does not compile: {error.issues[0].message}"
    if "typedResult" in case:
        wanted = decode_type(case["typedResult"]["deducedType"])
        if str(wanted) != str(checked.result_type):
            return f"type {checked.result_type}, wanted {wanted}"
    if case.get("checkOnly"):
        return None
    return _evaluate(case, env, checked)


def _evaluate(case: dict[str, Any], env: Environment, checked: CheckedAst) -> str | None:
    bindings = {name: decode_value(bound["value"]) for name, bound in case.get("bindings", {}).items()}
    try:
        program = env.program(checked)
        got = program.evaluate(Activation(bindings))
        exact = program.evaluate(Activation(bindings, exact=True))
    except CelError as error:
        return None if "evalError" in case else f"error: {error}"
    if not same(got, exact):
        return f"compiled code gives {got!r}, the interpreter {exact!r}"
    if "evalError" in case:
        return f"no error but {got!r}"
    wanted = decode_value(case.get("value") or case.get("typedResult", {}).get("result") or {"boolValue": True})
    return None if same(got, wanted) else f"{got!r}, wanted {wanted!r}"


def same(got: Value, wanted: Value) -> bool:
    """Whether two values are the same, types included (NaN is NaN)."""
    if values.is_nan(wanted):
        return values.is_nan(got)
    if type(wanted) in values.LIST_CLASSES:
        return (
            type(got) in values.LIST_CLASSES
            and len(got) == len(wanted)
            and all(same(a, b) for a, b in zip(got, wanted, strict=True))
        )
    if type(wanted) in values.MAP_CLASSES:
        if type(got) not in values.MAP_CLASSES or len(got) != len(wanted):
            return False
        found = [(values.find(got, key), values.find(wanted, key)) for key in wanted]
        return all(a is not values.MISSING and same(a, b) for a, b in found)
    if isinstance(wanted, Type):
        return isinstance(got, Type) and got.name == wanted.name
    return type(got) is type(wanted) and (got == wanted or values.equal(got, wanted))


_PRIMITIVES = {
    "BOOL": types.BOOL, "INT64": types.INT, "UINT64": types.UINT, "DOUBLE": types.DOUBLE, "STRING": types.STRING,
    "BYTES": types.BYTES,
}  # fmt: skip


def decode_type(encoded: dict[str, Any]) -> Type:
    """Return the type of its protobuf JSON form."""
    (kind, payload), *_ = encoded.items()
    if kind == "primitive":
        return _PRIMITIVES[payload]
    if kind == "wrapper":
        return types.wrapper(_PRIMITIVES[payload])
    if kind == "null":
        return types.NULL
    if kind == "dyn":
        return types.DYN
    if kind == "listType":
        return types.list_of(decode_type(payload.get("elemType", {"dyn": {}})))
    if kind == "mapType":
        return types.map_of(decode_type(payload["keyType"]), decode_type(payload["valueType"]))
    if kind == "wellKnown":
        return {"DURATION": types.DURATION, "TIMESTAMP": types.TIMESTAMP, "ANY": types.ANY}[payload]
    if kind == "typeParam":
        return types.type_param(payload)
    if kind == "type":
        return types.type_of_type(decode_type(payload)) if payload else types.TYPE
    if kind == "abstractType":
        return types.opaque(payload["name"], *(decode_type(p) for p in payload.get("parameterTypes", [])))
    if kind == "messageType":
        return WELL_KNOWN.get(payload, types.struct(payload))
    raise ValueError(f"unknown type {encoded}")


def decode_value(encoded: dict[str, Any]) -> Value:
    """Return the value of its protobuf JSON form."""
    (kind, payload), *_ = encoded.items()
    if kind == "int64Value":
        return int(payload)
    if kind == "uint64Value":
        return Uint(payload)
    if kind == "doubleValue":
        return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(str(payload), float(payload))
    if kind == "bytesValue":
        return base64.b64decode(payload)
    if kind == "listValue":
        return [decode_value(element) for element in payload.get("values", [])]
    if kind == "mapValue":
        return values.make_map((decode_value(e["key"]), decode_value(e["value"])) for e in payload.get("entries", []))
    if kind == "typeValue":
        return _type_named(payload)
    if kind == "objectValue":
        return _decode_message(payload)
    return payload


def _type_named(name: str) -> Type:
    known = environment("standard").find_ident(name)
    return known[1] if known is not None else types.opaque(name)


def _decode_message(payload: dict[str, Any]) -> Value:
    name = payload["@type"].rsplit("/", 1)[1]
    value: Any = payload.get("value")
    if name == "google.protobuf.Duration":
        return values.Duration(round(float(value.removesuffix("s")) * values.NANOS))
    if name in ("google.protobuf.UInt32Value", "google.protobuf.UInt64Value"):
        return Uint(value or 0)
    if name in ("google.protobuf.Int32Value", "google.protobuf.Int64Value"):
        return int(value or 0)
    if name == "google.protobuf.BytesValue":
        return base64.b64decode(value or "")
    if name in ("google.protobuf.Value", "google.protobuf.FloatValue", "google.protobuf.DoubleValue"):
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return value


def _declare(case: dict[str, Any], base: Environment) -> Environment:
    variables: dict[str, Type] = {}
    functions: list[Function] = []
    for declared in case.get("typeEnv", []):
        if "ident" in declared:
            variables[declared["name"]] = decode_type(declared["ident"]["type"])
        else:
            functions.append(_function(declared))
    return base.extend(variables, container=case.get("container", ""), functions=functions)


def _function(declared: dict[str, Any]) -> Function:
    return Function(
        declared["name"],
        tuple(
            Overload(
                overload["overloadId"],
                tuple(decode_type(param) for param in overload.get("params", [])),
                decode_type(overload["resultType"]),
                _unbound,
                member=overload.get("isInstanceFunction", False),
            )
            for overload in declared["function"]["overloads"]
        ),
    )


def _unbound(*_: Value) -> Value:
    raise CelError("no such overload")
