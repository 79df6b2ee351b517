"""The options that commands share: one spelling, one help text, one group each."""

from __future__ import annotations

from typing import Annotated, Final

import typer

_POLICIES: Final = "Policies and what a cluster would know"
_REQUEST: Final = "The request"
_OUTPUT: Final = "Output"

Policies = Annotated[
    list[str],
    typer.Option(
        "--policies",
        "-p",
        metavar="PATH",
        help="Policies and bindings: a file, a folder, - or builtin:NAME. May be repeated.",
        rich_help_panel=_POLICIES,
    ),
]
Resources = Annotated[
    list[str] | None,
    typer.Option(
        "--resources",
        "-r",
        metavar="PATH",
        help="Namespaces, params and CRDs that a cluster would have: a file or a folder. May be repeated.",
        rich_help_panel=_POLICIES,
    ),
]
Authz = Annotated[
    str | None,
    typer.Option(
        "--authz",
        metavar="FILE",
        help="What the authorizer allows: a list of rules. Without it, expressions that ask it fail.",
        rich_help_panel=_POLICIES,
    ),
]
StrictFacts = Annotated[
    bool,
    typer.Option(
        "--strict-facts",
        metavar="",
        help="Take it for an error (2) that a Namespace or a kind is in no resource, instead of assuming one.",
        rich_help_panel=_POLICIES,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", metavar="NAME", help="Namespace of manifests that name none.", rich_help_panel=_REQUEST
    ),
]
User = Annotated[str, typer.Option("--as", metavar="USER", help="Who applies the manifests.", rich_help_panel=_REQUEST)]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--as-group",
        metavar="GROUP",
        help="A group of that user. May be repeated (default: system:authenticated).",
        rich_help_panel=_REQUEST,
    ),
]
KubernetesVersion = Annotated[
    str,
    typer.Option(
        "--kubernetes-version",
        metavar="1.N",
        help="Whose functions expressions may use, from 1.30 on.",
        rich_help_panel=_POLICIES,
    ),
]
NoDefaults = Annotated[
    bool,
    typer.Option(
        "--no-defaults",
        metavar="",
        help="Judge manifests as written, without what the API server fills in.",
        rich_help_panel=_REQUEST,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Print only findings.", rich_help_panel=_OUTPUT)]
