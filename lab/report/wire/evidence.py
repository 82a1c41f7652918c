"""What a bundle of evidence says of itself: its ``manifest.json``, and what ``lab evidence --json`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Many, ProblemRecord, problem_records, texts_of


@dataclass(frozen=True, kw_only=True)
class BundledFile:
    """A file of the bundle."""

    name: str = key("its path in the bundle")
    size: Count = key("bytes")
    sha256: str = key("the SHA-256 of its content, in hexadecimal digits")


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who ran the command, as far as the machine says."""

    user: str = key("the name of the user; of `sudo` the one who called it")
    host: str = key("the machine's name")
    git: str | None = key("name and mail that git has of the user in this project; null: none")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the command came to."""

    exit_code: ExitCode = key("that the command ended with, but for files that could not be written")
    passed: Count = key("run: cells as expected; diff: rows of the change, and cells of its matrices; rehearse: its checks")
    failed: Count = key("those that were not; of diff also classes of flows that nobody asked for")
    said: str = key("the same in words")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle holds, of what, by whom and when."""

    version: Literal[1] = key()
    command: Literal["run", "diff", "rehearse"] = key("of `lab`")
    arguments: Many[str] = key("what it was called with")
    begun: str = key("when, in UTC: 2026-11-28T02:07:11Z")
    ended: str = key("when, in UTC")
    ticket: str | None = key("the change's name, or what --ticket says, or a ticket in the name of git's branch; null: none")
    revision: str | None = key("the commit that the project was at; files may have been changed since; null: no git")
    outcome: Outcome = key()
    by: Author = key()
    machine: dict[str, object] = key("kernel, tools with their versions, the lab and its Python")
    signer: str | None = key("the fingerprint of the key that signs this file; null: it was written unsigned")
    notes: Many[str] = key("what a reader of the files must know")
    files: Many[BundledFile] = key("all but this one, its signature and SHA256SUMS, by name")


@dataclass(frozen=True, kw_only=True)
class ListedBundle:
    """A bundle that was verified."""

    name: str = key("its folder or tar")
    whole: bool = key("no file of it was changed, added or removed")
    wrong: Many[str] = key("what is not as it was written")
    signed: str = key("who by: a fingerprint, or an identity of --signers; empty: nobody", of="signed_by")
    trusted: bool = key("the signature is of a key that --signers names")
    sha256: str | None = key("of manifest.json, in hexadecimal digits; null: there is none that can be read", of="digest")
    manifest: Manifest | None = key("what it says of itself; null: it cannot be read")


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """Bundles that were verified."""

    version: Literal[1] = key()
    exit_code: ExitCode = key("of `lab evidence`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    bundles: Many[ListedBundle] = key("as they were named; of a folder by when they were begun")
