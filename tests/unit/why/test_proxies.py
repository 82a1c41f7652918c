"""A transparent proxy that nobody runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.record.lead import Lead
from lab.record.path import End
from lab.record.verdict import Kind
from lab.why.case import Case
from lab.why.proxies import proxies
from tests.unit.why.test_other_way import WITH_MARKS
from tests.unit.why.walks import failed, listing, saved, table, told, way

HANDS = 'iifname "lan" tcp dport 443 tproxy ip to :3129 meta mark set 0x1 accept'


def passed_on(rule: str, **keys: Any) -> Case:
    chains = listing(f"pre type filter hook prerouting priority mangle; policy accept;\n{rule}")
    return failed(chains, way(chains, "inet/t:pre:policy accept", end=End.LEFT), kind=Kind.CLOSED, **keys)


def test_nft_goes_on_behind_the_rule() -> None:
    (hint,) = told(proxies, passed_on(HANDS, action="deny"))
    assert hint == (
        f"gateway inet t:pre:1 (`{HANDS}`) hands it to a transparent socket of port 3129, but none listens there: nft then "
        "breaks off the rule, does nothing that stands further on in it, and goes on to the next rule: "
        '`iifname "lan" tcp dport 443 drop` behind inet t:pre:1'
    )


def test_what_was_to_be_taken_needs_a_proxy_and_a_way_to_it() -> None:
    (hint,) = told(proxies, passed_on(HANDS))
    assert "; the lab had no proxy there: `arrives: {at: gateway, port: 3129}` in the row has the lab listen there" in hint
    assert "; it needs a routing rule too: `fwmark 1 lookup 100`" in hint
    (hint,) = told(proxies, passed_on(HANDS, topology=WITH_MARKS))
    assert hint.endswith("in the row has the lab listen there as such")


def test_where_the_mark_is_set_first_or_nothing_accepts_behind_it() -> None:
    (hint,) = told(proxies, passed_on("meta mark set 0x1 tcp dport 443 counter tproxy ip to 10.0.1.1:3129", action="deny"))
    assert hint.endswith("and goes on to the next rule"), "a drop behind it would drop what the proxy takes too"
    assert "port 3129" in hint


@pytest.mark.parametrize("rule", [
    HANDS.replace("443", "80"), HANDS.replace('"lan"', '"wan"'), HANDS.replace("tcp", "udp"),
    HANDS.replace(" tproxy", " limit rate 3/second tproxy"), HANDS.replace("tproxy ip to :3129 ", ""),
])  # fmt: skip
def test_a_rule_that_may_be_about_another_packet(rule: str) -> None:
    assert told(proxies, passed_on(rule)) == []
    assert told(proxies, passed_on(rule, action="deny")) == []


def test_iptables_drops_it() -> None:
    chains = saved(table("-A PREROUTING -p tcp -m tcp --dport 443 -j TPROXY --on-port 3129 --on-ip 0.0.0.0", name="mangle"))
    (hint,) = told(proxies, failed(chains, way(chains, "mangle:PREROUTING:1 drop")))
    assert "where none listens it drops them: the lab had none: `arrives: {at: gateway, port: 3129}` in the row" in hint


HANDED = "-A PREROUTING -p tcp -m tcp --dport 443 -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1"


def test_chains_behind_it_hide_nothing() -> None:
    chains = saved(table(HANDED, name="mangle") + table("-A PREROUTING -p udp -j ACCEPT", name="nat", policies="ACCEPT"))
    path = replace(way(chains, "mangle:PREROUTING:1 accept", "nat:PREROUTING:policy accept", end=End.VANISHED), mark=1)
    case = replace(failed(chains, path, kind=Kind.UNROUTED), ask_route=lambda node, to, *_: Lead(node, to, "wan"))
    (hint,) = told(proxies, case)
    assert "lead it on by wan" in hint


@pytest.mark.parametrize(("dev", "said"), [("wan", "lead it on by wan"), (None, "have no way to"), ("lo", None)])
def test_what_is_handed_over_and_led_on(dev: str | None, said: str | None) -> None:
    chains = saved(table(HANDED, name="mangle"))
    path = replace(way(chains, "mangle:PREROUTING:1 accept", end=End.VANISHED), mark=1)
    case = replace(failed(chains, path, kind=Kind.UNROUTED), ask_route=lambda node, to, *_: Lead(node, to, dev))
    hints = told(proxies, case)
    assert [said in hint for hint in hints if said is not None] == ([] if said is None else [True])
    assert all("with its mark 0x1" in hint and "`routes: local default dev lo table 100`" in hint for hint in hints)
    assert len(hints) == (said is not None)
