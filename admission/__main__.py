"""`python -m admission` and the `admission` command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from admission.cli.app import run

RECURSION_LIMIT = 10_000
"""Expressions may nest 750 levels, a few calls each; calls between Python functions do not need the C stack."""


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    sys.exit(run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
