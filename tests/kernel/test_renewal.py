"""What rules of iptables remember is made fresh in place: the first verdict comes again, and the rules are what they were."""

from __future__ import annotations

import pytest

from lab.kernel.hold.renew.names import Names
from lab.ruleset.backend import Backend
from lab.ruleset.memory import Kind, Memory
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.renewing import asked, check, check_count, spend, uses_of
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

IN_A_RULE = {
    "limit": (Kind.LIMIT, "-p udp -m limit --limit 1/hour --limit-burst 1"),
    "quota": (Kind.QUOTA, "-p udp -m quota --quota 60"),
    "nth": (Kind.NTH, "-p udp -m statistic --mode nth --every 2 --packet 0"),
    "behind ports": (Kind.LIMIT, "-p udp -m multiport --dports 53,54 -m limit --limit 1/hour --limit-burst 1"),
    "not a protocol": (Kind.LIMIT, "! -p tcp -m limit --limit 1/hour --limit-burst 1 -m comment --comment limited"),
}
ONE_FLOW = "-A FORWARD -p udp -m connlimit --connlimit-upto 1 -j ACCEPT"
DNS = "-A FORWARD -p udp --dport 53"
PER_HOUR = "--hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name dns"
NAMED = {
    "recent": (Kind.RECENT, (
        f"{DNS} -m recent --name dns --update --seconds 3600 --hitcount 2 -j DROP",
        f"{DNS} -m recent --name dns --set -j ACCEPT",
    )),
    "hashlimit": (Kind.HASHLIMIT, (f"{DNS} -m hashlimit {PER_HOUR} -j ACCEPT", f"{DNS} -m hashlimit {PER_HOUR} -j ACCEPT")),
}  # fmt: skip



@pytest.mark.parametrize(("kind", "match"), IN_A_RULE.values(), ids=IN_A_RULE)
def test_what_stands_in_a_rule_of_iptables(lab_of: LabOf, kind: Kind, match: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, f"-A FORWARD {match} -j ACCEPT", FORWARD="DROP"))
    check(lab, uses_of(lab, kind))


def test_a_count_of_flows(lab_of: LabOf) -> None:
    """A flow that goes on is not counted any more."""
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, ONE_FLOW, FORWARD="DROP"))
    check_count(lab, uses_of(lab, Kind.COUNT))


@pytest.mark.parametrize("by_file", [True, False], ids=["by file", "by rule"])
@pytest.mark.parametrize(("kind", "rules"), NAMED.values(), ids=NAMED)
def test_what_has_a_name(
    lab_of: LabOf, backend: Backend, kind: Kind, rules: tuple[str, ...], by_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_file:
        monkeypatch.setattr(Names, "emptied", lambda *_: False)
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, *rules, FORWARD="DROP"))
    check(lab, uses_of(lab, kind, "dns"))


def test_a_set_of_ipset(lab_of: LabOf) -> None:
    sets = rendered("create seen hash:ip timeout 600\ncreate guests hash:ip\nadd guests 10.0.1.10\n", "gateway.ipset")
    seen = (f"{DNS} -m set --match-set seen src -j DROP", f"{DNS} -m set --match-set guests src -j SET --add-set seen src")
    text = table("filter", ESTABLISHED, *seen, f"{DNS} -j SET --del-set guests src", f"{DNS} -j ACCEPT", FORWARD="DROP")
    lab = lab_of(corridor(), gateway=Rulesets(ipset=sets, v4=rendered(text)))
    check(lab, {Memory("gateway", Kind.SET, "", "", name): () for name in ("seen", "guests")})


def test_a_policy_is_loaded_again(lab_of: LabOf, backend: Backend) -> None:
    """Its rules have the handles and lines of before."""
    rules = [rule for _, named in NAMED.values() for rule in named]
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, *rules, FORWARD="DROP"))
    first, before = asked(lab), lab.policies["gateway"]
    spend(lab, first)
    lab._reload("gateway")
    now = lab.policies["gateway"]
    assert [*now.index.items()] == [*before.index.items()]
    assert [rule.source for rule in now.rules()] == [rule.source for rule in before.rules()]
    assert asked(lab) == first


@pytest.mark.parametrize(("kind", "rules"), [(Kind.LIMIT, (f"{DNS} -m limit --limit 1/hour --limit-burst 1 -j ACCEPT",)),
                                             *NAMED.values()], ids=["limit", *NAMED])  # fmt: skip
def test_ipv6(lab_of: LabOf, kind: Kind, rules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of ``recent`` is one for both families: the rules of both have to let go of it."""
    monkeypatch.setattr(Names, "emptied", lambda *_: False)
    written = corridor(
        client={"interfaces": {"left": ["10.0.1.10", "2001:db8:1::10"]}},
        gateway={"interfaces": {"left": ["10.0.1.1", "2001:db8:1::1"], "right": ["10.0.2.1", "2001:db8:2::1"]}},
        server={"interfaces": {"right": ["10.0.2.10", "2001:db8:2::10"]}},
    )
    written["networks"] = {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]}
    both = table("filter", ESTABLISHED, *rules, FORWARD="DROP")
    lab = lab_of(written, gateway=rulesets(both, v6=both))
    uses = uses_of(lab, kind, None if kind is Kind.LIMIT else "dns")
    check(lab, {memory._replace(family="ip6") if kind is not Kind.LIMIT else memory: of for memory, of in uses.items()}, 6)
