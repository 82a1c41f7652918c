"""What the kernel's own selftest of clashing translations documents (nf_nat_edemux): two flows become alike, and both work.

A client that reaches one service by two addresses, or by two ports, from one and the same port of its own.
"""

from __future__ import annotations

import pytest

from lab.probe.conversation import Conversation
from lab.probe.question import Handshake, Question
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

VIRTUAL, PORT = "10.96.0.1", 10_000
BY_ADDRESS = table("nat", f"-A OUTPUT -d {VIRTUAL} -p tcp --dport 443 -j DNAT --to-destination {SERVER}:5201")
BY_PORT = table(
    "nat", *(f"-A PREROUTING -p tcp --dport {port} -j REDIRECT --to-ports 5201" for port in (5202, 5203)),
)  # fmt: skip


def asked(destination: str, port: int) -> Question:
    return Question("client", CLIENT, destination, Handshake(port), PORT, (("server", 5201),))


def test_a_port_that_is_taken_behind_the_translation_is_changed(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/5201"]}), client=BY_ADDRESS)
    with lab.batch(), Conversation(lab.stage, asked(SERVER, 5201)) as first:
        opened = first.open()
        assert opened is not None
        assert opened.arrived is not None
        second = lab.ask(asked(VIRTUAL, 443), as_first=False)
        assert second.allowed, second.proof
        assert second.arrived is not None
        assert (opened.arrived.sport, second.arrived.sport == PORT) == (PORT, False)
        sent = first.send()
        assert sent is not None
        assert sent.arrived is not None


def test_two_ports_that_are_led_to_one_from_the_same_source_port(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/5201"]}), server=BY_PORT)
    with lab.batch(), Conversation(lab.stage, asked(SERVER, 5202)) as one, Conversation(lab.stage, asked(SERVER, 5203)) as two:
        for talk, port in ((one, 5202), (two, 5203)):
            opened = talk.open()
            assert opened is not None
            entry = next(entry for entry in opened.conntrack if entry.node == "server")
            assert (entry.state, entry.original.sport, entry.original.dport) == ("ESTABLISHED", PORT, port)
