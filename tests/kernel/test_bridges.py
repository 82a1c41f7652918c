"""A node that is a bridge: what it passes on meets `table bridge`, and iptables' rules where bridge netfilter is on."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import InputError, MachineError
from lab.kernel.ground.tools import run
from lab.kernel.stage import bridging
from lab.kernel.stage.handles import NetworkHandles
from lab.lab import Lab
from lab.record.path import End
from lab.record.result import Outcome
from lab.record.sweep import Gear
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.site import Site
from lab.sweep.manner import choose
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel

ONE, TWO, HOST, SHELF = "10.8.0.21", "10.8.0.22", "10.8.0.2", "10.8.0.5"
ANSWERS = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
REJECTS = """\
table inet zones {
    chain passing {
        type filter hook forward priority filter + 10; policy accept;
        ct state established,related accept
        reject with icmpx admin-prohibited comment "last"
    }
}
"""
FRAMES = """\
table bridge frames {
    chain passing {
        type filter hook forward priority filter; policy drop;
        ether type arp accept
        iifname "tap1" oifname "tap2" tcp dport 22 accept comment "shell"
        iifname "tap2" oifname "tap1" tcp sport 22 accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
}
"""


def farm(*, seen: bool = True, own: str | None = HOST, ports: Any = None, **more: Any) -> dict[str, Any]:
    """Two guests and a shelf of disks on a host's bridge; ``seen`` tells whether rules see what it passes on."""
    bridge = {"network": "lan", "bridge": ports or ["uplink", "tap1", "tap2"], "bridge-nf": seen}
    nodes: dict[str, Any] = {
        "shelf": {"role": "disk", "interfaces": {"lan": SHELF}},
        "host": {"role": "host", "interfaces": {"br0": bridge | ({"address": own} if own else {})}, **more},
        "one": {"role": "guest", "interfaces": {"lan": ONE}},
        "two": {"role": "guest", "interfaces": {"lan": TWO}},
    }
    return {"topology": "farm", "networks": {"lan": "10.8.0.0/24"}, "nodes": nodes}


def native(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "host.nft"))


def test_with_bridge_netfilter_the_last_rule_in_forward_rejects_between_guests(lab_of: LabOf) -> None:
    verdict = lab_of(farm(), host=native(REJECTS)).probe("one", "two", "tcp/22")
    assert (verdict.kind, verdict.reject, verdict.node) == (Kind.REJECTED, "icmp-admin-prohibited", "host")
    assert verdict.rule is not None
    assert (verdict.rule.comment, verdict.rule.source) == ("last", "host.nft:5")
    assert not verdict.muted


@pytest.mark.parametrize("service", ["tcp/22", "udp/53", "icmp/echo-request"])
def test_what_is_bridged_is_accepted_by_physdev(lab_of: LabOf, service: str) -> None:
    text = table("filter", "-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT", FORWARD="DROP")
    lab = lab_of(farm(), host=text)
    verdict = lab.probe("one", "two", service)
    assert verdict.allowed, verdict.proof
    assert str(verdict.rule) == "host filter:FORWARD:1"
    (path,) = verdict.path
    assert (path.out, path.end, path.bridged) == ("br0", End.LEFT, False)


def test_a_rule_may_tell_the_ports_apart(lab_of: LabOf) -> None:
    rule = "-A FORWARD -m physdev --physdev-in tap1 --physdev-out tap2 -p tcp --dport 22 -j ACCEPT"
    lab = lab_of(farm(), host=table("filter", f"-A FORWARD {ANSWERS}", rule, FORWARD="DROP"))
    with lab.batch():
        there, back = lab.probe("one", "two", "tcp/22"), lab.probe("two", "one", "tcp/22")
    assert there.allowed, there.proof
    assert str(there.rule) == "host filter:FORWARD:2"
    assert (back.kind, back.rule and back.rule.place) == (Kind.DROPPED, "filter:FORWARD policy")


