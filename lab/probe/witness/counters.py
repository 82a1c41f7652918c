"""The counters of the rules that a packet met."""

from __future__ import annotations

from dataclasses import replace

from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.witness.witness import Onlooker
from lab.record.observation import Counter, Observation


class Counters(Onlooker):
    """Reads the counters of every watched node before and after: a rule that was met has counted it, or one of both is wrong.

    The trace tells of a rule when all of it matched, and what counts stands before what decides (nf_tables_core.c: a rule that
    broke off tells nothing; ip_tables.c: ADD_COUNTER comes before the target).  Of others than this packet it may have counted
    more.
    """

    __slots__ = "_before", "_instrument"

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:  # noqa: ARG002
        self._instrument = stage.instrument
        self._before = stage.instrument.packets()

    def tell(self, found: Observation) -> Observation:
        """Read them again, of the rules on its way and its answer's."""
        paths = (*found.request, *found.answer, *found.others)
        met = dict.fromkeys(step.rule for path in paths for step in path.steps if step.rule is not None)
        after = self._instrument.packets()
        counted = ((rule, self._before.of(rule), after.of(rule)) for rule in met)
        told = tuple(Counter(rule, was, now) for rule, was, now in counted if was is not None and now is not None)
        still = tuple(
            f"{one.rule} was met, as the trace tells, and its counter stands at {one.after}" for one in told if not one.moved
        )
        return replace(found, counters=told, faults=(*found.faults, *still))
