"""Which flows are sampled of two policies: at the edges of what their rules say, those that one side alone has first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.record.difference import Flow
from lab.study.diff import sample as module
from lab.study.diff.sample import Sampled, sample
from lab.written.topology import Topology
from tests.unit.ruleset.made import saved

TOPOLOGY = Topology.model_validate({
    "topology": "branch",
    "networks": {"line": ["192.0.2.0/24", "2001:db8:a::/64"], "desk": ["10.4.0.0/24", "2001:db8:b::/64"], "lab": "10.5.0.0/24"},
    "nodes": {
        "world": {"role": "internet", "interfaces": {"line": ["192.0.2.254", "2001:db8:a::9"]}, "anyip": True, "via": "edge"},
        "edge": {
            "role": "gateway", "forwards": True, "via": "world",
            "interfaces": {
                "wan0": {"network": "line", "address": ["192.0.2.1", "2001:db8:a::1"]},
                "lan0": {"network": "desk", "address": ["10.4.0.1", "2001:db8:b::1"]},
                "lan1": {"network": "lab", "address": "10.5.0.1"},
            },
        },
        "desktop": {"role": "client", "interfaces": {"desk": ["10.4.0.10", "2001:db8:b::10"]}, "via": "edge"},
        "bench": {"role": "client", "interfaces": {"lab": "10.5.0.10"}, "via": "edge"},
    },
})  # fmt: skip


def holds(*rules: str, tables: str = "", sets: str = "") -> SimpleNamespace:
    chains = ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ":web - [0:0]"
    text = "\n".join(["*filter", *chains, *rules, "COMMIT", tables, ""])
    return SimpleNamespace(chains=saved(text), texts={"v4": text, "ipset": sets})


def sampled(old: SimpleNamespace, new: SimpleNamespace, family: int = 4, seed: int = 0) -> Sampled:
    return sample([old, new], TOPOLOGY, "edge", family, seed)


def of_rules(old: SimpleNamespace, new: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> tuple[Flow, ...]:
    """Without those at random."""
    monkeypatch.setattr(module, "AT_RANDOM", 0)
    return sampled(old, new).flows


def test_addresses_at_the_edges_and_one_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = of_rules(holds(), holds("-A FORWARD -s 203.0.113.0/25 -d 10.5.0.8/29 -p tcp --dport 443 -j ACCEPT"), monkeypatch)
    sources = {flow.source for flow in flows if flow.service == "tcp/443" and flow.node == "world"}
    assert {"203.0.113.0", "203.0.113.1", "203.0.113.127", "203.0.113.128", "203.0.112.255"} <= sources
    targets = {flow.destination for flow in flows if flow.service == "tcp/443"}
    assert {"10.5.0.7", "10.5.0.8", "10.5.0.9", "10.5.0.15", "10.5.0.16"} <= targets


def test_ports_at_the_edges_and_one_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = of_rules(holds(), holds("-A FORWARD -p udp -m multiport --dports 53,5000:5010 -j ACCEPT"), monkeypatch)
    services = {flow.service for flow in flows}
    assert {f"udp/{port}" for port in (52, 53, 54, 4999, 5000, 5010, 5011)} <= services
    # what the rule is not about, too
    assert any(service.startswith("tcp/") for service in services)


def test_what_changes_one_condition_keeps_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """No product of all edges: an edge of one condition is asked with the middle of the others."""
    rule = "-A FORWARD -s 203.0.113.0/25 -d 10.5.0.8/29 -p tcp --dport 1000:2000 -j ACCEPT"
    flows = of_rules(holds(), holds(rule), monkeypatch)
    assert Flow("world", "203.0.113.1", "10.5.0.9", "tcp/2001", 4) in flows
    assert Flow("world", "203.0.113.128", "10.5.0.9", "tcp/1000", 4) in flows
    assert Flow("world", "203.0.113.128", "10.5.0.16", "tcp/2001", 4) not in flows


def test_interfaces_say_who_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = of_rules(holds(), holds("-A FORWARD -i lan1 -o wan0 -p icmp --icmp-type 13 -j ACCEPT"), monkeypatch)
    first = flows[0]
    assert (first.node, first.source, first.service) == ("bench", "10.5.0.10", "icmp/13")
    assert first.destination in ("192.0.2.254", "192.0.2.77") or TOPOLOGY.owner(first.destination) == "world"


def test_rules_of_the_node_itself_and_of_what_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    to_itself = of_rules(holds(), holds("-A INPUT -p tcp --dport 22 -j ACCEPT"), monkeypatch)
    assert {flow.destination for flow in to_itself if flow.service == "tcp/22"} == {"192.0.2.1", "10.4.0.1", "10.5.0.1"}
    own = of_rules(holds(), holds("-A OUTPUT -p tcp --dport 25 -j DROP"), monkeypatch)
    assert {flow.node for flow in own if flow.service == "tcp/25"} == {"edge"}


def test_a_chain_is_asked_under_the_conditions_of_who_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    old = holds("-A FORWARD -i lan1 -p udp --dport 4000:4010 -j web", "-A web -d 198.18.7.7 -j ACCEPT")
    new = holds("-A FORWARD -i lan1 -p udp --dport 4000:4010 -j web", "-A web -d 198.18.7.8 -j ACCEPT")
    flow = of_rules(old, new, monkeypatch)[0]
    assert flow == Flow("bench", "10.5.0.10", "198.18.7.7", "udp/4000", 4)


def test_what_is_translated_is_asked_for_by_its_outer_address(monkeypatch: pytest.MonkeyPatch) -> None:
    translation = "-A PREROUTING -d 192.0.2.1 -p tcp --dport 8080 -j DNAT --to-destination 10.5.0.10:80"
    nat = f"*nat\n:PREROUTING ACCEPT [0:0]\n{translation}\nCOMMIT"
    rule = "-A FORWARD -s {} -d 10.5.0.10 -p tcp --dport 80 -j ACCEPT"
    old, new = (holds(rule.format(prefix), tables=nat) for prefix in ("203.0.113.8/29", "203.0.113.8/30"))
    flows = of_rules(old, new, monkeypatch)
    assert {flow.source for flow in flows if (flow.destination, flow.service) == ("192.0.2.1", "tcp/8080")} >= {
        "203.0.113.9", "203.0.113.12", "203.0.113.15", "203.0.113.16",
    }  # fmt: skip


def test_elements_that_one_set_alone_has_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "-A FORWARD -m set --match-set partners src -j ACCEPT"
    many = "create partners hash:net\n" + "".join(f"add partners 203.0.113.{number}\n" for number in range(1, 200, 2))
    flows = of_rules(holds(rule, sets=many), holds(rule, sets=f"{many}add partners 198.18.200.0/24\n"), monkeypatch)
    assert flows[0].source == "198.18.200.1"


def test_rules_that_change_places_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [f"-A FORWARD -p tcp --dport {port} -j ACCEPT" for port in range(1000, 1100)]
    swapped = [*rules[:50], rules[51], rules[50], *rules[52:]]
    monkeypatch.setattr(module, "MOST", 8)
    flows = of_rules(holds(*rules), holds(*swapped), monkeypatch)
    assert {flow.service for flow in flows[:2]} == {"tcp/1050", "tcp/1051"}


def test_what_is_a_segment_of_no_connection_where_states_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = of_rules(holds("-A FORWARD -m conntrack --ctstate INVALID -j DROP"), holds(), monkeypatch)
    assert ("ack",) in {flow.flags for flow in flows}


def test_the_same_seed_gives_the_same_flows() -> None:
    old, new = holds("-A FORWARD -s 10.4.0.0/24 -p tcp --dport 80 -j ACCEPT"), holds("-A FORWARD -p udp --dport 53 -j ACCEPT")
    first, again, other = (sampled(old, new, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.flows != other.flows
    assert len(set(first.flows)) == len(first.flows)


def test_all_is_sent_past_the_node_and_by_who_can_send_it() -> None:
    found = sampled(holds("-A FORWARD -s 10.4.0.0/24 -d 10.4.0.0/16 -j DROP", "-A INPUT -s 224.0.0.0/4 -j DROP"), holds())
    assert found.flows
    for flow in found.flows:
        inside = {port.network for port in TOPOLOGY.nodes[flow.node].interfaces.values()}
        own = TOPOLOGY.addresses("edge", 4)
        assert flow.node == "edge" or flow.destination in own or TOPOLOGY.network_of(flow.destination) not in inside
        assert TOPOLOGY.owner(flow.destination) != flow.node
        assert TOPOLOGY.can_send(flow.source)
        assert not flow.destination.startswith("22")


def test_the_other_family_has_flows_of_its_own() -> None:
    found = sampled(holds("-A FORWARD -s 203.0.113.0/25 -j DROP"), holds(), family=6)
    assert found.flows
    assert {flow.family for flow in found.flows} == {6}
    assert {":" in flow.source and ":" in flow.destination for flow in found.flows} == {True}


def test_of_too_many_each_rule_keeps_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    rules = [f"-A FORWARD -p tcp --dport {port} -j ACCEPT" for port in range(2000, 2040)]
    monkeypatch.setattr(module, "AT_RANDOM", 0)
    found = sampled(holds(), holds(*rules))
    assert {flow.service for flow in found.flows} == {f"tcp/{port}" for port in range(2000, 2040)}
    assert found.classes > 400
