"""`admission lint`: what is wrong with policies, before anybody applies them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from admission.cel.environment import NEWEST
from admission.cli.options import Resources
from admission.errors import Issue, LoadError
from admission.loader import LoadResult, load_documents, load_policies
from admission.schema.bundle import bundled
from admission.typecheck import check_types
from admission.typecheck import issues as type_issues

EXAMPLES: Final = (
    "admission lint policies/images",
    "admission lint --output json policies/labels",
)


class Format(StrEnum):
    """How the issues are written."""

    TEXT = "text"
    JSON = "json"


def command(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Policies: files, folders, builtin:NAME, - for standard input.")
    ],
    resources: Resources = None,
    kubernetes_version: Annotated[
        str, typer.Option("--kubernetes-version", metavar="1.N", help="Whose rules and functions apply.")
    ] = NEWEST,
    exact: Annotated[
        bool,
        typer.Option("--exact", metavar="", help="Warn of types where the API server does, and only there."),
    ] = False,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="Lines for people, or one document.", rich_help_panel="Output")
    ] = Format.TEXT,
) -> None:
    """Say what is wrong with policies, before anybody applies them.

    What the API server would refuse is an error, in its words, with the line at fault; what it would take but is
    probably not meant (types that the schema does not have, a policy without a binding) is a warning.
    """
    read: Sequence[str] = ()
    try:
        documents = load_documents(resources or ())
        loaded = load_policies(files, resources=documents, strict=False, kubernetes_version=kubernetes_version)
        read = loaded.files
        definitions = [document.data for document in documents if document.data["kind"] == "CustomResourceDefinition"]
        found = [*loaded.issues, *_type_issues(loaded, definitions, exact=exact)]
    except LoadError as error:
        found = list(error.issues)
    found.sort(key=lambda issue: _order(issue, read))
    if output is Format.JSON:
        print(json.dumps([_entry(issue) for issue in found], indent=2, ensure_ascii=False))
    else:
        print("\n\n".join([*(issue.render() for issue in found), _summary(found)]))
    if any(issue.severity == "error" for issue in found):
        raise typer.Exit(2)


def _type_issues(loaded: LoadResult, definitions: Sequence[dict[str, Any]], *, exact: bool) -> Iterator[Issue]:
    known = bundled().with_custom_resources(definitions)
    for policy in loaded.policies.policies:
        environment = loaded.expressions.base(extended=policy.own)
        yield from type_issues(check_types(policy, known, environment, exact=exact))


def _order(issue: Issue, files: Sequence[str]) -> tuple[int, int, int]:
    position = issue.position
    if position is None:
        return -1, 0, 0
    return files.index(position.file) if position.file in files else 0, position.line, position.column


def _summary(found: Iterable[Issue]) -> str:
    numbers = Counter(issue.severity for issue in found)
    counted = [f"{number} {name}{'s' if number > 1 else ''}" for name, number in sorted(numbers.items())]
    return ", ".join(counted) or "nothing to say"


def _entry(issue: Issue) -> dict[str, str | int | None]:
    position = issue.position
    return {
        "file": position.file if position is not None else None,
        "line": position.line if position is not None else None,
        "column": position.column if position is not None else None,
        "severity": issue.severity,
        "id": issue.id,
        "field": issue.field,
        "message": issue.message,
        "help": issue.help,
    }
