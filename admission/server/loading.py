"""From the paths in the settings to an engine that is ready to judge."""

from __future__ import annotations

from admission.server.assembly import Loaded
from admission.server.settings import Settings


def load_engine(settings: Settings) -> Loaded:
    """Load and compile the policies of the settings; raises LoadError with every fault of every file."""
    raise NotImplementedError(settings)
