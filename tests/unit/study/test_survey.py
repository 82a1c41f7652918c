"""What a survey keeps of sweeps that proved something, and of those that did not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import cast

import pytest

from lab.lab import Lab
from lab.record.exposure import Pair
from lab.record.sweep import Gear, Sweep, SweepGroup
from lab.record.verdict import Kind
from lab.study import survey
from lab.study.asserted import Assertions
from tests.unit.verdict.made import verdict

PAIR = Pair("left", "client", "10.0.1.10", "right", "server", "10.0.2.10", 4)


def surveyed(sweep: Callable[[Gear], Sweep], *, every_port: bool) -> survey.Survey:
    """A survey of a lab that answers its sweeps so."""
    lab = SimpleNamespace(batch=nullcontext, everything_traced=nullcontext, sweep=lambda *_, gear, **__: sweep(gear))
    found = survey.Survey()
    survey.survey(
        cast("Lab", lab), [PAIR], Assertions([]), found, every_port=every_port, progress=lambda *_: None
    )
    return found


def group(kind: Kind, *keys: tuple[int, int]) -> SweepGroup:
    return SweepGroup(keys, verdict(kind))


def test_what_was_open_and_is_not_proven_when_its_rule_is_asked_for() -> None:
    def sweep(gear: Gear) -> Sweep:
        kind = Kind.CLOSED if gear is Gear.VERDICT else Kind.LOST
        return Sweep((group(kind, (443, 443)),), gear)

    found = surveyed(sweep, every_port=True)
    assert [text.partition(":")[0] for text in found.lost] == [
        f"client > server (10.0.2.10) {proto}/443" for proto in ("tcp", "udp")
    ]


def test_a_sweep_that_names_the_rules_is_not_asked_again() -> None:
    asked: list[Gear] = []

    def sweep(gear: Gear) -> Sweep:
        asked.append(gear)
        return Sweep((group(Kind.ALLOWED, (80, 90)), group(Kind.LOST, (91, 99))), Gear.RULE, sent=2)

    found = surveyed(sweep, every_port=False)
    assert [one.ports for one in found.exposures] == [((80, 90),), ((80, 90),)]
    assert (asked, found.swept, len(found.lost)) == ([Gear.VERDICT] * 2, 0, 2)


@pytest.mark.parametrize("kind", [Kind.DROPPED, Kind.UNROUTED, Kind.CONSUMED])
def test_what_was_open_and_is_not_when_its_rule_is_asked_for_is_not_left_out(kind: Kind) -> None:
    def sweep(gear: Gear) -> Sweep:
        return Sweep((group(Kind.CLOSED if gear is Gear.VERDICT else kind, (443, 443)),), gear)

    found = surveyed(sweep, every_port=True)
    assert [text.rpartition(": ")[2] for text in found.lost] == [f"open to one packet, and {kind} to the next"] * 2
