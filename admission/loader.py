"""Files to documents, and documents to policies, with every fault of every file in one go.

A fault is an Issue with file, line and column. `strict` is how a policy is applied: what the API server would refuse is
refused. Otherwise policies count as already stored: only what no API server could hold is refused (a syntax error, a
wrong type, an unknown kind), everything else is reported and kept. Manifests and resources take the same way as far as
documents. This is the only place that reads policy files and standard input.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from admission.building import Built, build, defaulted
from admission.cel.environment import NEWEST
from admission.compiler import CompiledPolicySet, ExpressionCompiler, compile_policies
from admission.creation import creation_errors
from admission.decoding import Content, decode, field_path, suggestion
from admission.documents.document import Document, DocumentPlace, Source, read
from admission.errors import Issue, LoadError, Position, UsageError
from admission.fielderror import ErrorType, FieldError, rejection
from admission.kinds import GROUP, KINDS, kind_of
from admission.packs import NOT_POLICIES, PREFIX, SUFFIXES, files_below, pack_files
from admission.policy import Binding, Exemption, MutatingPolicy, PolicySet, ValidatingPolicy

STDIN: Final = "-"
EXEMPTION: Final = "PolicyExemption"
MAX_FILE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The policies of some files: `issues` are warnings, and without `strict` also what a stored policy may get wrong.

    `files` are the files that were read, as named or found; `expressions` has compiled every expression already.
    """

    policies: PolicySet
    issues: tuple[Issue, ...] = ()
    files: tuple[str, ...] = ()
    expressions: ExpressionCompiler = field(default_factory=ExpressionCompiler)

    def compile(self) -> CompiledPolicySet:
        """Compile the policies; faults of expressions are among `issues` already."""
        return compile_policies(self.policies, expressions=self.expressions)[0]


def load_policies(
    paths: Sequence[str | Path],
    *,
    resources: Iterable[Document] = (),
    strict: bool = True,
    kubernetes_version: str = NEWEST,
    now: float | None = None,
) -> LoadResult:
    """Load policies, bindings and exemptions from files, folders, `builtin:NAME` and `-`.

    Exemptions are also taken from `resources`, documents that are loaded already; `now` (Unix time) says which of them
    are over. Raises LoadError with every fault of every file, UsageError for a path that cannot be meant.
    """
    reader = _Reader(NOT_POLICIES)
    documents = reader.documents(paths)
    collector = _Collector(ExpressionCompiler(kubernetes_version))
    for document in documents:
        collector.add(document)
    for document in resources:
        kind = kind_of(document.data)
        if kind is not None and kind.name == EXEMPTION:
            collector.add(document)
    collector.relate(time.time() if now is None else now)
    issues = (*reader.issues, *collector.fatal, *collector.issues)
    fatal = [*reader.issues, *collector.fatal]
    if any(issue.severity == "error" for issue in (issues if strict else fatal)):
        raise LoadError(_sorted(issues, reader.files))
    policies = PolicySet.of(collector.policies.values(), collector.bindings.values(), collector.exemptions.values())
    return LoadResult(policies, _sorted(issues, reader.files), tuple(reader.files), collector.compiler)


def load_documents(paths: Sequence[str | Path]) -> list[Document]:
    """Load Kubernetes objects from files, folders and `-`, Lists taken apart, in order.

    Raises LoadError with every fault of every file: syntax, duplicate keys, what is no Kubernetes object.
    """
    reader = _Reader(())
    documents = reader.documents(paths)
    issues = [*reader.issues]
    for document in documents:
        issues += _object_issues(document)
    if issues:
        raise LoadError(_sorted(issues, reader.files))
    return documents


def _sorted(issues: Iterable[Issue], files: Sequence[str]) -> tuple[Issue, ...]:
    order = {file: index for index, file in enumerate(files)}

    def key(issue: Issue) -> tuple[int, int, int]:
        position = issue.position
        return (order.get(position.file, -1), position.line, position.column) if position is not None else (-1, 0, 0)

    return tuple(sorted(issues, key=key))


