"""A transparent proxy that nobody runs."""

from __future__ import annotations

from typing import Any

import pytest

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
    assert "; the lab runs no proxy: with it there must be a routing rule too: `fwmark 1 lookup 100`" in hint
    (hint,) = told(proxies, passed_on(HANDS, topology=WITH_MARKS))
    assert hint.endswith("; the lab runs no proxy")


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
    assert "where none listens it drops them" in hint
