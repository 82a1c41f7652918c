"""Whatever is changed of a bundle is found, and named."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.evidence.archive import bundles_in
from lab.evidence.manifest import manifest_bytes, sums
from lab.evidence.verify import verified
from tests.unit.evidence.made import PARTS, bundle, manifest, tarred

FILES = (*PARTS, "manifest.json", "SHA256SUMS")


def whole(path: Path) -> bool:
    """Whether it is taken for as it was written; what is no bundle any more is not."""
    try:
        return verified(path).whole
    except InputError:
        return False


def test_one_that_is_as_it_was_written_is_whole(tmp_path: Path) -> None:
    found = verified(bundle(tmp_path))
    assert (found.wrong, found.signed) == ((), None)
    assert found.manifest is not None
    assert [one.name for one in found.manifest.files] == sorted(PARTS)


@pytest.mark.parametrize("name", [name for name in FILES if name != "empty.txt"])
def test_each_byte_of_each_file_counts(tmp_path: Path, name: str) -> None:
    folder = bundle(tmp_path)
    file = folder / name
    content = file.read_bytes()
    assert whole(folder)
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        assert not whole(folder), f"byte {place}: {content[place : place + 1]!r}"
    for other in (content[:-1], content + b"\n", content + b" ", b""):
        file.write_bytes(other)
        assert not whole(folder), other
    file.write_bytes(content)
    assert whole(folder)


def add(folder: Path) -> None:
    (folder / "failed" / "b.pcapng").write_bytes(b"")


def add_hidden(folder: Path) -> None:
    (folder / ".x").write_bytes(b"")


def add_folder(folder: Path) -> None:
    (folder / "more").mkdir()


def remove(folder: Path) -> None:
    (folder / "results.json").unlink()


def rename(folder: Path) -> None:
    (folder / "results.json").rename(folder / "failed" / "results.json")


def change(folder: Path) -> None:
    (folder / "results.json").write_bytes(b'{"cells": {}}\n')


def grow(folder: Path) -> None:
    (folder / "results.json").write_bytes(b"longer than it was")


def link(folder: Path) -> None:
    shutil.copy(folder / "results.json", folder.parent / "elsewhere")
    (folder / "results.json").unlink()
    (folder / "results.json").symlink_to("../elsewhere")


def link_folder(folder: Path) -> None:
    shutil.move(folder / "failed", folder.parent / "elsewhere")
    (folder / "failed").symlink_to("../elsewhere")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "results.txt")


def no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def no_sums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()


def edit_manifest(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(file.read_text().replace('"passed": 7', '"passed": 9'))


def swap(folder: Path) -> None:
    one, other = folder / "results.json", folder / "rulesets/edge/v4.rules"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (add, ["failed/b.pcapng: added"]),
        (add_hidden, [".x: added"]),
        (add_folder, ["more: an empty folder, and no file of the bundle"]),
        (remove, ["results.json: removed"]),
        (rename, ["results.json: renamed, as failed/results.json"]),
        (change, ["results.json: changed: its SHA-256 is "]),
        (grow, ["results.json: changed: it has 18 bytes, and had 14"]),
        (link, ["results.json: a link, and no file of the bundle"]),
        (link_folder, ["failed/a.pcapng: removed", "failed: a link, and no file of the bundle"]),
        (pipe, ["results.txt: no ordinary file, and no file of the bundle"]),
        (no_manifest, ["manifest.json: removed"]),
        (no_sums, ["SHA256SUMS: removed"]),
        (edit_manifest, ["manifest.json: changed: its SHA-256 is ", "SHA256SUMS: changed: "]),
        (swap, ["results.json: changed: ", "rulesets/edge/v4.rules: changed: "]),
    ],
)
def test_what_was_done_is_named(tmp_path: Path, tamper: Callable[[Path], None], told: list[str]) -> None:
    folder = bundle(tmp_path / "kept")
    tamper(folder)
    found = verified(folder).wrong
    assert len(found) == len(told), found
    assert all(one.startswith(begins) for one, begins in zip(found, told, strict=True)), found
    assert "elsewhere" not in " ".join(found)


@pytest.mark.parametrize(
    "tamper", [add, remove, rename, change, grow, link, no_manifest, no_sums, edit_manifest, swap]
)
@pytest.mark.parametrize(("root", "mode", "ending"), [("", "w", ".tar"), ("./", "w:gz", ".tgz"), ("of/", "w:gz", ".tar.gz")])
def test_the_same_is_found_in_a_tar(
    tmp_path: Path, tamper: Callable[[Path], None], root: str, mode: str, ending: str
) -> None:
    folder = bundle(tmp_path / "kept")
    assert verified(tarred(folder, tmp_path / f"whole{ending}", root=root, mode=mode)).whole
    tamper(folder)
    own = verified(folder).wrong
    assert own
    found = verified(tarred(folder, tmp_path / f"b{ending}", root=root, mode=mode)).wrong
    assert set(found) == set(own)


def test_one_that_was_made_anew_is_found_by_what_was_noted(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    before = verified(folder).digest
    assert before is not None
    found = verified(folder).manifest
    assert found is not None
    changed = manifest(files=found.files, ticket="CHG-9")
    (folder / "manifest.json").write_bytes(manifest_bytes(changed))
    (folder / "SHA256SUMS").write_bytes(sums(changed, manifest_bytes(changed)))
    assert verified(folder).whole
    (told,) = verified(folder, noted=f"sha256:{before}").wrong
    assert told.startswith("manifest.json: changed: its SHA-256 is ")
    assert verified(folder, noted=verified(folder).digest).whole


def test_what_is_no_bundle_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("hello")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "text", "none", "pipe"):
        with pytest.raises(InputError, match=f"{name}: it "):
            verified(tmp_path / name)


def test_a_folder_of_many_names_the_broken_ones_and_goes_on(tmp_path: Path) -> None:
    late = bundle(tmp_path, begun="2026-11-30T00:00:00Z", ticket="CHG-3")
    early = bundle(tmp_path, begun="2026-11-01T00:00:00Z", ticket="CHG-1")
    broken = bundle(tmp_path, begun="2026-11-02T00:00:00Z", ticket="CHG-2")
    change(broken)
    tar = tarred(bundle(tmp_path / "other", begun="2026-11-03T00:00:00Z"), tmp_path / "b.tar")
    (tmp_path / "other.tar").write_bytes(b"no tar")
    unread = bundle(tmp_path, begun="2026-11-04T00:00:00Z")
    (unread / "manifest.json").write_text(json.dumps({"version": 7}))
    found = bundles_in(tmp_path)
    names = [str(path) for path in (unread, tmp_path / "other.tar", early, broken, tar, late)]
    assert [(one.name, one.whole) for one in found] == list(zip(names, (False, False, True, False, True, True), strict=True))
    assert all(one.wrong for one in found if not one.whole)


def test_a_thousand_random_changes_are_found(tmp_path: Path) -> None:
    chance = random.Random(15)
    folder = bundle(tmp_path)
    kept = {name: (folder / name).read_bytes() for name in FILES}
    for number in range(1_000):
        name = chance.choice([name for name in FILES if kept[name]])
        content = bytearray(kept[name])
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        (folder / name).write_bytes(content)
        assert whole(folder) == (bytes(content) == kept[name]), (number, name)
        (folder / name).write_bytes(kept[name])
