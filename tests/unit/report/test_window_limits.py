"""How closely a window was looked at is told beside it, with how much nothing is said of."""

from __future__ import annotations

from dataclasses import replace

from lab.record.window import Total, Window
from lab.report.rehearsal import window_limits, window_words

NONE = Total(0, 0.0)
QUIET = Window("gw", ms=40.0, pulses=80, packets=0, gap_ms=12.34, opened=NONE, refused=NONE, strayed=NONE, streams=())


def test_the_longest_time_between_two_tries_is_told() -> None:
    assert window_limits(QUIET) == (
        "0 flows were tried every 0.5 ms, with 12.3 ms between two tries at most: what is shorter may have been missed"
    )


def test_what_nothing_is_said_of_is_counted() -> None:
    told = window_limits(replace(QUIET, unsteady={"a": "a limit"}, left_out={"b": "two steps", "c": "sctp"}))
    assert told.endswith("may have been missed; nothing is said of 3 more (--json says of which, and why)")


def test_what_was_stopped_is_not_taken_for_what_should_have_been() -> None:
    assert window_words(QUIET) == "nothing got through that should not; nothing was stopped that should pass"
    assert window_words(replace(QUIET, refused=Total(1, 0.0))).endswith("; 1 packet was stopped that should pass, in 0.0 ms")
    many = window_words(replace(QUIET, refused=Total(1200, 3.21)))
    assert many.endswith("; 1,200 packets were stopped that should pass, in 3.2 ms")
