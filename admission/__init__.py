"""Admission policies for Kubernetes, judged as the API server judges them.

Where to begin: `engine` is the path of a request; `policy`, `review` and `decision` are what goes in and comes out. The
rooms, from the door to the cellar; each sees only what stands below it (`pyproject.toml` holds everybody to it).

The ways in, where side effects are
    cli          the commands                           server       the webhook
    audit        events, masking, sinks                 engine       one request in, one decision out
    facts        what a decision needs to know          loader       files to policies, every fault at once
    packs        where the bundled policies are         cel_cases    expressions of a file, one answer a line

Judging, pure
    planning     what will be evaluated, with which params
    matching     which policies and bindings a request meets: an index, `selector`, `equivalence`
    validation   the validating phase; `verdicts` says what results mean
    mutation     the mutating phase: `patching` and `jsonpatch`, or `apply_configuration` (`object_values`,
                 `merge_validation`, `merge_keys`, `structured_merge`); then `diff`
    evaluation   expressions with their variables and budgets; `questions` are those that only others can answer
    exemption    who is let off, asked after everything was judged
    decision     findings, and what becomes of them

Policies, pure
    kinds        the kinds and their fields, as tables      decoding     YAML's data compared with them
    building     the model with the API server's defaults
    policy       the frozen model                           compiler     every expression compiled once
    creation     what an API server would refuse: `fieldrules`, `newexpressions`, `names`, `fielderror`
    typecheck    warnings from the schemas of what a policy matches

Objects, pure
    review       AdmissionReview in and out: `rawjson`      workload     pod templates seen as Pods
    manifest     manifests as requests                      defaults     what the API server fills in
    schema       facts about Kubernetes' types              scopes       which kinds live in namespaces
    authorization  what the authorizer is asked             documents    YAML and JSON with positions
    variables    what expressions may name and its types    pruning      objects without what is exempt
    jsonschema   the kinds as JSON Schemas, for editors

    cel          the language; knows nothing of admission
    errors       the one tree of exceptions, and diagnostics

In Python:

    loaded = admission.load_policies(["builtin:pod-security"])
    engine = admission.Engine(loaded.compile(), admission.FileFacts(), clock=time.monotonic)
    decision = asyncio.run(engine.review(admission.decode_review(body).request))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from admission.decision import Decision, Finding, Outcome
    from admission.engine import Engine
    from admission.errors import AdmissionError, Issue, LoadError
    from admission.facts import FactSource, FileFacts
    from admission.loader import load_documents, load_policies
    from admission.manifest import Kinds, Requester
    from admission.review import AdmissionRequest, AdmissionReview, decode_review, encode_response

__version__ = "0.1.0"

__all__ = [
    "AdmissionError",
    "AdmissionRequest",
    "AdmissionReview",
    "Decision",
    "Engine",
    "FactSource",
    "FileFacts",
    "Finding",
    "Issue",
    "Kinds",
    "LoadError",
    "Outcome",
    "Requester",
    "__version__",
    "decode_review",
    "encode_response",
    "load_documents",
    "load_policies",
]

_HOMES = {
    "AdmissionError": "errors",
    "AdmissionRequest": "review",
    "AdmissionReview": "review",
    "Decision": "decision",
    "Engine": "engine",
    "FactSource": "facts",
    "FileFacts": "facts",
    "Finding": "decision",
    "Issue": "errors",
    "Kinds": "manifest",
    "LoadError": "errors",
    "Outcome": "decision",
    "Requester": "manifest",
    "decode_review": "review",
    "encode_response": "review",
    "load_documents": "loader",
    "load_policies": "loader",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that no command waits for what it does not need."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
