"""Why a rehearsal did not go as its change says: each reason by itself, and what the change may say so that it is none."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.difference import RowOutcome
from lab.record.node_state import Leftover
from lab.record.rehearsal import End, Event, Phase, Trial
from tests.unit.rehearsed import LOUD, of_total, rehearsal, wrong

LOCKED = "you would be locked out from 10.0.9.10 > 10.0.9.1:22 by gw filter:INPUT:4 (drop-rest)"
ROW = RowOutcome("the web", passed=False, what="it was dropped")


def test_one_that_went_as_the_change_says_has_none() -> None:
    assert rehearsal().faults == ()
    assert rehearsal(window=None, end=End.REFUSED, ends=End.REFUSED).faults == ()


@pytest.mark.parametrize("ends", [end for end in End if end is not End.INTERRUPTED])
@pytest.mark.parametrize("end", [end for end in End if end is not End.INTERRUPTED])
def test_it_is_to_end_as_the_change_says(end: End, ends: End) -> None:
    told = () if end is ends else (f"it ended {end}, and the change says {ends}",)
    assert rehearsal(end=end, ends=ends).faults == told


def test_one_that_was_interrupted_is_never_fine() -> None:
    assert rehearsal(end=End.INTERRUPTED).faults == ("it was interrupted before its end",)


@pytest.mark.parametrize(
    ("keys", "fault", "known"),
    [
        ({"end": End.LOCKED_OUT, "locked_out": LOCKED}, LOCKED, {"ends": End.LOCKED_OUT}),
        (
            {"window": of_total("opened", 1234)},
            "1,234 packets got through meanwhile that should not, and the change does not say `opens: true`", {"opens": True},
        ),
        (
            {"window": of_total("strayed", 3)},
            "3 packets went astray meanwhile, and the change does not say `opens: true`", {"opens": True},
        ),
        (
            {"window": of_total("refused", 2)},
            "2 packets were stopped meanwhile that should pass, and the change does not say `breaks: true`", {"breaks": True},
        ),
        (
            {"window": LOUD, "opens": True},
            "1 established flow did not go on, and the change does not say `breaks: true`", {"breaks": True},
        ),
        ({"intended": (ROW,)}, "the web: it was dropped", {"intended": ()}),
        ({"holds": (ROW,), "end": End.ROLLED_BACK, "ends": End.ROLLED_BACK}, "the web: it was dropped", {"holds": ()}),
        ({"left": (Leftover("routes", "+ ip route x"),)}, "afterwards: ", {"left": (Leftover("recent", "- x", carried=True),)}),
        ({"trials": (Trial("a command fails", passed=False, what="it stayed"),)}, "a command fails: it stayed", {"trials": ()}),
        (
            {"events": (Event(0.1, Phase.PRELOAD, "the admin cannot come in: x", "trace", good=False),)},
            "the admin cannot come in: x", {"events": ()},
        ),
    ],
)  # fmt: skip
def test_each_reason_is_one_unless_it_is_known(keys: dict[str, Any], fault: str, known: dict[str, Any]) -> None:
    found = rehearsal(**keys).faults
    assert [one for one in found if one.startswith(fault)], found
    assert not [one for one in rehearsal(**keys | known).faults if one.startswith(fault)]


@pytest.mark.parametrize(("known", "silent"), [({"opens": True}, "opens: true"), ({"breaks": True}, "breaks: true")])
def test_what_is_known_silences_nothing_else(known: dict[str, Any], silent: str) -> None:
    before = wrong().faults
    assert len(before) == 8
    assert wrong(**known).faults == tuple(one for one in before if silent not in one)


def test_the_packets_that_got_through_are_those_of_the_window() -> None:
    assert (rehearsal(window=of_total("opened", 5)).opened, rehearsal(window=None).opened) == (5, 0)
