"""Whether a drill is mended: its rows asked of the lab as it is now, and no mend taken for one that opens everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.drill.checks import Asked, ask
from lab.drill.fouls import Guard, opened, rebooted
from lab.drill.grounds import Grounds
from lab.prepare.drills import Play
from lab.prepare.plan import Plan

Plans = Mapping[str, Plan]
"""The plans of a drill's parts (``symptom``, ``contain``, ``check``, ``kept``) by their names."""
_NOTHING = Asked(())


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a drill began with: the ``guards`` of its healthy lab, and how its faults had ``opened`` them already."""

    guards: tuple[Guard, ...] = ()
    opened: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check came to; ``symptom`` is whether it is still there, None where nobody asked.

    ``fouls`` say which mends are none: they fail the drill, whatever is green.
    """

    check: Asked = _NOTHING
    kept: Asked = _NOTHING
    contain: Asked | None = None
    symptom: bool | None = None
    fouls: tuple[str, ...] = ()
    rebooted: tuple[str, ...] = field(default=())

    @property
    def green(self) -> bool:
        """Whether it is mended, and nothing else is broken."""
        return self.check.green and self.kept.green and not self.fouls and not self.rebooted

    @property
    def words(self) -> str:
        """Why it is not green, in short."""
        told = [*self.fouls, *self.rebooted]
        asked = {"check": self.check, "kept": self.kept}
        told += [f"{name} is red: {_some(one.ids)}" for name, one in asked.items() if one.red]
        return "; ".join(told) or "all green"


def plans_of(play: Play, stage: int = 0) -> Plans:
    """The plans of a drill; those of a ``stage`` (from 1) in the place of its first check."""
    found = {part: play.cells(part) for part in ("symptom", "contain", "check", "kept")}
    if stage:
        found |= {part: play.cells("stages", stage - 1, part) for part in ("check", "kept")}
    return found


def first_wrong(grounds: Grounds, plans: Plans, baseline: Baseline) -> Checked:
    """As `checked`, as far as the first thing that is not as it must be; only where it is green all of it was asked."""
    if again := tuple(rebooted(grounds, grounds.doors)):
        return Checked(rebooted=again)
    if fouls := opened(baseline.guards, grounds) - baseline.opened:
        return Checked(fouls=tuple(sorted(fouls)))
    with grounds.as_they_are() as asking:
        check = ask(plans["check"], asking.lab, first=True)
        return Checked(check, _NOTHING if check.red else ask(plans["kept"], asking.lab, first=True))


def checked(grounds: Grounds, plans: Plans, baseline: Baseline, *, symptom: bool = False) -> Checked:
    """Ask all of it; with ``symptom`` whether that is still there.  Raises LabError where something cannot be measured."""
    again = tuple(rebooted(grounds, grounds.doors))
    with grounds.as_they_are() as asking:
        fouls = opened(baseline.guards, asking.grounds) - baseline.opened
        return Checked(
            ask(plans["check"], asking.lab),
            ask(plans["kept"], asking.lab),
            ask(plans["contain"], asking.lab) if plans["contain"].cells else None,
            ask(plans["symptom"], asking.lab).green if symptom else None,
            tuple(sorted(fouls)),
            again,
        )


def _some(ids: Sequence[str], most: int = 3) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
