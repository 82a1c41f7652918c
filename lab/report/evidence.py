"""Bundles of evidence as a person reads them: one line each, and what is wrong with one below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lab.record.evidence import Verified
from lab.report.plain import plain

_WIDEST = 120


def verified_lines(bundles: Iterable[Verified]) -> Iterator[str]:
    """What ``lab evidence verify`` prints."""
    for one in bundles:
        if one.manifest is not None and one.whole:
            files = one.manifest.files
            told = f"whole: {len(files):,} files, {sum(file.size for file in files):,} bytes, sha256:{one.digest}"
            yield plain(f"{one.name}: {told}; {_signature(one)}")
        else:
            yield plain(f"{one.name}: REFUSED")
            yield from (f"  {plain(words)}" for words in one.wrong)


def listed_lines(bundles: Sequence[Verified]) -> Iterator[str]:
    """What ``lab evidence list`` prints, in columns: when, ticket, command, outcome, who, whole, signed by, name, digest."""
    rows = [_row(one) for one in bundles]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, one in zip(rows, bundles, strict=True):
        yield "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        yield from (f"  {plain(words)}" for words in one.wrong)


def _row(one: Verified) -> tuple[str, ...]:
    state = "whole" if one.whole else "REFUSED"
    signed = "SIGNATURE IS WRONG" if one.signed is not None and one.signed.wrong else one.signed_by or "not signed"
    told = (state, signed, one.name, f"sha256:{one.digest}" if one.digest else "-")
    manifest = one.manifest
    if manifest is None:
        return tuple(plain(word, _WIDEST) for word in ("-", "-", "-", "-", "-", *told))
    who = f"{manifest.by.user}@{manifest.by.host}"
    outcome = f"{manifest.outcome.passed} passed, {manifest.outcome.failed} failed"
    words = (manifest.begun, manifest.ticket or "-", manifest.command, outcome, who, *told)
    return tuple(plain(word, _WIDEST) for word in words)


def _signature(one: Verified) -> str:
    if one.signed is None:
        return "not signed"
    if one.signed.wrong:
        return "SIGNATURE IS WRONG"
    if one.signed.identity:
        return f"signed by {one.signed.identity}, key {one.signed.key}"
    return f"signed by key {one.signed.key}, not checked against anybody"
