"""What stands is asked as it is now, whatever somebody has done to it: to its rules, its interfaces, its routes."""

from __future__ import annotations

import pickle
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab.errors import InputError, MeasurementError
from lab.kernel.ground.tools import run
from lab.kernel.stage.baseline import write_sysctls
from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.ruleset.backend import Backend
from lab.site import Site
from tests.kernel.scenes import ESTABLISHED, corridor, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp --dport 80 -m comment --comment web -j ACCEPT"
DENY = "-A FORWARD -p tcp -m comment --comment deny -j DROP"
POLICY = table("filter", ESTABLISHED, WEB, DENY)
SERVED: dict[str, Any] = {"services": ["tcp/80"]}
STAGE = topology(corridor(server=SERVED))
BY_HAND = "changed by hand"
DENIED = f"gateway.rules:{POLICY.splitlines().index(DENY) + 1}"


class Kept:
    """A site that stands, and is adopted as it is."""

    def __init__(self, backend: Backend, policy: str = POLICY) -> None:
        self.backend = backend
        self.site = Site(STAGE, {"gateway": rulesets(policy)}, backend=backend)
        self._loaded = pickle.dumps(self.site.held.policies)

    def type(self, *commands: str, at: str = "gateway") -> None:
        """Type commands at a node; ``iptables`` is that of the backend."""
        for command in commands:
            words = shlex.split(command)
            words[0] = f"iptables-{self.backend}" if words[0] == "iptables" else words[0]
            done = run(self.site.network.nodes[at].namespace, words)
            assert done.code == 0, (command, done.err)

    def adopt(self) -> Site:
        return Site.as_it_is(STAGE, pickle.loads(self._loaded), self.site.network.handles, backend=self.backend)

    def ask(self, *services: str) -> list[Verdict]:
        with self.adopt() as site, Lab.on(site) as lab:
            return [lab.probe("client", "server", service) for service in services or ("tcp/80", "tcp/22")]


@pytest.fixture
def kept(backend: Backend) -> Iterator[Kept]:
    one = Kept(backend)
    with one.site:
        yield one


def decided(kept: Kept) -> list[tuple[str, str | None]]:
    """Kind, and where the rule that decided was written."""
    return [(str(verdict.kind), verdict.rule.origin if verdict.rule is not None else None) for verdict in kept.ask()]


def test_what_nobody_changed_has_its_lines_and_costs_no_more(kept: Kept) -> None:
    verdicts = kept.ask()
    assert [str(one.kind) for one in verdicts] == ["allowed", "dropped"]
    assert verdicts[1].rule is not None
    assert verdicts[1].rule.source == DENIED
    with kept.adopt() as site:
        assert not site.held.policies["gateway"].by_hand
        assert list(site.held.policies) == ["gateway"]


def test_a_rule_by_hand_has_no_line_and_the_others_keep_theirs(kept: Kept) -> None:
    kept.type("iptables -I FORWARD -p tcp --dport 80 -j REJECT")
    assert decided(kept) == [("rejected", BY_HAND), ("dropped", DENIED)]
    kept.type("iptables -D FORWARD 1", "iptables -D FORWARD 2")
    assert decided(kept) == [("dropped", DENIED), ("dropped", DENIED)]


def test_a_policy_that_is_gone(kept: Kept) -> None:
    kept.type("iptables -F", "iptables -X")
    assert {kind for kind, _ in decided(kept)} == {"allowed"}
    kept.type("iptables -P FORWARD DROP")
    assert [verdict.rule and verdict.rule.text for verdict in kept.ask()] == ["-P FORWARD DROP"] * 2
    assert decided(kept) == [("dropped", BY_HAND)] * 2
    if kept.backend is Backend.NFT:
        kept.type("nft flush ruleset")
        assert decided(kept) == [("allowed", None)] * 2


def test_rules_of_a_node_that_had_none(kept: Kept) -> None:
    kept.type("iptables -A INPUT -p tcp --dport 80 -j DROP", at="server")
    kept.type("iptables -A OUTPUT -p tcp --dport 22 -j DROP", at="client")
    verdicts = kept.ask()
    assert [(str(one.kind), one.node) for one in verdicts] == [("dropped", "server"), ("dropped", "client")]
    with kept.adopt() as site, Lab.on(site) as lab:
        assert [name for name, policy in site.held.policies.items() if policy.by_hand] == ["client", "server"]
        assert lab.probe("client", "gateway", "icmp/echo-request").allowed


def test_tables_of_native_nft(kept: Kept) -> None:
    kept.type("nft add table inet t", "nft add chain inet t c { type filter hook forward priority -5; policy drop; }")
    if kept.backend is Backend.LEGACY:
        with pytest.raises(MeasurementError, match="gateway: nf_tables holds rules, though"):
            kept.ask()
        kept.type("nft flush ruleset")
        assert decided(kept)[1] == ("dropped", DENIED)
        return
    assert [one.rule and (one.rule.table, one.rule.text) for one in kept.ask()] == [("t", "policy drop")] * 2
    kept.type("nft delete table inet t", "nft insert rule ip filter FORWARD tcp dport 80 drop")
    first, second = kept.ask()
    assert (first.rule and first.rule.text, first.rule and first.rule.source) == ("tcp dport 80 drop", None)
    assert second.kind is Kind.DROPPED


