"""`admission check`: what would happen if these manifests were applied."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from typing import Annotated, Final

import typer

from admission.cel.environment import NEWEST
from admission.cli.offline import Notes, Offline, open_offline, print_issues
from admission.cli.options import (
    Authz,
    Groups,
    KubernetesVersion,
    Namespace,
    NoDefaults,
    Policies,
    Quiet,
    Resources,
    StrictFacts,
    User,
)
from admission.cli.report import Judged, Summary, as_json, as_page
from admission.documents.document import Document
from admission.loader import load_documents
from admission.manifest import CHECK_USER, DEFAULT_NAMESPACE, Kinds, Requester
from admission.review import UserInfo

EXAMPLES: Final = (
    "admission check --policies builtin:pod-security examples/deployment.yaml",
    "admission check --policies builtin:images --namespace shop --output json - < examples/deployment.yaml",
)


class Format(StrEnum):
    """How the outcome is written."""

    TABLE = "table"
    JSON = "json"


def command(
    manifests: Annotated[
        list[str],
        typer.Argument(metavar="MANIFEST", help="What would be applied: files, folders, - for standard input."),
    ],
    policies: Policies,
    resources: Resources = None,
    authz: Authz = None,
    strict_facts: StrictFacts = False,
    namespace: Namespace = DEFAULT_NAMESPACE,
    user: User = CHECK_USER.username,
    groups: Groups = None,
    no_defaults: NoDefaults = False,
    kubernetes_version: KubernetesVersion = NEWEST,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="A page for people, or one document.", rich_help_panel="Output")
    ] = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Judge manifests as the API server would when they are applied.

    Every manifest becomes a CREATE request with dryRun; it is mutated, then validated. Policies that the API server
    would refuse are refused.
    """
    begin = time.perf_counter()
    note = Notes(strict=strict_facts)
    with open_offline(
        policies, resources, authz, strict=True, note=note, kubernetes_version=kubernetes_version
    ) as offline:
        print_issues(offline.loaded.issues)
        if not quiet:
            print_issues(offline.type_issues())
        documents = load_documents(manifests)
        requester = Requester(
            Kinds(document.data for document in (*offline.resources, *documents)),
            namespace,
            UserInfo(username=user, groups=tuple(groups) if groups else CHECK_USER.groups),
            defaults=not no_defaults,
            note=note,
        )
        results = [_judge(document, requester, offline) for document in documents]
    summary = Summary(
        len({document.file for document in documents}),
        len(offline.loaded.policies.policies),
        time.perf_counter() - begin,
    )
    if output is Format.JSON:
        print(as_json(results))
    else:
        page = as_page(
            results,
            {policy.name: policy for policy in offline.loaded.policies.policies},
            colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        )
        if page:
            print(page if quiet else page + "\n")
    if not quiet:
        print(summary.line(results), file=sys.stderr if output is Format.JSON else sys.stdout)
    if note.failed:
        raise typer.Exit(2)
    if not all(judged.decision.allowed for judged in results):
        raise typer.Exit(1)


def _judge(document: Document, requester: Requester, offline: Offline) -> Judged:
    request = requester.request(document.data)
    return Judged(document, request, offline.judge(request))
