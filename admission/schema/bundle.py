"""The schemas and resources of Kubernetes 1.36 as one compressed file in the package: facts only, no prose.

`python -m admission.schema.bundle FOLDER` writes the file anew from `schemas-v1.36.json` (an API server's OpenAPI v3
component schemas by name, without descriptions) and `resources-v1.36.json` (its discovery as a list).
"""

from __future__ import annotations

import gzip
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from admission.schema.definitions import Definitions, KindName, Resource

NEWEST = "1.36"


def bundled(version: str = NEWEST) -> Definitions:
    """Return the definitions that come with the package; takes some milliseconds, so keep them.

    There is one set of facts: other minor versions are checked against it too, because type checking only warns.
    """
    del version
    content = json.loads(gzip.decompress(files(__package__).joinpath(_name()).read_bytes()))
    return Definitions(content["schemas"], [_resource(item) for item in content["resources"]])


def pack(schemas: dict[str, Any], resources: list[dict[str, Any]]) -> bytes:
    """Return the content of the file; the same facts always give the same bytes."""
    content = {"resources": resources, "schemas": schemas}
    return gzip.compress(json.dumps(content, separators=(",", ":"), sort_keys=True).encode(), mtime=0)


def _name() -> str:
    return f"kubernetes-{NEWEST}.json.gz"


def _resource(item: dict[str, Any]) -> Resource:
    return Resource(
        group=item["group"],
        version=item["version"],
        name=item["resource"],
        kind=KindName(item["kindGroup"], item["kindVersion"], item["kind"]),
        namespaced=item["namespaced"],
        singular=item["singular"],
        verbs=tuple(item["verbs"]),
        short_names=tuple(item["shortNames"]),
    )


def main(arguments: list[str]) -> None:
    """Write the file beside this one from the two files of a folder."""
    folder = Path(arguments[0])
    schemas = json.loads(folder.joinpath(f"schemas-v{NEWEST}.json").read_bytes())
    resources = json.loads(folder.joinpath(f"resources-v{NEWEST}.json").read_bytes())
    Path(__file__).with_name(_name()).write_bytes(pack(schemas, resources))


if __name__ == "__main__":
    main(sys.argv[1:])
