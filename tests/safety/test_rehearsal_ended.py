"""A rehearsal that is ended anywhere leaves nothing, and says what came of it by then."""

from __future__ import annotations

import json
import signal

import pytest

from tests.safety.conftest import Reports

pytestmark = pytest.mark.kernel

CODE = """
import os
from lab.study.guarding.host import GuardedHost
from lab.study.rehearse import phases
from lab.study.rehearse.asked import NoProgress

number = int(os.environ.get("LAB_MOMENT", "-1"))
MOMENTS = ["baseline", "matrix", "streams", "streams", "timer", "timer"]
now = MOMENTS[number] if number >= 0 else ""

def come(moment):
    global now
    if moment == now:
        now = ""
        os.kill(os.getpid(), int(os.environ["LAB_SIGNAL"]))

def before(place, name, moment):
    whole = getattr(place, name)
    def told(*args, **kwargs):
        come(moment)
        return whole(*args, **kwargs)
    setattr(place, name, told)

def marked(shell, line, commands, mark, whole=phases._marked):
    def tell(label, ns=None):
        mark(label, ns)
        come("streams")
    return whole(shell, line, commands, tell)

before(phases, "state_of", "baseline")
before(NoProgress, "cell", "matrix")
before(GuardedHost, "ring", "timer")
phases._marked = marked
"""
INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
SIGNALS = (INT, TERM, INT, KILL, TERM, KILL)
PHASES: tuple[list[str], ...] = ([], ["T-60"], ["T-60", "T-10"], ["T-60", "T-10", "T+0", "T+5", "T+15", "T+30"])
SEEN = (0, 1, 2, None, 3, None)
"""Which phases each run has told; nothing of one that was killed."""


def test_a_rehearsal_that_is_ended_anywhere_leaves_nothing(in_a_machine: Reports) -> None:
    flags = ("--no-trials", "--json", "-")
    reports = in_a_machine("ended", *SIGNALS, lab=("rehearse", "changes/CHG-2305.yaml", *flags), code=CODE)
    assert [report["left"] for report in reports] == [[]] * len(SIGNALS)
    assert [report["code"] for report in reports] == [-KILL if one is KILL else 128 + one for one in SIGNALS]
    for report, signum, seen in zip(reports, SIGNALS, SEEN, strict=True):
        assert "Traceback" not in report["err"]
        if seen is None:
            assert report["out"] == ""
            continue
        document = json.loads(report["out"])
        assert (document["interrupted"], document["exit_code"]) == (True, 128 + signum)
        (found,) = document["rehearsals"]
        assert (found["end"], found["faults"]) == ("interrupted", ["it was interrupted before its end"])
        assert list(dict.fromkeys(event["phase"] for event in found["events"])) == PHASES[seen]
        assert (found["window"] is not None) is (seen == 3)
