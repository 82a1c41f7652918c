"""While rules are exchanged a number may mean one of two: then both are told, and neither is said to have decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.kernel.hold.nf_tables import BaseChain
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.between import Between
from lab.record.path import Rule

WEB = Rule("gateway", "filter", "FORWARD", 1, "-A FORWARD -p tcp -j ACCEPT", "web", "ACCEPT", "a.rules:5")
DENY = Rule("gateway", "filter", "FORWARD", 1, "-A FORWARD -p tcp -j DROP", "deny", "DROP", "b.rules:9")
BASE = {("ip", "filter", "FORWARD"): BaseChain("forward", "filter")}
PLACE = "ip", "filter", "FORWARD"


def between(before: dict[int, Rule], now: dict[int, Rule]) -> Between:
    """Of the rules of one chain by their handle."""
    return Between(*(RuleIndex("gateway", {(*PLACE, key): rule for key, rule in one.items()}, BASE) for one in (before, now)))


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        pytest.param({4: WEB}, {4: WEB}, WEB, id="the same"),
        pytest.param({4: WEB}, {}, WEB, id="of before"),
        pytest.param({}, {4: DENY}, DENY, id="of now"),
        pytest.param({4: WEB}, {4: replace(WEB, source="a.rules:6")}, replace(WEB, source=None), id="from another line"),
    ],
)
def test_where_it_can_be_known(before: dict[int, Rule], now: dict[int, Rule], named: Rule) -> None:
    assert between(before, now).find(*PLACE, 4) == between(before, now).numbered(*PLACE, 4) == named


def test_where_it_cannot() -> None:
    rule = between({4: WEB}, {4: DENY}).find(*PLACE, 4)
    assert (WEB.text in rule.text, DENY.text in rule.text) == (True, True)
    assert (rule.comment, rule.target, rule.source, rule.rejects) == (None, None, None, None)


def test_what_neither_has() -> None:
    rules = between({4: WEB}, {4: DENY})
    assert rules.numbered(*PLACE, 5) is None
    assert rules.find(*PLACE, 5).text == "(handle 5, which no tool lists)"


def test_chains_of_either() -> None:
    rules = between({0: WEB}, {})
    assert rules.has_chain(*PLACE)
    assert not rules.has_chain("ip", "filter", "mine")
    place = rules.place(*PLACE)
    assert place is not None
    assert place.hook == "forward"
    assert rules.shown("inet", "fw", "__chain3") == "__chain3"