@pytest.mark.parametrize("service", ["tcp/22", "udp/53"])
def test_without_it_frames_pass_by_the_rules(lab_of: LabOf, service: str) -> None:
    verdict = lab_of(farm(seen=False), host=native(REJECTS)).probe("one", "two", service, at="host")
    assert verdict.allowed, verdict.proof
    assert verdict.rule is None
    (path,) = verdict.path
    assert (path.node, path.steps, path.bridged, path.out) == ("host", (), True, "tap2")


@pytest.mark.parametrize("seen", [False, True])
def test_a_table_of_family_bridge_filters_in_any_case(lab_of: LabOf, seen: bool) -> None:
    lab = lab_of(farm(seen=seen), host=native(FRAMES))
    with lab.batch():
        shell, web = lab.probe("one", "two", "tcp/22"), lab.probe("one", "two", "tcp/80")
        own = lab.probe("one", "host", "tcp/80")
    assert shell.allowed, shell.proof
    assert shell.rule is not None
    assert (shell.rule.comment, shell.rule.family, shell.rule.source) == ("shell", "bridge", "host.nft:5")
    assert (web.kind, web.node, str(web.rule)) == (Kind.DROPPED, "host", "host bridge frames:passing policy")
    # what is for the host itself is not forwarded
    assert own.allowed, own.proof


@pytest.mark.parametrize("seen", [False, True])
def test_what_is_for_the_host_comes_up_once(lab_of: LabOf, seen: bool) -> None:
    raw = table("raw", "-A PREROUTING -p tcp --dport 22 -m comment --comment early -j ACCEPT")
    text = raw + table("filter", f"-A INPUT {ANSWERS}", "-A INPUT -p tcp --dport 22 -j ACCEPT", INPUT="DROP")
    lab = lab_of(farm(seen=seen), host=text)
    with lab.batch():
        shell, web = lab.probe("one", "host", "tcp/22"), lab.probe("one", "host", "tcp/80")
        out = lab.probe("host", "two", "udp/53")
    assert shell.allowed, shell.proof
    assert str(shell.rule) == "host filter:INPUT:2"
    (path,) = shell.path
    assert [step.rule.place for step in path.steps if step.rule and step.rule.number] == ["raw:PREROUTING:1", "filter:INPUT:2"]
    assert (path.end, path.bridged) == (End.DELIVERED, False)
    assert (web.kind, web.rule and web.rule.place) == (Kind.DROPPED, "filter:INPUT policy")
    assert out.allowed, out.proof


def test_a_translation_between_ports_is_seen_where_it_is_made(lab_of: LabOf) -> None:
    nat = table("nat", f"-A PREROUTING -d {HOST} -p tcp --dport 2222 -j DNAT --to-destination {TWO}:22")
    text = nat + table("filter", f"-A FORWARD {ANSWERS}", "-A FORWARD -p tcp --dport 22 -j ACCEPT", FORWARD="DROP")
    lab = lab_of(farm(forwards=True), host=text)
    verdict = lab.probe("one", "host", "tcp/2222", at="host")
    last = verdict.path[-1].exit
    assert last is not None
    assert (last.destination, last.dport) == (TWO, 22)
    assert str(verdict.rule) == "host filter:FORWARD:2"
    assert [rule.place for rule in verdict.path[0].translated_by] == ["nat:PREROUTING:1"]


@pytest.mark.parametrize("seen", [False, True])
def test_what_is_routed_out_of_the_bridge_and_into_it_is_one_packet(lab_of: LabOf, seen: bool) -> None:
    written = farm(seen=seen, forwards=True)
    written["networks"]["wan"] = "198.51.100.0/24"
    written["nodes"]["host"]["interfaces"]["wan"] = "198.51.100.1"
    written["nodes"]["world"] = {"role": "internet", "interfaces": {"wan": "198.51.100.9"}, "via": "host"}
    written["nodes"]["one"] |= {"via": "host", "services": ["tcp/22"]}
    publish = f"-A PREROUTING -i wan -p tcp --dport 8022 -j DNAT --to-destination {ONE}:22"
    nat = table("nat", publish, "-A POSTROUTING -o wan -j MASQUERADE")
    accepts = "-A FORWARD -i br0 -o wan -j ACCEPT", "-A FORWARD -i wan -o br0 -p tcp --dport 22 -j ACCEPT"
    lab = lab_of(written, host=nat + table("filter", f"-A FORWARD {ANSWERS}", *accepts, FORWARD="DROP"))
    with lab.batch():
        out, into = lab.probe("one", "world", "tcp/80"), lab.probe("world", "198.51.100.1", "tcp/8022")
    assert out.allowed, out.proof
    assert (out.path[0].out, out.path[0].exit and out.path[0].exit.source, len(out.path)) == ("wan", "198.51.100.1", 1)
    assert into.allowed, into.proof
    assert (into.path[0].out, into.path[0].exit and into.path[0].exit.destination, str(into.rule)) == (
        "br0", ONE, "host filter:FORWARD:3",
    )  # fmt: skip
    steps = [step.rule.place for step in out.path[0].steps if step.rule]
    assert steps == ["nat:PREROUTING policy", "filter:FORWARD:2", "nat:POSTROUTING:1"]


