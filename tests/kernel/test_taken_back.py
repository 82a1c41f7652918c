"""What could not be delivered is as if it had not been said: no clock of a kernel says it again, and the flow goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Handshake, Question
from lab.record.observation import Observation
from lab.record.verdict import Kind
from lab.verdict.prove import prove
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NEW = "-A FORWARD -p tcp -m tcp --syn --dport 80 -m comment --comment web -j ACCEPT"
WEB = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
LISTENS, HALF_OPEN, RETRANSMITS, PROBES = "0A", "03", "01", "04"  # net/ipv4/tcp_ipv4.c (get_tcp4_sock)
THERE, BACK = f"-A FORWARD -s {CLIENT} -p tcp -m tcp --dport 80", f"-A FORWARD -s {SERVER} -p tcp -m tcp --sport 80"
SEND, ANSWER, CLOSE = Conversation.send, Conversation.answer, Conversation.close
Verb = Callable[[Conversation], Observation | None]


def opened(*before: str) -> str:
    return table("filter", *before, ESTABLISHED, NEW, FORWARD="DROP")


def kinds(*seen: Observation | None) -> list[Kind]:
    return [prove(one, "gateway").kind for one in seen if one is not None]


def sockets(lab: Lab) -> list[tuple[str, str, str]]:
    """(node, state, timer) of every TCP socket that does not listen."""
    found = []
    for name, node in lab.network.nodes.items():
        with node.namespace:
            lines = Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        found += [(name, field[3], field[5].partition(":")[0]) for field in fields if field[3] != LISTENS]
    return found


def unsaid(lab: Lab) -> list[tuple[str, str, str]]:
    """The sockets that will say something by themselves: a half-open one of the baseline's never does, and goes."""
    return [one for one in sockets(lab) if one[1] != HALF_OPEN and one[2] in (RETRANSMITS, PROBES)]


@pytest.mark.parametrize(("rule", "lost", "arrives"), [
    (f"{THERE} --tcp-flags PSH PSH -j DROP", SEND, False),
    (f"{BACK} --tcp-flags PSH PSH -j DROP", ANSWER, False),
    (f"{BACK} --tcp-flags FIN FIN -j DROP", CLOSE, False),
    (f"{BACK} --tcp-flags SYN,FIN,PSH,ACK ACK -j DROP", SEND, True),
    (f"{THERE} --tcp-flags SYN,FIN,PSH,ACK ACK -j DROP", ANSWER, True),
])  # fmt: skip
def test_a_connection_goes_on_after_what_was_lost(lab_of: LabOf, rule: str, lost: Verb, *, arrives: bool) -> None:
    lab = lab_of(corridor(), gateway=opened())
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        assert kinds(talk.open(), talk.send(), talk.answer()) == [Kind.ALLOWED] * 3
        lab.load("gateway", rulesets(opened(rule)))
        for _ in range(3):
            assert kinds(lost(talk)) == [Kind.UNANSWERED if arrives else Kind.DROPPED]
            assert unsaid(lab) == []
        lab.load("gateway", rulesets(opened()))
        later = [talk.send(), talk.answer(), talk.answer(), talk.send(), talk.close()]
    assert kinds(*later) == [Kind.ALLOWED] * 5
    assert sockets(lab) == []


@pytest.mark.parametrize(("rule", "kind"), [
    (f"{THERE} --syn -j DROP", Kind.DROPPED),
    (f"{BACK} --tcp-flags SYN,ACK SYN,ACK -j DROP", Kind.UNANSWERED),
    (f"{THERE} --tcp-flags SYN,ACK,PSH ACK -j DROP", Kind.DROPPED),
])  # fmt: skip
@pytest.mark.parametrize("services", [[], ["tcp/80"]])
def test_a_handshake_that_was_cut_off_is_begun_again(lab_of: LabOf, rule: str, kind: Kind, services: list[str]) -> None:
    lab = lab_of(corridor(server={"services": services}), gateway=opened(rule))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        for _ in range(2):
            assert kinds(talk.open()) == [kind]
            assert unsaid(lab) == []
            assert (talk.send(), talk.answer(), talk.close(), talk.reset()) == (None,) * 4
        lab.load("gateway", rulesets(opened()))
        again = [talk.open(), talk.send(), talk.answer(), talk.close()]
    assert kinds(*again) == [Kind.ALLOWED] * 4


@pytest.mark.parametrize("by_server", [False, True])
def test_a_reset_by_one_end_ends_it(lab_of: LabOf, *, by_server: bool) -> None:
    lab = lab_of(corridor(), gateway=opened())
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        talk.open()
        seen = talk.reset(by_server=by_server)
        assert seen is not None
        assert (kinds(seen), seen.sent.source) == ([Kind.ALLOWED], SERVER if by_server else CLIENT)
        assert "nothing answers such a packet" in prove(seen, "gateway").proof
        assert talk.ended
        assert (talk.open(), talk.send(), talk.answer(), talk.close(), talk.reset()) == (None,) * 5
        assert sockets(lab) == []


@pytest.mark.parametrize("by_server", [False, True])
def test_a_reset_that_was_lost_leaves_nobody_speaking(lab_of: LabOf, *, by_server: bool) -> None:
    lab = lab_of(corridor(), gateway=opened())
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        talk.open()
        lab.load("gateway", rulesets(table("filter", FORWARD="DROP")))
        assert kinds(talk.reset(by_server=by_server)) == [Kind.DROPPED]
        assert unsaid(lab) == []
    assert sockets(lab) == []


def test_a_connection_that_a_rule_reset_is_over(lab_of: LabOf) -> None:
    late = f"{THERE} --tcp-flags PSH PSH -j REJECT --reject-with tcp-reset"
    lab = lab_of(corridor(), gateway=opened(late))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        assert kinds(talk.open(), talk.send()) == [Kind.ALLOWED, Kind.REJECTED]
        assert talk.ended
        assert (talk.send(), unsaid(lab)) == (None, [])


def test_a_kernel_that_sets_nothing_back_would_say_it_again(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(corridor(), gateway=opened(f"{THERE} --tcp-flags PSH PSH -j DROP"))
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        talk.open()
        monkeypatch.setattr(type(talk._way), "take_back", lambda _way: None)
        talk.send()
        assert unsaid(lab) == [("client", "01", RETRANSMITS)], "what the tests above look for is there otherwise"
