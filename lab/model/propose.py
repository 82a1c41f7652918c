"""Which flows two rulesets may treat differently: the entry to this room."""

from __future__ import annotations

from collections.abc import Mapping

from lab.model.proposal import Proposed
from lab.model.stage import Stage
from lab.ruleset.held import Chains


def propose(
    old: Chains, new: Chains, stage: Stage, *, old_texts: Mapping[str, str], new_texts: Mapping[str, str], family: int
) -> Proposed:
    """One proposal for each pair of deciding rules and each aspect in which they differ, for packets of a family.

    ``old_texts`` and ``new_texts`` are what the node is loaded with, by kind, of which ipsets are read.
    """
    raise NotImplementedError
