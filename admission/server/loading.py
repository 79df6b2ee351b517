"""From the paths in the settings to an engine that is ready to judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from admission.engine import Engine, Offload
from admission.facts import FileFacts
from admission.loader import load_documents, load_policies
from admission.policy import PolicySet
from admission.server.judging import DecisionMaker
from admission.server.logs import logger
from admission.server.settings import Settings
from admission.typecheck import type_issues


@dataclass(frozen=True, slots=True)
class Loaded:
    """Policies that are ready to judge: the model, the engine over it, and the files they came from."""

    policies: PolicySet
    engine: DecisionMaker
    files: tuple[str, ...] = ()


Load: TypeAlias = Callable[[Settings, Offload], Loaded]


def load_engine(settings: Settings, offload: Offload) -> Loaded:
    """Load and compile the policies of the settings, and the resources that stand for a cluster.

    Raises LoadError with every fault of every file, UsageError for a path that cannot be meant. Warnings are logged.
    """
    documents = load_documents(settings.resources)
    result = load_policies(settings.policies, resources=documents, kubernetes_version=settings.kubernetes_version)
    data = [document.data for document in documents]
    for issue in (*result.issues, *type_issues(result.policies.policies, result.expressions, data)):
        facts_of_issue = {"where": str(issue.position or ""), "field": issue.field, "help": issue.help}
        logger().warning(issue.message, extra={"facts": facts_of_issue})
    if not result.policies.policies:
        logger().warning("no policy was found in what was given: nothing is judged, everything is allowed")
    facts = FileFacts(data, note=logger().warning)
    engine = Engine(
        result.compile(),
        facts,
        clock=time.monotonic,
        wall=time.time,
        audit_only=settings.audit_only,
        offload=offload,
    )
    engine.prepare()
    return Loaded(result.policies, engine, result.files)
