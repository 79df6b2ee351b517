"""ApplyConfiguration: the Object that an expression made, merged into the object that it is about.

Whatever keeps it from being merged is said in the API server's words. Sources: apiserver
pkg/admission/plugin/policy/mutating/patch/smd.go, apimachinery pkg/util/managedfields/internal/typeconverter.go.
"""

from __future__ import annotations

import math
from typing import Final

from admission.cel.values import StructValue
from admission.merge_validation import STRICT, Tolerance, atomic_paths, faults, joined
from admission.object_values import Native, Originals, UnwritableError, check_type_names, to_native
from admission.schema.conversion import conversion_fault
from admission.schema.definitions import KindName
from admission.schema.merging import MergeTypes
from admission.structured_merge import merge
from admission.workload import JsonObject

_INT64: Final = 2**63


class ApplyError(Exception):
    """An apply configuration that cannot be applied; the text is the API server's."""


def apply_configuration(
    value: StructValue, originals: Originals, live: JsonObject, kind: KindName, types: MergeTypes
) -> JsonObject:
    """Return `live` with the Object merged into it; `live` is not changed, and what did not change is shared.

    `kind` is the kind of the live object, `originals` are the documents that the expression saw. Raises ApplyError.
    """
    try:
        check_type_names(value, originals)
    except UnwritableError as error:
        raise ApplyError(str(error)) from None
    try:
        configuration = to_native(value, originals)
    except UnwritableError:
        raise ApplyError("invalid return type: *dynamic.ObjectVal") from None
    configuration |= {"apiVersion": kind.api_version, "kind": kind.kind}
    try:
        return _merged(configuration, live, kind, types)
    except RecursionError:
        raise ApplyError("error applying patch: the objects are nested too deeply to be merged") from None


def _merged(configuration: dict[str, Native], live: JsonObject, kind: KindName, types: MergeTypes) -> JsonObject:
    reference = types.of(kind)
    if reference is None:
        raise _refused(f"failed to convert patch object to typed object: no corresponding type for {kind}")
    found = faults(reference, configuration, STRICT)
    if found:
        raise _refused(f"failed to convert patch object to typed object: {joined(found)}")
    pieces = list(atomic_paths(reference, configuration))
    if pieces:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(pieces)}"
        raise _refused(f"invalid ApplyConfiguration: {text}")
    found = faults(reference, live, Tolerance(duplicates=True, undeclared=not types.complete))
    if found:
        raise _refused(f"failed to convert original object to typed object: {joined(found)}")
    merged = merge(reference, live, _plain(configuration))
    if not isinstance(merged, dict):
        raise _refused("failed to convert typed object to object: the result is no object")
    fault = conversion_fault(merged, live, kind, types.native)
    if fault is not None:
        raise ApplyError(fault)
    if not _finite(configuration):
        raise _refused("a number of the configuration is infinite or not a number at all, which JSON cannot say")
    return merged


def _plain(value: Native) -> Native:
    """Return a valid configuration as JSON: lists without elements are null, whole doubles integers."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value] if value or type(value) is list else None
    if isinstance(value, float) and value.is_integer() and -_INT64 <= value < _INT64:
        return int(value)
    return value


def _finite(value: Native) -> bool:
    """Whether JSON has a number for every number of a configuration."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return all(map(_finite, value)) if isinstance(value, list) else not isinstance(value, float) or math.isfinite(value)


def _refused(text: str) -> ApplyError:
    return ApplyError(f"error applying patch: {text}")
