"""Many packets of one question: in the manner that the rules on their way allow, with what comes beyond what these bear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lab.fresh import Recall
from lab.record.packet import PROTOCOL_NAMES
from lab.record.sweep import Gear, Sweep
from lab.record.verdict import Verdict
from lab.sweep.alike import Ways, ask_alike
from lab.sweep.fates import Fate, SweepTally
from lab.sweep.manner import choose
from lab.sweep.past import Past
from lab.sweep.sweeping import Sweeping
from lab.sweep.train import SweepQuestion

if TYPE_CHECKING:
    from lab.lab import Lab


def ask_all(
    lab: Lab, question: SweepQuestion, gear: Gear, at: str | None, tally: SweepTally, *, every_port: bool,
    beyond: Callable[[Verdict], bool] | None,
) -> Sweep:  # fmt: skip
    """The sweep of one question; see `lab.lab.Lab.ask_all`."""
    recall = lab.fresh.past(question)
    remembering = bool(recall) and bool(lab.fresh.past(question, first=True))
    alike = not every_port and (gear is Gear.VERDICT or remembering)
    if not (alike and _ask_alike(lab, question, at, tally)):
        _ask_each(lab, question, gear, at, tally, Past(recall, remembering))
    if beyond and recall:
        _tell_beyond(lab, question, at, [fate for fate in tally.finished if beyond(fate.verdict)], recall)
    return tally.result()


def _ask_each(lab: Lab, question: SweepQuestion, gear: Gear, at: str | None, tally: SweepTally, past: Past) -> None:
    """Send a packet to each."""
    fresh = lab.fresh
    chance, hazards = fresh.by_chance(question), fresh.hazards_of(question)
    bridged = any(spec.bridges for spec in lab.topology.nodes.values())
    manner = choose(
        gear, lab.policies.values(), hazards, remembering=past.of_first, by_chance=chance, bridged=bridged
    )
    tally.gear, tally.notes = manner.gear, manner.notes
    question = replace(question, varied=manner.varied)
    with lab.batch():
        if not past.of_first:
            fresh.let_by(question)
        sweeping = Sweeping(lab.stage, question, at, partial(lab.ask, at=at), past, fresh.whim_on, tally, chance=chance)
        sweeping.run(manner, processor=lab.helper)


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
    cuts, taker = lab.site.held.cuts_on, lab.topology.taker
    ways = Ways(partial(lab.ask, at=at), cuts, tuple(dict.fromkeys(served)), taker, lab.fresh.whim_on)
    with lab.batch(), lab.everything_traced():
        return ask_alike(question, ways, tally)


def _tell_beyond(lab: Lab, question: SweepQuestion, at: str | None, fates: Sequence[Fate], recall: Recall) -> None:
    """Ask of each fate what comes when the memories that decided it are used up."""
    with lab.batch():
        for fate in fates:
            single = question.single(fate.first)
            fate.beyond = recall.beyond(fate.verdict, partial(lab.ask, single, at, as_first=False))
