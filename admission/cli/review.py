"""`admission review`: AdmissionReviews in, AdmissionReviews out, as the server answers them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from admission.cel.environment import NEWEST
from admission.cli.offline import Notes, Offline, open_offline, print_issues
from admission.cli.options import Authz, KubernetesVersion, Policies, Resources, StrictFacts
from admission.errors import InputError, NotAReviewError, ReviewError
from admission.review import AdmissionResponse, Status, decode_review, encode_response

EXAMPLES: Final = (
    "admission review --policies builtin:pod-security examples/privileged-pod-review.json",
    "admission review --policies builtin:mutating --phase mutate - < examples/privileged-pod-review.json",
)
STDIN: Final = "-"


class Phase(StrEnum):
    """Which of the server's two answers is wanted."""

    MUTATE = "mutate"
    VALIDATE = "validate"
    BOTH = "both"


def command(
    reviews: Annotated[
        list[str],
        typer.Argument(metavar="REVIEW", help="Bodies that a webhook is sent: files, - for standard input."),
    ],
    policies: Policies,
    resources: Resources = None,
    authz: Authz = None,
    strict_facts: StrictFacts = False,
    phase: Annotated[
        Phase,
        typer.Option(
            help="Mutate, validate, or mutate and then validate what came of it.", rich_help_panel="The request"
        ),
    ] = Phase.BOTH,
    kubernetes_version: KubernetesVersion = NEWEST,
) -> None:
    """Answer AdmissionReviews as the server would.

    Prints one JSON document a line, in order. Policies count as already stored in a cluster: what the API server would
    refuse to store is said on standard error, and answered as it answers.
    """
    note = Notes(strict=strict_facts)
    denied = unreadable = False
    with open_offline(
        policies, resources, authz, strict=False, note=note, kubernetes_version=kubernetes_version
    ) as offline:
        print_issues(offline.loaded.issues)
        for name in reviews:
            try:
                allowed = _answer(offline, _read(name), phase)
            except NotAReviewError as error:
                print(f"{name}: {error}", file=sys.stderr)
                unreadable = True
            else:
                denied |= not allowed
    if unreadable or note.failed:
        raise typer.Exit(2)
    if denied:
        raise typer.Exit(1)


def answer_to(offline: Offline, body: bytes, phase: Phase) -> tuple[bytes, bool]:
    """Return the bytes that the server would send, and whether they allow; raises NotAReviewError."""
    try:
        review = decode_review(body)
        response = offline.judge(review.request, phase.value).response(review.request.uid)
        return encode_response(response, review.api_version), response.allowed
    except ReviewError as error:
        response = AdmissionResponse(error.uid, allowed=False, status=Status.of(error))
        return encode_response(response, error.api_version), False


def _answer(offline: Offline, body: bytes, phase: Phase) -> bool:
    """Print the answer to one review and return whether it allows; what is a review is always answered."""
    answer, allowed = answer_to(offline, body, phase)
    print(answer.decode())
    return allowed


def _read(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None
