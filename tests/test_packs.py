from __future__ import annotations

from pathlib import Path

import pytest

from admission.errors import UsageError
from admission.packs import files_below, pack_files, packs, root


def test_the_bundled_policies_are_found() -> None:
    assert root().is_dir()


def test_a_pack_has_files_in_order_with_names_to_show() -> None:
    for pack in packs():
        files = pack_files(pack)
        assert [name for name, _ in files] == sorted(name for name, _ in files)
        assert all(name.startswith(f"builtin:{pack}/") and file.is_file() for name, file in files)


@pytest.mark.parametrize("name", ["no-such-pack", "../policies", "/etc", "pod-security/../../tests"])
def test_what_is_no_pack_is_refused_and_the_packs_are_named(name: str) -> None:
    with pytest.raises(UsageError, match=r"is no bundled policy; (there are: |did you mean builtin:)"):
        pack_files(name)


def test_hidden_and_skipped_files_are_left_out_and_links_are_followed_once(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "d.txt", ".e.yaml", "tests.yaml", "resources/f.yaml", "sub/g.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("", "utf-8")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.yaml").symlink_to(tmp_path / "b.yaml")
    found = [file.relative_to(tmp_path).as_posix() for file in files_below(tmp_path, ("tests.yaml", "resources"))]
    assert found == ["a.yml", "b.yaml", "c.json", "linked.yaml", "sub/g.yaml"]
