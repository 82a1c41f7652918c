"""What one of two measurements does not know is no change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.record.exposure import Change
from lab.record.sweep import SweepGroup
from lab.record.verdict import Kind
from lab.report.exposure import exposure_json
from lab.study import survey
from lab.study.compare_exposures import read_saved
from lab.study.untold import sort_out, unknown_places
from tests.unit.study.test_compare_exposures import PAIR, exposure, report
from tests.unit.verdict.made import verdict

PLACE = ("client", "server", "10.0.2.10", 4, "tcp")
CHANGE = Change("client", "server", "10.0.2.10", 4, "tcp", ((22, 22), (80, 90)))
UNKNOWN = {PLACE: [(((85, 95),), "chance")]}


def test_what_is_not_known_now_or_was_not_before_is_taken_out() -> None:
    known, untold = sort_out([CHANGE], UNKNOWN, {PLACE: [(((22, 22),), "lost then")]}, "open now")
    assert known == (replace(CHANGE, ports=((80, 84),)),)
    assert [(one.change.ports, one.why) for one in untold] == [
        (((85, 90),), "open now, and not told now: chance"), (((22, 22),), "open now, and not told before: lost then"),
    ]  # fmt: skip
    elsewhere = {(*PLACE[:4], "udp"): UNKNOWN[PLACE]}
    assert sort_out([CHANGE], elsewhere, elsewhere, "open now") == ((CHANGE,), ())


@pytest.mark.parametrize("many", [False, True])
def test_the_sentences_of_a_survey_are_read_back(many: bool) -> None:
    found = survey.Survey()
    ports = tuple((port, port) for port in range(1, 41 if many else 5, 2))
    survey._tell([SweepGroup(ports, verdict(Kind.LOST)), SweepGroup(ports, verdict(), None, "x: y")], PAIR, "tcp", found)
    assert unknown_places((*found.lost, *found.unsettled)) == {
        PLACE: [(((1, 65_535),) if many else ports, why) for why in
                ("as it was seen", "allowed this time, but x: y decides by chance")],
    }  # fmt: skip
    of_six = PAIR._replace(target="fw@lan", address="2001:db8::1", family=6)
    survey._tell_closed([SweepGroup(ports, verdict(Kind.DROPPED))], of_six, "udp", found)
    assert list(unknown_places(found.lost[-1:])) == [("client", "fw@lan", "2001:db8::1", 6, "udp")]


def test_a_file_says_what_was_not_known(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    told = report(exposure((443, 443)), lost=("client > server (10.0.2.10) tcp/22: no end",))
    file.write_text(json.dumps(exposure_json(told)))
    assert read_saved(file, "made").unknown == {PLACE: [(((22, 22),), "no end")]}
    file.write_text(json.dumps(exposure_json(report(lost=("something",)))))
    with pytest.raises(InputError, match=r"does not say of which ports this is not known: 'something'\n +measure it anew"):
        read_saved(file, "made")
