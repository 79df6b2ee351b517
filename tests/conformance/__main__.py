"""`make conformance`: every recorded case, a line a file, failures by name, one total last; exit 1 on any failure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.conformance import cel_spec, kubernetes_cel, recorded
from tests.conformance.cel_spec import Tally


def shared_folder() -> Path | None:
    """Return the folder of recorded data, None where it is absent and nobody asked for it."""
    folder = Path(os.environ.get("ADMISSION_SHARED", "../shared"))
    if folder.is_dir():
        return folder
    if "ADMISSION_SHARED" in os.environ:
        sys.exit(f"conformance: ADMISSION_SHARED is {folder}, which is no folder")
    return None


def golden(folder: Path) -> Tally:
    """Run the policies recorded with requests and answers; one that was refused must be refused in the same words."""
    tally = Tally("golden")
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        found = recorded.golden_rejection(case) if "rejected" in case else recorded.golden_differences(case)
        tally.add(path.stem, found)
    return tally


def policies(path: Path, *, mutating: bool) -> Tally:
    """Run one file of policies with requests and outcomes."""
    tally = Tally(path.name)
    for case in recorded.lines(path):
        tally.add(case["name"], recorded.policy_case_differences(case, mutating=mutating))
    return tally


def main() -> int:
    """Run everything that is there."""
    shared = shared_folder()
    if shared is None:
        sys.stdout.write("conformance: skipped, no recorded data (ADMISSION_SHARED names the folder)\n")
        return 0
    tallies: list[Tally] = [cel_spec.run_file(path) for path in sorted((shared / "cel-conformance").glob("*.json"))]
    tallies += [kubernetes_cel.run_file(path) for path in sorted((shared / "kubernetes-cel").glob("*.jsonl"))]
    tallies.append(golden(shared / "golden"))
    for name in ("validating", "mutating"):
        tallies.append(policies(shared / "kubernetes-policies" / f"{name}.jsonl", mutating=name == "mutating"))
    for tally in tallies:
        sys.stdout.write(
            f"{tally.name:24} {tally.passed:5} passed {len(tally.failures):5} failed {tally.left_out:5} left out\n"
        )
    for tally in tallies:
        for failure in tally.failures:
            sys.stdout.write(f"FAILED {tally.name} {failure}\n")
    passed = sum(tally.passed for tally in tallies)
    failed = sum(len(tally.failures) for tally in tallies)
    left_out = sum(tally.left_out for tally in tallies)
    sys.stdout.write(f"{passed} passed, {failed} failed, {left_out} skipped\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
