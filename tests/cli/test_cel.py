"""`admission cel`, as whoever types it sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cel(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "admission", "cel", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT)


def test_one_expression_prints_its_value() -> None:
    ran = cel("[1, 2, 3].filter(x, x > 1)")
    assert (ran.returncode, ran.stdout) == (0, "[2, 3]\n")


def test_variables_come_from_a_file(tmp_path: Path) -> None:
    given = tmp_path / "vars.json"
    given.write_text(json.dumps({"object": {"spec": {"replicas": 3}}}), encoding="utf-8")
    assert cel("--vars", str(given), "object.spec.replicas > 2").stdout == "true\n"


def test_a_type_error_shows_where_and_ends_with_2() -> None:
    ran = cel("1 + 'a'")
    assert ran.returncode == 2
    assert (
        "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^"
        in ran.stderr
    )


def test_explaining_shows_every_sub_expression_with_its_value() -> None:
    ran = cel("--explain", "[1, 2].all(x, x > 1) || 'a'.size() == 1")
    assert ran.stdout.splitlines() == [
        "[1, 2].all(x, x > 1) || 'a'.size() == 1  =  true",
        "├─ [1, 2].all(x, x > 1)  =  false",
        "│  └─ [0] x > 1  =  false",
        "│     └─ x  =  1",
        "└─ 'a'.size() == 1  =  true",
        "   └─ 'a'.size()  =  1",
    ]


def test_kubernetes_has_no_bind_and_the_extended_environment_does() -> None:
    assert cel("cel.bind(x, 1, x + 1)").returncode == 2
    assert cel("--env", "extended", "cel.bind(x, 1, x + 1)").stdout == "2\n"


def test_an_older_version_says_since_when_a_function_exists() -> None:
    ran = cel("--kubernetes-version", "1.32", "isSemver('1.0.0')")
    assert ran.returncode == 2
    assert "1.33" in ran.stderr


def test_cel_python_gives_a_second_opinion() -> None:
    assert cel("--engine", "cel-python", "[1, 2].map(x, x * 2) == [2, 4]").stdout == "true\n"


def test_every_case_is_answered_also_after_one_that_is_none() -> None:
    lines = [
        '{"expr": "1 / 0"}',
        "nonsense",
        '{"expr": "x.y", "env": "extended", "vars": {"x": {"y": {"$uint": "7"}}}}',
    ]
    ran = cel("--cases", "-", stdin="\n".join(lines))
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0
    assert answers[0]["error"] == "division by zero"
    assert answers[0]["phase"] == "runtime"
    assert "no case" in answers[1]["error"]
    assert answers[2]["value"] == {"$uint": "7"}
    assert answers[2]["type"] == "dyn"


def test_an_unknown_engine_is_a_usage_error() -> None:
    ran = cel("--engine", "v8", "1")
    assert (ran.returncode, "there are admission and cel-python" in ran.stderr) == (2, True)