class _Reader:
    """Finds and reads files, collecting what is wrong with them."""

    def __init__(self, skipped: tuple[str, ...]) -> None:
        self._skipped = skipped
        self.files: list[str] = []
        self.issues: list[Issue] = []

    def documents(self, paths: Sequence[str | Path]) -> list[Document]:
        """Return all documents of all files, Lists taken apart."""
        found: list[Document] = []
        seen: set[Path] = set()
        for path in paths:
            for name, file in self._find(str(path)):
                if file is not None and file.resolve() in seen:
                    continue
                if file is not None:
                    seen.add(file.resolve())
                self.files.append(name)
                found += self._read(name, file)
        return found

    def _find(self, path: str) -> list[tuple[str, Path | None]]:
        if not path:
            raise UsageError("a path to load from is empty")
        if path == STDIN:
            return [(STDIN, None)]
        if path.startswith(PREFIX):
            return [*pack_files(path.removeprefix(PREFIX))]
        given = Path(path)
        try:
            if not given.is_dir():
                return [(path, given)]
            files = files_below(given, self._skipped)
        except OSError as error:
            self.issues.append(Issue(f"{error.filename or path}: cannot be read: {error.strerror}", id="file"))
            return []
        if not files:
            self.issues.append(
                Issue(f"{path}: no file with the ending {', '.join(SUFFIXES)} in this folder", id="file")
            )
        return [(str(file), file) for file in files]

    def _read(self, name: str, file: Path | None) -> Iterator[Document]:
        try:
            content = _read_bytes(file)
        except OSError as error:
            self.issues.append(Issue(f"{name}: cannot be read: {error.strerror or error}", id="file"))
            return
        if len(content) > MAX_FILE:
            self.issues.append(Issue(f"{name}: larger than {MAX_FILE // 1024 // 1024} MiB", id="file"))
            return
        try:
            text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.issues.append(Issue(f"not UTF-8: {error.reason}", Position(name, line, 1), id="file"))
            return
        documents, issues = read(Source(name, text), json_text=name.endswith(".json"))
        self.issues += issues
        for document in documents:
            yield from _unlisted(document)


def _read_bytes(file: Path | None) -> bytes:
    if file is None:
        return sys.stdin.buffer.read(MAX_FILE + 1)
    with file.open("rb") as stream:
        return stream.read(MAX_FILE + 1)


def _unlisted(document: Document) -> Iterator[Document]:
    data = document.data
    kind = data.get("kind") if isinstance(data, dict) else None
    if isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list):
        for item in document.items():
            yield from _unlisted(item)
    else:
        yield document


def _object_issues(document: Document) -> Iterator[Issue]:
    """Say why a document is no Kubernetes object, if it is none."""
    data = document.data
    if not isinstance(data, dict):
        yield document.issue("a Kubernetes object must be a mapping with apiVersion and kind", id="object")
        return
    for name in ("apiVersion", "kind"):
        value = data.get(name)
        if not isinstance(value, str) or not value:
            yield document.issue(f"{name} must be given, as a string", (name,), id="object")
    metadata = data.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        yield document.issue("metadata must be a mapping", ("metadata",), id="object")


class _Collector:
    """Turns documents into policies and bindings, collecting Issues; `fatal` ones no API server could live with."""

    def __init__(self, compiler: ExpressionCompiler) -> None:
        self.compiler = compiler
        self.policies: dict[tuple[str, str], ValidatingPolicy | MutatingPolicy] = {}
        self.bindings: dict[tuple[str, str], Binding] = {}
        self.exemptions: dict[tuple[str, str], Exemption] = {}
        self._phases: dict[tuple[bool, str], ValidatingPolicy | MutatingPolicy] = {}
        self.issues: list[Issue] = []
        self.fatal: list[Issue] = []

    def add(self, document: Document) -> None:
        """Take one document, which should be a policy, a binding or an exemption."""
        issues = list(_object_issues(document))
        if not issues and kind_of(document.data) is None:
            issues.append(_no_policy(document))
        if issues:
            self.fatal += issues
            return
        content = decode(document.data)
        for fault in content.faults:
            message = f"{field_path(fault.path)}: {fault.message}" if fault.part == "value" else fault.message
            issue = document.issue(
                message, fault.path, fault.part, severity=fault.severity, id="schema", help=fault.help
            )
            (self.fatal if fault.mistyped else self.issues).append(issue)
        content = defaulted(content)
        self.issues += creation_issues(document, content, self.compiler)
        if content.usable:
            self._keep(document, content)

    def _keep(self, document: Document, content: Content) -> None:
        if not content.name:
            if content.data.get("metadata", {}).get("generateName"):
                message = "a policy in a file needs metadata.name: generateName names what is created in a cluster"
                self.fatal.append(document.issue(message, ("metadata", "generateName"), id="name"))
            return
        built: Built = build(content, DocumentPlace(document))
        key, known = self._slot(built)
        earlier = known.get(key)
        if isinstance(built, Exemption) and built == earlier:
            return  # given as a policy and as a resource
        if earlier is not None:
            message = f'{content.kind.name} "{built.name}" is defined twice; the first is at {earlier.position}'
            self.issues.append(document.issue(message, ("metadata", "name"), "entry", id="name"))
        known[key] = built
        if isinstance(built, ValidatingPolicy | MutatingPolicy):
            twin = self._phases.setdefault((isinstance(built, ValidatingPolicy), built.name), built)
            if twin.kind != built.kind:
                message = f'{twin.kind} "{built.name}" at {twin.position} has the same name; findings go by it'
                self.fatal.append(document.issue(message, ("metadata", "name"), "entry", id="name"))

    def _slot(self, built: Built) -> tuple[tuple[str, str], dict[tuple[str, str], Any]]:
        """Return what a value is kept under, and where."""
        if isinstance(built, Exemption):
            return (built.namespace, built.name), self.exemptions
        if isinstance(built, Binding):
            return (f"{built.kind}AdmissionPolicyBinding", built.name), self.bindings
        return (built.kind, built.name), self.policies

    def relate(self, now: float) -> None:
        """Look at everything together: what does nothing alone, or not any more, is worth a warning."""
        bound = set()
        for binding in self.bindings.values():
            kind = f"{binding.kind}AdmissionPolicy"
            bound.add((kind, binding.policy_name))
            if (kind, binding.policy_name) not in self.policies:
                near = suggestion(binding.policy_name, [name for known, name in self.policies if known == kind])
                self._warn(
                    binding,
                    f'binding "{binding.name}" does nothing: there is no {kind} "{binding.policy_name}"',
                    ("spec", "policyName"),
                    f"did you mean `{near}`?" if near else "",
                )
        for key, policy in self.policies.items():
            if key not in bound and not policy.own:
                message = f'policy "{policy.name}" does nothing: no binding names it'
                self._warn(policy, message, ("metadata", "name"), f"add a {policy.kind}Binding")
        for exemption in self.exemptions.values():
            self._relate_exemption(exemption, now)

    def _relate_exemption(self, exemption: Exemption, now: float) -> None:
        subject = f'exemption "{exemption.full_name}"'
        if exemption.expired(now):
            self._warn(exemption, f"{subject} is over and lets nobody off", ("spec", "expiresAt"), "remove or renew it")
        named = {name: policy for (_, name), policy in self.policies.items() if isinstance(policy, ValidatingPolicy)}
        for index, reference in enumerate(exemption.policy_refs):
            policy = named.get(reference.name)
            path = ("spec", "policyRefs", index)
            if policy is None:
                near = suggestion(reference.name, named)
                message = f'{subject} lets nobody off: there is no validating policy "{reference.name}"'
                self._warn(exemption, message, (*path, "name"), f"did you mean `{near}`?" if near else "")
            elif policy.unexemptable:
                self._warn(exemption, f'{subject} lets nobody off: policy "{policy.name}" is not exemptable', path, "")
            elif max(reference.validations or (0,)) >= max(1, len(policy.validations)):
                message = f'{subject} names a validation that policy "{policy.name}" does not have'
                last = len(policy.validations) - 1
                self._warn(exemption, message, (*path, "validations"), f"validations are numbered from 0 to {last}")

    def _warn(self, owner: Built, message: str, path: tuple[str | int, ...], help_text: str) -> None:
        place = owner.place
        if isinstance(place, DocumentPlace):
            self.issues.append(place.document.issue(message, path, severity="warning", id="binding", help=help_text))


