"""Live flows: which are asked, what is counted as left out, and what stopped it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from lab.errors import MeasurementError, Problem
from lab.prepare.scene import Scene
from lab.study.change import seen
from lab.study.change.faring import Asked
from lab.study.change.wanted import LeftOut, Wanted, wanted_of
from lab.written.seen.live import LiveFlow
from tests.unit.study.change.made import OFFICE, TICKETS, allowed, difference, dropped, report, topology

SCENE = Scene(topology(), {}, {})


def flow(service: str = "tcp/443", source: str = OFFICE, destination: str = TICKETS, count: int = 1) -> LiveFlow:
    return LiveFlow(4, source, destination, service, count=count)


def test_distinct_flows_the_most_frequent_first_from_whoever_answers_for_an_address() -> None:
    left = LeftOut()
    live = [flow(count=2), flow("tcp/80", "192.0.2.9", count=4), flow(count=3), flow("udp/53", "203.0.113.1")]
    found = wanted_of(live, topology(), left)
    assert [(str(one), one.node, one.owner, one.flows) for one in found] == [
        (f"{OFFICE} > {TICKETS} tcp/443", "office", "tickets", 5),
        (f"192.0.2.9 > {TICKETS} tcp/80", "world", "tickets", 4),
        (f"203.0.113.1 > {TICKETS} udp/53", "cloud", "tickets", 1),
    ]
    assert list(left.notes()) == []


def test_what_is_left_out_is_counted_by_why() -> None:
    left = LeftOut()
    live = [flow(source="10.20.1.99", count=2), flow(destination="10.20.2.99"), flow("proto/47"), flow("sctp/9")]
    live += [flow(destination="127.0.0.1", source="127.0.0.1"), flow("udp/5353", destination="224.0.0.251", count=3)]
    assert wanted_of(live, topology(), left) == []
    assert list(left.notes()) == [
        f"3 live flows left out: an end is not in this topology, as 10.20.1.99 > {TICKETS} tcp/443",
        f"2 live flows left out: the lab does not send this kind, as {OFFICE} > {TICKETS} proto/47",
        "4 live flows left out: an end is loopback, multicast or what else no node has, as 127.0.0.1 > 127.0.0.1 tcp/443",
    ]


def asked(monkeypatch: pytest.MonkeyPatch, stop: BaseException | None = None) -> list[int]:
    """Has each flow cut, without a kernel; after the first ``stop`` is raised.  What it gives is how many were to be asked."""
    numbers: list[int] = []

    def cut(wanted: Sequence[Wanted], *_: object) -> Iterator[Asked]:
        numbers.append(len(wanted))
        for one in wanted:
            yield Asked(one, allowed(), dropped())
            if stop is not None:
                raise stop

    monkeypatch.setattr(seen, "_asked", cut)
    return numbers


def test_at_most_so_many_are_asked_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = asked(monkeypatch)
    live = [flow(f"tcp/{port}", count=2) for port in range(1, seen.MOST + 4)]
    found = seen.with_seen(report(), live, SCENE, SCENE)
    assert numbers == [500] == [seen.MOST]
    assert "6 live flows left out: not among the 500 most frequent, as" in found.notes[1]
    assert (len(found.seen), found.exit_code) == (500, 1)


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), 130), (MeasurementError(Problem("blind")), 3), (OSError(5, "gone"), 3)]
)
def test_what_stops_it_leaves_what_was_asked(monkeypatch: pytest.MonkeyPatch, stop: BaseException, code: int) -> None:
    asked(monkeypatch, stop)
    found = seen.with_seen(report(), [flow(), flow("tcp/80")], SCENE, SCENE)
    assert ([one.service for one in found.seen], found.exit_code) == (["tcp/443"], code)
    assert (found.interrupted, bool(found.problems)) == (code == 130, code != 130)


def test_a_flow_in_a_class_that_was_asked_for_is_as_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch)
    one = difference(old=allowed(), new=dropped())
    for intended, code in (("row", 0), (None, 1)):
        on = report(replace(one, intended=intended), exit_code=0)
        assert seen.with_seen(on, [flow()], SCENE, SCENE).exit_code == code
        assert len(seen.with_seen(on, [flow()], SCENE, SCENE).notes) == 1
    elsewhere = replace(one, intended="row", flow=one.flow._replace(family=6))
    found = seen.with_seen(report(elsewhere, exit_code=0), [flow()], SCENE, SCENE)
    assert found.exit_code == 1
    assert found.notes[-1] == f"1 distinct live flows fare otherwise and are in no class above, as {OFFICE} > {TICKETS} tcp/443"
