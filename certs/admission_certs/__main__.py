"""The commands: `bootstrap` makes an authority and a leaf, `inspect` prints them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from admission.errors import AdmissionError, InputError
from admission_certs.authority import AUTHORITY_VALIDITY, LEAF_VALIDITY, KeyPair, create_authority, issue_leaf
from admission_certs.inspection import describe, names_of
from admission_certs.store import AUTHORITY, LEAF, Store, read_certificates

_EXAMPLES = """examples:
  admission-certs bootstrap --dir certs --dns admission.admission-system.svc localhost 127.0.0.1
  admission-certs inspect --dir certs
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 2 usage or unreadable input."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "bootstrap":
            return _bootstrap(options, datetime.now(UTC))
        return _inspect(options, datetime.now(UTC))
    except AdmissionError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="admission-certs",
        description="Make and show the certificates of the admission webhook server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    bootstrap = commands.add_parser(
        "bootstrap",
        help="make an authority (ca.crt, ca.key) and a leaf (tls.crt, tls.key)",
        description="Make a certificate authority and a server certificate in a folder. "
        "An authority that is there and valid is kept, the server certificate is always made anew.",
    )
    bootstrap.add_argument("--dir", type=Path, required=True, metavar="D", help="folder for the files")
    bootstrap.add_argument(
        "--dns", nargs="+", action="extend", required=True, metavar="NAME", help="DNS names and IP addresses served"
    )
    bootstrap.add_argument(
        "--days", type=int, default=LEAF_VALIDITY.days, help="validity of the leaf (default: %(default)s)"
    )
    bootstrap.add_argument(
        "--ca-days", type=int, default=AUTHORITY_VALIDITY.days, help="validity of a new authority (default: 10 years)"
    )
    inspect = commands.add_parser(
        "inspect",
        help="print what certificates say",
        description="Print subject, names, validity, key and fingerprint of certificates.",
    )
    inspect.add_argument("--dir", type=Path, metavar="D", help="folder with ca.crt and tls.crt")
    inspect.add_argument("files", type=Path, nargs="*", metavar="FILE", help="PEM files")
    return parser


def _bootstrap(options: argparse.Namespace, now: datetime) -> int:
    store = Store(options.dir)
    authority = store.load(AUTHORITY)
    if authority is None or not _is_valid(authority, now):
        authority = create_authority("admission webhook authority", now=now, validity=timedelta(days=options.ca_days))
        leaf = issue_leaf(authority, options.dns, now=now, validity=timedelta(days=options.days))
        store.save(AUTHORITY, authority)
    else:
        leaf = issue_leaf(authority, options.dns, now=now, validity=timedelta(days=options.days))
    store.save(LEAF, leaf)
    end = leaf.certificate.not_valid_after_utc
    print(f"{store.certificate_path(LEAF)}: {', '.join(names_of(leaf.certificate))}, until {end:%Y-%m-%d}")
    return 0


def _is_valid(pair: KeyPair, now: datetime) -> bool:
    return pair.certificate.not_valid_before_utc <= now < pair.certificate.not_valid_after_utc


def _inspect(options: argparse.Namespace, now: datetime) -> int:
    files: list[Path] = list(options.files)
    if options.dir is not None:
        store = Store(options.dir)
        files = [path for name in (AUTHORITY, LEAF) if (path := store.certificate_path(name)).exists()] + files
    if not files:
        raise InputError("no certificate found; give --dir D with ca.crt or tls.crt in it, or PEM files")
    for file in files:
        for certificate in read_certificates(file):
            print(file)
            for label, text in describe(certificate, now=now):
                print(f"  {label:<8} {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
