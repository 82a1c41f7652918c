"""A bundle is there whole or not at all, and nobody takes a half for one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import InputError, MachineError
from lab.evidence.archive import bundles_in
from lab.evidence.bundle import UNFINISHED, add_signature, check_archive, write_bundle
from lab.evidence.verify import verified
from tests.unit.evidence.made import PARTS, bundle, manifest

WRITER = """
import sys
from pathlib import Path
from lab.evidence.bundle import write_bundle
from tests.unit.evidence.made import manifest
def never():
    print("under way", flush=True)
    sys.stdin.read()
    return b"late"
write_bundle(Path(sys.argv[1]), manifest(), {"a": b"first", "b": never, "c": b"last"})
"""
ROOT = Path(__file__).parents[3]


def test_a_bundle_is_called_by_its_time_and_ticket_and_the_second_is_numbered(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "kept"), bundle(tmp_path / "kept")
    other = bundle(tmp_path / "kept", ticket=None, command="diff")
    assert [one.name for one in (first, second, other)] == [
        "2026-11-28T02-07-11Z-CHG-1042", "2026-11-28T02-07-11Z-CHG-1042-2", "2026-11-28T02-07-11Z-diff",
    ]  # fmt: skip
    assert {one.name: one.whole for one in bundles_in(tmp_path / "kept")} == {str(one): True for one in (first, second, other)}
    assert {str(path.relative_to(first)) for path in first.rglob("*") if path.is_file()} == {
        *PARTS, "manifest.json", "SHA256SUMS",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {first.name, second.name, other.name}


def test_its_sums_are_those_that_sha256sum_reads(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": OK\n")) == (0, len(PARTS) + 1), done.stderr


def test_a_part_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def none() -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(MachineError, match="cannot be written: No space left on device"):
        write_bundle(tmp_path, manifest(), {"a": b"first", "b": none})
    assert list(tmp_path.iterdir()) == []


def test_a_signature_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def refuses(content: bytes) -> bytes:
        raise InputError(())

    with pytest.raises(InputError):
        write_bundle(tmp_path, manifest(), PARTS, sign=refuses)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    folder = bundle(tmp_path / "kept")
    for place, told in ((file, "is no folder"), (folder, "is a bundle itself"), (folder / "deeper", "or in one")):
        for check in (check_archive, lambda archive: write_bundle(archive, manifest(), PARTS)):
            with pytest.raises(InputError, match=told):
                check(place)
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        check_archive(file / "deeper")
    assert file.read_text() == "mine"
    assert verified(folder).whole


def test_an_archive_may_have_other_things_beside_its_bundles(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "notes").mkdir()
    assert bundles_in(tmp_path) == ()
    assert [one.name for one in (bundle(tmp_path),)] == ["2026-11-28T02-07-11Z-CHG-1042"]
    assert len(bundles_in(tmp_path)) == 1


def test_a_writer_that_is_killed_leaves_no_bundle_and_what_it_left_goes_with_the_next(tmp_path: Path) -> None:
    writing = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    with writing:
        assert writing.stdout is not None
        assert writing.stdout.readline() == b"under way\n"
        (left,) = tmp_path.iterdir()
        assert left.name.startswith(UNFINISHED)
        assert (left / "a").read_bytes() == b"first"
        check_archive(tmp_path)
        assert list(tmp_path.iterdir()) == [left], "a writer that is at work is let be"
        writing.kill()
    assert list(tmp_path.iterdir()) == [left]
    assert bundles_in(tmp_path) == ()
    with pytest.raises(InputError, match="no bundle"):
        verified(left)
    check_archive(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_who_reads_an_unfinished_one_by_name_finds_no_manifest_at_any_point(tmp_path: Path) -> None:
    seen: list[set[str]] = []

    def looks(content: bytes) -> bytes:
        (folder,) = tmp_path.iterdir()
        seen.append({path.name for path in folder.iterdir()})
        return b"signature"

    write_bundle(tmp_path, manifest(), {"a": b"1"}, sign=looks)
    assert seen == [{"a", "SHA256SUMS"}]


def test_a_bundle_is_signed_once(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    add_signature(folder, lambda content: b"signed: %d\n" % len(content))
    assert (folder / "manifest.json.sig").read_text() == f"signed: {(folder / 'manifest.json').stat().st_size}\n"
    with pytest.raises(InputError, match="is signed already"):
        add_signature(folder, lambda _: b"")
