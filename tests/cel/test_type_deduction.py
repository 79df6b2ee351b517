"""Every type of the CEL project's type deduction cases, also those on protobuf messages: they are only types here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from admission.cel import types
from admission.cel.environment import environment
from admission.cel.types import Type, list_of, map_of, struct, wrapper
from tests.conformance import cel_spec

PACKAGE = "cel.expr.conformance.proto3"
MESSAGES: Mapping[str, Mapping[str, Type]] = {
    f"{PACKAGE}.TestAllTypes": {
        "single_int64": types.INT,
        "single_int64_wrapper": wrapper(types.INT),
        "single_string_wrapper": wrapper(types.STRING),
        "single_duration": types.DURATION,
        "single_timestamp": types.TIMESTAMP,
        "standalone_enum": types.INT,
        "repeated_int64": list_of(types.INT),
        "repeated_nested_enum": list_of(types.INT),
        "repeated_nested_message": list_of(struct(f"{PACKAGE}.TestAllTypes.NestedMessage")),
        "map_bool_int64": map_of(types.BOOL, types.INT),
        "map_int32_enum": map_of(types.INT, types.INT),
    },
    f"{PACKAGE}.TestAllTypes.NestedMessage": {"bb": types.INT},
}


def test_all_deduced_types_are_those_of_the_suite(shared: Path) -> None:
    base = environment("standard").extend({}, MESSAGES)
    found: dict[str, Type] = {}
    wanted: dict[str, Type] = {}
    for path in sorted((shared / "cel-conformance").glob("*.json")):
        for name, case in cel_spec.cases(path):
            deduced = case.get("typedResult", {}).get("deducedType")
            if deduced:
                wanted[name] = cel_spec.decode_type(deduced)
                found[name] = cel_spec._declare(case, base).compile(case["expr"]).result_type
    assert found == wanted
    assert len(found) > 40
