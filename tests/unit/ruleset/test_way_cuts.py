"""Which ports the rules on a packet's way tell apart."""

from __future__ import annotations

from dataclasses import replace

from lab.record.packet import Packet
from lab.record.path import End, Path, Rule, Step
from lab.ruleset.port_cuts import Cuts
from lab.ruleset.way_cuts import WayCuts
from tests.unit.ruleset.made import saved

OWN = ((32768, 60999),)
SENT = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 80)
RULES = (
    "-A FORWARD -d 10.0.2.99 -p tcp -m tcp --dport 1000 -j ACCEPT", "-A FORWARD -o right -p tcp -m tcp --dport 2000 -j ACCEPT",
    "-A FORWARD -s 10.0.1.0/24 -p tcp -m tcp --dport 3000 -j ACCEPT", "-A FORWARD ! -d 10.0.2.99 -p tcp -j LOG",
    "-A FORWARD -m conntrack --ctstate ESTABLISHED -p tcp -m tcp --dport 4000 -j ACCEPT", "-A FORWARD -p tcp -j ACCEPT",
    "-A FORWARD -p tcp -m tcp --dport 5000 -j ACCEPT",
)  # fmt: skip


def cuts(rules: tuple[str, ...], path: Path, *, first: bool = True) -> Cuts | None:
    return WayCuts(saved("\n".join(("*filter", ":FORWARD DROP [0:0]", *rules, "COMMIT", ""))), OWN).on(path, first=first)


def way(number: int | None, verdict: str = "accept", packet: Packet = SENT) -> Path:
    """A packet that left FORWARD by the rule of this number."""
    step = Step("forward", "filter", "FORWARD", Rule("gateway", "filter", "FORWARD", number, "-A FORWARD"), verdict)
    return Path("gateway", packet, (step,), End.LEFT, packet, "left")


def test_rules_for_other_addresses_interfaces_and_states_do_not_count_nor_those_behind_the_last() -> None:
    assert cuts(RULES, way(6)) == (((3000, 3000),),)
    assert cuts(RULES, way(None)) == (((3000, 3000),), ((5000, 5000),))
    assert cuts(RULES, way(4, "continue")) == (((3000, 3000),), ((5000, 5000),))


def test_of_an_answer_nothing_is_known_of_its_state() -> None:
    assert cuts(RULES, way(6), first=False) == (((3000, 3000),), ((4000, 4000),))


def test_a_rule_about_source_ports_tells_apart_the_ports_of_answers_alone() -> None:
    rules = "-A FORWARD -p tcp -m tcp --sport 67 -j ACCEPT", "-A FORWARD -p tcp -j ACCEPT"
    assert cuts(rules, way(2)) == ()
    assert cuts(rules, way(2), first=False) == (((67, 67),),)
    apart = "-A FORWARD -p tcp -m tcp --sport 40000 -j ACCEPT", "-A FORWARD -p tcp -j ACCEPT"
    assert cuts(apart, way(2)) is None


def test_a_translated_packet_has_both_addresses() -> None:
    turned = replace(way(6), exit=SENT._replace(destination="10.0.2.99"))
    assert sorted(cuts(RULES, turned) or ()) == [((1000, 1000),), ((3000, 3000),)]


def test_what_cannot_be_told_counts_only_where_it_may_be_met() -> None:
    bytes_of = "-m u32 --u32 0x0=0x0 -j DROP"
    odd = f"-A FORWARD -d 10.0.2.99 {bytes_of}", "-A FORWARD -j ACCEPT", f"-A FORWARD {bytes_of}"
    assert cuts(odd, way(2)) == ()
    assert cuts(odd, way(None)) is None
