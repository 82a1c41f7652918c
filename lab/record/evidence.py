"""What became of bundles of evidence that were verified, and who signed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import Problem

if TYPE_CHECKING:
    from lab.report.wire.evidence import Manifest


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature says: its key's fingerprint, the ``identity`` that somebody vouches for, or what is ``wrong``."""

    key: str = ""
    identity: str = ""
    wrong: str = ""

    @property
    def by(self) -> str:
        """The identity, else the fingerprint."""
        return self.identity or self.key


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle held against its manifest: ``wrong`` names each file and what differs; ``name`` is its folder or tar.

    ``manifest`` is None of one that is not there or cannot be read, ``digest`` its own SHA-256 in hexadecimal digits,
    ``signed`` what its signature says, None of none.
    """

    name: str
    wrong: tuple[str, ...]
    manifest: Manifest | None = None
    digest: str | None = None
    signed: Signed | None = None

    @property
    def whole(self) -> bool:
        """Whether all is as it was written."""
        return not self.wrong

    @property
    def signed_by(self) -> str:
        """An identity, or a key's fingerprint; empty: nobody."""
        return self.signed.by if self.signed is not None else ""

    @property
    def trusted(self) -> bool:
        """Whether the signature is of a key that somebody vouches for."""
        return self.signed is not None and self.signed.identity != ""


@dataclass(frozen=True, slots=True)
class VerifiedBundles:
    """Several of them; ``problems`` stopped the command."""

    bundles: tuple[Verified, ...] = ()
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    interrupted: bool = False