def creation_issues(document: Document, content: Content, compiler: ExpressionCompiler) -> list[Issue]:
    """Return the API server's reasons to refuse an object, each at its place in the file."""
    issues: list[Issue] = []
    mistyped = [fault.path for fault in content.faults if fault.mistyped]
    for error in creation_errors(content, compiler):
        if mistyped and error.type is ErrorType.REQUIRED:
            continue  # what is missing may be what had the wrong type, which is said already
        if any(error.path[: len(path)] == path for path in mistyped):
            continue
        if error.issues:
            issues += _expression_issues(document, content, error)
        else:
            message = rejection(content.kind.group_kind, content.name, [error])
            issues.append(document.issue(message, error.path, id="creation"))
    return issues


def _expression_issues(document: Document, content: Content, error: FieldError) -> Iterator[Issue]:
    """Yield one Issue for each fault of an expression, in upstream's words but for the repeated text around it."""
    text = _value_at(document.data, error.path)
    # Printed in one line, an expression of several hides more than it shows; the line at fault follows anyway.
    short = error if "\n" not in text.strip() else replace(error, value="")
    for issue, hint in zip(error.issues, error.hints, strict=True):
        detail = f"compilation failed: ERROR: <input>:{issue.line}:{issue.column + 1}: {issue.message}"
        position, line = document.locate(error.path, error.shift + max(issue.offset, 0), text)
        message = rejection(content.kind.group_kind, content.name, [replace(short, detail=detail)])
        yield Issue(message, position, error.field, line, id="expression", help=hint)


def _value_at(data: Any, path: tuple[str | int, ...]) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _no_policy(document: Document) -> Issue:
    """Say of an object that is neither a policy nor a binding what it is and where it belongs."""
    api_version, kind = document.data["apiVersion"], document.data["kind"]
    if kind in KINDS:
        versions = " or ".join(KINDS[kind].api_versions)
        return document.issue(
            f"{kind} has no apiVersion {api_version}", ("apiVersion",), id="kind", help=f"write {versions}"
        )
    near = suggestion(kind, KINDS)
    if api_version.startswith(f"{GROUP}/") or near:
        help_text = f"did you mean `{near}`?" if near else f"policies are: {', '.join(KINDS)}"
    else:
        help_text = "give Namespaces, params and CustomResourceDefinitions with --resources"
    return document.issue(f"{kind} ({api_version}) is no policy", ("kind",), id="kind", help=help_text)
