"""Rehearsals made up for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.record.difference import RowOutcome
from lab.record.node_state import Leftover
from lab.record.rehearsal import End, Event, Phase, Rehearsal, RuleCount, Trial
from lab.record.window import First, HeldFlow, Moment, Total, Window
from lab.verdict.window import window
from tests.unit.windows import ANSWERED, FAULTY, MS, T0, streamed

QUIET = window(
    streamed(
        {"web": "xxxxxx", "ssh": "......", "0>": "xxxxxx", "0<": "xxxxxx"},
        flows=[HeldFlow("own", ANSWERED, ANSWERED, ANSWERED)],
    )
)
LOUD = window(
    streamed(
        {"ssh": "..xx..", "web": "xx..xx", "to": "xxyyxx", "0>": "xxxx..", "0<": "xxxxxx"},
        flows=[HeldFlow("session", ANSWERED, ANSWERED, FAULTY)], moments=[Moment("1: iptables -F", T0 + MS)],
    )
)  # fmt: skip


def of_total(kind: str, packets: int) -> Window:
    """A window in which packets were wrong in one way."""
    totals: dict[str, Any] = {kind: Total(packets, 1.5, First("ssh", 0.5, "10.0.1.10 > 10.0.2.10 tcp/22"))}
    return replace(QUIET, **totals)


def rehearsal(**keys: Any) -> Rehearsal:
    """One that went as its change says, with what is given in its place."""
    events = (
        Event(0.1, Phase.BASELINE, "gw holds what old says", "what the tools print"),
        Event(0.2, Phase.PRELOAD, "the admin comes in", "trace", good=True),
        Event(0.3, Phase.APPLY, "8 packets in 2 ms", "capture, counters", good=True),
    )
    values: dict[str, Any] = {
        "change": "CHG-7", "node": "gw", "topology": "small", "names": ("old", "new"), "backend": "nft", "way": "restore",
        "timer_s": 60, "end": End.CONFIRMED, "ends": End.CONFIRMED, "events": events, "window": QUIET, "seconds": 2.25,
        **keys,
    }  # fmt: skip
    return Rehearsal(**values)


def wrong(**keys: Any) -> Rehearsal:
    """One in which about all went wrong."""
    values: dict[str, Any] = {
        "window": LOUD, "intended": (RowOutcome("row", passed=False, what="held before already"),),
        "holds": (RowOutcome("m::cell", passed=True), RowOutcome("m::other", passed=False, what="fail-open")),
        "counters": (RuleCount("gw filter:FORWARD:1", 9),),
        "left": (Leftover("routes", "+ ip route default"), Leftover("recent entries", "- recent x", carried=True)),
        "trials": (Trial("nobody confirms it", passed=True), Trial("a command fails", passed=False, what="it stayed")),
        "notes": ("a note",), **keys,
    }  # fmt: skip
    return rehearsal(**values)
