"""A rule that stands behind, another base chain, who sent it there: of what was denied and should have passed."""

from __future__ import annotations

import pytest

from lab.record.path import End
from lab.why.denied import denied
from lab.why.later import accepts_later
from lab.why.other_chains import other_chains
from lab.why.sent_there import sent_there
from tests.unit.verdict.made import ECHO, SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

WEB = "-A FORWARD -p tcp -m tcp --dport 443 -m comment --comment web -j ACCEPT"


def test_an_accept_behind_a_drop() -> None:
    chains = saved(table("-A FORWARD -s 10.0.1.0/24 -j DROP", WEB))
    (hint,) = told(accepts_later, failed(chains, way(chains, "filter:FORWARD:1 drop")))
    assert hint == (
        "gateway filter:FORWARD:2 (web) (`-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT`) would accept it, "
        "but stands after filter:FORWARD:1, which dropped it: put it before filter:FORWARD:1"
    )


def test_an_accept_behind_the_jump_to_a_reject() -> None:
    chains = saved(table(
        "-A FORWARD -j REFUSE", "-A FORWARD -j LATE", "-A REFUSE -j REJECT --reject-with icmp-port-unreachable",
        "-A LATE -i wan -j DROP", "-A LATE -i lan -j ACCEPT",
    ))  # fmt: skip
    path = way(chains, "filter:FORWARD:1 jump REFUSE", "filter:REFUSE:1 drop")
    (hint,) = told(accepts_later, failed(chains, path))
    assert "LATE:2 (`-A LATE -i lan -j ACCEPT`) would accept it, sent there by filter:FORWARD:2" in hint
    assert "stands after filter:REFUSE:1 (sent there by filter:FORWARD:1), which rejected it" in hint
    assert hint.endswith(": put a rule like it before filter:FORWARD:1")


@pytest.mark.parametrize("between", [
    "-A FORWARD -i lan -j DROP",  # would have dropped it all the same
    "-A FORWARD -m connmark --mark 0x1 -j DROP",  # may have
    "-A FORWARD -m connmark --mark 0x1 -j RETURN",
    "-A FORWARD -m connmark --mark 0x1 -j ELSEWHERE",
    "-A FORWARD -j QUEUE",
])  # fmt: skip
def test_where_something_else_may_have_stopped_it(between: str) -> None:
    chains = saved(table("-A FORWARD -s 10.0.1.0/24 -j DROP", between, WEB, "-A ELSEWHERE -i lan -j DROP"))
    assert told(accepts_later, failed(chains, way(chains, "filter:FORWARD:1 drop"))) == []


@pytest.mark.parametrize("between", [
    "-A FORWARD -m connmark --mark 0x1 -j ACCEPT", "-A FORWARD -m limit --limit 3/min -j LOG", "-A FORWARD -i wan -j DROP",
    "-A FORWARD -i wan -m connmark --mark 0x1 -j DROP", "-A FORWARD -j MARK --set-xmark 0x1/0xffffffff",
])  # fmt: skip
def test_where_nothing_else_can(between: str) -> None:
    chains = saved(table("-A FORWARD -s 10.0.1.0/24 -j DROP", between, WEB))
    (hint,) = told(accepts_later, failed(chains, way(chains, "filter:FORWARD:1 drop")))
    assert "FORWARD:3 (web)" in hint


def test_nothing_stands_behind_a_policy_or_a_goto() -> None:
    chains = saved(table("-A FORWARD -g REFUSE", WEB, "-A REFUSE -i lan -j DROP"))
    path = way(chains, "filter:FORWARD:1 goto REFUSE", "filter:REFUSE:1 drop")
    assert told(accepts_later, failed(chains, path)) == []
    assert told(accepts_later, failed(chains, path, action="deny")) == []


def test_an_accept_ends_its_own_base_chain_only() -> None:
    chains = {
        **saved(table("-A FORWARD -i lan -j ACCEPT")),
        **listing("filter type filter hook forward priority 10; policy drop;\nct state established accept"),
    }
    path = way(chains, "filter:FORWARD:1 accept", "inet/t:filter:policy drop")
    (hint,) = told(other_chains, failed(chains, path))
    assert hint == (
        "accepted by gateway filter:FORWARD:1, then dropped by inet t:filter policy: an accept ends its own base chain only: "
        "accept it in filter of table inet t too"
    )
    assert told(denied, failed(chains, path)) == [hint]


def test_what_no_rule_accepted_before_is_no_such_thing() -> None:
    chains = {
        **saved(table("-A FORWARD -i wan -j ACCEPT", policies="ACCEPT") + table("-A PREROUTING -j ACCEPT", name="mangle")),
        **listing("filter type filter hook forward priority 10; policy drop;\nct state established accept"),
    }
    by_policy = way(chains, "mangle:PREROUTING:1 accept", "filter:FORWARD:policy accept", "inet/t:filter:policy drop")
    assert told(other_chains, failed(chains, by_policy)) == []


def test_what_another_chain_dropped_is_told_once_though_it_was_translated() -> None:
    nat = table("-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20", name="nat", policies="ACCEPT")
    chains = {
        **saved(nat + table("-A FORWARD -i lan -j ACCEPT")),
        **listing("filter type filter hook forward priority 10; policy drop;\nct state established accept"),
    }
    path = way(chains, "nat:PREROUTING:1 accept", "filter:FORWARD:1 accept", "inet/t:filter:policy drop")
    (hint,) = told(denied, failed(chains, path))
    assert "an accept ends its own base chain only" in hint


