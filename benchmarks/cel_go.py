"""The same checks in cel-go, in the API server's environment: needs Go, which only developers have."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

MODULE = Path(__file__).parent / "cel-go"
BINARY = Path(__file__).parent.parent / ".cache" / "benchmark-cel-go"


def run(expressions: dict[str, str], pod: dict[str, Any]) -> dict[str, float] | None:
    """Return the median microseconds of each expression, None where there is no Go; builds the module once."""
    go = shutil.which("go")
    if go is None:
        return None
    BINARY.parent.mkdir(exist_ok=True)
    subprocess.run([go, "build", "-o", str(BINARY), "."], cwd=MODULE, check=True)
    given = json.dumps({"object": pod, "expressions": expressions})
    said = subprocess.run([str(BINARY)], input=given, capture_output=True, text=True, check=True).stdout
    return {name: nanoseconds / 1000 for name, nanoseconds in json.loads(said).items()}
