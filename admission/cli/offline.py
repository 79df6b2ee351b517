"""An engine made of files: what a cluster would know is given, or assumed and said."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from admission.audit.masking import Masking
from admission.authorization import AuthorizationRules
from admission.cel.environment import NEWEST
from admission.decision import Decision
from admission.documents.document import Document, Source, read
from admission.engine import Engine, Phase
from admission.errors import InputError, Issue, LoadError
from admission.facts import FileFacts
from admission.loader import LoadResult, load_documents, load_policies
from admission.packs import PREFIX
from admission.policy import Policy
from admission.review import AdmissionRequest
from admission.typecheck import type_issues

TIMEOUT_SECONDS = 10.0  # what a webhook has, unless its configuration says otherwise


@dataclass(frozen=True, slots=True)
class Offline:
    """Policies with an engine that needs no cluster; `resources` are the documents that stand for one."""

    loaded: LoadResult
    engine: Engine
    masking: Masking
    runner: asyncio.Runner
    resources: tuple[Document, ...]

    def type_issues(self) -> tuple[Issue, ...]:
        """Return what the schemas say against expressions; not of policies of ours, which were looked at before."""
        own = (policy for policy in self.loaded.policies.policies if not _is_bundled(policy))
        return type_issues(own, self.loaded.expressions, [document.data for document in self.resources])

    def judge(self, request: AdmissionRequest, phase: Phase = "both") -> Decision:
        """Return what the server would answer, with secrets masked as there."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        return self.masking.masked(self.runner.run(self.engine.review(request, deadline, phase=phase)), request)


def _is_bundled(policy: Policy) -> bool:
    return policy.position is not None and policy.position.file.startswith(PREFIX)


class Notes:
    """Says on standard error, once each, what a cluster would know and nobody gave; with `strict` that is an error."""

    def __init__(self, *, strict: bool) -> None:
        self._said: set[str] = set()
        self.strict = strict

    def __call__(self, text: str) -> None:
        """Say it, unless it was said before."""
        if text not in self._said:
            self._said.add(text)
            print(f"{'error' if self.strict else 'note'}: {text}", file=sys.stderr)

    @property
    def failed(self) -> bool:
        """Whether something that had to be given was not."""
        return self.strict and bool(self._said)


@contextmanager
def open_offline(
    policies: Sequence[str],
    resources: Sequence[str] | None,
    authz: str | None,
    *,
    strict: bool,
    note: Notes,
    kubernetes_version: str = NEWEST,
) -> Iterator[Offline]:
    """Load everything and make the engine, for the length of a `with`.

    `strict` refuses policies as the API server does when they are created; else they count as already stored. Raises
    LoadError with every fault, UsageError for a path that cannot be meant.
    """
    documents = load_documents(resources or ())
    loaded = load_policies(policies, resources=documents, strict=strict, kubernetes_version=kubernetes_version)
    if not loaded.policies.policies:
        note("no policy was found in what was given: nothing is judged, everything is allowed")
    facts = FileFacts(
        [document.data for document in documents],
        authorization=None if authz is None else _authorization(authz),
        strict=note.strict,
        note=note,
    )
    engine = Engine(loaded.compile(), facts, clock=time.monotonic, wall=time.time)
    with asyncio.Runner() as runner:
        yield Offline(loaded, engine, Masking(loaded.policies), runner, tuple(documents))


def print_issues(issues: Iterable[Issue]) -> None:
    """Print faults and warnings on standard error."""
    for issue in issues:
        print(issue.render(), file=sys.stderr)


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
