"""Many packets of one question: in the manner that the rules on their way allow, with what comes beyond what these bear."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lab.fresh import Recall
from lab.record.packet import PROTOCOL_NAMES
from lab.record.sweep import Gear, Sweep
from lab.sweep.alike import Ways, ask_alike
from lab.sweep.fates import SweepTally
from lab.sweep.manner import choose
from lab.sweep.past import Past
from lab.sweep.sweeping import Sweeping
from lab.sweep.train import SweepQuestion

if TYPE_CHECKING:
    from lab.lab import Lab


def ask_all(
    lab: Lab, question: SweepQuestion, gear: Gear, at: str | None, tally: SweepTally, *, every_port: bool, beyond: bool
) -> Sweep:
    """The sweep of one question; see `lab.lab.Lab.ask_all`."""
    fresh = lab.fresh
    first, recall = fresh.past(question, first=True), fresh.past(question)
    chance = fresh.by_chance(question)
    hazards = fresh.hazards_of(question)
    manner = choose(
        gear, lab.policies.values(), hazards, remembering=bool(first), by_chance=chance, every_port=every_port
    )
    if not (manner.alike and _ask_alike(lab, question, at, tally)):
        tally.gear, tally.notes = manner.gear, manner.notes
        question = replace(question, varied=manner.varied)
        with lab.batch():
            if not first:
                fresh.let_by(question)
            sweeping = Sweeping(
                lab.stage, question, at, partial(lab.ask, at=at), Past(recall, bool(first)), fresh.whim_on, tally,
                chance=chance,
            )
            sweeping.run(manner, processor=lab.helper)
    if beyond and recall:
        _tell_beyond(lab, question, at, tally, recall)
    return tally.result()


def _ask_alike(lab: Lab, question: SweepQuestion, at: str | None, tally: SweepTally) -> bool:
    """Whether one port for each class could tell of all; an answer's rules tell ports apart too, so all is traced."""
    if question.listed:
        return False
    proto = PROTOCOL_NAMES[question.proto]
    served = (
        (ports,)
        for node in lab.topology.nodes.values()
        for service in node.services
        if service.proto == proto
        for ports in service.ports
    )
    ways = Ways(partial(lab.ask, at=at), lab.site.held.cuts_on, tuple(dict.fromkeys(served)), lab.topology.owner)
    with lab.batch(), lab.everything_traced():
        return ask_alike(question, ways, tally)


def _tell_beyond(lab: Lab, question: SweepQuestion, at: str | None, tally: SweepTally, recall: Recall) -> None:
    """Ask of each fate what comes when the memories that decided it are used up."""
    with lab.batch():
        for fate in tally.finished:
            single = question.single(min(fate.keys))
            fate.beyond = recall.beyond(fate.verdict, partial(lab.ask, single, at, as_first=False))
