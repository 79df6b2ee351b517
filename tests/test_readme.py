"""The README and the help texts say what happens: their commands are run, their outputs compared."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from admission.cli import COMMANDS
from admission.cli.app import EXAMPLES, EXIT_CODES
from docs.generate import pages

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the README speaks to a POSIX shell")

SECONDS = re.compile(r"\d+\.\d\d s$")


def console_blocks() -> Iterator[list[tuple[str, str]]]:
    """Yield the blocks of the README that are marked as console: commands with what they print."""
    for block in re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
        yield list(zip(parts[::2], parts[1::2], strict=True))


def shell(command: str, *, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a line in bash with the commands of this environment first on the path, and in colours for nobody."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", ""),
        "COLUMNS": "100",
    }
    return subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=check,
        cwd=ROOT,
        env=environment,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.parametrize("block", list(console_blocks()), ids=lambda block: block[0][0][:40])
def test_a_block_of_the_readme_prints_what_it_says(block: list[tuple[str, str]]) -> None:
    code = 0
    for command, expected in block:
        if command == "echo $?":
            assert expected.strip() == str(code)
            continue
        done = shell(command)
        code = done.returncode
        shown = [SECONDS.sub("N s", line) for line in done.stdout.strip().splitlines()]
        assert shown == [SECONDS.sub("N s", line) for line in expected.strip().splitlines()]


def examples() -> list[str]:
    lines = list(EXAMPLES)
    for name in COMMANDS:
        lines += importlib.import_module(f"admission.cli.{name}").EXAMPLES
    return lines


@pytest.mark.parametrize("line", examples())
def test_an_example_of_a_help_text_runs(line: str) -> None:
    if " serve " in line:
        words = [word for word in shlex.split(line) if word.startswith("--")]
        options = shell("admission serve --help", check=True).stdout
        assert all(word in options for word in words)
        return
    assert shell(line).returncode in (0, 1)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_help_text_has_two_examples_at_least(name: str) -> None:
    assert len(importlib.import_module(f"admission.cli.{name}").EXAMPLES) >= 2


def test_the_readme_lists_every_command_with_its_sentence() -> None:
    for name, sentence in COMMANDS.items():
        assert f"| `admission {name}` | {sentence} |" in README


def test_the_readme_says_the_exit_codes() -> None:
    said = " ".join(README.split())
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in said


def test_the_line_that_make_run_prints_is_the_one_in_the_readme() -> None:
    [line] = re.findall(r'@echo "  (curl .*)"', (ROOT / "Makefile").read_text("utf-8"))
    assert f"\n{line}\n" in README


def test_targets_that_texts_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", ".pre-commit-config.yaml", ".github/workflows/ci.yml"):
        named = re.findall(r"(?:`|entry: |run: )make ([a-z]+)", (ROOT / name).read_text("utf-8"))
        assert set(named) <= targets


def test_links_of_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "policies" / "README.md"]
    for document in documents:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.relative_to(ROOT)}: {link}"


@pytest.mark.parametrize("path", ["docs/commands.md", "docs/policies.md"])
def test_a_made_page_says_what_the_program_says(path: str) -> None:
    """`make docs` writes them anew."""
    assert pages()[path] == (ROOT / path).read_text("utf-8")
