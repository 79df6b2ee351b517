"""`make bench`: everything in one run, tables on stdout, the figures also in benchmarks/latest.json."""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import checks, compiling, many_policies, profile, serving

LATEST = Path(__file__).parent / "latest.json"


def show(title: str, figures: dict[str, Any], goal: str = "") -> None:
    """Print one table."""
    print(f"\n{title}" + (f"   (goal: {goal})" if goal else ""))
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"  {name:8} " + "  ".join(f"{key} {_figure(item)}" for key, item in value.items()))
        else:
            print(f"  {name:32} {_figure(value)}")
    sys.stdout.flush()


def _figure(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Run all benchmarks, or those named on the command line."""
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    with tempfile.TemporaryDirectory() as folder:
        certificate = serving.Certificate(folder)
        parts = {
            "checks": ("one check on a pod, microseconds", "at most 4x the loop, 0.15x of cel-go", checks.run),
            "profile": (
                "the restricted profile on a pod of 3 containers, microseconds",
                "both paths beside orjson.loads of the request",
                profile.run,
            ),
            "compiling": ("parse, check, compile 1,000 expressions", "under 2 s", compiling.run),
            "many_policies": ("500 policies of which 5 match, beside those 5", "ratio at most 1.3", many_policies.run),
            "throughput": (
                "/validate, restricted profile, TLS, 16 connections",
                "ratio at least 0.60, failed 0",
                lambda: serving.throughput(certificate),
            ),
            "audit_only": (
                "the same with --audit-only",
                "ratio at least 0.90, failed 0",
                lambda: serving.throughput(certificate, audit_only=True),
            ),
            "isolation": (
                "while 16 reviews burn their whole budget",
                "livez under 100 ms, ordinary p99 under 50 ms",
                lambda: serving.isolation(certificate),
            ),
            "memory": (
                "resident memory over 20,000 reviews",
                "under 120 MiB, not growing",
                lambda: serving.memory(certificate),
            ),
            "cold_start": ("admission check on one manifest", "under 0.6 s", serving.cold_start),
        }
        wanted = sys.argv[1:] or list(parts)
        for name in wanted:
            title, goal, run = parts[name]
            found[name] = run()
            show(title, found[name], goal)
    if not sys.argv[1:]:
        LATEST.write_text(json.dumps(found, indent=1) + "\n")
        print(f"\nwritten to {LATEST.relative_to(Path.cwd()) if LATEST.is_relative_to(Path.cwd()) else LATEST}")


if __name__ == "__main__":
    main()
