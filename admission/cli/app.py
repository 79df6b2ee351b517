"""Finds the command that is asked for, runs it, and turns what goes wrong into sentences and exit codes.

Only this file and the commands print or end the process.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from admission import __version__
from admission.cli import COMMANDS
from admission.errors import AdmissionError, LoadError

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "fine",
    1: "a request was denied",
    2: "usage, unreadable input, or a policy that the API server would refuse",
    3: "a fault of this program",
}
DEBUG: Final = "--debug"
DEBUG_VARIABLE: Final = "ADMISSION_DEBUG"
EXAMPLES: Final = (
    "admission check --policies builtin:pod-security/baseline examples/deployment.yaml",
    "admission review --policies builtin:pod-security examples/privileged-pod-review.json",
)

_EXIT_INTERNAL: Final = 3
_EXIT_INTERRUPTED: Final = 130


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one command and return the exit code; `--debug` may stand anywhere."""
    _print_anything()
    code = _run(arguments, environment)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    return code


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    debug = DEBUG in arguments or bool(environment.get(DEBUG_VARIABLE))
    rest = [argument for argument in arguments if argument != DEBUG]
    try:
        make_app(_command_in(rest))(args=rest, prog_name="admission")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(_sentence(error), file=sys.stderr)
        return error.exit_code if isinstance(error, AdmissionError) else _EXIT_INTERNAL
    return 0


def make_app(wanted: str | None) -> typer.Typer:
    """Return the command line with the wanted command in full, and just the sentence of all others."""
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=_epilog(EXAMPLES),
    )
    app.callback()(_general)
    for name, sentence in COMMANDS.items():
        if name == wanted:
            module: Any = importlib.import_module(f"admission.cli.{name}")
            text = _unwrapped(module.command.__doc__)
            app.command(name, short_help=sentence, help=text, epilog=_epilog(module.EXAMPLES))(module.command)
        else:
            app.command(name, short_help=sentence)(_not_wanted)
    return app


def _command_in(arguments: Sequence[str]) -> str | None:
    return next((argument for argument in arguments if not argument.startswith("-")), None)


def _unwrapped(docstring: str | None) -> str:
    """Return the paragraphs of a docstring as one line each, for a terminal of any width."""
    paragraphs = inspect.cleandoc(docstring or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("[", r"\[")


def _epilog(examples: Sequence[str]) -> str:
    codes = ", ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    lines = [f"Exit codes: {codes}.", "Examples:", *(f"$ {line}".replace("[", r"\[") for line in examples)]
    return "\n\n".join(lines)


def _not_wanted() -> None:
    """Stand for a command that was not asked for."""


def _general(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="Print the version, the Kubernetes whose semantics it follows, and the Python.",
            callback=lambda shown: _print_version() if shown else None,
            is_eager=True,
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, metavar="", help="Show where a fault lies: the traceback of any error.")
    ] = False,
) -> None:
    """Admission policies for Kubernetes, in YAML and CEL, answered exactly as the API server does."""


def _print_version() -> None:
    import platform

    from admission.cel.environment import NEWEST

    typer.echo(f"admission {__version__} (Kubernetes {NEWEST}, Python {platform.python_version()})")
    raise typer.Exit


def _sentence(error: Exception) -> str:
    if isinstance(error, LoadError):
        return str(error)
    if isinstance(error, AdmissionError):
        return f"error: {error}"
    return f"internal error: {type(error).__name__}: {error}\nThe fault is admission's, not yours; {DEBUG} shows where."


def _print_anything() -> None:
    """Write UTF-8, which is what JSON is, and never fail for half a surrogate pair."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _forget_output() -> None:
    """Keep the interpreter from complaining, at its end, that nobody reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