@pytest.mark.parametrize(
    ("at", "commands", "kinds"),
    [
        ("gateway", ["ip link set right down"], ["unrouted", "unrouted"]),
        ("server", ["ip link set right down"], ["unrouted", "dropped"]),
        ("gateway", ["ip link del right"], ["unrouted", "unrouted"]),
        ("gateway", ["ip addr flush dev right"], ["unrouted", "unrouted"]),
        ("client", ["ip route del default"], ["unrouted", "unrouted"]),
        ("gateway", ["ip neigh flush all nud permanent"], ["allowed", "dropped"]),
        ("gateway", ["ip link set right down", "ip link set right name other", "ip link set other up"], ["allowed", "dropped"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and " " in value[0] else "",
)  # fmt: skip
def test_a_network_changed_by_hand(kept: Kept, at: str, commands: list[str], kinds: list[str]) -> None:
    kept.type(*commands, at=at)
    assert [str(one.kind) for one in kept.ask()] == kinds


def test_a_sysctl_changed_by_hand(kept: Kept) -> None:
    write_sysctls("gateway", kept.site.network.nodes["gateway"].namespace, {"net.ipv4.ip_forward": "0"})
    assert {str(one.kind) for one in kept.ask()} == {"unrouted"}


@pytest.mark.parametrize(
    ("at", "commands", "message"),
    [
        ("gateway", ["ip link set lo down"], "gateway: the lab cannot make sure that it sees there: the loopback"),
        ("client", ["ip addr flush dev left"], r"client could not send from 10\.0\.1\.10"),
    ],
    ids=["loopback", "sender"],
)  # fmt: skip
def test_a_node_that_cannot_be_asked_is_one_message(kept: Kept, at: str, commands: list[str], message: str) -> None:
    kept.type(*commands, at=at)
    with pytest.raises(MeasurementError, match=message) as raised:
        kept.ask()
    assert len(raised.value.problems) == 1


def test_a_rule_that_would_blind_the_lab(kept: Kept) -> None:
    if kept.backend is Backend.LEGACY:
        kept.type("iptables -I FORWARD -j LOG --log-prefix TRACE:")
        assert kept.ask()[1].kind is Kind.DROPPED, "which is no prefix of the lab's"
        return
    kept.type(
        "nft add table inet t", "nft add chain inet t c { type filter hook forward priority -5; }",
        "nft add rule inet t c meta nftrace set 0",
    )  # fmt: skip
    with pytest.raises(InputError, match=r"`meta nftrace set 0` in t c can switch off the trace"):
        kept.ask()


def test_the_other_iptables(kept: Kept) -> None:
    """To look with it makes a table of ip_tables, which decides nothing; a rule of it does, and is not told."""
    name = "iptables-legacy" if kept.backend is Backend.NFT else "iptables-nft"
    kept.type(f"{name} -L")
    assert decided(kept)[1] == ("dropped", DENIED)
    kept.type(f"{name} -A FORWARD -j DROP")
    with pytest.raises(MeasurementError, match=r"gateway: (ip_tables|nf_tables) holds"):
        kept.ask()


def test_sets_that_somebody_filled(backend: Backend) -> None:
    one = Kept(backend)
    with one.site:
        one.type("ipset create banned hash:ip", "iptables -I FORWARD -m set --match-set banned src -j DROP")
        assert [str(verdict.kind) for verdict in one.ask()] == ["allowed", "dropped"]
        one.type("ipset add banned 10.0.1.10")
        assert {verdict.rule and verdict.rule.source for verdict in one.ask()} == {None}


def test_another_policy_in_the_place_of_what_was_changed(kept: Kept) -> None:
    kept.type("iptables -I FORWARD -j ACCEPT", "iptables -t mangle -A FORWARD -j ACCEPT", "iptables -N mine")
    now = rulesets(table("filter", "-A FORWARD -p tcp --dport 80 -m comment --comment shut -j DROP"))
    with kept.adopt() as site, Lab.on(site) as lab:
        lab.load("gateway", now)
        verdict = lab.probe("client", "server", "tcp/80")
        assert (verdict.rule and verdict.rule.comment, verdict.rule and verdict.rule.source) == ("shut", "gateway.rules:5")
        assert {rule.chain for rule in site.held.policies["gateway"].rules()} == {"FORWARD"}
        assert [rule.comment for rule in site.held.policies["gateway"].rules()] == ["shut"]


def test_rules_changed_by_hand_are_never_loaded_again(kept: Kept) -> None:
    """What cannot be made fresh in place would be; the rules of before then took the place of those by hand."""
    kept.type("iptables -I FORWARD -p tcp --dport 80 -j DROP")
    with kept.adopt() as site, pytest.raises(MeasurementError, match="they were changed by hand"):
        site.reload("gateway")
    assert decided(kept)[0] == ("dropped", BY_HAND)


def test_it_is_quick(backend: Backend) -> None:
    many = [f"-A FORWARD -p tcp --dport {2000 + number} -j ACCEPT" for number in range(300)]
    one = Kept(backend, table("filter", *many, DENY))
    with one.site:
        one.type("iptables -I FORWARD -p tcp --dport 80 -j DROP")
        spent = []
        for _ in range(3):
            start = time.process_time()
            one.adopt().close()
            spent.append(time.process_time() - start)
        assert min(spent) < 0.1
