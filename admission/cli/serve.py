"""`admission serve`: options and environment become settings, and the server runs on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from admission.cel.environment import NEWEST
from admission.errors import UsageError

EXAMPLES: Final = (
    "admission serve --policies builtin:pod-security --tls-dir .run",
    "ADMISSION_POLICIES=policies,more ADMISSION_TLS_DIR=/tls admission serve --audit-only",
)

_WHAT: Final = "Policies and what a cluster would know"
_WHERE: Final = "Addresses and certificate"
_EVENTS: Final = "Audit events"
_LIMITS: Final = "Limits"


def _option(name: str, group: str, text: str, default: str = "", *, metavar: str | None = None) -> Any:
    """Return an option that is not set by default, so that the environment can speak where the user does not."""
    variable = "ADMISSION_" + name.removeprefix("--").partition("/")[0].replace("-", "_").upper()
    told = f"  [env: {variable}]" + (f" [default: {default}]" if default else "")
    return typer.Option(name, metavar=metavar, help=text + told.replace("[", r"\["), rich_help_panel=group)


def command(
    policies: Annotated[
        list[str] | None,
        _option("--policies", _WHAT, "A file, a folder or builtin:NAME. May be repeated.", metavar="PATH"),
    ] = None,
    resources: Annotated[
        list[str] | None,
        _option(
            "--resources", _WHAT, "Namespaces, params and CRDs: a file or a folder. May be repeated.", metavar="PATH"
        ),
    ] = None,
    kubernetes_version: Annotated[
        str | None,
        _option(
            "--kubernetes-version", _WHAT, "Whose functions expressions may use, from 1.30 on.", NEWEST, metavar="1.N"
        ),
    ] = None,
    audit_only: Annotated[
        bool | None,
        _option(
            "--audit-only/--enforce", _WHAT, "Deny and change nothing; only record what would have been.", "enforce"
        ),
    ] = None,
    host: Annotated[str | None, _option("--host", _WHERE, "Address to listen on.", "all", metavar="ADDRESS")] = None,
    port: Annotated[
        int | None, _option("--port", _WHERE, "Port of /mutate and /validate, HTTPS.", "8443", metavar="PORT")
    ] = None,
    ops_port: Annotated[
        int | None,
        _option("--ops-port", _WHERE, "Port of /livez, /readyz and /metrics, plain HTTP.", "8080", metavar="PORT"),
    ] = None,
    tls_dir: Annotated[
        Path | None,
        _option(
            "--tls-dir", _WHERE, "Folder with tls.crt, tls.key and ca.crt; read again when they change.", metavar="D"
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, _option("--tls-cert", _WHERE, "Certificate chain (PEM), instead of --tls-dir.", metavar="FILE")
    ] = None,
    tls_key: Annotated[
        Path | None, _option("--tls-key", _WHERE, "Private key (PEM) of --tls-cert.", metavar="FILE")
    ] = None,
    audit_log: Annotated[
        Path | None, _option("--audit-log", _EVENTS, "File for audit events, rotated by size.", metavar="FILE")
    ] = None,
    audit_stdout: Annotated[
        bool | None,
        _option("--audit-stdout/--no-audit-stdout", _EVENTS, "Write audit events to standard output.", "audit-stdout"),
    ] = None,
    max_body: Annotated[
        str | None, _option("--max-body", _LIMITS, "Largest review that is judged.", "40MiB", metavar="SIZE")
    ] = None,
    max_in_flight: Annotated[
        str | None,
        _option("--max-in-flight", _LIMITS, "Bytes of all reviews in memory at one time.", "128MiB", metavar="SIZE"),
    ] = None,
    workers: Annotated[
        int | None, _option("--workers", _LIMITS, "Processes that serve reviews.", "1", metavar="N")
    ] = None,
    drain_delay: Annotated[
        float | None,
        _option("--drain-delay", _LIMITS, "Seconds to go on accepting after SIGTERM.", "5", metavar="SECONDS"),
    ] = None,
) -> None:
    """Serve policies to the API server as an admission webhook.

    Every option is also an environment variable; repeatable ones are comma-separated there. Probes and metrics have a
    port of their own. SIGTERM drains: readiness turns red, requests are answered for a while, then the process ends.
    """
    options = dict(locals())
    try:
        from admission.server.run import run
        from admission.server.settings import load_settings
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "admission":
            raise
        raise UsageError(f"the server needs {error.name}; install it with: pip install 'admission[server]'") from None
    code = run(load_settings(options, os.environ))
    if code:
        raise typer.Exit(code)
