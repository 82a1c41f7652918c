"""A connection that nobody answers: asking again does not keep its entry alive, so that new rules get hold of it.

As the kernel's own conntrack_tcp_unreplied.sh documents it: what is asked again and again is translated, by rules that came
meanwhile, once the first entry has run out.
"""

from __future__ import annotations

import pytest

from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Question, Segment
from lab.record.observation import Conntrack, Observation
from lab.record.path import rules_on
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SYN = 0x02
FILTER = table("filter", "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT", FORWARD="ACCEPT")
ELSEWHERE = table("nat", f"-A PREROUTING -p tcp --dport 80 -m comment --comment dnat -j DNAT --to-destination {SERVER}:8080")
SILENT = table("filter", "-A INPUT -p tcp -j DROP")
ASKED = Question("client", CLIENT, SERVER, Segment(80, SYN), sport=40_000)


def of(lab: Lab, asked: Observation) -> Conntrack:
    entry = lab.instrument.nodes["gateway"].conntrack.find(asked.sent)
    assert entry is not None
    return entry


def left(lab: Lab, seconds: int) -> None:
    """Have the gateway's entry so many seconds left; with none it is not there any more."""
    run(lab.network.nodes["gateway"].namespace, ["conntrack", "-U", "-p", "tcp", "-s", CLIENT, "-t", str(seconds)])


def sent(talk: Conversation) -> Observation:
    seen = talk.send()
    assert seen is not None
    return seen


def test_an_entry_runs_out_however_often_the_same_is_asked(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=FILTER, server=SILENT)
    with lab.batch(), Conversation(lab.stage, ASKED) as talk:
        first = sent(talk)
        assert (of(lab, first).state, "UNREPLIED" in of(lab, first).words) == ("SYN_SENT", True)
        left(lab, 20)
        lab.load("gateway", rulesets(FILTER + ELSEWHERE))
        again = sent(talk)
        assert of(lab, again).timeout_s <= 20, "asking again begins no new time"
        assert of(lab, again).reply.sport == 80
        left(lab, 0)
        assert lab.instrument.nodes["gateway"].conntrack.find(again.sent) is None
        translated = sent(talk)
        assert (of(lab, translated).reply.source, of(lab, translated).reply.sport) == (SERVER, 8080)
    exits = [step.request[0].exit for step in (first, again, translated)]
    assert [packet and packet.dport for packet in exits] == [80, 80, 8080]
    met = [[rule.comment for rule in rules_on(step.request) if rule.comment] for step in (first, again, translated)]
    assert met == [[], ["dnat"], ["dnat"]], "of a flow that is known the rule translates nothing, though it matches"
