"""What rules of native nft remember is made fresh in place: the first verdict comes again, and the rules are what they were."""

from __future__ import annotations

import pytest

from lab.ruleset.memory import Kind
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from tests.kernel.conftest import LabOf
from tests.kernel.renewing import check, check_count, uses_of
from tests.kernel.scenes import corridor, rendered

pytestmark = pytest.mark.kernel

NATIVE = """\
table inet t {{
    chain end {{
        accept comment "end"
    }}
    limit once {{ rate 1/hour burst 1 packets; }}
    quota few {{ until 100 bytes used 20 bytes; }}
    set seen {{ type ipv4_addr; flags dynamic,timeout; timeout 1h; }}
    set guests {{ type ipv4_addr; flags dynamic; elements = {{ 10.0.1.10, 10.0.1.77 }} }}
    chain f {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        {}
    }}
}}
"""
SETS = "udp dport { 53, 60-70, 99 } ip saddr . udp dport { 10.0.1.10 . 53, 10.0.1.1 . 1-9 }"
IN_A_NATIVE_RULE = {
    "limit": (Kind.LIMIT, "udp dport 53 limit rate 1/hour burst 1 packets counter accept"),
    "limit behind sets": (Kind.LIMIT, f'{SETS} limit rate 1/hour burst 1 packets counter accept comment "sets"'),
    "limit before a map": (Kind.LIMIT, "limit rate 1/hour burst 1 packets udp dport vmap { 53 : goto end, 54 : drop }"),
    "quota": (Kind.QUOTA, "udp dport 53 quota until 100 bytes used 20 bytes accept"),
    "numgen": (Kind.NTH, "udp dport 53 numgen inc mod 2 vmap { 0 : accept, 1 : drop }"),
}

IN_A_SET = {
    "a meter": ("seen", ("update @seen { ip saddr limit rate 1/hour burst 1 packets } accept",)),
    "a list": ("seen", ("ip saddr @seen drop", "add @seen { ip saddr } accept")),
    "one that was not empty": ("guests", ("ip saddr != @guests drop", "delete @guests { ip saddr } accept")),
}
IN_AN_OBJECT = {"limit": ("once", 'limit name "once" accept'), "quota": ("few", 'quota name "few" accept')}


def nft(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "gateway.nft"))


@pytest.mark.parametrize(("kind", "rule"), IN_A_NATIVE_RULE.values(), ids=IN_A_NATIVE_RULE)
def test_what_stands_in_a_native_rule(lab_of: LabOf, kind: Kind, rule: str) -> None:
    lab = lab_of(corridor(), gateway=nft(NATIVE.format(rule)))
    check(lab, uses_of(lab, kind))


@pytest.mark.parametrize(("name", "rules"), IN_A_SET.values(), ids=IN_A_SET)
def test_a_set_that_rules_write(lab_of: LabOf, name: str, rules: tuple[str, ...]) -> None:
    lab = lab_of(corridor(), gateway=nft(NATIVE.format("\n".join(rules))))
    (memory,) = uses_of(lab, Kind.SET, name)
    check(lab, {memory._replace(table="t"): ()})


@pytest.mark.parametrize(("name", "rule"), IN_AN_OBJECT.values(), ids=IN_AN_OBJECT)
def test_what_has_a_name(lab_of: LabOf, name: str, rule: str) -> None:
    lab = lab_of(corridor(), gateway=nft(NATIVE.format(f"udp dport 53 {rule}\n        udp dport 53 {rule}")))
    ((memory, rules),) = uses_of(lab, Kind.OBJECT, name).items()
    check(lab, {memory._replace(table="t"): rules})


def test_a_count_of_flows(lab_of: LabOf) -> None:
    """A flow that goes on is not counted any more."""
    lab = lab_of(corridor(), gateway=nft(NATIVE.format("udp dport 53 ct count 1 accept")))
    check_count(lab, uses_of(lab, Kind.COUNT))


@pytest.mark.parametrize("rule", ["quota until 100 bytes accept", 'quota name "few" accept', "add @seen { ip saddr } accept"])
def test_what_nobody_saw_fresh_is_left(lab_of: LabOf, rule: str) -> None:
    """Another process may have asked before a site was adopted."""
    script = nft(NATIVE.format(f"udp dport 53 {rule}"))
    lab = lab_of(corridor(), gateway=script)
    kind, name = (Kind.QUOTA, None) if "until" in rule else (Kind.OBJECT, "few") if "few" in rule else (Kind.SET, "seen")
    uses = uses_of(lab, kind, name)
    if name is not None:
        uses = {memory._replace(table="t"): rules for memory, rules in uses.items()}
    handles = lab.network.handles
    with Site.adopt(lab.topology, {"gateway": script}, handles) as other:
        assert other.renew(uses) == set(uses)
    assert lab.site.renew(uses) == frozenset()
