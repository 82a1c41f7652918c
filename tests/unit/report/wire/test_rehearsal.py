"""A rehearsal in a document says what the record does."""

from __future__ import annotations

import json

from lab.record.rehearsal import Rehearsals
from lab.report.rehearsal import rehearsals_json
from tests.unit.rehearsed import rehearsal, wrong


def test_it_says_what_the_record_does() -> None:
    told = json.loads(rehearsals_json(Rehearsals((wrong(), rehearsal(window=None, timer_s=None)), 1)))
    assert (told["version"], told["exit_code"], told["interrupted"], told["problems"]) == (1, 1, False, [])
    found, quiet = told["rehearsals"]
    assert (found["change"], found["old"], found["new"]) == ("CHG-7", "old", "new")
    assert (found["way"], found["timer_s"]) == ("restore", 60)
    assert (found["end"], found["ends"], found["opens"], found["breaks"]) == ("confirmed", "confirmed", False, False)
    assert found["faults"] == list(wrong().faults)
    assert found["events"][1] == {
        "seconds": 0.2, "phase": "T-10", "what": "the admin comes in", "witness": "trace", "good": True,
    }  # fmt: skip
    assert [found["window"][kind]["packets"] for kind in ("opened", "refused", "strayed")] == [2, 2, 2]
    assert found["left"] == [
        {"kind": "routes", "what": "+ ip route default", "carried": False},
        {"kind": "recent entries", "what": "- recent x", "carried": True},
    ]
    assert found["trials"][1] == {"name": "a command fails", "passed": False, "what": "it stayed"}
    assert found["counters"] == [{"rule": "gw filter:FORWARD:1", "packets": 9}]
    assert (quiet["window"], quiet["timer_s"], quiet["faults"]) == (None, None, [])
