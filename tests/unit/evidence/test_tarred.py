"""A stranger's tar is read as data: nothing is laid out, nothing leads out of it, and it has an end."""

from __future__ import annotations

import gzip
import io
import random
import resource
import tarfile
import time
from pathlib import Path

import pytest

from lab.errors import InputError, Where
from lab.evidence import tarred as tarred_module
from lab.evidence import there as there_module
from lab.evidence.tarred import entries
from lab.evidence.there import what_is_there
from tests.unit.evidence.made import bundle, tar_of, tarred

LONG = "/".join(["a" * 60] * 3)


def read(content: bytes) -> dict[str, tuple[bytes, str]]:
    return {one.name: (b"".join(one.chunks), one.odd) for one in entries(io.BytesIO(content), Where("x.tar"))}


def sizes(content: bytes) -> dict[str, int]:
    return {name: len(data) for name, (data, _) in read(content).items()}


def info(name: str, kind: bytes = tarfile.REGTYPE, **changes: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in changes.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["a", "./a", "a/b.txt", LONG])
def test_each_form_of_tar_is_read(form: int, name: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        one = info(name)
        one.size, one.mtime = 1_000, 1.5
        tar.addfile(one, io.BytesIO(b"x" * 1_000))
        tar.addfile(info("folder/", tarfile.DIRTYPE))
        tar.addfile(info("last"))
    for content in (out.getvalue(), gzip.compress(out.getvalue())):
        assert read(content) == {name.removeprefix("./"): (b"x" * 1_000, ""), "last": (b"", "")}


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "..", "./../x"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    for kind in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE):
        with pytest.raises(InputError, match="leads out of it"):
            read(tar_of((info(name, kind), b"")))


@pytest.mark.parametrize(
    ("kind", "what"),
    [(tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.FIFOTYPE, "a pipe"), (tarfile.CHRTYPE, "a device")],
)
def test_what_is_no_file_is_named_and_not_followed(kind: bytes, what: str) -> None:
    assert read(tar_of((info("x", kind, linkname="/etc/passwd"), b""))) == {"x": (b"", what)}


def test_a_link_in_a_tar_is_a_change_of_the_bundle(tmp_path: Path) -> None:
    file = tarred(bundle(tmp_path / "kept"), tmp_path / "b.tar")
    with tarfile.open(file, "a") as tar:
        tar.addfile(info("results.json", tarfile.SYMTYPE, linkname="/etc/passwd"))
        tar.addfile(info("more", tarfile.SYMTYPE, linkname="/etc/passwd"))
    assert what_is_there(file).odd == {"results.json": "there twice", "more": "a link"}


def test_a_file_that_is_there_twice_is_named(tmp_path: Path) -> None:
    file = tarred(bundle(tmp_path / "kept"), tmp_path / "b.tar")
    with tarfile.open(file, "a") as tar:
        tar.addfile(info("results.json"))
    assert what_is_there(file).odd == {"results.json": "there twice"}


@pytest.mark.parametrize("cut", [1, 100, 511, 512, 513, 1_024, 1_500])
def test_one_that_is_cut_off_is_told(cut: int) -> None:
    whole = tar_of((info("a"), b"x" * 600))
    for content in (whole[:cut], gzip.compress(whole)[: -1 - cut % 50]):
        with pytest.raises(InputError, match="no tar of a bundle"):
            read(content)


def test_what_stands_behind_the_end_is_told() -> None:
    whole = tar_of((info("a"), b"x"))
    for content in (whole + b"x", whole + tar_of((info("b"), b"y")), gzip.compress(whole) + b"x", gzip.compress(whole) * 2):
        with pytest.raises(InputError, match="behind its end"):
            read(content)


def test_headers_have_a_bound() -> None:
    for one in (info("x" * 70_000), info("x", pax_headers={"comment": "y" * 70_000})):
        with pytest.raises(InputError, match="a header has"):
            read(tar_of((one, b"")))
    for key in ("GNU.sparse.map", "size", "linkpath", "SCHILY.xattr.x"):
        with pytest.raises(InputError, match="a pax header says"):
            read(tar_of((info("x", pax_headers={key: "1"}), b"")))


def test_a_header_that_lies_of_its_size_reads_no_more_than_there_is() -> None:
    content = bytearray(tar_of((info("a"), b"x" * 600)))
    content[124:136] = b"77777777777\0"
    head = bytes(content[:512])
    content[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:]))
    with pytest.raises(InputError, match="cut off"):
        read(bytes(content))


def test_a_tar_that_swells_ends_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there_module, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(there_module, "MOST_OF_MANIFEST", 1 << 10)
    file = tmp_path / "bomb.tgz"
    with gzip.open(file, "wb") as out:
        out.write(tar_of((info("a"), bytes(8 << 20))))
    assert file.stat().st_size < 20_000
    with pytest.raises(InputError, match="more than 1 MiB"):
        what_is_there(file)


def test_one_that_is_there_again_and_again_ends_at_the_bound_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there_module, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(there_module, "MOST_OF_MANIFEST", 1 << 10)
    file = tmp_path / "again.tar"
    file.write_bytes(tar_of((info("manifest.json"), b"{}"), (info("a"), b"x"), *[(info("a"), bytes(300 << 10))] * 4))
    with pytest.raises(InputError, match="more than 1 MiB"):
        what_is_there(file)


def test_nothing_behind_the_end_has_a_bound_too() -> None:
    with pytest.raises(InputError, match="behind its end"):
        read(gzip.compress(tar_of((info("a"), b"x")) + bytes(64 << 20)))


def test_many_entries_end_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there_module, "MOST_FILES", 50)
    monkeypatch.setattr(tarred_module, "_MOST_IN_VAIN", 50)
    file = tmp_path / "many.tar"
    for kind, told in ((tarfile.REGTYPE, "more than 50 files"), (tarfile.DIRTYPE, "more than 50 entries")):
        file.write_bytes(tar_of(*((info(str(number), kind), b"") for number in range(200))))
        with pytest.raises(InputError, match=told):
            what_is_there(file)


def test_a_large_file_needs_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.tar"
    with tarfile.open(file, "w") as tar:
        one = info("large")
        one.size = 200 << 20
        with Path("/dev/zero").open("rb") as zeros:
            tar.addfile(one, zeros)
        tar.addfile(info("manifest.json"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    found = what_is_there(file)
    assert found.files["large"].size == 200 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert time.process_time() - begun < 30


def test_two_bundles_in_one_tar_are_told(tmp_path: Path) -> None:
    file = tmp_path / "two.tar"
    file.write_bytes(tar_of(*((info(f"{name}/manifest.json"), b"{}") for name in "ab")))
    with pytest.raises(InputError, match="it holds 2 bundles"):
        what_is_there(file)


def test_whatever_is_wrong_with_a_tar_ends_in_words(tmp_path: Path) -> None:
    chance = random.Random(15)
    whole = tarred(bundle(tmp_path / "kept"), tmp_path / "b.tar").read_bytes()
    own = sizes(whole)
    for _ in range(1_500):
        content = bytearray(whole)
        changes = chance.randint(1, 4)
        for _ in range(changes):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            found = sizes(bytes(content))
        except InputError:
            continue
        assert changes > 1 or found == own, "several may leave a header's checksum as it was, and one may not"
