"""What is in a bundle that somebody brings, as a folder or a tar: hashed where it lies, and nothing of it is laid out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.evidence.manifest import BESIDE, MANIFEST, MOST_BYTES, MOST_FILES, MOST_OF_MANIFEST, SUMS
from lab.evidence.tarred import entries

_CHUNK = 1 << 20
_DEEPEST = 16
_MOST_KEPT = 3 * MOST_OF_MANIFEST


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is there: its bytes, and their SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(slots=True)
class There:
    """A bundle as it is: its files, what is none (``a link``), and the content of the three that tell of the others."""

    files: dict[str, Content] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)
    told: dict[str, bytes] = field(default_factory=dict)


def what_is_there(path: Path) -> There:
    """The bundle in a folder, or in a tar, which may be compressed by gzip; raises InputError for what is neither."""
    where = Where(str(path))
    try:
        there = _folder(path) if path.is_dir() else _tar(path)
    except OSError as error:
        raise InputError(Problem(f"it cannot be read: {error.strerror}", where)) from None
    if MANIFEST not in there.told and SUMS not in there.told:
        mend = f"of a folder that holds bundles: lab evidence list {path}" if path.is_dir() else ""
        raise InputError(Problem("it holds no manifest.json: it is no bundle of evidence", where, mend))
    return there


class _Taken:
    """Counts what was read: a stranger's bundle has an end."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._bytes = self._files = 0

    def file(self) -> None:
        self._files += 1
        if self._files > MOST_FILES + 100:
            raise InputError(Problem(f"it has more than {MOST_FILES:,} files: no bundle has", self._where))

    def read(self, content: bytes) -> None:
        self._bytes += len(content)
        if self._bytes > MOST_BYTES + 2 * MOST_OF_MANIFEST:
            raise InputError(Problem(f"it has more than {MOST_BYTES >> 20:,} MiB: no bundle has", self._where))


def _taken(chunks: Iterable[bytes], taken: _Taken, *, keep: bool) -> tuple[Content, bytes]:
    hashed, size, kept = sha256(), 0, bytearray()
    for chunk in chunks:
        taken.read(chunk)
        hashed.update(chunk)
        size += len(chunk)
        if keep:
            kept += chunk[: MOST_OF_MANIFEST + 1 - len(kept)]
    return Content(size, hashed.hexdigest()), bytes(kept)


def _folder(path: Path) -> There:
    found, taken = There(), _Taken(Where(str(path)))
    for inside, folders, names, at in os.fwalk(path):
        folder = Path(inside).relative_to(path)
        taken.file()
        if len(folder.parts) > _DEEPEST:
            raise InputError(Problem(f"{inside} is deeper than a bundle may be"))
        if not folders and not names:
            found.odd[_shown(folder)] = "an empty folder"
        for name in folders:
            if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                found.odd[_shown(folder / name)] = "a link"
        for name in names:
            taken.file()
            _file(found, taken, _shown(folder / name), name, at)
    return found


def _file(found: There, taken: _Taken, shown: str, name: str, at: int) -> None:
    """Read a file of a folder: what is no file is not opened, as a pipe would wait and a device act."""
    mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode):
        found.odd[shown] = "a link" if stat.S_ISLNK(mode) else "no ordinary file"
        return
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        found.files[shown], kept = _taken(chunks, taken, keep=shown in BESIDE)
    if shown in BESIDE:
        found.told[shown] = kept


def _tar(path: Path) -> There:
    """As of a folder; the files may lie in one, as those do that `tar` was given a folder of."""
    where = Where(str(path))
    taken, found, kept = _Taken(where), There(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(Problem("it is no folder, and no ordinary file", where))
        for entry in entries(file, where):
            taken.file()
            keep = entry.name.split("/")[-1] in BESIDE and entry.name.count("/") <= 1
            content, told = _taken(entry.chunks, taken, keep=keep)
            if entry.name in found.files or entry.name in found.odd:
                found.odd[entry.name] = "there twice"
                continue
            if entry.odd:
                found.odd[entry.name] = entry.odd
                continue
            found.files[entry.name] = content
            if keep:
                found.told[entry.name] = told
                kept += len(told)
                if kept > _MOST_KEPT:
                    raise InputError(Problem("it has more manifests than a bundle may have", where))
    return _from_its_folder(found, where)


def _from_its_folder(found: There, where: Where) -> There:
    """The names as they are in the folder that holds the manifest."""
    roots = {name.rpartition("/")[0] for name in found.told if name.rpartition("/")[2] in (MANIFEST, SUMS)}
    if len(roots) > 1:
        raise InputError(Problem(f"it holds {len(roots)} bundles", where, "unpack it, and verify them one by one"))
    prefix = f"{root}/" if (root := next(iter(roots), "")) else ""
    files = {_inside(name, prefix): content for name, content in found.files.items()}
    odd = {_inside(name, prefix): what for name, what in found.odd.items()}
    told = {_inside(name, prefix): content for name, content in found.told.items()}
    return There(files, odd, {name: content for name, content in told.items() if name in BESIDE})


def _inside(name: str, prefix: str) -> str:
    return name.removeprefix(prefix) if name.startswith(prefix) else f"../{name}"


def _shown(path: Path) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")
