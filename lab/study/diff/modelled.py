"""The model as who proposes: what it is asked about a node, from what the kernel holds there."""

from __future__ import annotations

from collections.abc import Callable

from lab.kernel.ground.bounded import TooMuch, bounded
from lab.model.diagrams import bdd_module
from lab.model.proposal import Proposed
from lab.model.propose import propose
from lab.model.stage import stage_of
from lab.study.diff.proposer import Holds, NoModel
from lab.written.topology import Topology


def modelled(
    old: Holds, new: Holds, topology: Topology, node: str, family: int, *, waiting: Callable[[str], None] = lambda _: None
) -> Proposed | None:
    """What the model proposes for a family; None where it has no model.

    A few hundred rules can make diagrams that no memory holds, so it has bounds; raises NoModel beyond them.  ``waiting`` is
    told how long it has been at work.
    """
    if topology.nodes[node].bridges:
        return None
    bdd_module()  # imported once, and not by each copy of this process

    def work() -> Proposed:
        stage = stage_of(topology, node, family)
        return propose(old.chains, new.chains, stage, old_texts=old.texts, new_texts=new.texts, family=family)

    try:
        return bounded(work, lambda seconds: waiting(f"a model of both sides is made, IPv{family}, {seconds:.0f} s"))
    except TooMuch as error:
        raise NoModel(f"a model of both sides for IPv{family} takes more than {error}") from None
