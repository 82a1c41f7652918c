"""What rules do with marks, in both dialects."""

from __future__ import annotations

import pytest

from lab.ruleset.held import HeldRule
from lab.ruleset.held_text import rule_in_line
from lab.ruleset.mark_uses import ALL, Deed, MarkUse, mark_uses

SETS, ASKS, KEEPS, GIVES = Deed


def of_flow(deed: Deed, value: int, mask: int = ALL) -> MarkUse:
    return MarkUse(deed, of_flow=True, value=value, mask=mask)


IPTABLES = {
    "-j MARK --set-xmark 0x2/0xffffffff": [MarkUse(SETS, value=2)],
    "-j MARK --set-xmark 0x2/0xff": [MarkUse(SETS, value=2, mask=0xFF)],
    "-j MARK --set-mark 0x2": [MarkUse(SETS, value=2)],
    "-j MARK --or-mark 0x4": [MarkUse(SETS, value=4, mask=4)],
    "-j MARK --and-mark 0xff": [MarkUse(SETS, value=0, mask=0xFFFFFF00)],
    "-j MARK --set-xmark 0x4/0x0": [MarkUse(SETS, value=None, mask=0)],
    "-j CONNMARK --set-xmark 0x1/0xf": [of_flow(SETS, 1, 0xF)],
    "-j CONNMARK --save-mark": [MarkUse(KEEPS)],
    "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0": [MarkUse(KEEPS, mask=0xF0)],
    "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0": [MarkUse(GIVES, mask=0xFF)],
    "-m mark --mark 0x1 -j DROP": [MarkUse(ASKS, value=1)],
    "-m mark ! --mark 0x0/0xff -j CONNMARK --save-mark": [MarkUse(ASKS, value=0, mask=0xFF, negated=True), MarkUse(KEEPS)],
    "-m connmark --mark 0x1/0xf -j MARK --set-xmark 0x7/0xffffffff": [of_flow(ASKS, 1, 0xF), MarkUse(SETS, value=7)],
    "-p tcp -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1": [MarkUse(SETS, value=1, mask=1)],
    "-j HMARK --hmark-tuple src --hmark-mod 2 --hmark-offset 100": [MarkUse(SETS)],
    '-m comment --comment "--mark 0x1 of old" -j ACCEPT': [],
    "-j ACCEPT": [],
}
NFT = {
    "meta mark set 0x00000002": [MarkUse(SETS, value=2)],
    "mark set 2": [MarkUse(SETS, value=2)],
    "ct mark set 0x1": [of_flow(SETS, 1)],
    "ct mark set meta mark": [MarkUse(KEEPS)],
    "meta mark set ct mark": [MarkUse(GIVES)],
    "meta mark set ct mark & 0x000000ff": [MarkUse(GIVES, mask=0xFF)],
    "meta mark set meta mark & 0xffffff00 | 0x00000002": [MarkUse(SETS, value=2, mask=0xFF)],
    "meta mark set meta mark and 0xffffff00 xor 0x2": [MarkUse(SETS, value=2, mask=0xFF)],
    "meta mark set meta mark | 0x00000004": [MarkUse(SETS, value=4, mask=4)],
    "meta mark set ip saddr map { 10.0.1.0/24 : 0x1, 10.0.2.0/24 : 0x2 }": [MarkUse(SETS, value=1), MarkUse(SETS, value=2)],
    "meta mark set jhash ip saddr mod 2 offset 100": [MarkUse(SETS)],
    "meta mark 0x00000001 drop": [MarkUse(ASKS, value=1)],
    "meta mark != 0x00000000 ct mark set meta mark": [MarkUse(KEEPS), MarkUse(ASKS, value=0, negated=True)],
    "meta mark & 0x000000ff == 0x00000002 accept": [MarkUse(ASKS, value=2, mask=0xFF)],
    "ct mark { 0x1, 0x2 } accept": [of_flow(ASKS, 1), of_flow(ASKS, 2)],
    "ct mark vmap { 0x1 : jump one, 0x2 : drop }": [of_flow(ASKS, 1), of_flow(ASKS, 2)],
    "meta mark 0x10-0x1f accept": [MarkUse(ASKS)],
    'accept comment "meta mark set 0x1"': [],
}


def rule(kind: str, text: str) -> HeldRule:
    found = rule_in_line(kind, text)
    assert found is not None
    return found


@pytest.mark.parametrize(("text", "uses"), IPTABLES.items())
def test_of_iptables(text: str, uses: list[MarkUse]) -> None:
    assert list(mark_uses(rule("v4", f"-A PREROUTING {text}"))) == uses


@pytest.mark.parametrize(("text", "uses"), NFT.items())
def test_of_nft(text: str, uses: list[MarkUse]) -> None:
    assert list(mark_uses(rule("nft", text))) == uses


NO_MARKS = ["-j MARK --set-xmark", "-j MARK --set-xmark /", "-m mark --mark -j DROP", "-m mark --mark x/y -j DROP"]


@pytest.mark.parametrize("text", NO_MARKS)
def test_what_is_no_mark_is_read_as_none(text: str) -> None:
    assert all(use.value is None and use.mask in (0, ALL) for use in mark_uses(rule("v4", f"-A INPUT {text}")))
