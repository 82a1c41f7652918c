from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.observation import Milestone, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.record.result import CellResult, Outcome, PortGroup
from lab.record.verdict import Kind, Verdict
from lab.report.failure import failure_lines, written
from tests.unit.report import make


def lines(*cells: CellResult) -> list[str]:
    return written(failure_lines(cells))


def dropper(node: str = "gateway", chain: str = "OUTPUT", number: int | None = 2) -> Rule:
    return Rule(node, "filter", chain, number, f"-A {chain} -j DROP", target="DROP", source="p.rules:9")


def dropping(rule: Rule, entry: Packet) -> Path:
    return Path(rule.node, entry, (Step(rule.chain.lower(), "filter", rule.chain, rule, "drop"),), End.DROPPED)


def unanswered(*others: Path) -> Verdict:
    seen = replace(make.allowed().observation, stage=Milestone.SENT, arrived=None, others=others)
    proof = "the SYN came to web, whose kernel took it in, and no answer came back"
    return Verdict(Kind.UNANSWERED, proof, seen, "answer", "web", make.PUBLISH, (("gateway", make.PUBLISH),), passed_node=True)


def test_unanswered_names_no_rule_that_accepted_as_what_made_it_so() -> None:
    verdict = unanswered()
    assert str(verdict) == "unanswered, let through by gateway filter:from-wan:1 (publish-web)"
    assert verdict.stopped_by is None
    told = lines(make.fail_closed(verdict=verdict, hints=()))
    assert told == [
        ("  world 192.0.2.7 -> web-vip 198.51.100.1 tcp/443: expected allow, is unanswered: "
        "the SYN came to web, whose kernel took it in, and no answer came back"),
        "  passed  gateway filter:from-wan:1 (publish-web) accepted it  [policies/edge.rules.j2:52]",
        "          -A from-wan -p tcp -m tcp --dport 8443 -m comment --comment publish-web -j ACCEPT",
        ("  nat     destination 198.51.100.1:443 -> 10.0.2.10:8443 by gateway nat:PREROUTING:2 (dnat-web)"
        "  [policies/edge.rules.j2:31]"),
        "  went    out of gateway as tcp 192.0.2.7:40000 > 10.0.2.10:8443",
    ]


def test_unanswered_names_the_rule_that_dropped_the_answer() -> None:
    rule = dropper()
    verdict = replace(unanswered(dropping(rule, make.ANSWER)), rule=rule, packet="SYN-ACK", node="gateway")
    assert str(verdict) == "unanswered by gateway filter:OUTPUT:2"
    told = lines(make.fail_closed(verdict=verdict))
    assert told[0].endswith("expected allow, is unanswered")
    assert told[1] == "  by      gateway filter:OUTPUT:2 dropped its SYN-ACK  [p.rules:9]"


def rejected(*others: Path, muted: bool = True) -> Verdict:
    rule = Rule("gateway", "filter", "FORWARD", 3, "-A FORWARD -j REJECT", target="REJECT", rejects="icmp-port-unreachable")
    way = Path("gateway", make.SYN, (Step("forward", "filter", "FORWARD", rule, "drop"),), End.DROPPED)
    told = None if muted else Refusal("icmp-port-unreachable", "10.0.1.1")
    seen = replace(make.dropped().observation, request=(way,), others=others, refusal=told)
    return Verdict(
        Kind.REJECTED, "its trace ends in the REJECT", seen, "SYN", "gateway", rule, (("gateway", rule),),
        "icmp-port-unreachable", muted,
    )  # fmt: skip


UNREACHABLE = Packet(4, 1, "198.51.100.1", 0, make.SYN.source, 0, flags=3, code=3)
RESET = Packet(4, 6, make.SYN.destination, 443, make.SYN.source, make.SYN.sport, flags=0x14)


@pytest.mark.parametrize("answer", [UNREACHABLE, RESET])
def test_a_muted_reject_names_the_rule_that_ate_its_answer(answer: Packet) -> None:
    verdict = rejected(dropping(dropper(), answer))
    assert verdict.muted_by == dropper()
    told = lines(make.fail_closed(verdict=verdict))
    assert told[0].endswith("is rejected with icmp-port-unreachable, and its answer never came to the sender (muted)")
    assert told[1:5] == [
        "  by      gateway filter:FORWARD:3 rejected it",
        "          -A FORWARD -j REJECT",
        "  muted   gateway filter:OUTPUT:2 dropped its answer  [p.rules:9]",
        "          -A OUTPUT -j DROP",
    ]


