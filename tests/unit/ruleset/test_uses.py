"""What parts of rules remember, in both dialects: what they ask, write, bear, and what held before them."""

from __future__ import annotations

import pytest

from lab.ruleset.memory import BOUNDLESS, Kind, Use
from lab.ruleset.nft.uses import uses_of_nft
from tests.unit.ruleset.made import rule_of


def only(text: str) -> Use:
    (use,) = rule_of(text).uses
    return use


@pytest.mark.parametrize(("text", "kind", "name", "budget"), [
    ("-A FORWARD -m limit --limit 3/min -j ACCEPT", Kind.LIMIT, None, 5),
    ("-A FORWARD -m limit --limit 3/min --limit-burst 10 -j LOG", Kind.LIMIT, None, 10),
    ("-A FORWARD -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 7 --hashlimit-name h -j ACCEPT", Kind.HASHLIMIT, "h", 7),
    ("-A FORWARD -m hashlimit --hashlimit-above 512kb/s --hashlimit-name h -j DROP", Kind.HASHLIMIT, "h", 1),
    ("-A FORWARD -m recent --update --seconds 60 --hitcount 4 --name s -j DROP", Kind.RECENT, "s", 3),
    ("-A FORWARD -m recent --rcheck -j DROP", Kind.RECENT, "DEFAULT", 0),
    ("-A FORWARD -m recent --remove --name s -j DROP", Kind.RECENT, "s", 0),
    ("-A FORWARD -m connlimit --connlimit-above 3 -j DROP", Kind.COUNT, None, 3),
    ("-A FORWARD -m connlimit --connlimit-upto 2 -j ACCEPT", Kind.COUNT, None, 2),
    ("-A FORWARD -m quota --quota 4500 -j ACCEPT", Kind.QUOTA, None, 3),
    ("-A FORWARD -m quota --quota 100 -j ACCEPT", Kind.QUOTA, None, 0),
    ("-A FORWARD -m statistic --mode nth --every 2 --packet 0 -j ACCEPT", Kind.NTH, None, 1),
    ("-A FORWARD -m set --match-set bad src -j DROP", Kind.SET, "bad", 0),
    ("limit rate 5/minute accept", Kind.LIMIT, None, 5),
    ("limit rate over 5/minute burst 9 packets drop", Kind.LIMIT, None, 9),
    ("limit rate 1500 bytes/second burst 3000 bytes accept", Kind.LIMIT, None, 3),
    ("quota over 3 kbytes drop", Kind.QUOTA, None, 2),
    ("ct count over 4 drop", Kind.COUNT, None, 4),
    ("numgen inc mod 2 0 drop", Kind.NTH, None, 1),
    ("ip saddr @bad drop", Kind.SET, "bad", 0),
    ("add @seen { ip saddr limit rate 10/second } accept", Kind.SET, "seen", 5),
    ("update @seen { ip saddr timeout 1m limit rate over 3/minute burst 2 packets } drop", Kind.SET, "seen", 2),
    ("add @seen { ip saddr ct count over 3 } drop", Kind.SET, "seen", 3),
    ('limit name "slow" accept', Kind.OBJECT, "*", 0),
])  # fmt: skip
def test_what_asks(text: str, kind: Kind, name: str | None, budget: int) -> None:
    use = only(text)
    assert (use.kind, use.name, use.reads, use.budget) == (kind, name, True, budget)


@pytest.mark.parametrize("text", [
    "-A FORWARD -m recent --set --name s", "-A FORWARD -j SET --add-set s src", "-A FORWARD -j SET --del-set s src",
    "add @s { ip saddr }", "update @s { ip saddr timeout 1m } accept",
])  # fmt: skip
def test_what_only_writes(text: str) -> None:
    use = only(text)
    assert (use.name, use.reads, use.writes, use.budget) == ("s", False, True, BOUNDLESS)


