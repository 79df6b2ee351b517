"""What docs/own-kinds.md shows can be loaded as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from admission.kinds import KINDS
from admission.loader import load_policies

PAGE = (Path(__file__).parent.parent / "docs" / "own-kinds.md").read_text("utf-8")


def test_the_examples_load_without_a_word(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "all.yaml").write_text("---\n".join(blocks), "utf-8")
    loaded = load_policies([tmp_path], now=1_800_000_000.0)
    assert loaded.issues == ()
    assert [policy.kind for policy in loaded.policies.policies] == ["ValidatingWebhookPolicy"]
    assert [exemption.full_name for exemption in loaded.policies.exemptions] == ["shop/legacy-shop"]


def test_every_kind_of_our_own_is_explained() -> None:
    assert all(kind.name in PAGE for kind in KINDS.values() if kind.own)
