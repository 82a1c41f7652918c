"""The ruleset under test is what it would be without the lab."""

from __future__ import annotations

import re

import pytest

from lab.kernel.ground.tools import run
from lab.kernel.stage.node import Node
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, SERVER, corridor, table

pytestmark = pytest.mark.kernel

RULESET = (
    table("raw", "-A PREROUTING -p udp --dport 69 -j CT --notrack")
    + table("mangle", "-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            "-A PREROUTING -i left -j MARK --set-mark 7")
    + table("nat", f"-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination {SERVER}:8080",
            "-A POSTROUTING -o right -j MASQUERADE")
    + table("filter", ESTABLISHED, "-A FORWARD -j web", "-A web -p tcp -m multiport --dports 80,443 -j ACCEPT",
            '-A web -m limit --limit 5/min -j LOG --log-prefix "web: "', "-A web -j REJECT", "-I FORWARD -s 1.2.3.4 -j DROP",
            "-A INPUT -m conntrack --ctstate INVALID -j DROP", INPUT="DROP", FORWARD="DROP", web="-")
)  # fmt: skip


def saved(node: Node, *options: str) -> list[str]:
    """What iptables-save prints, without the comments that carry the time."""
    done = run(node.namespace, ["iptables-nft-save", *options])
    assert done.code == 0, done.err
    return [line for line in done.out.splitlines(keepends=True) if not line.startswith("#")]


@pytest.fixture
def bare(node: Node) -> Node:
    """A node with the ruleset, loaded by hand."""
    done = run(node.namespace, ["iptables-nft-restore"], RULESET)
    assert done.code == 0, done.err
    return node


def test_as_loaded_by_hand(lab_of: LabOf, bare: Node) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    assert saved(lab.network.nodes["gateway"]) == saved(bare) != []


def test_the_counters_start_at_nought(lab_of: LabOf, bare: Node) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    assert saved(lab.network.nodes["gateway"], "-c") == saved(bare, "-c")


def test_canaries_meet_no_rule_and_move_no_counter(lab_of: LabOf, bare: Node) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    for _ in range(10):
        with lab.batch():
            pass
    assert saved(lab.network.nodes["gateway"], "-c") == saved(bare, "-c")


def test_after_probes_of_every_kind(lab_of: LabOf, bare: Node) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    for service in ("tcp/443", "tcp/22", "udp/53", "icmp/echo-request"):
        lab.probe("client", "server", service)
    with lab.everything_traced():
        lab.probe("client", "server", "tcp/443")
    lab.probe("client", "server", "tcp/443", ack=True)
    uncounted = [re.sub(r"\[\d+:\d+\]$", "[0:0]", line) for line in saved(lab.network.nodes["gateway"])]
    assert uncounted == saved(bare)
    assert saved(lab.network.nodes["gateway"], "-c") != saved(bare, "-c"), "the probes went through these very rules"


def test_a_node_without_policy_has_no_rules(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    assert [saved(lab.network.nodes[name]) for name in ("client", "server")] == [[], []]


def test_flushing_everything_leaves_the_trace(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=RULESET)
    done = run(lab.network.nodes["gateway"].namespace, ["nft", "flush", "ruleset"])
    assert done.code == 0, done.err
    verdict = lab.probe("client", "server", "tcp/22")
    assert verdict.allowed
    assert [path.node for path in verdict.path] == ["gateway"]