def test_a_host_without_an_address_is_a_firewall_that_nobody_sees(lab_of: LabOf) -> None:
    text = table("filter", f"-A FORWARD {ANSWERS}", "-A FORWARD -p tcp --dport 22 -j ACCEPT", FORWARD="DROP")
    lab = lab_of(farm(own=None, ports={"out": "shelf", "in": ["one", "two"]}), host=text)
    with lab.batch():
        shell, web, beside = (lab.probe(*ends) for ends in (
            ("one", "shelf", "tcp/22"), ("one", "shelf", "tcp/80"), ("one", "two", "tcp/80"),
        ))  # fmt: skip
    assert shell.allowed, shell.proof
    assert (web.kind, web.node, web.rule and web.rule.place) == (Kind.DROPPED, "host", "filter:FORWARD policy")
    # both are behind one port, and the host has no say
    assert beside.allowed, beside.proof
    assert not beside.path


def dual(**of_host: Any) -> dict[str, Any]:
    written = farm(**of_host)
    written["networks"]["lan"] = ["10.8.0.0/24", "2001:db8:8::/64"]
    for name, last in (("shelf", 5), ("one", 21), ("two", 22)):
        written["nodes"][name]["interfaces"]["lan"] = [f"10.8.0.{last}", f"2001:db8:8::{last}"]
    written["nodes"]["host"]["interfaces"]["br0"]["address"] = [HOST, "2001:db8:8::2"]
    return written


def test_ipv6_neighbours_find_each_other_through_the_rules(lab_of: LabOf) -> None:
    rule = "-A FORWARD -p tcp --dport 22 -j ACCEPT"
    found = table("filter", "-A FORWARD -p icmpv6 -j ACCEPT", f"-A FORWARD {ANSWERS}", rule, FORWARD="DROP")
    verdict = lab_of(dual(), host=rulesets(v6=found, name="host")).probe("one", "two", "tcp/22", family=6)
    assert verdict.allowed, verdict.proof
    assert str(verdict.rule) == "host ip6 filter:FORWARD:3"


def test_a_flooded_solicitation_that_a_rule_drops_is_told(lab_of: LabOf) -> None:
    text = table("filter", f"-A FORWARD {ANSWERS}", "-A FORWARD -p tcp --dport 22 -j ACCEPT", FORWARD="DROP")
    verdict = lab_of(dual(), host=rulesets(v6=text, name="host")).probe("one", "two", "tcp/22", family=6)
    assert verdict.kind is Kind.UNROUTED
    assert "host ip6 filter:FORWARD policy dropped a message of IPv6 neighbour discovery" in verdict.proof


@pytest.mark.parametrize("every", [False, True])
def test_many_ports_of_a_guest(lab_of: LabOf, every: bool) -> None:
    lab = lab_of(farm(seen=False), host=native(FRAMES))
    sweep = lab.sweep("one", "two", "tcp/1-300", gear=Gear.VERDICT, every_port=every)
    # what a bridge drops is counted in no hook of addresses
    assert sweep.gear is Gear.RULE
    assert sweep.notes == (("swept in the rule gear: a node is a bridge",) if every else ())
    groups = {group.keys: str(group.verdict.kind) for group in sweep.groups}
    assert groups == {((22, 22),): "closed", ((1, 21), (23, 300)): "dropped"}


