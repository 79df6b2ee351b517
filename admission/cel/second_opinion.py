"""cel-python as a second engine, for whoever doubts a result: `admission cel --engine cel-python`.

It knows plain CEL only: none of Kubernetes' libraries, no optional syntax. Importing it takes half a second, so nothing
else in the package does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from admission.errors import InputError


def evaluate(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the value that cel-python computes, as JSON; InputError where it cannot, with its own words."""
    import celpy
    from celpy.adapter import CELJSONEncoder, json_to_cel
    from celpy.celparser import CELParseError
    from celpy.evaluation import CELEvalError

    environment = celpy.Environment()
    try:
        program = environment.program(environment.compile(text))
        value = program.evaluate({name: json_to_cel(value) for name, value in variables.items()})
    except (CELParseError, CELEvalError) as error:
        raise InputError(f"cel-python: {error}") from error
    return json.loads(json.dumps(value, cls=CELJSONEncoder))
