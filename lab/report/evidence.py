"""Bundles of evidence as a person reads them: one line each, and what is wrong with one below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lab.record.evidence import Verified
from lab.report.plain import plain


def verified_lines(bundles: Iterable[Verified]) -> Iterator[str]:
    """What ``lab evidence verify`` prints."""
    for one in bundles:
        if one.manifest is not None and one.whole:
            files = one.manifest.files
            told = f"whole: {len(files):,} files, {sum(file.size for file in files):,} bytes, sha256:{one.digest}"
            yield plain(f"{one.name}: {told}; {_signature(one)}")
        else:
            yield plain(f"{one.name}: NOT AS IT WAS WRITTEN")
            yield from (f"  {plain(words)}" for words in one.wrong)


def listed_lines(bundles: Sequence[Verified]) -> Iterator[str]:
    """What ``lab evidence list`` prints: columns of when, ticket, command, outcome, who, signature, digest and name."""
    rows = [_row(one) for one in bundles]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, one in zip(rows, bundles, strict=True):
        yield "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        yield from (f"  {plain(words)}" for words in one.wrong)


def _row(one: Verified) -> tuple[str, ...]:
    manifest = one.manifest
    state = "whole" if one.whole else "BROKEN"
    if manifest is None:
        return ("-", "-", "-", "-", "-", state, _signature(one), plain(one.name))
    who = f"{manifest.by.user}@{manifest.by.host}"
    outcome = f"{manifest.outcome.passed} passed, {manifest.outcome.failed} failed"
    words = (manifest.begun, manifest.ticket or "-", manifest.command, outcome, who, state, _signature(one), one.name)
    return tuple(plain(word, 80) for word in words)


def _signature(one: Verified) -> str:
    if one.signed is None:
        return "not signed"
    if one.signed.wrong:
        return "SIGNATURE IS WRONG"
    if one.signed.identity:
        return f"signed by {one.signed.identity}, key {one.signed.key}"
    return f"signed by key {one.signed.key}, not checked against anybody"
