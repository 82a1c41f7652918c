"""What a packet of a window is: held against what its stream met at rest before, and afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.window import Fate, First, HeldFlow, Moment, State, Total
from lab.verdict.window import window
from tests.unit.windows import ANSWERED, FAULTY, MS, T0, streamed

NOTHING = Total(0, 0.0)
FLOW = "10.0.1.10 > 10.0.2.10 tcp/80"


def test_what_fares_as_at_rest_is_as_it_should_be() -> None:
    found = window(streamed({"web": "xxxxxxxx", "ssh": "........"}))
    assert (found.opened, found.refused, found.strayed) == (NOTHING, NOTHING, NOTHING)
    assert [(one.stream.name, one.before, one.after) for one in found.streams] == [
        ("web", Fate.ALLOWED, Fate.ALLOWED), ("ssh", Fate.DENIED, Fate.DENIED),
    ]  # fmt: skip
    assert [[(run.state, run.packets) for run in one.runs] for one in found.streams] == 2 * [[(State.AS_BEFORE, 4)]]
    assert (found.pulses, found.packets, found.ms, found.gap_ms) == (4, 8, 3.0, 1.0)


def test_what_got_through_is_opened() -> None:
    found = window(streamed({"ssh": "....x.x...", "smtp": ".....xx..."}))
    assert found.opened == Total(4, 2.0, First("ssh", 2.0, FLOW))
    assert found.refused == NOTHING
    assert [(run.state, run.start_ms, run.end_ms, run.packets) for run in found.streams[1].runs] == [
        (State.AS_BEFORE, 0.0, 2.0, 3), (State.OPENED, 3.0, 4.0, 2), (State.AS_BEFORE, 5.0, 5.0, 1),
    ]  # fmt: skip


def test_what_did_not_get_through_is_refused() -> None:
    found = window(streamed({"web": "xxx..xxx"}))
    assert (found.refused, found.opened) == (Total(2, 1.0, First("web", 1.0, FLOW)), NOTHING)


@pytest.mark.parametrize("letter", ["y", "z"])
def test_what_came_to_another_end_has_strayed(letter: str) -> None:
    found = window(streamed({"web": f"xx{letter}xxx"}))
    assert (found.strayed.packets, found.opened, found.refused) == (1, NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("met", "before", "after", "changed", "flaps"),
    [
        ("xxxx....", Fate.ALLOWED, Fate.DENIED, 2.0, 0),
        ("...xxxxx", Fate.DENIED, Fate.ALLOWED, 1.0, 0),
        ("xxx.x...", Fate.ALLOWED, Fate.DENIED, 1.0, 2),
        ("xx...x..", Fate.ALLOWED, Fate.DENIED, 0.0, 2),
        ("xxxxxx..", Fate.ALLOWED, Fate.DENIED, 4.0, 0),
        ("xxxyyyyy", Fate.ALLOWED, Fate.ALLOWED, 1.0, 0),
    ],
)
def test_what_the_change_changes_is_not_wrong(met: str, before: Fate, after: Fate, changed: float, flaps: int) -> None:
    found = window(streamed({"web": met}))
    (one,) = found.streams
    assert (one.before, one.after, one.changed_ms, one.flaps) == (before, after, changed, flaps)
    assert (found.opened, found.refused, found.strayed) == (NOTHING, NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("met", "state"), [("..xzxx", State.STRAYED), ("xx.xyy", State.REFUSED), ("xxzxyy", State.STRAYED)]
)
def test_what_is_neither_as_before_nor_as_afterwards_is_wrong(met: str, state: State) -> None:
    (one,) = window(streamed({"web": met})).streams
    assert one.packets(State.OPENED, State.REFUSED, State.STRAYED) == one.packets(state) == 1


@pytest.mark.parametrize(
    ("met", "why"),
    [
        ("x.xxxx", "before, at rest, 1 of 2 packets got through"),
        ("xxxx.x", "afterwards, at rest, 1 of 2 packets got through"),
        ("xyxxxx", "before, at rest, they came to different ends"),
    ],
)
def test_what_varies_at_rest_says_nothing(met: str, why: str) -> None:
    found = window(streamed({"web": met, "ssh": "......"}))
    assert found.unsteady == {"web": why}
    assert [one.stream.name for one in found.streams] == ["ssh"]
    assert (found.opened, found.refused, found.strayed) == (NOTHING, NOTHING, NOTHING)


def test_a_flow_that_stalls_and_goes_on() -> None:
    held = HeldFlow("session", ANSWERED, ANSWERED, ANSWERED)
    found = window(streamed({"0>": "xxx...x.xx", "0<": "xxxxx..xxx"}, flows=[held]))
    (flow,) = found.flows
    assert (flow.packets, flow.lost, flow.stall_ms, flow.broken) == (12, 6, 4.0, False)
    assert (found.lost, found.broken, found.streams) == (6, (), ())
    assert flow.flow == FLOW


def test_a_stall_lasts_to_the_end_of_the_window_where_nothing_comes_after_it() -> None:
    held = HeldFlow("session", ANSWERED, ANSWERED, FAULTY)
    (flow,) = window(streamed({"0>": "xxx.......", "0<": "xxxxxxxxxx"}, flows=[held])).flows
    assert (flow.stall_ms, flow.broken) == (5.0, True)
    assert flow.after is not None
    assert flow.after.proof == "the instrument failed: it was blind"


@pytest.mark.parametrize(("before", "after", "broken"), [(ANSWERED, None, True), (FAULTY, FAULTY, False)])
def test_what_did_not_go_on_before_is_not_broken(before: object, after: object, broken: bool) -> None:
    held = replace(HeldFlow("session", ANSWERED, ANSWERED), before=before, after=after)  # type: ignore[arg-type]
    found = window(streamed({"0>": "xxxxxx", "0<": "xxxxxx"}, flows=[held]))
    assert bool(found.broken) is broken


def test_moments_and_pauses_are_told_from_t0() -> None:
    given = streamed({"web": "xxxxxx"}, moments=[Moment("iptables -F", T0 + 2 * MS)])
    late = replace(given, pulses_ns=(*given.pulses_ns[:3], *(ns + 5 * MS for ns in given.pulses_ns[3:])))
    found = window(late)
    assert (found.moments, found.gap_ms, found.ms) == ((("iptables -F", 2.0),), 6.0, 6.0)
