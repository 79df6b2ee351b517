"""What somebody forgets when adding something: the line in a table, the case, the page."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from admission.cel.library import LIBRARIES
from admission.cli import COMMANDS

ROOT = Path(__file__).parent.parent
TEXT_ENDINGS = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".jsonl", ".txt", ".lock", ".go", ".mod", ""}

# Packages and modules that may do more than compute; every other module of the package is core.
SHELL = {"__init__", "__main__", "audit", "cel_cases", "cli", "engine", "facts", "loader", "packs", "schema", "server"}
NOT_COMMANDS = {"__init__", "app", "offline", "options", "report"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def tracked() -> list[Path]:
    """Return the files that the repository holds, or, without git, those of the folder that are no by-products."""
    try:
        listed = subprocess.run(["git", "ls-files"], capture_output=True, check=True, cwd=ROOT, encoding="utf-8").stdout
    except (OSError, subprocess.CalledProcessError):
        return [path for name in ("admission", "certs", "docs", "policies") for path in (ROOT / name).rglob("*.*")]
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]


def texts() -> list[Path]:
    return [path for path in tracked() if path.suffix in TEXT_ENDINGS and "tests/assets" not in path.as_posix()]


def modules(package: str) -> set[str]:
    return {path.stem for path in (ROOT / package).glob("*.py")} | {
        path.parent.name for path in (ROOT / package).glob("*/__init__.py")
    }


def contract(name: str) -> dict[str, Any]:
    [found] = [item for item in project()["tool"]["importlinter"]["contracts"] if item["name"].startswith(name)]
    contract_: dict[str, Any] = found
    return contract_


def test_every_library_file_is_registered() -> None:
    files = {path.stem for path in (ROOT / "admission" / "cel" / "library").glob("*.py")} - {"__init__"}
    registered = {
        name
        for name in files
        if getattr(sys.modules.get(f"admission.cel.library.{name}"), "LIBRARY", None) in LIBRARIES
    }
    assert files == registered
    assert len(LIBRARIES) == len({id(library) for library in LIBRARIES})


def test_every_library_has_a_manual() -> None:
    for path in (ROOT / "admission" / "cel" / "library").glob("*.py"):
        module = sys.modules.get(f"admission.cel.library.{path.stem}")
        if module is not None:
            assert len((module.__doc__ or "").strip()) > 80, path.name


def test_every_command_file_is_a_command() -> None:
    assert modules("admission/cli") - NOT_COMMANDS == set(COMMANDS)


def test_every_module_without_side_effects_is_held_to_it() -> None:
    held = {name.removeprefix("admission.") for name in contract("The core does nothing but compute")["source_modules"]}
    assert held == modules("admission") - SHELL


def test_every_module_says_what_it_is() -> None:
    for path in [*(ROOT / "admission").rglob("*.py"), *(ROOT / "certs").rglob("*.py")]:
        assert path.read_text("utf-8").lstrip().startswith(('"""', 'r"""')), path


def test_the_map_of_the_package_names_every_room() -> None:
    import admission

    for name in modules("admission") - {"__init__", "__main__"}:
        assert re.search(rf"\b{name}\b", admission.__doc__ or ""), name


def test_every_policy_has_resources_and_every_folder_a_policy() -> None:
    for folder in {path.parent for path in (ROOT / "policies").rglob("resources")}:
        assert (folder / "policy.yaml").exists(), folder
        names = {path.name for path in (folder / "resources").iterdir()}
        assert {"pass.yaml", "fail.yaml"} <= names or {"unchanged.yaml", "before.yaml", "after.yaml"} <= names, folder
    for policy in (ROOT / "policies").rglob("policy.yaml"):
        assert (policy.parent / "resources").is_dir(), policy


def test_a_policy_of_pod_security_lies_in_the_folder_of_its_name() -> None:
    """Levels are made of bindings and the folders that they name."""
    for policy in (ROOT / "policies" / "pod-security").glob("*/policy.yaml"):
        assert yaml.safe_load(policy.read_text("utf-8"))["metadata"]["name"] == policy.parent.name


def test_nothing_names_a_path_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.$}{/-])/(work|root|home|Users|opt|mnt)/[A-Za-z0-9._-]+")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in texts()
        if path != Path(__file__)
        for match in pattern.finditer(path.read_text("utf-8", "replace"))
    ]
    assert found == []


def test_the_lock_file_holds_versions_and_no_address() -> None:
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==[\w.!+]+( ; [\w .'=!<>()_-]+)?", line), line


def test_every_dependency_is_locked_and_has_its_reason() -> None:
    described = project()["project"]
    wanted = list(described["dependencies"])
    for extra in described["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[\[<>=; ]", line)[0] for line in wanted} - {"admission"}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()}
    assert {name.lower() for name in names} <= locked
    reasons = (ROOT / "docs" / "adr" / "0002-dependencies.md").read_text("utf-8")
    for name in names - {"types-PyYAML", "pytest-xdist"}:
        assert name in reasons, name


@pytest.mark.parametrize("word", ["manager", "handler", "helper", "utils", "violation"])
def test_no_module_is_named_by_a_word_that_says_nothing(word: str) -> None:
    for package in ("admission", "certs", "tests"):
        assert not [path for path in (ROOT / package).rglob("*.py") if word in path.stem]


def test_every_setting_of_the_server_is_an_option() -> None:
    settings = pytest.importorskip("admission.server.settings")
    shown = (ROOT / "docs" / "commands.md").read_text("utf-8")
    for field in settings.Settings.model_fields:
        assert settings.option_of(field) in shown
        assert settings.variable_of(field) in " ".join(shown.split()) or settings.variable_of(field) in shown


def test_records_of_decisions_are_numbered_and_named_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md")]
    assert len(numbers) == len(set(numbers))
    for path in (ROOT / "docs" / "adr").glob("*.md"):
        assert path.read_text("utf-8").startswith(f"# {int(path.name[:4])}. "), path.name
