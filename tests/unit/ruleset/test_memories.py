"""Which memories are in a flow's way, and what packets changed of them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.ruleset.memories import Flow, Memories
from lab.ruleset.memory import Kind, Memory
from tests.unit.ruleset.made import GATEWAY, listed, saved

SYN = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 22, 2)
ESTABLISHED = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def memories(*rules: str) -> Memories:
    text = "\n".join(("*filter", ":INPUT DROP", ":FORWARD DROP", ":OUTPUT ACCEPT", ":mine - [0:0]", *rules, "COMMIT\n"))
    return Memories(GATEWAY, {"gateway": saved(text)})


def flow(port: int = 22, proto: str = "tcp", **more: Any) -> Flow:
    known = Flow(4, proto, ((port, port),), ("client", "server"), "client", ("10.0.1.10",), "10.0.2.10")
    return known._replace(**more)


def first(*rules: str, of: Flow | None = None) -> list[str]:
    return [memory.name for memory in memories(*rules).in_the_way(of or flow(), first=True)]


LIMIT = "-m limit --limit 1/hour -j ACCEPT"


@pytest.mark.parametrize(("options", "met"), [
    ("-p tcp -m tcp --dport 22", True), ("-p tcp -m tcp --dport 23", False), ("-p udp", False), ("-p icmp", False),
    ("-i left", True), ("-i right", False), ("-s 10.0.1.0/24", True), ("-s 10.0.9.0/24", False), ("-d 10.0.2.10/32", True),
    ("-d 10.0.1.10/32", False), ("-m conntrack --ctstate INVALID", False), ("-m conntrack --ctstate NEW", True),
    ("-m conntrack --ctstate ESTABLISHED", False), ("-m conntrack --ctstate DNAT", True),
    ("-p tcp -m tcp --dport 1024:65535", False),
    ("! -s 10.0.1.10/32", False), ("-o right", True),
])  # fmt: skip
def test_what_speaks_against_the_first_packet(options: str, *, met: bool) -> None:
    assert bool(first(f"-A FORWARD {options} {LIMIT}")) is met
    assert bool(first(f"-A FORWARD {options} -j mine", f"-A mine {LIMIT}")) is met


def test_an_answer_meets_what_the_first_packet_does_not() -> None:
    rules = memories(f"-A FORWARD -s 10.0.2.10/32 {LIMIT}")
    assert [memory.name for memory in rules.in_the_way(flow())] == ["FORWARD:1"]
    assert rules.in_the_way(flow(), first=True) == ()
    assert memories(f"-A FORWARD -s 10.0.9.9/32 {LIMIT}").in_the_way(flow()) == ()


def test_a_segment_outside_of_connections_may_be_invalid() -> None:
    assert first(f"-A FORWARD -m conntrack --ctstate INVALID {LIMIT}", of=flow(ack=True)) == ["FORWARD:1"]


def test_without_tracking_no_state_is_known() -> None:
    rule = f"-A FORWARD -m conntrack --ctstate UNTRACKED {LIMIT}"
    assert first(rule) == []
    assert first(rule, "-A INPUT -j CT --notrack") == ["FORWARD:1"]


def test_what_is_not_known_speaks_for_nothing() -> None:
    unknown = Flow(4, "tcp", ((22, 22),), ("client", "server"))
    for options in ("-i right", "-s 10.0.9.0/24", "-d 10.0.1.10/32"):
        assert first(f"-A FORWARD {options} {LIMIT}", of=unknown) == ["FORWARD:1"]


def test_a_list_that_nobody_reads_remembers_nothing() -> None:
    writes = "-A FORWARD -s 10.0.1.0/24 -i left -p tcp -m tcp --dport 22 -m recent --set --name ssh"
    assert not memories(ESTABLISHED, writes).any
    assert first(writes, "-A FORWARD -m recent --rcheck --name ssh -j DROP") == ["ssh"]
    assert first(writes, "-A FORWARD -m recent --rcheck --name other -j DROP") == []


def test_a_chain_that_only_logs_has_no_say() -> None:
    quiet = "-A FORWARD -m limit --limit 3/min -j mine", "-A mine -p udp -m limit --limit 1/s -j RETURN", "-A mine -j LOG"
    assert first(*quiet) == []
    assert first(*quiet, "-A mine -p tcp -j DROP") == ["FORWARD:1"]
    assert [one.name for one in memories(*quiet).in_the_way(flow(), first=True, logs=True)] == ["FORWARD:1"]


def test_addresses_that_a_translation_may_have_changed_are_not_known() -> None:
    nat = "*nat\n:PREROUTING ACCEPT\n{}\nCOMMIT\n*filter\n:FORWARD DROP\n-A FORWARD -d 10.0.2.99/32 {}\nCOMMIT\n"
    turned = {"-A PREROUTING -p tcp -j DNAT --to-destination 10.0.2.99": 1, "-A PREROUTING -p udp -j REDIRECT": 0}
    for rule, count in turned.items():
        held = {"gateway": saved(nat.format(rule, LIMIT))}
        assert len(Memories(GATEWAY, held).in_the_way(flow(), first=True)) == count


def test_the_least_budget_of_all_uses_and_whether_sources_meet() -> None:
    rules = memories(
        "-A FORWARD -m recent --set --name ssh", "-A FORWARD -m recent --update --hitcount 4 --name ssh -j DROP",
        "-A FORWARD -m recent --rcheck --hitcount 3 --name ssh -j LOG",
    )  # fmt: skip
    ssh = Memory("gateway", Kind.RECENT, "ip", "", "ssh")
    by_source = all(use.by_source for rule in rules.rules_of(ssh) for use in rule.uses)
    assert (rules.budget_of(ssh), by_source, len(rules.rules_of(ssh))) == (2, True, 3)


def test_native_rules_and_their_sets() -> None:
    ping = "icmpv6 type echo-request limit rate 1/second accept"
    rules = Memories(GATEWAY, {"gateway": listed("tcp dport 22 add @seen { ip saddr }", "ip saddr @seen drop", ping)})
    assert [(one.kind, one.table, one.name) for one in rules.in_the_way(flow(), first=True)] == [(Kind.SET, "t", "seen")]


def test_whims_and_hazards_are_those_of_the_flow() -> None:
    rules = memories(
        "-A FORWARD -p tcp -m statistic --mode random --probability 0.5 -j DROP",
        "-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT", "-A FORWARD -p tcp -j REJECT",
    )  # fmt: skip
    assert (len(rules.whims(flow())), rules.whims(flow(proto="udp"))) == (1, ())
    assert [rule.number for rule in rules.hazards_met(flow(ends=("client", "gateway")))] == [2]
    assert [rule.chain for rule in rules.hazards_met(flow(68, "udp", ends=("client", "gateway")))] == ["INPUT"]


def path(*numbers: int | None, packet: Packet = SYN, chain: str = "FORWARD", end: End = End.LEFT) -> Path:
    rules = (None if number is None else Rule("gateway", "filter", chain, number, "") for number in numbers)
    return Path("gateway", packet, tuple(Step("forward", "filter", chain, rule, "continue") for rule in rules), end, packet)


COUNTED = (
    "-A FORWARD -p udp -j ACCEPT", "-A FORWARD -p tcp -m tcp --dport 22 -m limit --limit 1/hour -j ACCEPT", "-A FORWARD -j LOG",
)  # fmt: skip


@pytest.mark.parametrize(("one", "count"), [
    (path(1), 0), (path(2), 1), (path(3), 1), (path(None), 1), (path(None, packet=SYN._replace(dport=23)), 0),
    (path(None, packet=SYN._replace(proto=17)), 0), (path(3, chain="INPUT"), 0), (path(end=End.VANISHED), 1),
])  # fmt: skip
def test_how_often_a_packet_came_to_a_limit(one: Path, count: int) -> None:
    assert sum(memories(*COUNTED).touches([one]).values()) == count


def test_a_list_is_counted_by_source_and_exactly_where_the_text_allows() -> None:
    reads = "-A FORWARD -p tcp -m recent --rcheck --name ssh -j DROP"
    rules = memories(reads, "-A FORWARD -p tcp -m tcp --dport 22 -m recent --set --name ssh")
    (ssh,) = rules.in_the_way(flow())
    assert rules.touches([path(2), path(2)]) == {(ssh, "10.0.1.10"): 2}
    found = rules.touches([path(None)])
    assert dict(found) == {(ssh, "10.0.1.10"): 0}  # it was asked, and the rule that writes did not match
    assert rules.reaches([path(None)], [ssh]) is not None
    assert rules.reaches([path(None, packet=SYN._replace(proto=17))], [ssh]) is None