@pytest.mark.parametrize(
    "other",
    [
        UNREACHABLE._replace(flags=8), UNREACHABLE._replace(destination="192.0.2.99"), RESET._replace(flags=0x10),
        RESET._replace(dport=1), UNREACHABLE._replace(proto=17),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_a_reject_mutes_none(other: Packet) -> None:
    assert rejected(dropping(dropper(), other)).muted_by is None


def test_a_reject_that_was_heard_is_not_muted() -> None:
    assert rejected(dropping(dropper(), UNREACHABLE), muted=False).muted_by is None


def test_denied_elsewhere_names_the_rule_there() -> None:
    rule = dropper("core", "FORWARD")
    seen = replace(make.dropped().observation, request=(make.ALLOWED_PATH, dropping(rule, make.TRANSLATED)))
    verdict = replace(
        make.dropped(), observation=seen, node="core", rule=make.PUBLISH, decided=(("gateway", make.PUBLISH), ("core", rule))
    )
    assert str(verdict) == "dropped by core filter:FORWARD:2"
    assert lines(make.fail_closed(verdict=verdict))[1] == "  by      core filter:FORWARD:2 dropped it  [p.rules:9]"


def test_a_later_packet_that_was_dropped_is_named_with_its_rule() -> None:
    rule = dropper("core", "FORWARD")
    seen = replace(make.allowed().observation, stage=Milestone.CONNECTED, others=(dropping(rule, make.SYN._replace(flags=16)),))
    verdict = Verdict(
        Kind.DROPPED, "", seen, "ACK", "core", make.PUBLISH, (("gateway", make.PUBLISH), ("core", make.PUBLISH)),
        passed_node=True,
    )  # fmt: skip
    assert verdict.stopped_by == rule
    assert lines(make.fail_closed(verdict=verdict))[1] == "  by      core filter:FORWARD:2 dropped its ACK  [p.rules:9]"


def test_what_came_through_and_found_nobody() -> None:
    verdict = replace(make.allowed(), kind=Kind.CLOSED)
    told = lines(make.fail_open(verdict=verdict))
    assert told[0].endswith("expected drop, is closed (it came through, and nothing listens there)")
    assert told[1].startswith("  by      gateway filter:from-wan:1 (publish-web) accepted it")


def test_without_a_rule_it_says_that_none_was_met() -> None:
    seen = replace(make.allowed().observation, request=(Path("gateway", make.SYN, (), End.LEFT, make.SYN),))
    verdict = replace(make.allowed(), observation=seen, rule=None, decided=())
    assert "  by      no rule: it met none in a filter chain of gateway" in lines(make.fail_open(verdict=verdict))


def test_what_else_must_hold_is_told_and_where_it_came() -> None:
    cell = make.cell(Outcome.MISMATCH, differences=("must arrive at mail, but arrived at web",), expected="allow")
    told = lines(cell)
    assert told[1] == "  differs must arrive at mail, but arrived at web"
    assert "  came    at web 10.0.2.10:8443 from 192.0.2.7:40000" in told


def test_of_another_kind_it_is_not_told_twice() -> None:
    assert not [line for line in lines(make.fail_open()) if "differs" in line]
    overdue = make.fail_open(differences=("must be dropped, but passed", "known to fail until 2020, which is past"))
    assert "  differs known to fail until 2020, which is past" in lines(overdue)


def test_denied_by_no_rule_says_that_one_was_to() -> None:
    verdict = Verdict(Kind.UNROUTED, "dropped outside the rules: X", make.dropped().observation, "SYN", "gateway")
    difference = "must be dropped by a rule, but was unrouted at gateway: dropped outside the rules: X"
    told = lines(make.cell(Outcome.MISMATCH, verdict, expected="drop", differences=(difference,)))
    assert told[0].endswith("expected drop, is unrouted")
    assert told[1] == f"  differs {difference}"
    assert "\n".join(told).count("outside the rules") == 1


def test_of_many_kinds_of_ports_the_first_are_told() -> None:
    groups = (PortGroup("1", 1, make.allowed()), *(PortGroup(str(port), 1, make.dropped()) for port in range(2, 9)))
    told = lines(make.fail_open(service="tcp/1-8", groups=groups))
    assert told[0].startswith("  world 192.0.2.7 -> web-vip 198.51.100.1 tcp/1 (of tcp/1-8): expected drop")
    assert told[1] == "  others  2 (1 port): dropped by gateway filter:FORWARD policy"
    assert told[5] == "          and 3 more kinds of ports"


def test_an_end_that_is_written_as_its_address_has_it_once() -> None:
    assert lines(make.fail_closed(target="198.51.100.1"))[0].startswith("  world 192.0.2.7 -> 198.51.100.1 tcp/443")
