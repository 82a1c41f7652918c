"""Proves of a drill and one of its seeds that it is what it says, each way on a lab that nobody has touched."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from lab.drill.breaking import break_it
from lab.drill.checking import Baseline, Checked, Plans, checked, first_wrong, plans_of
from lab.drill.checks import Asked, ask
from lab.drill.grounds import Grounds
from lab.drill.own import doors, own_grounds
from lab.drill.typist import Typed, Typist
from lab.drill.ways import Lines, always_wrong
from lab.errors import LabError
from lab.kernel.hold.line_map import NodeLines
from lab.prepare.drills import Play
from lab.record.drilled import Proof, Verified
from lab.written.drill import NOTHING_TO_MEND
from lab.written.drill_parts import Typed as Written

LEAST_WRONG = 5
_SHOWN = 300


def verify(play: Play) -> Verified:
    """What is proven of a drill; where something cannot be done or measured it says so in place of a proof."""
    began, problem = time.monotonic(), ""
    proofs: list[Proof] = []
    try:
        proofs.extend(_Verifying(play).all())
    except LabError as error:
        problem = "; ".join(str(one) for one in error.problems)
    return Verified(play.drill.drill, play.seed, tuple(proofs), time.monotonic() - began, problem)


class _Verifying:
    def __init__(self, play: Play) -> None:
        self._play = play
        self._plans: Plans = plans_of(play)
        self._lines: Mapping[str, NodeLines] | None = None
        self._wrong: Mapping[str, Sequence[Lines]] = {}
        self._folder = doors()

    def all(self) -> Iterator[Proof]:
        """Everything, in the order in which a drill is played."""
        yield from self._first_lab()
        yield from (self._wrong_way(name, typed) for name, typed in self._wrong.items())
        own = [self._wrong_way(f"wrong mend: {about}", _lines(typed)) for about, typed in self._play.wrong]
        yield from own
        count = len(own) + len(self._wrong)
        yield Proof("wrong mends", count >= LEAST_WRONG, f"{count} were tried, and at least {LEAST_WRONG} are wanted")

    def _first_lab(self) -> Iterator[Proof]:
        """One lab: healthy, broken, left alone, and mended as the reference mends it."""
        play, plans = self._play, self._plans
        with own_grounds(play, self._worlds(), self._folder) as grounds:
            self._lines = grounds.site.lines
            self._wrong = always_wrong(grounds.site.held.policies[self._guarded()])
            healthy = self._healthy(grounds)
            yield Proof("the healthy lab passes", healthy.green, healthy.words)
            before = _symptom(grounds, plans)
            baseline = break_it(grounds, play)
            symptom = _symptom(grounds, plans)
            otherwise = f"{len(before.red)} of {len(before.results)} flows of the symptom are otherwise in the healthy lab"
            yield Proof("the fault is there", not before.green, otherwise)
            told = "as told" if symptom.green else f"not as told: {', '.join(symptom.ids)}"
            yield Proof("the symptom is as told", symptom.green, told[:_SHOWN])
            if self._mendable:
                alone = first_wrong(grounds, plans, baseline)
                yield Proof("doing nothing fails", not alone.check.green, alone.words)
            yield self._mended(grounds, baseline)

    def _healthy(self, grounds: Grounds) -> Checked:
        return checked(grounds, self._plans, Baseline())

    def _mended(self, grounds: Grounds, baseline: Baseline) -> Proof:
        typed = _type(grounds, _lines(self._play.fix))
        found = checked(grounds, self._plans, baseline)
        refused = [f"`{one.line}` ended with {one.code}" for one in typed if one.code != 0]
        words = "; ".join((*refused, found.words))
        return Proof("the reference mend passes", found.green and not refused, words[:_SHOWN])

    def _wrong_way(self, name: str, lines: Iterable[Lines]) -> Proof:
        """A lab that nobody has touched, broken, and mended in a way that is none."""
        with self._broken() as (grounds, baseline):
            try:
                _type(grounds, lines)
                found = first_wrong(grounds, self._plans, baseline)
            except LabError as error:  # what blinds the lab, or leaves nobody to ask, mends nothing
                return Proof(f"{name} fails", holds=True, what=str(error.problems[0].what)[:_SHOWN])
        return Proof(f"{name} fails", not found.green, found.words[:_SHOWN])

    @contextmanager
    def _broken(self) -> Iterator[tuple[Grounds, Baseline]]:
        with own_grounds(self._play, self._worlds(), self._folder, self._lines) as grounds:
            yield grounds, break_it(grounds, self._play)

    @property
    def _mendable(self) -> bool:
        """Whether anything in the lab is to be mended; else the answer is all that is asked for."""
        return bool(self._play.fix) or any(one.kind not in NOTHING_TO_MEND for one in self._play.drill.answer)

    def _guarded(self) -> str:
        """The node at which somebody in a hurry would open everything: that of the answer, where it has rules."""
        policies = [*self._play.scene.policies]
        return next((one.node for one in self._play.drill.answer if one.node in policies), policies[0])

    def _worlds(self) -> list[str]:
        """The nodes in which something is typed, run, or written."""
        play = self._play
        typed = [one for lines in (play.fix, *(lines for _, lines in play.wrong)) for one in lines]
        named = [node for fault in play.drill.faults for node in fault.nodes]
        return [*play.scene.policies, *play.drill.boot, *named, *(one.at for one in typed if one.at)]


def _lines(typed: Iterable[Written]) -> list[Lines]:
    return [Lines(one.at or "", one.type) for one in typed]


def _type(grounds: Grounds, lines: Iterable[Lines]) -> list[Typed]:
    """Type the lines at terminals of their nodes, those that follow each other at one."""
    done: list[Typed] = []
    for one in lines:
        grounds.node(one.at)
        with Typist(grounds.doors[one.at]) as typist:
            done += [typist.enter(line) for line in one.lines]
    return done


def _symptom(grounds: Grounds, plans: Plans) -> Asked:
    with grounds.as_they_are() as asking:
        return ask(plans["symptom"], asking.lab)
