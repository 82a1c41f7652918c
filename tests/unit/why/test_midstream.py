"""A bare segment that was to be stopped: known for NEW or INVALID by whether rules of nat were asked."""

from __future__ import annotations

import pytest

from lab.record.packet import Packet
from lab.record.path import End
from lab.why.case import Case
from lab.why.midstream import midstream
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, listing, saved, table, told, way

RULES = table("-A FORWARD -i lan -j ACCEPT") + table("-A POSTROUTING -o wan -j MASQUERADE", name="nat", policies="ACCEPT")
UNTRACKED = table("-A PREROUTING -i lan -j NOTRACK", name="raw", policies="ACCEPT")
ACK = SYN._replace(flags=0x10)


def passed(*steps: str, rules: str = RULES, sent: Packet = ACK, action: str = "drop") -> Case:
    chains = saved(rules)
    return failed(chains, way(chains, *steps, entry=sent, exit=sent, end=End.LEFT), action=action)


def test_what_nat_was_asked_for_is_new() -> None:
    (hint,) = told(midstream, passed("filter:FORWARD:1 accept", "nat:POSTROUTING:1 accept"))
    assert "conntrack of gateway takes it for a connection that it has missed the begin of, and so for NEW" in hint
    assert "`-I FORWARD 1 -p tcp ! --syn -m conntrack --ctstate NEW -j DROP`" in hint


def test_what_passed_nat_by_is_invalid() -> None:
    (hint,) = told(midstream, passed("filter:FORWARD:1 accept"))
    assert "to conntrack of gateway it is INVALID, as it belongs to no connection and begins none" in hint
    assert f"it went on with the source {SYN.source}" in hint
    assert "`-I FORWARD 1 -m conntrack --ctstate INVALID -j DROP`" in hint


def test_in_nft_s_own_words() -> None:
    chains = listing(
        'across type filter hook forward priority filter; policy drop;\niifname "lan" accept',
        'hidden type nat hook postrouting priority srcnat; policy accept;\noifname "wan" masquerade',
    )
    one = way(chains, "inet/t:across:1 accept", entry=ACK, exit=ACK, end=End.LEFT)
    two = way(chains, "inet/t:across:1 accept", "inet/t:hidden:1 accept", entry=ACK, exit=ACK, end=End.LEFT)
    assert "`ct state invalid drop`" in "".join(told(midstream, failed(chains, one, action="drop")))
    words = "".join(told(midstream, failed(chains, two, action="drop")))
    assert "`tcp flags & (fin|syn|rst|ack) != syn ct state new drop`" in words


@pytest.mark.parametrize("case", [
    passed("filter:FORWARD:1 accept", sent=SYN),
    passed("filter:FORWARD:1 accept", sent=SYN._replace(flags=0xC2)),
    passed("filter:FORWARD:1 accept", sent=SYN._replace(proto=17, flags=0)),
    passed("filter:FORWARD:1 accept", action="allow"),
    passed("filter:FORWARD:1 accept", rules=table("-A FORWARD -i lan -j ACCEPT")),
    passed("raw:PREROUTING:1 accept", "filter:FORWARD:1 accept", rules=UNTRACKED + RULES),
], ids=["a SYN", "a SYN that asks for ECN", "no TCP", "meant to pass", "nothing translates", "not tracked"])  # fmt: skip
def test_of_others_nothing_is_said(case: Case) -> None:
    assert told(midstream, case) == []
