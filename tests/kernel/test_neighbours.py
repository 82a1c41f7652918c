"""Who asks for a neighbour, who has the address and does not answer, and what it costs to know."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import MeasurementError
from lab.kernel.ground import tools
from lab.kernel.ground.namespace import Namespace
from lab.kernel.stage.neighbours import forget_unresolved
from lab.kernel.stage.node import Node
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import table
from tests.kernel.test_ipv6 import CLIENT, SERVER, dual_corridor, six

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

OPEN = table("filter")
NOBODY = "2001:db8:2::99"


def loses(node: Node, address: str, interface: str) -> None:
    done = tools.run(node.namespace, ["ip", "address", "del", address, "dev", interface])
    assert done.code == 0, done.err


def unresolved(node: Node) -> str:
    return tools.run(node.namespace, ["ip", "neigh", "show", "nud", "incomplete", "nud", "failed"]).out


def test_a_node_that_has_the_address_and_does_not_answer_is_no_proof(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=six(OPEN))
    loses(lab.network.nodes["server"], f"{SERVER}/64", "right")
    verdict = lab.probe("client", SERVER, "udp/4500")
    assert verdict.kind is Kind.LOST, verdict.proof
    assert f"gateway asked its network for {SERVER}, and server, which has it, did not answer" in verdict.proof


def test_a_rule_that_keeps_it_from_answering_stays_the_proof(lab_of: LabOf) -> None:
    shut = table("filter", "-A INPUT -p icmpv6 --icmpv6-type 135 -m comment --comment deaf -j DROP")
    lab = lab_of(dual_corridor(), gateway=six(OPEN), server=six(shut))
    verdict = lab.probe("client", SERVER, "udp/4500", at="server")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof
    assert "deaf" in verdict.proof


def test_who_lacks_a_link_local_address_cannot_ask_for_others(lab_of: LabOf) -> None:
    written = dual_corridor()
    written["nodes"]["gateway"]["sysctls"] = {"net.ipv6.conf.default.addr_gen_mode": 1}
    verdict = lab_of(written, gateway=six(OPEN)).probe("client", SERVER, "udp/4500")
    assert verdict.kind is Kind.UNROUTED, verdict.proof
    assert "gateway had no address of its own on the link to ask server from" in verdict.proof


@pytest.mark.parametrize(("sender", "target", "asker"), [("client", NOBODY, "gateway"), ("server", NOBODY, "server")])
def test_the_question_is_forgotten_where_it_was_asked(lab_of: LabOf, sender: str, target: str, asker: str) -> None:
    lab = lab_of(dual_corridor(), gateway=six(OPEN))
    with lab.batch():
        verdict = lab.probe(sender, target, "udp/4500")
        assert (verdict.kind, verdict.node) == (Kind.UNROUTED, asker), verdict.proof
        assert "the topology has no node with this address" in verdict.proof
        assert [unresolved(node) for node in lab.network.nodes.values()] == [""] * 3
        assert lab.probe("client", "server", "udp/4500", family=6).allowed


def test_only_nodes_that_a_packet_came_to_are_looked_at(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, Any] = dual_corridor()
    for number in range(20, 32):
        ports = {"left": [f"10.0.1.{number}", f"2001:db8:1::{number}"]}
        written["nodes"][f"more{number}"] = {"role": "client", "interfaces": ports, "via": "gateway"}
    lab = lab_of(written, gateway=six(OPEN))
    looked_at: list[tuple[int, tuple[int, ...]]] = []

    def counted(namespace: Namespace, families: tuple[int, ...]) -> list[tuple[int, str]]:
        looked_at.append((namespace.descriptor, tuple(families)))
        return forget_unresolved(namespace, families)

    monkeypatch.setattr("lab.kernel.stage.network.forget_unresolved", counted)
    assert lab.probe("client", NOBODY, "udp/4500").kind is Kind.UNROUTED
    wanted = {(lab.network.nodes[name].namespace.descriptor, (6,)) for name in ("client", "gateway")}
    assert set(looked_at) == wanted
    assert len(looked_at) == 2 * len(wanted)


@pytest.mark.parametrize("service", ["tcp/443", "udp/4500", "icmpv6/echo-request"])
def test_an_address_that_the_sender_lost_is_a_failed_measurement(lab_of: LabOf, service: str) -> None:
    lab = lab_of(dual_corridor(), gateway=six(OPEN))
    loses(lab.network.nodes["client"], f"{CLIENT}/64", "left")
    with pytest.raises(MeasurementError, match=f"client could not send from {CLIENT} to {SERVER}: Cannot assign requested"):
        lab.probe("client", SERVER, service)
