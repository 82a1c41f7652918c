"""Choices that several commands offer."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lab.ruleset.backend import Backend


class FamilyChoice(StrEnum):
    """``--family``."""

    FOUR = "4"
    SIX = "6"
    BOTH = "both"

    @property
    def families(self) -> tuple[int, ...]:
        """The families that are meant."""
        return (4, 6) if self is FamilyChoice.BOTH else (int(self),)


class OneFamily(StrEnum):
    """``--family`` of a single probe."""

    FOUR = "4"
    SIX = "6"


class BackendChoice(StrEnum):
    """``--backend``."""

    NFT = "nft"
    LEGACY = "legacy"
    BOTH = "both"

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends that are meant."""
        from lab.ruleset.backend import Backend

        return tuple(Backend) if self is BackendChoice.BOTH else (Backend(self.value),)


NFT = BackendChoice.NFT
Shipped = Annotated[bool, typer.Option("--shipped", help="Take matrices, topologies and policies from what is shipped too.")]
