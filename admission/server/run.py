"""Where the server begins: one process, or several and one that watches over them."""

from __future__ import annotations

from admission import __version__
from admission.server.assembly import Assembly, listen, tell_ready
from admission.server.loading import Load, load_engine
from admission.server.logs import Log, logger
from admission.server.ops import OpsServer
from admission.server.settings import Settings
from admission.server.workers import supervise


def run(settings: Settings, load: Load = load_engine) -> int:
    """Serve until a signal and return the exit code.

    Raises UsageError (an address is taken), InputError (a file cannot be read) and LoadError (faults of policies)
    before anything is served.
    """
    log = Log()
    try:
        logger().info("admission %s", __version__)
        if settings.workers > 1:
            return supervise(settings, load)
        _run_one(settings, load)
        return 0
    finally:
        log.close()


def _run_one(settings: Settings, load: Load) -> None:
    assembly = Assembly(settings)
    try:
        ops = OpsServer(settings.host, settings.ops_port, assembly)
        ops.start()
        try:
            loaded = load(settings, assembly.offload)
            with listen(settings.host, settings.port) as listening:
                assembly.serve(loaded, listening, started=lambda address: tell_ready(address, ops.address))
        finally:
            ops.stop()
    finally:
        assembly.close()