@pytest.mark.parametrize("seen", [False, True])
def test_the_words_of_a_row_that_expected_a_drop(project: Project, seen: bool) -> None:
    row = {"name": "guests are apart", "from": "one", "to": "two", "service": "tcp/22", "expect": "drop"}
    result = project.run(farm(seen=seen), {"host": table("filter", FORWARD="DROP")}, [row])
    (cell,) = result.results
    assert cell.outcome is (Outcome.PASSED if seen else Outcome.FAIL_OPEN)
    past = [] if seen else ["host bridged it past the rules of iptables"]
    assert [str(hint).partition(":")[0] for hint in cell.hints] == past
    assert not result.notes


def test_no_counter_of_rules_is_relied_on_at_a_bridge(lab_of: LabOf) -> None:
    lab = lab_of(farm(), host=table("filter", FORWARD="DROP"))
    policies, hazards = lab.policies.values(), lab.site.held.hazards
    for bridged in (False, True):
        manner = choose(Gear.RULE, policies, hazards, remembering=False, by_chance=False, bridged=bridged)
        assert manner.by_rule is not bridged


def test_a_host_that_does_not_tell_of_what_it_bridged_is_blind(lab_of: LabOf) -> None:
    lab = lab_of(farm(seen=False), host=native(REJECTS))
    with lab.batch(), lab.instrument.nodes["host"].trace.table.silence():
        verdict = lab.probe("one", "two", "tcp/22")
    assert verdict.kind is Kind.LOST
    assert "the packet must have come through host" in verdict.proof


def test_a_port_is_no_host_of_the_network(lab_of: LabOf) -> None:
    namespace = lab_of(dual()).network.nodes["host"].namespace
    addresses = {name: run(namespace, ["ip", "-6", "-o", "address", "show", "dev", name]).out for name in ("br0", "tap1")}
    assert "2001:db8:8::2/64" in addresses["br0"]
    assert not addresses["tap1"]


def test_another_process_may_adopt_it() -> None:
    written, rules = topology(farm()), {"host": rulesets(table("filter", FORWARD="DROP"), name="host")}
    with Site(written, rules) as keeper:
        handles = NetworkHandles.from_json(keeper.network.handles.to_json())
        with Site.adopt(written, rules, handles) as site, Lab.on(site) as one, Lab.on(site) as other:
            verdicts = [lab.probe("one", "two", "tcp/22") for lab in (one, other, one)]
            own = other.probe("one", "host", "tcp/22")
    assert {str(verdict.rule) for verdict in verdicts} == {"host filter:FORWARD policy"}
    assert {verdict.kind for verdict in verdicts} == {Kind.DROPPED}
    assert own.allowed, own.proof


def test_a_limit_in_the_bridges_own_table_is_fresh_for_each_question(lab_of: LabOf) -> None:
    text = "table bridge frames {\n chain c {\n type filter hook forward priority 0\n"
    text += ' iifname "tap1" oifname "tap2" udp dport 53 limit rate over 1/hour burst 1 packets drop comment "often"\n }\n}\n'
    lab = lab_of(farm(seen=False), host=native(text))
    with lab.batch():
        verdicts = [lab.probe("one", "two", "udp/53") for _ in range(3)]
    assert all(verdict.allowed for verdict in verdicts), [verdict.proof for verdict in verdicts]


def test_ip_tables_is_refused_at_a_bridge() -> None:
    with pytest.raises(InputError, match="host is a bridge, which cannot be traced where ip_tables holds its rules"):
        Lab(topology(farm()), {"host": rulesets(table("filter"), name="host")}, backend=Backend.LEGACY)


def test_a_kernel_without_br_netfilter(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridging, "_CALL", bridging._CALL.with_name("not-there"))
    with pytest.raises(MachineError, match="host: `bridge-nf` needs br_netfilter, which this kernel has not loaded"):
        lab_of(farm())
    verdict = lab_of(farm(seen=False)).probe("one", "two", "tcp/22")
    assert verdict.allowed
    assert [path.node for path in verdict.path] == ["host"]