def test_an_accept_at_another_hook_is_no_such_thing() -> None:
    chains = listing(
        'early type filter hook prerouting priority -300; policy accept;\niifname "lan" accept',
        "filter type filter hook forward priority 0; policy drop;\nct state established accept",
    )
    path = way(chains, "inet/t:early:1 accept", "inet/t:filter:policy drop")
    assert told(other_chains, failed(chains, path)) == []


def test_who_sent_it_to_a_chain_that_several_lead_to() -> None:
    rules = ("-A FORWARD -i lan -m comment --comment bad-lan -j LOGDROP", "-A LOGDROP -j LOG", "-A LOGDROP -j DROP")
    shared = saved(table(*rules, "-A FORWARD -i wan -j LOGDROP"))
    steps = ("filter:FORWARD:1 jump LOGDROP", "filter:LOGDROP:1 continue", "filter:LOGDROP:2 drop")
    path = way(shared, *steps)
    assert [rule.comment for rule in path.sent_by] == ["bad-lan"]
    assert told(sent_there, failed(shared, path)) == [
        "sent to LOGDROP, which dropped it, by gateway filter:FORWARD:1 (bad-lan) (`-A FORWARD -i lan -j LOGDROP`)"
    ]
    alone = saved(table(*rules))
    assert told(sent_there, failed(alone, way(alone, *steps))) == []


def test_who_sent_it_is_nobody_once_it_came_back() -> None:
    chains = saved(table("-A FORWARD -i lan -j CHECKS", "-A FORWARD -j DROP", "-A CHECKS -p tcp -j RETURN"))
    back = way(chains, "filter:FORWARD:1 jump CHECKS", "filter:CHECKS:1 return", "filter:FORWARD:2 drop")
    unsaid = way(chains, "filter:FORWARD:1 jump CHECKS", "filter:FORWARD:2 drop", end=End.DROPPED)
    assert back.sent_by == unsaid.sent_by == ()


def test_a_rule_that_lets_a_port_forward_through_but_for_one_thing() -> None:
    publish = "-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.20:8443"
    nat = table(publish, name="nat", policies="ACCEPT")
    chains = saved(nat + table("-A FORWARD -o wan -p tcp -m tcp --dport 8443 -j ACCEPT"))
    turned = SYN._replace(destination="10.0.2.20", dport=8443)
    path = way(chains, "nat:PREROUTING:1 accept", "filter:FORWARD:policy drop", heads=((1, turned),))
    (hint,) = told(denied, failed(chains, path))
    assert hint.endswith("would accept it, but wants `-o wan`, and it goes to dmz")


def test_what_a_rule_asks_of_what_has_no_ports_or_is_sent_to_itself() -> None:
    chains = saved(table("-A INPUT -p udp -j ACCEPT"))
    ping = way(chains, "filter:INPUT:policy drop", entry=ECHO._replace(destination="10.0.1.1"))
    itself = way(chains, "filter:INPUT:policy drop", entry=SYN._replace(destination="127.0.0.1"), entered="lo")
    for path, asks in ((ping, "`-p icmp --icmp-type echo-request`"), (itself, "`-i lo`")):
        (hint,) = told(denied, failed(chains, path))
        assert hint.endswith(f"a rule in INPUT that accepts it asks for {asks}")


def test_who_sent_it_to_an_accept_that_several_lead_to() -> None:
    rules = ("-A FORWARD -i lan -m comment --comment lan-out -j OUTWARD", "-A OUTWARD -o dmz -j ACCEPT")
    shared = saved(table(*rules, "-A FORWARD -i wan -j OUTWARD"))
    steps = ("filter:FORWARD:1 jump OUTWARD", "filter:OUTWARD:1 accept")
    passed = failed(shared, way(shared, *steps, end=End.LEFT), action="deny")
    assert told(sent_there, passed) == [
        "sent to OUTWARD, which accepted it, by gateway filter:FORWARD:1 (lan-out) (`-A FORWARD -i lan -j OUTWARD`)"
    ]
    assert told(sent_there, failed(shared, way(shared, *steps, end=End.LEFT))) == []
    alone = saved(table(*rules))
    assert told(sent_there, failed(alone, way(alone, *steps, end=End.LEFT), action="deny")) == []


def test_a_shared_reject_at_the_end_of_a_chain_that_accepts_some() -> None:
    rules = (
        "-A FORWARD -i lan -j LAN", "-A LAN -p udp -j ACCEPT", "-A LAN -j OUT", "-A OUT -i lan -j REFUSE",
        "-A REFUSE -p tcp -j REJECT",
    )  # fmt: skip
    chains = saved(table(*rules))
    steps = ("filter:FORWARD:1 jump LAN", "filter:LAN:2 jump OUT", "filter:OUT:1 jump REFUSE", "filter:REFUSE:1 drop")
    (hint,) = told(denied, failed(chains, way(chains, *steps)))
    assert hint == (
        "no rule of LAN that it came to accepts it, so filter:REFUSE:1 rejected it, as all that is left from filter:LAN:2 on: "
        "a rule in LAN before filter:LAN:2 that accepts it asks for `-d 10.0.2.10 -p tcp --dport 443`"
    )
    none = saved(table(*(rule for rule in rules if "ACCEPT" not in rule)))
    steps = ("filter:FORWARD:1 jump LAN", "filter:LAN:1 jump OUT", *steps[2:])
    assert told(denied, failed(none, way(none, *steps))) == []
