"""A bundle of evidence as a folder: written whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import InputError, MachineError, Problem
from lab.evidence.manifest import (
    BESIDE,
    MANIFEST,
    MOST_BYTES,
    MOST_FILES,
    MOST_OF_MANIFEST,
    SIGNATURE,
    SUMS,
    as_name,
    digest,
    is_name,
    manifest_bytes,
    sums,
)
from lab.report.file import unwritable, write_file
from lab.report.wire.evidence import BundledFile, Manifest

Part = bytes | Callable[[], bytes]
UNFINISHED = ".lab-evidence-"
"""How the name of a bundle begins while it is being written: nobody takes that for one."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written: its folder, how many files its manifest lists, and the manifest's SHA-256."""

    folder: Path
    files: int
    digest: str


def check_archive(archive: Path) -> None:
    """See whether bundles can be written into the folder ``archive``, which is made; what a killed writer left there goes.

    Raises InputError for what is no such folder, MachineError for a full disk.
    """
    _require_archive(archive)
    try:
        archive.mkdir(parents=True, exist_ok=True)
        sweep(archive)
        with _unfinished(archive):
            pass
    except OSError as error:
        raise unwritable(archive, error) from None


def write_bundle(
    archive: Path, manifest: Manifest, parts: Mapping[str, Part], *, sign: Callable[[bytes], bytes] | None = None
) -> Bundle:
    """Write a bundle of these parts into a new folder of ``archive``, called by when it was begun and what it is about.

    ``manifest`` lists no file yet.  ``sign`` makes the signature of the manifest's bytes.  Everything is on the disk before the
    folder has its name.  Raises InputError or MachineError (a full disk), and leaves nothing then.
    """
    _require_archive(archive)
    names = sorted(parts)
    if wrong := [name for name in names if not is_name(name) or name in BESIDE]:
        raise ValueError(f"no names of a bundle's files: {wrong}")
    try:
        archive.mkdir(parents=True, exist_ok=True)
        with _unfinished(archive) as folder:
            listed = replace(manifest, files=tuple(_write(folder, name, parts[name]) for name in names))
            content = manifest_bytes(listed)
            _require_room(listed, content)
            _put(folder / SUMS, sums(listed, content))
            if sign is not None:
                _put(folder / SIGNATURE, sign(content))
            _put(folder / MANIFEST, content)
            _sync_folders(folder)
            named = _name(archive, listed, folder)
        _sync(archive)
    except OSError as error:
        raise unwritable(archive, error) from None
    return Bundle(named, len(names), digest(content))


def add_signature(folder: Path, sign: Callable[[bytes], bytes]) -> None:
    """Sign the manifest of a bundle that is there; raises InputError where somebody signed it already.

    The signature has its name once it is whole.
    """
    try:
        if os.path.lexists(folder / SIGNATURE):
            raise InputError(Problem(f"{folder} is signed already"))
        write_file(folder / SIGNATURE, sign((folder / MANIFEST).read_bytes()).decode())
    except OSError as error:
        raise unwritable(folder, error) from None


def sweep(archive: Path) -> None:
    """Remove what writers that were killed have left; one that is at work holds a lock on its folder (flock(2))."""
    for left in archive.glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            lock = _opened(left)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def is_bundle(folder: Path) -> bool:
    """Whether the folder is one bundle, and no archive of several; a `manifest.json` alone may be anybody's."""
    return (folder / MANIFEST).is_file() and (folder / SUMS).is_file()


def _require_archive(archive: Path) -> None:
    if archive.exists() and not archive.is_dir():
        raise InputError(Problem(f"{archive} is no folder: bundles of evidence are written into one"))
    inside = next((one for one in (archive, *archive.absolute().parents) if is_bundle(one)), None)
    if inside is not None:
        raise InputError(Problem(f"{archive} is a bundle itself, or in one: {inside}", mend="name the folder above it"))


def _require_room(manifest: Manifest, content: bytes) -> None:
    size = sum(one.size for one in manifest.files)
    if len(manifest.files) > MOST_FILES or size > MOST_BYTES or len(content) > MOST_OF_MANIFEST:
        what = f"{len(manifest.files):,} files of {size >> 20:,} MiB are more than a bundle may have"
        raise InputError(Problem(what, mend="run fewer matrices at once"))


@contextmanager
def _unfinished(archive: Path) -> Iterator[Path]:
    """A new folder that nobody takes for a bundle; it goes at the end, if it still has its name."""
    folder, lock = _locked_folder(archive)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(archive: Path) -> tuple[Path, int]:
    """A new folder and a descriptor that holds its lock; who sweeps may have taken one for left that had none yet."""
    while True:
        folder = archive / f"{UNFINISHED}{os.urandom(8).hex()}"
        folder.mkdir()
        try:
            lock = _opened(folder)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        except OSError:  # a disk without locks, where nobody sweeps
            return folder, lock
        if os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _write(folder: Path, name: str, part: Part) -> BundledFile:
    content = part if isinstance(part, bytes) else part()
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    _put(path, content)
    return BundledFile(name=name, size=len(content), sha256=digest(content))


def _put(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folders(folder: Path) -> None:
    for inside, _, _ in os.walk(folder):
        _sync(Path(inside))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(archive: Path, manifest: Manifest, folder: Path) -> Path:
    """Give the folder its name, in one step; of two that would be called alike, the later is numbered."""
    called = f"{manifest.begun.replace(':', '-')}-{as_name(manifest.ticket or manifest.command)}"
    for number in range(1, 1_000):
        named = archive / (called if number == 1 else f"{called}-{number}")
        try:
            if not os.path.lexists(named):
                return folder.rename(named)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
    raise MachineError(Problem(f"{archive} has a thousand bundles called {called}"))
