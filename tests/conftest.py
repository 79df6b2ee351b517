"""What all tests share: where the recorded data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# how long an example takes says more of the machine than of the code
settings.register_profile("admission", deadline=None)
settings.load_profile("admission")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data: ADMISSION_SHARED, by default ../shared beside the repository.

    Skips where the variable is unset and the folder is absent; where it is set, a missing folder is a failure.
    """
    named = os.environ.get("ADMISSION_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not folder.is_dir():
        if named:
            pytest.fail(f"ADMISSION_SHARED is {named}, which is no folder")
        pytest.skip("no recorded data: ../shared is absent and ADMISSION_SHARED is not set")
    return folder


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of the data that lies beside the tests."""
    return ROOT / "tests" / "assets"
