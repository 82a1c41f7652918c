"""What watches a probe is called by the attempt alone: armed before, read before the close, forgetting after it, let go."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import InputError, MeasurementError
from lab.probe import attempt, conversation
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Handshake, Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.witness import OF_A_FLOW, Witness
from lab.record.observation import Conntrack
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

STATEFUL = table("filter", ESTABLISHED)
SERVICES = ["tcp/443", "udp/443", "icmp/echo-request", "icmp/timestamp-request"]
WEB = Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),))
TAKEN = Question("client", CLIENT, SERVER, Datagram(54), receivers=(("server", 53), ("server", 54)))


class Spy(Witness):
    """A witness of a test's own: it is in the list, and no way knows of it."""

    def __init__(self, stage: Stage, question: Question) -> None:
        super().__init__(stage, question)
        self.stage, self.calls, self.entry = stage, ["armed"], None
        self.flows = [self._flows()]
        SPIES.append(self)

    calls: list[str]
    entry: Conntrack | None

    def _flows(self) -> int:
        with self.stage.network.nodes["gateway"].namespace:
            return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())

    def read(self, seen: Sighting) -> None:
        self.calls.append("read")
        self.flows.append(self._flows())
        self.entry = self.stage.instrument.nodes["gateway"].conntrack.find(seen.read_trace().request[0].entry)

    def forget(self, seen: Sighting) -> None:
        assert seen.stage is self.stage
        self.calls.append("forgot")

    def disarm(self) -> None:
        self.calls.append("disarmed")
        self.flows.append(self._flows())


SPIES: list[Spy] = []


@pytest.fixture
def spies(monkeypatch: pytest.MonkeyPatch) -> list[Spy]:
    for module in (attempt, conversation):
        monkeypatch.setattr(module, "OF_A_FLOW", (*OF_A_FLOW, Spy))
    SPIES.clear()
    return SPIES


@pytest.mark.parametrize("service", SERVICES)
def test_a_witness_is_called_in_order_whatever_is_sent(lab_of: LabOf, spies: list[Spy], service: str) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    assert lab.probe("client", "server", service).allowed
    (spy,) = spies
    assert spy.calls == ["armed", "read", "forgot", "disarmed"]
    assert spy.flows == [0, 1, 0]
    assert spy.entry is not None
    assert spy.entry.state == "ESTABLISHED", "read before the close"


def test_a_segment_is_watched_too(lab_of: LabOf, spies: list[Spy]) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    assert lab.probe("client", "server", "tcp/443", ack=True).allowed
    assert [spy.calls for spy in spies] == [["armed", "read", "forgot", "disarmed"]]


@pytest.mark.parametrize("sends", [Handshake(80), Datagram(80)])
def test_the_entries_of_what_came_to_nobody_are_not_read(lab_of: LabOf, sends: Handshake | Datagram) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    verdict = lab.ask(Question("client", CLIENT, SERVER, sends))
    assert (verdict.kind, verdict.observation.conntrack) == (Kind.CLOSED, ())


def test_a_conversation_is_watched_from_its_beginning_to_its_end(lab_of: LabOf, spies: list[Spy]) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.batch(), Conversation(lab.stage, WEB) as talk:
        talk.open()
        talk.send()
        talk.close()
    (spy,) = spies
    assert spy.calls == ["armed", "read", "read", "read", "forgot", "forgot", "forgot", "disarmed"]
    assert (spy.flows[0], spy.flows[-1]) == (0, 0)


@pytest.mark.parametrize(("sends", "kind"), [(Datagram(54), socket.SOCK_DGRAM), (Handshake(54), socket.SOCK_STREAM)])
def test_nothing_is_held_of_a_question_that_cannot_be_sent(
    lab_of: LabOf, spies: list[Spy], sends: Datagram | Handshake, kind: int
) -> None:
    lab = lab_of(corridor(), gateway=STATEFUL)
    with lab.network.nodes["server"].socket(socket.AF_INET, kind) as other:
        other.bind((SERVER, 54))
        if kind == socket.SOCK_STREAM:
            other.listen(1)
        with pytest.raises(MeasurementError, match="server: cannot listen on port 54: Address already in use"):
            lab.ask(replace(TAKEN, sends=sends))
    assert [spy.calls for spy in spies] == [["armed", "disarmed"]]
    with lab.network.nodes["server"].socket(socket.AF_INET, kind) as other:
        other.bind((SERVER, 53))


@pytest.mark.parametrize("sends", [Datagram(53), Handshake(53)])
def test_a_receiver_is_let_go_where_the_sender_s_own_port_is_taken(lab_of: LabOf, sends: Datagram | Handshake) -> None:
    lab = lab_of(corridor(client={"services": ["udp/999", "tcp/999"]}), gateway=STATEFUL)
    question = Question("client", CLIENT, SERVER, sends, sport=999, receivers=(("server", 53),))
    with pytest.raises(InputError, match="client cannot send from port 999"):
        lab.ask(question)
    assert lab.ask(replace(question, sport=None, receivers=())).kind is Kind.CLOSED
