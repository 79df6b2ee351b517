from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cli import serve
from admission.errors import UsageError
from admission.server.settings import MEBIBYTE, Settings, load_settings, option_of, parse_size, variable_of

ENOUGH = {"policies": ["p"], "tls_dir": Path("/tls")}


def test_defaults_are_those_of_a_pod() -> None:
    settings = load_settings(ENOUGH, {})
    assert (settings.host, settings.port, settings.ops_port, settings.workers) == ("0.0.0.0", 8443, 8080, 1)
    assert settings.max_body == 40 * MEBIBYTE
    assert settings.audit_stdout
    assert not settings.audit_only
    assert (settings.certificate_path, settings.key_path) == (Path("/tls/tls.crt"), Path("/tls/tls.key"))


def test_every_setting_is_read_from_the_environment() -> None:
    settings = load_settings(
        {},
        {
            "ADMISSION_POLICIES": "a, b ,,c",
            "ADMISSION_RESOURCES": "r",
            "ADMISSION_HOST": "::1",
            "ADMISSION_PORT": "1",
            "ADMISSION_OPS_PORT": "2",
            "ADMISSION_TLS_CERT": "/c",
            "ADMISSION_TLS_KEY": "/k",
            "ADMISSION_AUDIT_LOG": "/a",
            "ADMISSION_AUDIT_STDOUT": "false",
            "ADMISSION_AUDIT_ONLY": "true",
            "ADMISSION_MAX_BODY": "1MiB",
            "ADMISSION_MAX_IN_FLIGHT": "2m",
            "ADMISSION_WORKERS": "3",
            "ADMISSION_DRAIN_DELAY": "1.5",
            "ADMISSION_SHARED": "no setting of the server",
        },
    )
    assert settings == Settings(
        policies=("a", "b", "c"),
        resources=("r",),
        host="::1",
        port=1,
        ops_port=2,
        tls_cert=Path("/c"),
        tls_key=Path("/k"),
        audit_log=Path("/a"),
        audit_stdout=False,
        audit_only=True,
        max_body=MEBIBYTE,
        max_in_flight=2 * MEBIBYTE,
        workers=3,
        drain_delay=1.5,
    )
    assert (settings.certificate_path, settings.key_path) == (Path("/c"), Path("/k"))


def test_an_option_beats_the_environment() -> None:
    settings = load_settings(
        ENOUGH | {"port": 1, "audit_only": False}, {"ADMISSION_PORT": "2", "ADMISSION_AUDIT_ONLY": "1"}
    )
    assert settings.port == 1
    assert not settings.audit_only


def test_options_that_are_not_given_leave_the_environment_its_say() -> None:
    settings = load_settings(
        {"policies": [], "port": None, "tls_dir": None}, {"ADMISSION_POLICIES": "p", "ADMISSION_TLS_DIR": "/t"}
    )
    assert settings.policies == ("p",)


def test_every_fault_is_named_by_its_option_or_variable() -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(ENOUGH | {"workers": 0}, {"ADMISSION_PORT": "70000", "ADMISSION_MAX_BODY": "much"})
    assert sorted(line.partition(":")[0] for line in str(caught.value).splitlines()) == [
        "--workers",
        "ADMISSION_MAX_BODY",
        "ADMISSION_PORT",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tls_dir": "/t"}, "no policies: a server without policies allows everything"),
        ({"policies": ["p"]}, "no certificate"),
        ({"policies": ["p"], "tls_cert": "/c"}, "no certificate"),
        (ENOUGH | {"tls_cert": "/c"}, "two certificates"),
        (ENOUGH | {"max_body": "2m", "max_in_flight": "1m"}, "smaller than --max-body"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_settings(options, {})


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("40MiB", 40 * MEBIBYTE), ("40 Mi", 40 * MEBIBYTE), ("2k", 2048), ("1GiB", 1024 * MEBIBYTE)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.text(max_size=20))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    try:
        size = parse_size(text)
    except ValueError as error:
        size = str(error)
    assert isinstance(size, int) or size == "a size is bytes, or a number with KiB, MiB or GiB"


@given(st.dictionaries(st.sampled_from([variable_of(name) for name in Settings.model_fields]), st.text(max_size=20)))
def test_any_environment_ends_as_settings_or_as_a_usage_error(environment: dict[str, str]) -> None:
    try:
        load_settings({}, environment)
    except UsageError:
        return


def test_the_command_line_has_every_setting_and_no_other() -> None:
    assert set(inspect.signature(serve.command).parameters) == set(Settings.model_fields)


def test_the_help_names_every_variable_and_option() -> None:
    source = inspect.getsource(serve)
    for name in Settings.model_fields:
        assert f'"{option_of(name)}' in source
