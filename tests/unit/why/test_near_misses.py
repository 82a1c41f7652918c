"""Rules that a packet misses by one thing alone; and where there are more, or not all is known, none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.denied import denied
from lab.why.near_misses import near_misses
from tests.unit.verdict.made import DATAGRAM, SYN
from tests.unit.why.walks import arrives, failed, listing, saved, table, told, way

TURNED = SYN._replace(destination="10.0.2.20", dport=8443)
DNAT = table("-A PREROUTING -d 10.0.2.10/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20:8443", name="nat")


def dropped(*rules: str, **keys: Any) -> Case:
    """The SYN to port 443 by lan to dmz, dropped by the policy of FORWARD behind these rules."""
    chains = saved(table(*rules))
    return failed(chains, way(chains, "filter:FORWARD:policy drop", **keys))


def misses(case: Case) -> list[str]:
    return [str(miss) for miss in near_misses(case)]


def test_an_interface() -> None:
    (miss,) = misses(dropped("-A FORWARD -i wan -p tcp -m tcp --dport 443 -m comment --comment web -j ACCEPT"))
    assert miss == (
        "gateway filter:FORWARD:1 (web) (`-A FORWARD -i wan -p tcp -m tcp --dport 443 -j ACCEPT`) would accept it, "
        "but wants `-i wan`, and it came by lan"
    )


@pytest.mark.parametrize(("rule", "wants"), [
    ("-o wan -p tcp -m tcp --dport 443", "`-o wan`, and it goes to dmz"),
    ("! -i lan -p tcp -m tcp --dport 443", "`! -i lan`, and it came by lan"),
    ("-s 10.0.9.0/24 -p tcp -m tcp --dport 443", "`-s 10.0.9.0/24`, and it comes from 10.0.1.10"),
    ("-p udp -m udp --dport 443", "`-p udp`, and it is tcp"),
    ("-p tcp -m tcp --dport 443 -m mark --mark 0x1", "`--mark 0x1`, and its mark is 0x0 by then"),
    ("-d 10.0.2.10/32 -p tcp -m tcp --dport 80", "`--dport 80`, and its port is 443"),
    ("-p tcp -m tcp --dport 443 -m conntrack --ctstate ESTABLISHED", "`--ctstate ESTABLISHED`, and its state is NEW"),
])  # fmt: skip
def test_one_thing(rule: str, wants: str) -> None:
    (miss,) = misses(dropped(f"-A FORWARD {rule} -j ACCEPT"))
    assert miss.endswith(f"would accept it, but wants {wants}")


@pytest.mark.parametrize("rule", [
    "-A FORWARD -i wan -p udp -m udp --dport 443 -j ACCEPT",  # two things
    "-A FORWARD -i wan -p tcp -m tcp --dport 443 -m limit --limit 3/min -j ACCEPT",  # a limit may be what it missed
    "-A FORWARD -i wan -p tcp -m tcp --dport 443 -m set --match-set friends src -j ACCEPT",
    "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j LOG",
    "-A FORWARD -i wan -p tcp -m tcp --dport 443",
    "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j RETURN",
    "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j DROP",
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",  # every ruleset has it, for answers
    "-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT",  # for a service of its own
    "-A FORWARD -p udp -j ACCEPT",
    "-A FORWARD -d 10.0.2.11/32 -p tcp -m tcp --dport 443 -j ACCEPT",  # for another host
    "-A FORWARD -s 10.0.9.0/24 -i lan -j ACCEPT",
    "-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT",  # it misses nothing that is read: the reading is not all there is
])  # fmt: skip
def test_no_near_miss(rule: str) -> None:
    assert misses(dropped(rule)) == []


def test_another_address_of_the_same_node() -> None:
    chains = saved(table("-A INPUT -d 10.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT"))
    (miss,) = misses(failed(chains, way(chains, "filter:INPUT:policy drop", entry=SYN._replace(destination="10.0.1.1"))))
    assert miss.endswith("wants `-d 10.0.2.1/32`, and it is for 10.0.1.1")


def test_what_is_not_known_of_the_packet_is_no_miss() -> None:
    rule = "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j ACCEPT"
    assert misses(dropped(rule, entered=None)) == []
    state = "-A FORWARD -p tcp -m tcp --dport 443 -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    assert misses(dropped(state, entry=SYN._replace(flags=0x10))) == []


def test_nothing_of_what_was_to_be_denied_or_passed() -> None:
    rule = "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j ACCEPT"
    case = dropped(rule)
    assert misses(failed(case.chains("gateway"), *case.verdict.path, action="drop")) == []
    passed = way(case.chains("gateway"), "filter:FORWARD:policy accept", end=End.LEFT)
    assert misses(failed(case.chains("gateway"), passed)) == []


def test_a_rule_behind_the_one_that_decided_was_not_missed() -> None:
    chains = saved(table("-A FORWARD -j DROP", "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j ACCEPT"))
    assert misses(failed(chains, way(chains, "filter:FORWARD:1 drop"))) == []


def test_a_jump_to_a_chain_that_would_accept_it() -> None:
    (miss,) = misses(dropped("-A FORWARD -i wan -p tcp -j WEB", "-A WEB -p tcp -m tcp --dport 443 -j ACCEPT"))
    assert "would send it to WEB, where filter:WEB:1 would accept it, but wants `-i wan`, and it came by lan" in miss


@pytest.mark.parametrize("behind", [
    "-A WEB -p tcp -m tcp --dport 80 -j ACCEPT", "-A WEB -j DROP", "-A WEB -m connmark --mark 0x1 -j DROP", "-A WEB -j RETURN",
])  # fmt: skip
def test_a_jump_to_a_chain_of_which_that_is_not_known(behind: str) -> None:
    more = () if "dport 80" in behind else ("-A WEB -p tcp -m tcp --dport 443 -j ACCEPT",)
    assert misses(dropped("-A FORWARD -i wan -p tcp -j WEB", behind, *more)) == []


def test_what_was_translated() -> None:
    chains = saved(DNAT + table("-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT"))
    path = way(chains, "nat:PREROUTING:1 accept", "filter:FORWARD:policy drop", heads=((1, TURNED),))
    (hint,) = told(denied, failed(chains, path))
    assert hint.endswith(
        "would accept it, but wants `--dport 443`, which nat:PREROUTING:1 made 8443: let it ask for the port behind the "
        "translation, `--dport 8443`, or for the one before, `-m conntrack --ctorigdstport 443`"
    )


def test_what_a_node_before_translated() -> None:
    outer = saved(DNAT)
    rule = "-A PREROUTING -d 10.0.2.10/32 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.0.3.1"
    inner = saved(table(rule, name="nat", policies="ACCEPT") + table("-A INPUT -p udp -j ACCEPT"))
    first = way(outer, "nat:PREROUTING:1 accept", end=End.LEFT, node="border", exit=TURNED)
    second = way(inner, "nat:PREROUTING:policy accept", "filter:INPUT:policy drop", entry=TURNED)
    (miss,) = misses(failed(inner, first, second))
    assert "would translate it, but wants `-d 10.0.2.10/32`, which border nat:PREROUTING:1 made 10.0.2.20" in miss


def test_a_translation_that_made_nothing_of_it_is_not_named() -> None:
    chains = saved(DNAT + table("-A FORWARD -d 10.0.2.20/32 -p tcp -m tcp --dport 9443 -j ACCEPT"))
    path = way(chains, "nat:PREROUTING:1 accept", "filter:FORWARD:policy drop", heads=((1, TURNED),))
    (miss,) = misses(failed(chains, path))
    assert miss.endswith("wants `--dport 9443`, and its port is 8443")


def test_of_two_translations_the_one_of_this_end_is_named() -> None:
    outer = saved(DNAT.replace("COMMIT\n", "") + "-A POSTROUTING -o dmz -j MASQUERADE\nCOMMIT\n".replace(
        "-A", ":POSTROUTING ACCEPT [0:0]\n-A", 1))  # fmt: skip
    inner = saved(table("-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT"))
    both = TURNED._replace(source="10.0.2.1")
    first = way(outer, "nat:PREROUTING:1 accept", "nat:POSTROUTING:1 accept", end=End.LEFT, node="border", exit=both)
    (miss,) = misses(failed(inner, first, way(inner, "filter:FORWARD:policy drop", entry=both)))
    assert miss.endswith("wants `--dport 443`, which border nat:PREROUTING:1 made 8443")


def test_a_list_of_ports_or_hosts_tells_little() -> None:
    ports = [f"-A FORWARD -d 10.0.2.10/32 -p tcp -m tcp --dport {port} -j ACCEPT" for port in (22, 25, 80)]
    assert misses(dropped(*ports)) == []
    hosts = [f"-A FORWARD -s 10.0.9.{host}/32 -p tcp -m tcp --dport 443 -j ACCEPT" for host in (1, 2, 3, 4)]
    (miss,) = misses(dropped(*hosts))
    assert "10.0.9.1/32" in miss


def test_the_specific_goes_first_and_the_broad_alone() -> None:
    broad, specific = "-A FORWARD -i wan -o dmz -j ACCEPT", "-A FORWARD -i wan -p tcp -m tcp --dport 443 -j ACCEPT"
    (miss,) = misses(dropped(broad))
    assert "FORWARD:1" in miss
    (miss,) = misses(dropped(broad, specific))
    assert "FORWARD:2" in miss


def test_source_nat_is_no_port_forward() -> None:
    nat = table("-A POSTROUTING -o dmz -j MASQUERADE", name="nat", policies="ACCEPT")
    chains = saved(nat + table("-A POSTROUTING -j DROP", name="mangle"))
    path = way(chains, "nat:POSTROUTING:1 accept", "mangle:POSTROUTING:1 drop", heads=((1, SYN._replace(source="10.0.2.1")),))
    assert told(denied, failed(chains, path)) == []


def test_native_rules() -> None:
    chains = listing(
        'c type filter hook forward priority 0; policy drop;\niifname "wan" tcp dport 443 counter accept comment "web"\n'
        "udp dport vmap { 53 : accept, 123 : accept }\nip daddr 10.0.2.10 tcp dport vmap { 80 : accept, 22 : drop }",
    )
    (miss,) = misses(failed(chains, way(chains, "inet/t:c:policy drop")))
    assert miss == (
        'gateway inet t:c:1 (web) (`iifname "wan" tcp dport 443 counter accept`) would accept it, but wants '
        '`iifname "wan"`, and it came by lan'
    )


def test_a_map_that_has_an_element_for_the_port_before() -> None:
    nat = listing(
        "pre type nat hook prerouting priority -100; policy accept;\ntcp dport 443 dnat ip to 10.0.2.20:8443", name="nat",
    )
    chains = {**nat, **listing(
        "c type filter hook forward priority 0; policy drop;\ntcp dport vmap { 443 : jump web, 80 : drop }",
        "web\nip daddr 10.0.2.0/24 accept",
    )}  # fmt: skip
    path = way(chains, "inet/nat:pre:1 accept", "inet/t:c:policy drop", heads=((1, TURNED),))
    (hint,) = told(denied, failed(chains, path))
    assert "to web, where inet t:web:1 would accept it, but its map has no such element: inet nat:pre:1 made it 8443" in hint
    other = TURNED._replace(dport=443)
    plain = way(chains, "inet/nat:pre:1 accept", "inet/t:c:policy drop", entry=other._replace(dport=22), heads=((1, TURNED),))
    assert misses(failed(chains, plain)) == []


def test_masquerading_that_was_missed_is_told_where_no_answer_came() -> None:
    nat = table("-A POSTROUTING -s 10.0.1.0/24 -o wan -j MASQUERADE", name="nat", policies="ACCEPT")
    chains = saved(nat + table("-A FORWARD -j ACCEPT"))
    path = way(chains, "filter:FORWARD:1 accept", "nat:POSTROUTING:policy accept", end=End.LEFT, exit=SYN)
    (miss,) = misses(failed(chains, path, kind=Kind.UNANSWERED))
    assert "would translate it, but wants `-o wan`, and it goes to dmz" in miss
    assert misses(failed(chains, path, kind=Kind.CLOSED)) == []
    nobody = failed(chains, path, kind=Kind.UNROUTED)
    seen = replace(nobody.verdict.observation, missing="10.0.2.10")
    assert misses(replace(nobody, verdict=replace(nobody.verdict, observation=seen))) == []
    assert misses(failed(chains, path, kind=Kind.ALLOWED, arrives=arrives(**{"from": "kept"}))) == []
    (miss,) = misses(failed(chains, path, kind=Kind.ALLOWED, arrives=arrives(**{"from": "10.0.2.1"})))
    assert "-o wan" in miss


def test_where_no_rule_is_about_it_the_policy_is_the_cause() -> None:
    (hint,) = told(denied, dropped("-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT", entry=DATAGRAM))
    assert hint == (
        "no rule of FORWARD that it came to accepts it, so its policy dropped it: "
        "a rule in FORWARD that accepts it asks for `-d 10.0.2.10 -p udp --dport 53`"
    )


def test_a_rule_that_denies_all_that_is_left_is_the_cause_as_well() -> None:
    chains = saved(table("-A FORWARD -p udp -j ACCEPT", "-A FORWARD -j LAST", "-A LAST -j REJECT"))
    path = way(chains, "filter:FORWARD:2 jump LAST", "filter:LAST:1 drop")
    (hint,) = told(denied, failed(chains, path))
    assert hint.startswith("no rule of FORWARD that it came to accepts it, so filter:LAST:1 rejected it, as all that is left "
                           "from filter:FORWARD:2 on: a rule in FORWARD before filter:FORWARD:2 that accepts it asks for ")
    specific = saved(table("-A FORWARD -p udp -j ACCEPT", "-A FORWARD -i lan -j LAST", "-A LAST -j REJECT"))
    assert told(denied, failed(specific, way(specific, "filter:FORWARD:2 jump LAST", "filter:LAST:1 drop"))) == []


def test_a_port_forward_that_nothing_lets_through() -> None:
    chains = saved(DNAT + table("-A FORWARD -i wan -o wan -j DROP"))
    path = way(chains, "nat:PREROUTING:1 accept", "filter:FORWARD:policy drop", heads=((1, TURNED),))
    (hint,) = told(denied, failed(chains, path))
    assert hint == (
        "translated to 10.0.2.20:8443 by gateway nat:PREROUTING:1, then dropped by gateway filter:FORWARD policy: a port "
        "forward needs a rule in FORWARD that accepts the translated destination, `-d 10.0.2.20 -p tcp --dport 8443`"
    )
    assert told(denied, failed(chains, path, action="deny")) == []


def test_a_masquerade_of_another_network() -> None:
    chains = saved(table("-A POSTROUTING -s 10.8.0.0/24 -o dmz -j MASQUERADE", name="nat", policies="ACCEPT"))
    path = way(chains, "nat:POSTROUTING:policy accept", end=End.LEFT, exit=SYN)
    (miss,) = misses(failed(chains, path, kind=Kind.UNANSWERED))
    assert miss.endswith("would translate it, but wants `-s 10.8.0.0/24`, and it comes from 10.0.1.10")
    assert misses(failed(chains, path, kind=Kind.CLOSED)) == []
    assert misses(dropped("-A FORWARD -s 10.8.0.0/24 -o dmz -j ACCEPT")) == []


def test_several_things_at_once_that_no_element_of_a_set_has() -> None:
    rule = "ip saddr . ip daddr . tcp dport @allowed accept"
    chains = listing(f"f type filter hook forward priority 0; policy drop;\n{rule}")
    (hint,) = told(denied, failed(chains, way(chains, "inet/t:f:policy drop")))
    assert hint == (
        f"gateway inet t:f:1 (`{rule}`) would accept it, but wants `ip saddr . ip daddr . tcp dport @allowed`, and "
        "10.0.1.10 . 10.0.2.10 . 443 is not in it: an element 10.0.1.10 . 10.0.2.10 . 443 there: its parts stand in the order "
        "in which the rule asks"
    )


@pytest.mark.parametrize("rule", [
    "ip saddr . udp dport @allowed accept",  # another protocol
    "ip6 saddr . tcp dport @allowed accept",  # another family
    'iifname "wan" ip saddr . tcp dport @allowed accept',  # two things
    "ip saddr . tcp dport @allowed ip daddr . tcp sport @others accept",  # nobody knows which
    "meta mark . tcp dport @allowed accept",  # not understood
    "ip saddr . tcp dport @allowed limit rate 3/second accept",
    "ip saddr . tcp dport vmap @allowed",
])  # fmt: skip
def test_several_things_at_once_where_another_is_missed_or_not_known(rule: str) -> None:
    chains = listing(f"f type filter hook forward priority 0; policy drop;\n{rule}")
    assert misses(failed(chains, way(chains, "inet/t:f:policy drop"))) == []


def test_a_port_that_is_asked_of_the_wrong_end() -> None:
    (hint,) = told(denied, dropped("-A FORWARD -p tcp -m tcp --sport 443 -j ACCEPT"))
    assert hint.endswith(
        "but wants `--sport 443`, and it comes from port 40000: let it ask for the port that it goes to, `--dport 443`"
    )
    for other in ("-p tcp --sport 80", "-p tcp --sport 1:30000", "-p udp --sport 443", "-i wan -p tcp --sport 443"):
        assert "the port that it goes to" not in "".join(misses(dropped(f"-A FORWARD {other} -j ACCEPT")))
