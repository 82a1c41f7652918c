"""How much a limiter lets through, in words."""

from __future__ import annotations

import pytest

from lab.record.verdict import Kind
from lab.ruleset.limited import limit_between
from lab.ruleset.limits import limit_in
from tests.unit.verdict.made import dropped, observed, passed, rule, verdict


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-A F -m limit --limit 25/sec --limit-burst 50 -j RETURN", "25/second burst 50"),
        ("-A F -m limit --limit 3/min -j ACCEPT", "3/minute burst 5"),
        ('-A F -m limit --limit 1/day -j LOG --log-prefix "--limit 5/s"', "1/day burst 5"),
        ("-A F -m limit --limit 3/min -j LOG --log-prefix --limit", "3/minute burst 5"),
        ("-A F -m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 20 --hashlimit-mode srcip,dstport --hashlimit-name x",
         "10/second burst 20 for each source and port"),
        ("-A F -m hashlimit --hashlimit-above 2/hour --hashlimit-name x -j DROP", "2/hour burst 5"),
        ("-A F -m recent --update --seconds 30 --hitcount 6 --name S --rsource -j DROP",
         "a hitcount of 6 in 30 seconds for each source"),
        ("-A F -m recent --rcheck --seconds 60 --name S --rdest", "the first in 60 seconds of each destination"),
        ("-A F -m recent --set --name S --rsource -j ACCEPT", None),
        ("-A F -p tcp -m connlimit --connlimit-above 10 --connlimit-mask 32 --connlimit-saddr -j REJECT",
         "10 connections for each source"),
        ("-A F -m connlimit --connlimit-upto 3 --connlimit-mask 24", "3 connections for each /24 of sources"),
        ("-A F -m connlimit --connlimit-above 9 --connlimit-mask 0", "9 connections"),
        ("-A F -m quota --quota 1000 -j ACCEPT", "1000 bytes"),
        ('-A F -m comment --comment "-m limit --limit 3/s" -j ACCEPT', None),
        ("-A F -p tcp -m tcp --dport 22 -j ACCEPT", None),
        ("limit rate 25/second burst 50 packets return", "25/second burst 50"),
        ("tcp dport 22 limit rate over 10/minute drop", "10/minute burst 5"),
        ("limit rate over 10 mbytes/second burst 3 mbytes drop", "10 mbytes/second burst 3 mbytes"),
        ("limit rate 512 kbytes/second accept", "512 kbytes/second"),
        ("add @seen { ip saddr limit rate over 5/minute } drop", "5/minute burst 5 for each ip saddr"),
        ("update @seen { ip saddr . tcp dport timeout 1m ct count over 4 } drop",
         "4 connections for each ip saddr . tcp dport"),
        ("quota over 100 mbytes drop", "100 mbytes"),
        ('limit name "slow" accept', "the limit slow"),
        ('tcp dport 22 accept comment "limit rate 5/second"', None),
        ('tcp dport 22 accept comment "limit name"', None),
    ],
)  # fmt: skip
def test_what_a_rule_lets_through(text: str, words: str | None) -> None:
    assert limit_in(text) == words


def test_the_limiter_is_the_rule_that_one_of_both_met() -> None:
    flood = rule(options="-m limit --limit 25/sec --limit-burst 50", target="RETURN", chain="flood")
    web, end = rule("web"), rule(target="DROP", chain="flood", number=2)
    other = rule(options="-m limit --limit 1/min", target="LOG", chain="INPUT")
    first = verdict(observation=observed(passed(other, flood, web)), rule=web)
    beyond = verdict(Kind.DROPPED, observation=observed(dropped(end, other)), rule=end)
    assert limit_between(first, beyond) == "25/second burst 50"
    assert limit_between(first, None) is None
    hits = rule(options="-m recent --update --seconds 30 --hitcount 6", target="DROP")
    late = verdict(Kind.DROPPED, observation=observed(dropped(hits, other)), rule=hits)
    early = verdict(observation=observed(passed(other, web)), rule=web)
    assert limit_between(early, late) == "a hitcount of 6 in 30 seconds for each source"
    assert limit_between(verdict(rule=web), verdict(Kind.DROPPED, rule=end)) is None