@pytest.mark.parametrize(("text", "writes"), [
    ("-A FORWARD -m recent --rcheck --name s -j DROP", False),
    ("-A FORWARD -m recent --update --name s -j DROP", False),  # on an empty list it changes nothing
    ("-A FORWARD -m set --match-set s src -j DROP", False),
    ("-A FORWARD -m set --match-set s src --packets-gt 3 -j DROP", True),
    ("ip saddr @s drop", False), ("-A FORWARD -m limit --limit 1/s -j DROP", True), ("ct count over 1 drop", True),
])  # fmt: skip
def test_whether_what_asks_writes_too(text: str, *, writes: bool) -> None:
    assert only(text).writes is writes


@pytest.mark.parametrize("text", [
    "-A FORWARD -m statistic --mode random --probability 0.5 -j DROP", "numgen random mod 2 0 drop",
    '-A FORWARD -m comment --comment "-m limit" -j ACCEPT', 'tcp dport 22 accept comment "limit rate 5/second @x"',
    "flow add @fast", "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT", "@th,0,16 22 accept",
])  # fmt: skip
def test_what_remembers_nothing(text: str) -> None:
    assert rule_of(text).uses == ()


@pytest.mark.parametrize(("text", "by_source"), [
    ("-A FORWARD -m recent --set --name s --mask 255.255.255.255 --rsource", True),
    ("-A FORWARD -m recent --set --name s --rdest", False), ("-A FORWARD -m recent --set --name s --mask 255.255.255.0", False),
    ("-A FORWARD -m hashlimit --hashlimit-upto 1/s --hashlimit-mode srcip,dstport --hashlimit-name h -j ACCEPT", True),
    ("-A FORWARD -m hashlimit --hashlimit-upto 1/s --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name h", False),
    ("-A FORWARD -m hashlimit --hashlimit-upto 1/s --hashlimit-mode dstip --hashlimit-name h -j ACCEPT", False),
    ("-A FORWARD -m connlimit --connlimit-above 3 --connlimit-mask 24 -j DROP", False),
    ("add @s { ip saddr limit rate 1/second } accept", True), ("add @s { ip daddr limit rate 1/second } accept", False),
    ("add @s { ip saddr & 255.255.255.0 limit rate 1/second } accept", False),
    ("add @s { ip saddr . ip daddr limit rate 1/second } accept", False), ("ip saddr . tcp dport @s drop", True),
    ("tcp dport . ip saddr @s drop", False), ("ip saddr & 255.255.255.0 @s drop", False), ("ip daddr @s drop", False),
])  # fmt: skip
def test_whether_sources_meet(text: str, *, by_source: bool) -> None:
    assert only(text).by_source is by_source


@pytest.mark.parametrize(("text", "fields"), [
    ("-A FORWARD -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT", {"sources", "proto", "dports"}),
    ("-A FORWARD -p tcp -m limit --limit 3/min -m tcp --dport 22 -j ACCEPT", {"proto"}),
    ("-A FORWARD -m limit --limit 3/min -i eth0 -j ACCEPT", {"entered"}),  # the header is asked first, wherever it stands
    ("-A FORWARD -m limit --limit 3/min -m conntrack --ctstate NEW -j ACCEPT", set()),
    ("-A FORWARD -p tcp --dport 22 -m conntrack --ctstate NEW -j SET --add-set s src", {"proto", "dports", "states"}),
    ("tcp dport 22 limit rate 3/minute accept", {"proto", "dports"}), ("limit rate 3/minute tcp dport 22 accept", set()),
    ("iifname eth0 ip saddr @s ip daddr 10.0.0.1 drop", {"entered"}),
    ("ct state new add @s { tcp dport } accept", {"states"}),
])  # fmt: skip
def test_what_held_before(text: str, fields: set[str]) -> None:
    assert {gate.field for gate in only(text).gates} == fields


