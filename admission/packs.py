"""The bundled policies: where they lie, which packs there are, and the files of each.

`builtin:NAME` names a folder below `policies/`: a whole pack (`builtin:pod-security`), a part of one
(`builtin:pod-security/privileged-containers`), or with nothing after the colon everything. A level
(`builtin:pod-security/baseline`) is the bindings of that name with the policies that they bind. The folder is shipped
inside the package; in a checkout it lies beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from admission.decoding import suggestion
from admission.errors import UsageError

PREFIX: Final = "builtin:"
SUFFIXES: Final = (".yaml", ".yml", ".json")
NOT_POLICIES: Final = ("tests.yaml", "resources")  # what a policy is tested with
LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "pod-security/baseline": ("bindings/baseline.yaml",),
    "pod-security/restricted": ("bindings/baseline.yaml", "bindings/restricted.yaml"),
}
"""Levels of packs by name, with their files of bindings; each level holds the ones before it."""

_POLICY_NAME: Final = re.compile(r"^ +policyName: *(\S+) *$", re.MULTILINE)


def root() -> Path:
    """Return the folder of the bundled policies."""
    package = Path(__file__).resolve().parent
    shipped = package / "policies"
    return shipped if shipped.is_dir() else package.parent / "policies"


def packs() -> tuple[str, ...]:
    """Return the names of the packs, in order."""
    return tuple(sorted(entry.name for entry in root().iterdir() if entry.is_dir() and not entry.name.startswith(".")))


def pack_files(name: str) -> list[tuple[str, Path]]:
    """Return the files of `builtin:NAME` in order, each with the name to show; UsageError where there is none."""
    top = root()
    folder = top.joinpath(name)
    inside = name == "" or (".." not in Path(name).parts and not Path(name).is_absolute())
    if name in LEVELS:
        files = _level_files(folder.parent, LEVELS[name])
    else:
        files = files_below(folder, NOT_POLICIES) if inside and folder.is_dir() else []
    if not files:
        near = suggestion(name.partition("/")[0], packs())
        hint = f"did you mean {PREFIX}{near}?" if near else f"there are: {', '.join(packs()) or 'none'}"
        raise UsageError(f"{PREFIX}{name} is no bundled policy; {hint}")
    return [(PREFIX + file.relative_to(top).as_posix(), file) for file in files]


def _level_files(pack: Path, bindings: tuple[str, ...]) -> list[Path]:
    """Return files of bindings and those of the policies that they bind, each in the folder of its name."""
    files = [pack / name for name in bindings]
    bound = {name for file in files for name in _POLICY_NAME.findall(file.read_text("utf-8"))}
    return [*files, *(pack / name / "policy.yaml" for name in sorted(bound))]


def files_below(folder: Path, skipped: tuple[str, ...] = ()) -> list[Path]:
    """Return every YAML and JSON file below a folder in order, hidden ones and those with a skipped name left out.

    Links are followed, since that is how Kubernetes mounts a ConfigMap, but no folder is entered twice.
    """
    found: list[Path] = []
    entered: set[Path] = set()

    def enter(current: Path) -> None:
        real = current.resolve()
        if real in entered:
            return
        entered.add(real)
        for entry in sorted(current.iterdir(), key=lambda item: item.name):
            if entry.name.startswith(".") or entry.name in skipped:
                continue
            if entry.is_dir():
                enter(entry)
            elif entry.suffix in SUFFIXES:
                found.append(entry)

    enter(folder)
    return found
