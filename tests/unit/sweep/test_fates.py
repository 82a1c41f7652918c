"""Ways become groups, and groups that say the same become one."""

from __future__ import annotations

from dataclasses import replace

from lab.record.sweep import Arrived, Gear
from lab.record.verdict import Kind, Verdict
from lab.sweep.fates import Fate, SweepTally
from tests.unit.verdict.made import observed, rule

DROPPED = Verdict(Kind.DROPPED, "first", observed(), node="gateway", rule=rule(target="DROP", number=1))
CLOSED = Verdict(Kind.CLOSED, "closed", observed())
THERE = Arrived("server")


def test_one_story_is_made_once() -> None:
    tally = SweepTally()
    tally.add("a", [1, 2], lambda: Fate(DROPPED))
    tally.add("a", [5], lambda: Fate(CLOSED))
    assert [(group.keys, group.verdict) for group in tally.result().groups] == [(((1, 2), (5, 5)), DROPPED)]


def test_stories_that_say_the_same_are_one_group_with_the_verdict_of_the_first_key() -> None:
    tally = SweepTally()
    tally.add("later", [10, 11], lambda: Fate(replace(DROPPED, proof="later")))
    tally.add("earlier", [9, 3], lambda: Fate(DROPPED))
    (group,) = tally.result().groups
    assert (group.keys, group.verdict.proof, group.count) == (((3, 3), (9, 11)), "first", 4)
    assert [part.keys for part in tally.groups()] == [((10, 11),), ((3, 3), (9, 9))], "each way apart"


def test_what_differs_stays_apart() -> None:
    tally = SweepTally(gear=Gear.VERDICT, repeats=3, traced=4, notes=("why",), sources=("192.0.2.1",), seconds=1.5)
    other_rule = replace(DROPPED, rule=rule(target="DROP", number=2))
    rejected = replace(DROPPED, kind=Kind.REJECTED, reject="tcp-reset")
    ways = [
        Fate(DROPPED), Fate(other_rule), Fate(replace(DROPPED, node="second")), Fate(rejected),
        Fate(replace(rejected, muted=True)),
        Fate(CLOSED, THERE),
        Fate(CLOSED, THERE._replace(port=80)), Fate(DROPPED, unsettled="gateway filter:FORWARD:1"),
    ]  # fmt: skip
    for number, way in enumerate(ways):
        tally.add(number, [number], lambda way=way: way)  # type: ignore[misc]
    sweep = tally.result()
    for groups in (sweep.groups, tally.groups()):
        assert [group.keys for group in groups] == [((number, number),) for number in range(len(ways))]
        assert [(group.arrived, group.unsettled) for group in groups] == [(way.arrived, way.unsettled) for way in ways]
    assert (sweep.gear, sweep.repeats, sweep.traced, sweep.notes) == (Gear.VERDICT, 3, 4, ("why",))
    assert (sweep.sources, sweep.seconds) == (("192.0.2.1",), 1.5)


def test_what_is_still_to_be_asked_and_what_is_empty_is_left_out() -> None:
    tally = SweepTally()
    tally.add("asked", [1], lambda: Fate(CLOSED, ask=True))
    tally.add("empty", [], lambda: Fate(CLOSED))
    assert tally.result().groups == ()
