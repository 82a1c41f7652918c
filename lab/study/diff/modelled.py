"""The model as who proposes: what it is asked about a node, from what the kernel holds there."""

from __future__ import annotations

from lab.model.proposal import Proposed
from lab.model.propose import propose
from lab.model.stage import stage_of
from lab.study.diff.proposer import Holds
from lab.written.topology import Topology


def modelled(old: Holds, new: Holds, topology: Topology, node: str, family: int) -> Proposed | None:
    """What the model proposes for a family; None where it has no model."""
    if topology.nodes[node].bridges:
        return None
    stage = stage_of(topology, node, family)
    return propose(old.chains, new.chains, stage, old_texts=old.texts, new_texts=new.texts, family=family)
