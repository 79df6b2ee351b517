"""Writes the pages of docs/ that say what the program itself says: `make docs`. A test fails where they differ."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from admission.cli import COMMANDS
from admission.cli.app import EXIT_CODES
from admission.loader import load_policies
from admission.packs import pack_files, packs
from admission.policy import Policy

ROOT: Final = Path(__file__).resolve().parent.parent
NOTE: Final = "<!-- made by `make docs` from what the program prints; do not edit -->\n"
ENVIRONMENT: Final = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def pages() -> dict[str, str]:
    """Return every generated page by its path in the repository."""
    return {"docs/commands.md": commands(), "docs/policies.md": policies()}


def commands() -> str:
    """Return the page with the help of every command, and the exit codes."""
    parts = [NOTE, "# Commands\n", *_help([]), "## Exit codes\n"]
    parts.append(
        "| code | meaning |\n|---|---|\n" + "\n".join(f"| {code} | {text} |" for code, text in EXIT_CODES.items())
    )
    for name in COMMANDS:
        parts += ["", f"## {name}\n", *_help([name])]
    return "\n".join(parts) + "\n"


def _help(arguments: list[str]) -> list[str]:
    shown = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-m", "admission", *arguments, "--help"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        encoding="utf-8",
    ).stdout
    lines = [line.rstrip() for line in shown.strip("\n").splitlines()]
    return ["```text", *("\n".join(lines).strip("\n").splitlines()), "```\n"]


def policies() -> str:
    """Return the page with every bundled policy, by pack."""
    parts = [
        NOTE,
        "# Bundled policies\n",
        "How to choose and bind them: [policies/README.md](../policies/README.md).\n",
    ]
    for pack in packs():
        files = pack_files(pack)
        folders: Mapping[str, str] = {
            policy.name: name.removeprefix("builtin:").removesuffix("/policy.yaml")
            for name, file in files
            if file.name == "policy.yaml"
            for policy in load_policies([file]).policies.policies
        }
        parts.append(f"## {pack}\n")
        parts += [
            _policy(policy, folders[policy.name]) for policy in load_policies([f"builtin:{pack}"]).policies.policies
        ]
    return "\n".join(parts)


def _policy(policy: Policy, folder: str) -> str:
    templates = ", also in pod templates" if policy.pod_templates else ""
    return (
        f"### {policy.name}\n\n"
        f"**{policy.title}.** {policy.description}\n\n"
        f"What to do: {policy.remedy}.\n\n"
        f"`builtin:{folder}` · {policy.category} · severity {policy.severity}{templates}\n"
    )


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
