"""Near misses and openings against the kernel: what is told of a rule is so, and what would mend it does."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.record.verdict import Verdict
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.run.after.why import hints
from lab.why.ahead import matches
from lab.why.case import Case
from lab.why.near_misses import met_in
from lab.why.walk import bases
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, SERVER, corridor, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

FORWARDED = f"-A PREROUTING -d 10.0.1.1 -p tcp --dport 8080 -j DNAT --to-destination {SERVER}:80"
MANY = table(
    "filter",
    ESTABLISHED,
    "-A FORWARD ! -i left -j DROP",
    "-A FORWARD -s 10.0.1.64/26 -j ACCEPT",
    "-A FORWARD -p udp -m multiport --dports 53,123 -j NAMES",
    "-A FORWARD -p tcp -m tcp ! --dport 1:1023 -j HIGH",
    "-A FORWARD -p icmp -m icmp --icmp-type 8 -j RETURN",
    "-A FORWARD -m iprange --src-range 10.0.1.5-10.0.1.9 -j ACCEPT",
    "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT",
    "-A FORWARD -m conntrack --ctorigdstport 8080 -j ACCEPT",
    "-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT",
    "-A FORWARD -p tcp -m tcp ! --syn -j DROP",
    "-A FORWARD -p tcp -m tcp --sport 1:1023 -j DROP",
    "-A FORWARD -o right -p tcp -m tcp --dport 22 -g SHELL",
    "-A NAMES -d 10.0.2.53/32 -j ACCEPT",
    "-A NAMES -p tcp -j DROP",
    "-A HIGH -p tcp -m tcp --dport 40000:65535 -j RETURN",
    "-A HIGH -p tcp -m tcp --dport 8080 -j ACCEPT",
    "-A SHELL -s 10.0.1.11/32 -j ACCEPT",
    FORWARD="DROP", NAMES="-", HIGH="-", SHELL="-",
)  # fmt: skip
NATIVE = """
table inet t {
    set shells { type inet_service; elements = { 22, 2222 } }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname != "left" drop
        meta l4proto { icmp, ipv6-icmp } ip saddr 10.0.9.1 drop
        icmp type { echo-request, timestamp-request } accept
        ip saddr { 10.0.1.64/26, 10.0.1.11 } tcp dport @shells accept
        udp dport vmap { 53 : jump names, 123 : accept, 5000-6000 : drop }
        tcp flags syn / fin,syn,rst,ack tcp dport != 1-1023 goto high
        ct status dnat accept
        ip daddr != 10.0.2.0/24 drop
        oifname "right*" meta l4proto tcp ct original proto-dst 443 accept
    }
    chain names { ip daddr 10.0.2.53 accept; }
    chain high { tcp dport 40000-65535 return; tcp dport 8080 accept; }
}
"""
SERVICES = (
    "tcp/22", "tcp/80", "tcp/443", "tcp/8080", "tcp/2000", "tcp/50000", "udp/53", "udp/123", "udp/5500", "icmp/echo-request",
)  # fmt: skip


def told(lab: Lab, verdict: Verdict, action: str = "allow") -> list[str]:
    return list(map(str, hints(lab, verdict, Expectation(action), "gateway")))


def native(text: str) -> Rulesets:
    return Rulesets(nft=Rendered(text, tuple(f"gateway.nft:{line}" for line in range(1, text.count("\n") + 1)), "gateway.nft"))


def agrees(lab: Lab, verdict: Verdict) -> int:
    """How many rules the kernel held the packet against; that each is read as the kernel read it is asserted."""
    chains = lab.policies["gateway"].chains
    case = Case(verdict, Expectation("allow"), "gateway", lab.topology, {"gateway": chains})
    asked = 0
    for path in verdict.path:
        walked = bases(path, chains)
        assert len(walked) == sum(step.verdict in ("accept", "drop") for step in path.steps)
        for base in walked:
            met = met_in(case, path, base)
            for held in base.missed:
                asked += 1
                assert matches(held, met) is False, f"the kernel says that {held.text} did not match {met}"
            here = (step for step in path.steps if (step.hook, step.table) == (base.hook, base.chain.table))
            for rule in (step.rule for step in here if step.rule is not None and step.rule.number is not None):
                held = chains[rule.family, rule.table, rule.chain].rules[(rule.number or 0) - 1]
                assert matches(held, met) is True, f"the kernel says that {held.text} matched {met}"
    return asked


def test_every_rule_is_read_as_the_kernel_reads_it(lab_of: LabOf) -> None:
    nat = table("nat", FORWARDED)
    lab = lab_of(corridor(), gateway=nat + MANY)
    verdicts = [lab.probe("client", target, service) for service in SERVICES for target in ("server", "10.0.1.1")]
    assert sum(agrees(lab, verdict) for verdict in verdicts) > 100


def test_every_native_rule_is_read_as_the_kernel_reads_it() -> None:
    with Lab(topology(corridor()), {"gateway": native(NATIVE)}) as lab:
        verdicts = [lab.probe("client", "server", service) for service in SERVICES]
        assert sum(agrees(lab, verdict) for verdict in verdicts) > 40


def test_what_a_rule_wants_is_what_keeps_it_from_matching(lab_of: LabOf) -> None:
    rule = "-A FORWARD -i right -p tcp -m tcp --dport 80 -m comment --comment web -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, rule, FORWARD="DROP"))
    (hint,) = told(lab, lab.probe("client", "server", "tcp/80"))
    assert "filter:FORWARD:2 (web) (`-A FORWARD -i right -p tcp -m tcp --dport 80 -j ACCEPT`) [gateway.rules:" in hint
    assert hint.endswith("would accept it, but wants `-i right`, and it came by left")
    mended = lab_of(corridor(), gateway=table("filter", ESTABLISHED, rule.replace("-i right ", ""), FORWARD="DROP"))
    assert mended.probe("client", "server", "tcp/80").passed_node


@pytest.mark.parametrize("asks", ["-p tcp --dport 80", "-p tcp -m conntrack --ctorigdstport 8080"])
def test_both_ways_to_ask_for_a_translated_port(lab_of: LabOf, asks: str) -> None:
    nat = table("nat", FORWARDED)
    wrong = "-A FORWARD -p tcp --dport 8080 -j ACCEPT"
    lab = lab_of(corridor(), gateway=nat + table("filter", wrong, ESTABLISHED, FORWARD="DROP"))
    (hint,) = told(lab, lab.probe("client", "10.0.1.1", "tcp/8080"))
    assert "wants `--dport 8080`, which nat:PREROUTING:1 made 80: let it ask for the port behind the translation" in hint
    assert hint.endswith("`--dport 80`, or for the one before, `-m conntrack --ctorigdstport 8080`")
    mended = lab_of(corridor(), gateway=nat + table("filter", f"-A FORWARD {asks} -j ACCEPT", ESTABLISHED, FORWARD="DROP"))
    assert mended.probe("client", "10.0.1.1", "tcp/8080").passed_node


def test_a_ban_that_stands_in_another_hook_and_one_that_stands_behind(lab_of: LabOf) -> None:
    ban = f"-s {CLIENT}/32 -j REJECT --reject-with icmp-port-unreachable"
    lab = lab_of(corridor(), gateway=table("filter", "-A FORWARD -p tcp -j ACCEPT", f"-A FORWARD {ban}"))
    (elsewhere,) = told(lab, lab.probe("client", "10.0.1.1", "udp/53"), "deny")
    assert "would reject it, but is in FORWARD; this packet went through INPUT: deny it in INPUT" in elsewhere
    (behind,) = told(lab, lab.probe("client", "server", "tcp/22"), "deny")
    assert behind.endswith("stands after filter:FORWARD:1, which accepted it: put it before filter:FORWARD:1")
    mended = lab_of(corridor(), gateway=table("filter", f"-A FORWARD {ban}", f"-A INPUT {ban}", "-A FORWARD -p tcp -j ACCEPT"))
    assert mended.probe("client", "server", "tcp/22").denied
    assert mended.probe("client", "10.0.1.1", "udp/53").denied
