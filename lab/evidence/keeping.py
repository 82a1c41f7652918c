"""The evidence of one command while it is gathered: begun before it measures anything, written once at its end."""

from __future__ import annotations

import datetime
import os
import pwd
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from lab.evidence.bundle import Bundle, Part, check_archive, write_bundle
from lab.evidence.manifest import as_name
from lab.evidence.signing import Signer, signer_of
from lab.prepare.revision import said_by_git
from lab.report.wire.evidence import Author, Manifest, Outcome
from lab.report.wire.parts import ExitCode

Command = Literal["run", "diff", "rehearse"]
_TICKET = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Z0-9]{1,9}-[0-9]{1,8}(?![A-Za-z0-9])")

_STEM, _ENDING = 90, 10  # characters of a file's name


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of evidence: the folder of the bundles, the key that signs, the ticket."""

    archive: Path
    key: Path | None = None
    ticket: str | None = None


class Keeping:
    """Gathers the parts of a bundle.

    It sees at once whether the folder takes a bundle: raises InputError or MachineError.
    """

    def __init__(self, wanted: Wanted, command: Command, arguments: Sequence[str]) -> None:
        check_archive(wanted.archive)
        self._wanted, self._command, self._arguments = wanted, command, tuple(arguments)
        self._begun = _now()
        self._by = author(Path.cwd())  # before a user namespace is entered, where everybody is root
        self._revision = said_by_git(Path.cwd(), ["rev-parse", "HEAD"])
        self._parts: dict[str, Part] = {}
        self._notes: list[str] = []
        self._signer: Signer | None = None
        self._bundle: Bundle | None = None

    def need_key(self) -> None:
        """See whether the key is one; a thread is started, so a user namespace is entered before.  Raises InputError."""
        if self._wanted.key is not None:
            self._signer = signer_of(self._wanted.key)

    def add(self, part: Part, *path: str) -> None:
        """Add a file; ``path`` are its folders and its name, each of which may be any text; two of one name are numbered."""
        *folders, last = path
        stem, dot, ending = last.rpartition(".")
        stem, ending = (stem, f".{as_name(ending)[:_ENDING]}") if dot and stem else (last, "")
        start = "".join(f"{as_name(one)}/" for one in folders) + as_name(stem)[:_STEM]
        names = (f"{start}{f'-{number}' if number > 1 else ''}{ending}" for number in range(1, len(self._parts) + 2))
        self._parts[next(name for name in names if name not in self._parts)] = part

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self._parts

    def note(self, words: str) -> None:
        """Tell the reader of the bundle something that no file of it says."""
        self._notes.append(words)

    def write(self, outcome: Outcome, machine: Mapping[str, object], ticket: str | None = None) -> Bundle:
        """Write the bundle, once: a second call gives the same one.  ``ticket`` is the change's name, where there is a change.

        Raises InputError or MachineError, and has written nothing then.
        """
        if self._bundle is None:
            if self._wanted.key is not None and self._signer is None:
                self.need_key()
            manifest = Manifest(
                version=1, command=self._command, arguments=self._arguments, begun=self._begun, ended=_now(),
                ticket=self._wanted.ticket or ticket or _ticket_of_branch(), revision=self._revision, outcome=outcome,
                by=self._by, machine=dict(machine), signer=self._signer.fingerprint if self._signer else None,
                notes=tuple(self._notes), files=(),
            )  # fmt: skip
            sign = self._signer.sign if self._signer else None
            self._bundle = write_bundle(self._wanted.archive, manifest, self._parts, sign=sign)
        return self._bundle


def outcome(exit_code: int, passed: int, failed: int, said: str) -> Outcome:
    """What a manifest says that the command came to."""
    return Outcome(exit_code=cast("ExitCode", exit_code), passed=passed, failed=failed, said=said)


def author(project: Path) -> Author:
    """Who runs this: as the environment says of `sudo` and of a login, else as the system knows the user."""
    told = (os.environ.get(name) for name in ("SUDO_USER", "USER", "LOGNAME"))
    user = next(filter(None, told), None) or _user()
    name, mail = (said_by_git(project, ["config", "--get", f"user.{key}"]) for key in ("name", "email"))
    git = " ".join(filter(None, (name, mail and f"<{mail}>"))) or None
    return Author(user=user, host=socket.gethostname(), git=git)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _ticket_of_branch() -> str | None:
    branch = said_by_git(Path.cwd(), ["symbolic-ref", "--short", "--quiet", "HEAD"])
    found = _TICKET.search(branch or "")
    return found[0] if found else None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
