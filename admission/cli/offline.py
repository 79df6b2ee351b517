"""An engine made of files: what a cluster would know is given, or assumed and said."""

from __future__ import annotations

import sys
import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from admission.audit.masking import Masking
from admission.authorization import AuthorizationRules
from admission.decision import Decision
from admission.documents.document import Document, Source, read
from admission.engine import Engine, Phase
from admission.errors import AdmissionError, InputError, Issue, LoadError
from admission.facts import FileFacts
from admission.loader import LoadResult, load_documents, load_policies
from admission.review import AdmissionRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offline:
    """Policies with an engine that needs no cluster; `resources` are the documents that stand for one."""

    loaded: LoadResult
    engine: Engine
    masking: Masking
    resources: tuple[Document, ...]

    def judge(self, request: AdmissionRequest, phase: Phase = "both") -> Decision:
        """Return what the server would answer, with secrets masked as there."""
        return self.masking.masked(now(self.engine.review(request, phase=phase)), request)


class Notes:
    """Says a thing on standard error, once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, text: str) -> None:
        """Say it, unless it was said before."""
        if text not in self._said:
            self._said.add(text)
            print(f"note: {text}", file=sys.stderr)


def open_offline(
    policies: Sequence[str],
    resources: Sequence[str] | None,
    authz: str | None,
    *,
    strict: bool,
    strict_facts: bool,
    note: Notes,
) -> Offline:
    """Load everything and make the engine.

    `strict` refuses policies as the API server does when they are created; else they count as already stored. Raises
    LoadError with every fault, UsageError for a path that cannot be meant.
    """
    loaded = load_policies(policies, strict=strict)
    documents = load_documents(resources or ())
    facts = FileFacts(
        [document.data for document in documents],
        authorization=None if authz is None else _authorization(authz),
        strict=strict_facts,
        note=note,
    )
    engine = Engine(loaded.compile(), facts, clock=time.monotonic)
    return Offline(loaded, engine, Masking(loaded.policies), tuple(documents))


def print_issues(issues: Iterable[Issue]) -> None:
    """Print faults and warnings on standard error."""
    for issue in issues:
        print(issue.render(), file=sys.stderr)


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end what never really waits, because files are read already; no event loop is started for it."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise AdmissionError("an offline engine waited for something")


def _authorization(path: str) -> AuthorizationRules:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8") from None
    documents, issues = read(Source(path, text), json_text=path.endswith(".json"))
    if issues:
        raise LoadError(tuple(issues))
    if len(documents) != 1:
        raise InputError(f"{path}: holds {len(documents)} documents; authorizer rules are one")
    try:
        return AuthorizationRules.parse(documents[0].data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
