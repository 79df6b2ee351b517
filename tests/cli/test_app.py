from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from admission import __version__
from admission.cli import COMMANDS, app
from admission.cli.app import run
from admission.errors import InputError, Issue, LoadError, Position

ROOT = Path(__file__).parent.parent.parent


def break_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make the command line fail with an error, whatever it is asked."""

    def fail(_wanted: str | None) -> None:
        raise error

    monkeypatch.setattr(app, "make_app", fail)


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], {}) == 2
    shown = capsys.readouterr().out
    assert all(name in shown and sentence in shown for name, sentence in COMMANDS.items())


def test_the_version_names_kubernetes_and_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], {}) == 0
    assert re.fullmatch(
        rf"admission {__version__} \(Kubernetes 1\.\d+, Python 3\.[\d.]+\S*\)\n", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["check"], ["check", "--nonsense"], ["review", "--phase", "never"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments, {}) == 2
    assert "Usage: admission" in capsys.readouterr().err


def test_an_error_on_purpose_is_one_sentence_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_command(monkeypatch, InputError("the file is not there"))
    assert run(["check"], {}) == 2
    assert capsys.readouterr().err == "error: the file is not there\n"


def test_faults_of_files_are_shown_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_command(monkeypatch, LoadError((Issue("no such thing", Position("p.yaml", 3, 5), source="    x: 1"),)))
    assert run(["check"], {}) == 2
    assert capsys.readouterr().err.splitlines() == ["p.yaml:3:5: no such thing", "    3 |     x: 1", "            ^"]


def test_a_fault_of_the_program_is_one_sentence_and_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_command(monkeypatch, KeyError("x"))
    assert run(["check"], {}) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("internal error: KeyError: 'x'\n")
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    ("arguments", "variables"), [(["check", "--debug"], {}), (["check"], {"ADMISSION_DEBUG": "1"})]
)
def test_debug_shows_where_it_went_wrong(
    arguments: list[str],
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_command(monkeypatch, KeyError("x"))
    assert run(arguments, variables) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_as_the_shell_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    break_command(monkeypatch, KeyboardInterrupt())
    assert run(["check"], {}) == 130


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_sentence_and_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"], {}) == 0
    shown = capsys.readouterr().out
    assert COMMANDS[name] in shown
    assert f"Usage: admission {name}" in shown
    assert shown.count("$ ") >= 2


def test_importing_one_command_does_not_import_the_others() -> None:
    code = (
        "import sys; from admission.cli.app import make_app; make_app('review'); "
        "print(*(m for m in sys.modules if m.startswith(('starlette', 'uvicorn', 'kubernetes', 'celpy', 'rich'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
