"""The command line: one file per command, listed here.

    app.py       finds the command, turns errors into sentences and exit codes
    options.py   the options that commands share
    offline.py   policies, facts and an engine made of files
    report.py    what commands print about decisions

Every command is a module with a function `command`, whose docstring is its help, and `EXAMPLES`. A module is imported
when its command is called, so that one command does not wait for what another needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COMMANDS: Final[Mapping[str, str]] = {
    "check": "Judge manifests as the API server would when they are applied.",
    "review": "Answer AdmissionReviews as the server would.",
    "lint": "Say what is wrong with policies, before anybody applies them.",
    "schema": "Print JSON Schemas of policies, for editors.",
    "serve": "Serve policies to the API server as an admission webhook.",
    "cel": "Evaluate CEL expressions as the API server does.",
}
"""The commands and their one sentence; the module of `check` is `admission.cli.check`."""
