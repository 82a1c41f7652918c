"""A bundle held against its manifest: each file that was changed, added, removed or renamed, and who signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.errors import InputError
from lab.evidence.manifest import BESIDE, MANIFEST, MOST_OF_MANIFEST, SIGNATURE, SUMS, digest, read_manifest, sums
from lab.evidence.signing import signature_of
from lab.evidence.there import Content, There, what_is_there
from lab.record.evidence import Signed, Verified
from lab.report.wire.evidence import Manifest


def verified(path: Path, signers: Path | None = None, noted: str | None = None) -> Verified:
    """The bundle in a folder or tar, held against its own manifest.

    With ``signers``, a file of allowed signers (ssh-keygen(1)), one that none of them signed is wrong.  ``noted`` is the
    manifest's SHA-256 as somebody wrote it down.  Raises InputError for what is no bundle.
    """
    there = what_is_there(path)
    content = there.told.get(MANIFEST)
    if content is None:
        return Verified(str(path), (f"{MANIFEST}: removed",))
    own = digest(content)
    try:
        if len(content) > MOST_OF_MANIFEST:
            return Verified(str(path), (f"{MANIFEST}: larger than any",), None, own)
        manifest = read_manifest(content, MANIFEST)
    except InputError as error:
        return Verified(str(path), tuple(f"{problem.where}: {problem.what}" for problem in error.problems), None, own)
    signed = signature_of(content, there.told[SIGNATURE], signers) if SIGNATURE in there.told else None
    wrong = [*_noted(own, noted), *_told(there, manifest, content), *_files(there, manifest)]
    wrong += _signed(manifest, signed, signers)
    return Verified(str(path), tuple(wrong), manifest, own, signed)


def _noted(own: str, noted: str | None) -> Iterator[str]:
    if noted is not None and noted.removeprefix("sha256:").lower() != own:
        yield f"{MANIFEST}: changed: its SHA-256 is {own}, and {noted} was noted"


def _told(there: There, manifest: Manifest, content: bytes) -> Iterator[str]:
    if SUMS not in there.told:
        yield f"{SUMS}: removed"
    elif there.told[SUMS] != sums(manifest, content):
        lines = there.told[SUMS].decode(errors="replace").splitlines()
        if not any(line == f"{digest(content)}  {MANIFEST}" for line in lines):
            yield f"{MANIFEST}: changed: its SHA-256 is {digest(content)}, and {SUMS} has another one"
        yield f"{SUMS}: changed: it does not say what the manifest says"
    for name in BESIDE:
        if name in there.odd:
            yield f"{name}: {there.odd[name]}, and no file"


def _files(there: There, manifest: Manifest) -> Iterator[str]:
    listed = {one.name: Content(one.size, one.sha256) for one in manifest.files}
    added = {name: content for name, content in there.files.items() if name not in listed and name not in BESIDE}
    for name, content in listed.items():
        found = there.files.get(name)
        if found is None:
            if name in there.odd:
                continue
            now = next((other for other, one in added.items() if one == content), None)
            yield f"{name}: removed" if now is None else f"{name}: renamed, as {_plain(now)}"
            if now is not None:
                del added[now]
        elif found.size != content.size:
            yield f"{name}: changed: it has {found.size:,} bytes, and had {content.size:,}"
        elif found != content:
            yield f"{name}: changed: its SHA-256 is {found.sha256}, and was {content.sha256}"
    yield from (f"{_plain(name)}: added" for name in added)
    yield from (f"{_plain(name)}: {what}, and no file of the bundle" for name, what in there.odd.items() if name not in BESIDE)


def _signed(manifest: Manifest, signed: Signed | None, signers: Path | None) -> Iterator[str]:
    if signed is None:
        if manifest.signer is not None:
            yield f"{SIGNATURE}: removed: the manifest was signed by {manifest.signer}"
        elif signers is not None:
            yield f"{SIGNATURE}: not there: nobody signed"
        return
    if signed.wrong:
        yield f"{SIGNATURE}: {signed.wrong}"
    elif manifest.signer is not None and signed.key != manifest.signer:
        yield f"{SIGNATURE}: changed: it is by {signed.key}, and the manifest was signed by {manifest.signer}"


def _plain(name: str) -> str:
    return name if name.isprintable() else repr(name)
