"""What a node holds is told whole: it is equal to itself, and differs by exactly what was changed."""

from __future__ import annotations

import re

import pytest

from lab.kernel.ground.tools import run
from lab.kernel.hold.state import state_of
from lab.kernel.stage.baseline import write_sysctls
from lab.kernel.stage.node import Node
from lab.record.node_state import NodeState
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.verdict.restored import left_over
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT"
OPEN = table("filter", ESTABLISHED, WEB, FORWARD="DROP")
SHUT = table("filter", ESTABLISHED, FORWARD="DROP") + table("nat", "-A POSTROUTING -o right -j MASQUERADE")


def differences(before: NodeState, after: NodeState) -> list[tuple[str, bool]]:
    return [(one.what, one.carried) for one in left_over(before, after)]


def test_another_policy_is_told_line_by_line_and_its_way_back_leaves_nothing(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=OPEN)
    gateway = lab.network.nodes["gateway"]
    before = state_of(gateway, backend)
    assert lab.probe("client", "server", "tcp/80").allowed
    probed = state_of(gateway, backend)
    lab.load("gateway", rulesets(SHUT))
    assert lab.probe("client", "server", "tcp/80").kind is Kind.DROPPED
    changed = state_of(gateway, backend)
    lab.load("gateway", rulesets(OPEN))
    assert differences(before, probed) == differences(before, state_of(gateway, backend)) == []
    assert differences(before, changed) == [
        (f"- iptables {WEB}", False), ("+ iptables -t nat -A POSTROUTING -o right -j MASQUERADE", False),
    ]  # fmt: skip


def test_what_recent_hashlimit_and_sets_remember_is_carried_alone(lab_of: LabOf, backend: Backend) -> None:
    rules = (
        "-A FORWARD -p tcp --dport 80 -m recent --name met --set -m comment --comment met",
        "-A FORWARD -p tcp --dport 80 -m hashlimit --hashlimit-name pace --hashlimit-upto 9/s --hashlimit-mode srcip",
        "-A FORWARD -p tcp --dport 80 -m limit --limit 9/min -m quota --quota 9000",
        "-A FORWARD -p tcp --dport 80 -j SET --add-set seen src",
    )
    sets = "create seen hash:ip timeout 600\ncreate own hash:ip timeout 0\nadd own 192.0.2.1 timeout 900\nadd own 192.0.2.2\n"
    held = Rulesets(ipset=rendered(sets, "gateway.ipset"), v4=rendered(table("filter", *rules)))
    lab = lab_of(corridor(), gateway=held)
    gateway = lab.network.nodes["gateway"]
    before = state_of(gateway, backend)
    assert lab.probe("client", "server", "tcp/80").allowed
    probed = differences(before, state_of(gateway, backend))
    run(gateway.namespace, ["ipset", "del", "own", "192.0.2.1"])
    run(gateway.namespace, ["ipset", "add", "own", "192.0.2.3", "timeout", "60"])
    after = differences(before, state_of(gateway, backend))
    assert {re.sub(r"seen \d+ times?", "seen N times", what) for what, _ in probed} == {
        "+ ipset add seen 10.0.1.10 timeout", "+ recent met: 10.0.1.10, seen N times",
        "+ hashlimit pace: 10.0.1.10:0->0.0.0.0:0",
    }  # fmt: skip
    assert all(carried for _, carried in probed)
    assert set(after) - set(probed) == {
        ("- ipset add own 192.0.2.1 timeout", True), ("+ ipset add own 192.0.2.3 timeout", False),
    }  # fmt: skip


def test_rules_of_the_other_iptables_are_told_too(node: Node) -> None:
    before = state_of(node, Backend.NFT)
    for tool in ("iptables-legacy", "ip6tables-nft"):
        assert run(node.namespace, [tool, "-A", "INPUT", "-m", "comment", "--comment", "a b\n\x1b[2J", "-j", "DROP"]).code == 0
    assert [one for one in differences(before, state_of(node, Backend.NFT)) if "table local" not in one[0]] == [
        ('+ ip6tables -A INPUT -m comment --comment "a b\\n\\x1b[2J" -j DROP', False),
        ('+ iptables-legacy -A INPUT -m comment --comment "a b\\n\\x1b[2J" -j DROP', False),
    ]


def test_the_network_around_the_rules(node: Node) -> None:
    before = state_of(node, Backend.NFT)
    for command in (
        "link set lo up", "addr add 198.51.100.1/24 dev lo", "route add 192.0.2.0/24 via 198.51.100.9 metric 7",
        "-6 route add blackhole 2001:db8::/32", "rule add pref 100 fwmark 1 table 9",
    ):  # fmt: skip
        done = run(node.namespace, ["ip", *command.split()])
        assert done.code == 0, done.err
    write_sysctls(node.name, node.namespace, {"net.ipv4.ip_forward": "1", "net.netfilter.nf_conntrack_tcp_loose": "0"})
    told = differences(before, state_of(node, Backend.NFT))
    assert not any(carried for _, carried in told)
    shown = [what for what, _ in told if not re.search(r" table local | ip link | net\.ipv[46]\.conf\.", what)]
    assert shown == [
        "+ ip rule 100: from all fwmark 0x1 lookup 9",
        "- sysctl net.ipv4.ip_forward = 0", "- sysctl net.netfilter.nf_conntrack_tcp_loose = 1",
        "+ sysctl net.ipv4.ip_forward = 1", "+ sysctl net.netfilter.nf_conntrack_tcp_loose = 0",
        "+ ip route 192.0.2.0/24 via 198.51.100.9 dev lo metric 7",
        "+ ip -6 route blackhole 2001:db8::/32 dev lo metric 1024 pref medium",
        *("+ ip addr lo inet 127.0.0.1/8 scope host lo", "+ ip addr lo inet 198.51.100.1/24 scope global lo"),
        "+ ip addr lo inet6 ::1/128 scope host",
    ]  # fmt: skip
    assert [what for what, _ in told if " ip link " in what][1].startswith("+ ip link lo <LOOPBACK,UP,LOWER_UP> ")
