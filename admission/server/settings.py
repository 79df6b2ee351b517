"""The settings of the server, from options and from the environment.

Every field is the option `--field-name` of `admission serve` and the variable ADMISSION_FIELD_NAME; an option wins.
Fields that may be repeated are comma-separated in the environment. The descriptions are the help texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from admission.cel.environment import NEWEST
from admission.errors import UsageError

PREFIX: Final = "ADMISSION_"
MEBIBYTE: Final = 1024 * 1024

_SIZE: Final = re.compile(r"(\d+)\s*(?:([kmg])i?b?|b)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1024, "m": MEBIBYTE, "g": 1024 * MEBIBYTE}


def parse_size(value: object) -> object:
    """Turn `40MiB`, `40M` or `41943040` into bytes; other text is a ValueError, the rest is left to pydantic."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match:
            return int(match[1]) * _UNITS[(match[2] or "").lower()]
        raise ValueError("a size is bytes, or a number with KiB, MiB or GiB")
    return value


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseModel):
    """What the server is told from outside; frozen, complete and checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: tuple[str, ...] = Field(
        default=(), description="Policies to serve: a file, a folder or builtin:NAME. May be repeated."
    )
    resources: tuple[str, ...] = Field(
        default=(),
        description="Namespaces, ConfigMaps used as params, CRDs: what a cluster would know. May be repeated.",
    )
    kubernetes_version: str = Field(default=NEWEST, description="Whose functions expressions may use, from 1.30 on.")
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104  (a pod serves its network)
    port: Port = Field(default=8443, description="Port of /mutate and /validate (HTTPS).")
    ops_port: Port = Field(default=8080, description="Port of /livez, /readyz and /metrics (plain HTTP).")
    tls_cert: Path | None = Field(default=None, description="Certificate chain (PEM), read again when it changes.")
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of --tls-cert.")
    tls_dir: Path | None = Field(default=None, description="Folder with tls.crt, tls.key and ca.crt, instead of both.")
    audit_log: Path | None = Field(default=None, description="File for audit events, rotated by size.")
    audit_stdout: bool = Field(default=True, description="Write audit events to standard output.")
    audit_only: bool = Field(default=False, description="Deny and change nothing; only record what would have been.")
    max_body: Size = Field(default=40 * MEBIBYTE, description="Largest review that is judged, for example 40MiB.")
    max_in_flight: Size = Field(
        default=128 * MEBIBYTE, description="Bytes of all reviews being read or judged at one time."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(default=1, description="Processes that serve reviews.")
    drain_delay: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5.0, description="Seconds to go on accepting after SIGTERM, while the endpoints are updated."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.policies:
            raise ValueError("no policies: a server without policies allows everything; give --policies PATH")
        if self.tls_dir is None and (self.tls_cert is None or self.tls_key is None):
            raise ValueError(
                "no certificate: the API server calls HTTPS only; give --tls-dir or --tls-cert and --tls-key"
            )
        if self.tls_dir is not None and (self.tls_cert is not None or self.tls_key is not None):
            raise ValueError("two certificates: give either --tls-dir or --tls-cert/--tls-key")
        if self.max_in_flight < self.max_body:
            raise ValueError("--max-in-flight is smaller than --max-body: the largest review could never be read")
        return self

    @property
    def certificate_path(self) -> Path:
        """Path of the certificate chain."""
        return self.tls_dir / "tls.crt" if self.tls_dir is not None else Path(self.tls_cert or "")

    @property
    def key_path(self) -> Path:
        """Path of the private key."""
        return self.tls_dir / "tls.key" if self.tls_dir is not None else Path(self.tls_key or "")


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.upper()


def option_of(field: str) -> str:
    """Return the command line option of a field."""
    return "--" + field.replace("_", "-")


def load_settings(options: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings from options (None = not given) and environment; options win.

    Raises UsageError that names every wrong option or variable.
    """
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for field, info in Settings.model_fields.items():
        option = options.get(field)
        text = environment.get(variable_of(field), "")
        if option is not None and option != [] and option != ():
            values[field], origin[field] = option, option_of(field)
        elif text.strip():
            repeated = info.annotation == tuple[str, ...]
            values[field] = [part.strip() for part in text.split(",") if part.strip()] if repeated else text.strip()
            origin[field] = variable_of(field)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(fault, origin) for fault in error.errors())) from None


def _explain(fault: Any, origin: Mapping[str, str]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    return f"{origin.get(fault['loc'][0], fault['loc'][0])}: {message}, got {fault['input']!r:.80}"