def test_of_several_each_has_its_own() -> None:
    uses = rule_of("-A FORWARD -m recent --set --name s -m tcp -p tcp --dport 22 -m limit --limit 1/s -j DROP").uses
    assert [(use.kind, {gate.field for gate in use.gates}, use.matched_alone) for use in uses] == [
        (Kind.RECENT, {"proto"}, False), (Kind.LIMIT, {"proto", "dports"}, False),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "say"), [
    ("-A FORWARD -m limit --limit 1/s -j LOG", False), ("-A FORWARD -m recent --set", False), ("-A FORWARD -j RETURN", True),
    ("-A FORWARD -j MARK --set-mark 1", True), ("limit rate 1/second log", False), ("limit rate 1/second counter", False),
    ("limit rate 1/second meta mark set 0x1", True), ("drop", True),
])  # fmt: skip
def test_who_has_a_say(text: str, *, say: bool) -> None:
    assert rule_of(text).has_say is say


@pytest.mark.parametrize(("text", "seconds", "more"), [
    ("-A FORWARD -m limit --limit 3/min -j ACCEPT", 19, 0),
    ("-A FORWARD -m limit --limit 3/min -j ACCEPT", 20, 1),
    ("-A FORWARD -m limit --limit 10/s -j ACCEPT", 0.98, 10),
    ("-A FORWARD -m limit -j ACCEPT", 2400, 2),
    ("-A FORWARD -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 7 --hashlimit-name h -j ACCEPT", 0.5, 2),
    ("-A FORWARD -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 7 --hashlimit-name h -j ACCEPT", 1.5, 14),
    ("-A FORWARD -m hashlimit --hashlimit-above 1/min --hashlimit-htable-expire 500 --hashlimit-name h -j DROP", 1.1, 10),
    ("-A FORWARD -m hashlimit --hashlimit-above 1kb/s --hashlimit-htable-expire 99999 --hashlimit-name h -j DROP", 1, 37),
    ("-A FORWARD -m recent --update --seconds 60 --hitcount 4 --name s -j DROP", 59, 0),
    ("-A FORWARD -m recent --update --seconds 60 --hitcount 4 --name s -j DROP", 61, 3),
    ("-A FORWARD -m recent --update --hitcount 4 --name s -j DROP", 10_000, 0),
    ("-A FORWARD -m connlimit --connlimit-above 3 -j DROP", 10_000, 0),
    ("-A FORWARD -m quota --quota 4500 -j ACCEPT", 10_000, 0),
    ("limit rate over 6/minute burst 9 packets drop", 21, 2),
    ("limit rate 1400 bytes/second burst 3000 bytes accept", 1, 51),
    ("add @seen { ip saddr limit rate 10/second } accept", 1, 10),
    ("update @seen { ip saddr timeout 1m limit rate over 3/minute burst 2 packets } drop", 59, 2),
    ("update @seen { ip saddr timeout 1m30s limit rate over 1/hour burst 2 packets } drop", 91, 2),
    ("update @seen { ip saddr timeout 500ms } accept", 1, 2 * BOUNDLESS),
    ("ct count over 4 drop", 10_000, 0),
])  # fmt: skip
def test_what_is_regained_in_so_many_seconds(text: str, seconds: float, more: int) -> None:
    """Two ticks of the kernel's clock besides; what forgets may bear its whole budget again."""
    assert min(only(text).refilled(seconds), BOUNDLESS) == min(more, BOUNDLESS)


def test_a_limit_that_has_a_name_regains_what_its_definition_says() -> None:
    defined = {"slow": "rate 6/minute burst 2 packets", "few": "type ipv4_addr; flags dynamic; timeout 10s;"}
    (limit,) = uses_of_nft('limit name "slow" accept', defined)
    (seen,) = uses_of_nft("ip saddr @few drop", defined)
    assert (limit.refilled(20), seen.refilled(11), seen.refilled(5)) == (2, 1, 0)
    (any_of,) = uses_of_nft('limit name tcp dport map { 22 : "slow" } accept', defined)
    assert any_of.refilled(20) == 2
