"""A folder of bundles, as a month of changes leaves one: each is verified, and a broken one stops none of the others."""

from __future__ import annotations

from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.evidence.bundle import UNFINISHED
from lab.evidence.manifest import MANIFEST, SUMS
from lab.evidence.verify import verified
from lab.record.evidence import Verified

_TARS = (".tar", ".tar.gz", ".tgz")


def bundles_in(folder: Path, signers: Path | None = None) -> tuple[Verified, ...]:
    """Every bundle right in the folder, and every tar, by when they were begun; raises InputError for what is no folder.

    A folder or tar that cannot be read as one is among them, as broken, if its files say that it was one.
    """
    if not folder.is_dir():
        raise InputError(Problem("this is no folder", Where(str(folder)), "lab evidence verify reads one bundle"))
    found = [_looked_at(path, signers) for path in sorted(folder.iterdir()) if _may_be_one(path)]
    return tuple(sorted(found, key=lambda one: (one.manifest.begun if one.manifest else "", one.name)))


def _may_be_one(path: Path) -> bool:
    if path.name.startswith(UNFINISHED):
        return False
    if path.is_dir():
        return (path / MANIFEST).exists() or (path / SUMS).exists()
    return path.name.endswith(_TARS)


def _looked_at(path: Path, signers: Path | None) -> Verified:
    try:
        return verified(path, signers)
    except InputError as error:
        return Verified(str(path), tuple(problem.what for problem in error.problems))
