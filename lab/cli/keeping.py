"""Bundles of evidence as the command line has them: verified, listed, signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from lab.cli.ending import finish, reporting
from lab.errors import InputError, Problem
from lab.evidence.archive import bundles_in
from lab.evidence.bundle import add_signature
from lab.evidence.signing import signer_of
from lab.evidence.verify import verified
from lab.record.evidence import Verified, VerifiedBundles
from lab.report.evidence import listed_lines, verified_lines
from lab.report.reports import evidence_reports
from lab.report.write import Reports


def verify_bundles(bundles: Sequence[Path], signers: Path | None, noted: str | None, json: Path | None) -> NoReturn:
    """Verify each; ends with 1 where one is not as it was written."""
    reports = evidence_reports(json)
    with reporting(reports, _read(signers)):
        if noted is not None and len(bundles) != 1:
            raise InputError(Problem("--sha256 is of one bundle"))
        found = [verified(bundle, signers, noted) for bundle in bundles]
    _end(found, verified_lines(found), reports)


def list_bundles(folders: Sequence[Path], signers: Path | None, json: Path | None) -> NoReturn:
    """List those of each folder; ends with 1 where one is broken."""
    reports = evidence_reports(json)
    with reporting(reports, _read(signers)):
        found = [one for folder in folders for one in bundles_in(folder, signers)]
    _end(found, listed_lines(found) if found else ["no bundle is there"], reports)


def sign_bundle(bundles: Sequence[Path], key: Path | None) -> None:
    """Sign each, once it is as it was written; raises InputError for one that is not, or was signed before."""
    if key is None:
        raise InputError(Problem("which key signs?", mend="--key FILE"))
    signer = signer_of(key)
    for bundle in bundles:
        if not (found := verified(bundle)).whole:
            raise InputError(Problem(f"{bundle} is not as it was written: {found.wrong[0]}", mend="nothing is signed"))
        add_signature(bundle, signer.sign)
        for line in verified_lines([verified(bundle)]):
            print(line)


def _read(signers: Path | None) -> list[Path]:
    return [] if signers is None else [signers]


def _end(found: Sequence[Verified], lines: Iterable[str], reports: Reports[VerifiedBundles]) -> NoReturn:
    code = 0 if all(one.whole for one in found) else 1

    def show() -> None:
        for line in () if reports.printed else lines:
            print(line)

    finish(code, lambda: reports.write(VerifiedBundles(tuple(found), code)), show)
