"""Who proposes flows that two sides may treat differently; what he says of them is asked of the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lab.model.proposal import Proposed
from lab.ruleset.held import Chains
from lab.written.topology import Topology


class NoModel(Exception):
    """There is no model of what the sides hold; says why, for people.  Flows are sampled then."""


class Holds(Protocol):
    """What a node holds: its chains, and the texts of its rulesets by kind (``ipset``, ``v4``, ``v6``, ``nft``)."""

    @property
    def chains(self) -> Chains:
        """Every chain."""

    @property
    def texts(self) -> Mapping[str, str]:
        """What rules and sets stand in."""


class Proposer(Protocol):
    """Proposes flows of one family that a node may treat differently, as far as ``topology`` can send them.

    None where it has no model of what one side holds: flows are sampled then; raises NoModel where that wants saying.
    """

    def __call__(self, old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed | None:
        """The proposals of a family."""
