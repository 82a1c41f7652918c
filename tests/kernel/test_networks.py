"""Networks of two and of more, routers in a row, routing by mark, and a flow that the gateway turns round."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import Outcome
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import NEAR, corridor, table

pytestmark = pytest.mark.kernel

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]
NEIGHBOURS: dict[str, Any] = {
    f"host{number}": {"role": "client", "interfaces": {"left": f"10.0.1.{20 + number}"}, "via": "gateway"}
    for number in range(4)
}


def row_of_routers(count: int) -> dict[str, Any]:
    """A client, ``count`` routers and a server in a row; network n lies between node n and node n+1."""
    names = ["client", *(f"router{number}" for number in range(1, count + 1)), "server"]
    nodes: dict[str, Any] = {}
    for place, name in enumerate(names):
        interfaces = {}
        if place > 0:
            interfaces[f"net{place - 1}"] = f"10.9.{place - 1}.2"
        if place < len(names) - 1:
            interfaces[f"net{place}"] = f"10.9.{place}.1"
        inner = 0 < place < len(names) - 1
        back = [f"10.9.{net}.0/24 via 10.9.{place - 1}.1" for net in range(place - 1)] if inner else []
        onward = names[place + 1] if place < len(names) - 1 else names[place - 1]
        nodes[name] = {"role": name, "interfaces": interfaces, "via": onward, "forwards": inner, "routes": back}
    networks = {f"net{place}": f"10.9.{place}.0/24" for place in range(len(names) - 1)}
    return {"topology": "row", "networks": networks, "nodes": nodes}


@pytest.mark.parametrize("service", SERVICES)
def test_over_a_bridge(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(**NEIGHBOURS), gateway=table("filter", "-A FORWARD -s 10.0.1.22 -j DROP"))
    assert lab.probe("host0", "host3", service).allowed, "neighbours need no gateway"
    for sender, kind in (("client", Kind.ALLOWED), ("host1", Kind.ALLOWED), ("host2", Kind.DROPPED)):
        assert lab.probe(sender, "server", service).kind is kind
    assert lab.probe("server", "host2", service).kind is Kind.UNANSWERED


@pytest.mark.parametrize("service", SERVICES)
def test_through_three_routers(lab_of: LabOf, service: str) -> None:
    open_to_all = table("filter", "-A FORWARD -m comment --comment through -j ACCEPT", FORWARD="DROP")
    lab = lab_of(row_of_routers(3), router1=open_to_all, router2=open_to_all, router3=open_to_all)
    verdict = lab.probe("client", "server", service, at="router2")
    assert verdict.allowed, verdict.proof
    assert [path.node for path in verdict.path] == ["router1", "router2", "router3"]
    assert [(node, rule.comment) for node, rule in verdict.decided] == [
        (f"router{number}", "through") for number in (1, 2, 3)
    ]
    assert verdict.rule is not None
    assert verdict.rule.node == "router2"
    assert [path.node for path in verdict.observation.answer] == ["router3", "router2", "router1"]


@pytest.mark.parametrize("place", [1, 2, 3])
def test_the_router_that_drops_is_named(lab_of: LabOf, place: int) -> None:
    shut = {f"router{place}": table("filter", FORWARD="DROP")}
    verdict = lab_of(row_of_routers(3), **shut).probe("client", "server", "tcp/443")
    assert (verdict.kind, verdict.node) == (Kind.DROPPED, f"router{place}")
    assert len(verdict.path) == place


def test_routed_by_mark(project: Project) -> None:
    ways = ["default via 10.0.3.2 table 102"]
    other = {"role": "router", "interfaces": {"second": "10.0.3.2"}, "anyip": ["192.0.2.0/24"], "via": "gateway"}
    stage = corridor(
        gateway={
            "interfaces": {"left": NEAR, "right": "10.0.2.1", "second": "10.0.3.1"}, "via": "server",
            "routes": ways, "rules": ["fwmark 2 lookup 102 pref 100"],
        },
        server={"anyip": ["192.0.2.0/24"]},
        detour=other,
    )  # fmt: skip
    stage["networks"]["second"] = "10.0.3.0/24"
    mark = "-A PREROUTING -i left -p tcp --dport 443 -m comment --comment mark-web -j MARK --set-mark 2"
    to = "192.0.2.7"
    web = {"name": "web", "from": "client", "to": {"at": "detour", "address": to}, "service": "tcp/443", "expect": "allow",
           "arrives": {"at": "detour"}, "leaves": {"via": "second", "mark": 2}, "through": ["mark-web"]}  # fmt: skip
    rest = {"name": "rest", "from": "client", "to": {"at": "server", "address": to}, "service": ["tcp/80", "udp/443"],
            "expect": "allow", "arrives": {"at": "server"}, "leaves": {"via": "right", "mark": 0}}  # fmt: skip
    wrong = {**web, "name": "wrong", "leaves": {"via": "right", "mark": 3}}
    result = project.run(stage, {"gateway": table("mangle", mark)}, [web, rest, wrong])
    *good, bad = result.results
    assert [(cell.outcome, cell.differences) for cell in good] == [(Outcome.PASSED, ())] * 3
    assert (bad.outcome, bad.differences) == (
        Outcome.MISMATCH,
        ("must leave gateway via right, but left via second", "must leave gateway with mark 3, but left with 2"),
    )


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_turned_round_by_the_gateway(lab_of: LabOf, proto: str) -> None:
    dnat = f"-A PREROUTING -d 10.0.2.1 -p {proto} --dport 443 -j DNAT --to-destination 10.0.1.21:8443"
    hairpin = "-A POSTROUTING -s 10.0.1.0/24 -d 10.0.1.21 -m comment --comment hairpin -j MASQUERADE"
    neighbours = {**NEIGHBOURS, "host1": {**NEIGHBOURS["host1"], "services": [f"{proto}/8443"]}}
    lab = lab_of(corridor(**neighbours), gateway=table("nat", dnat, hairpin))
    verdict = lab.probe("client", "10.0.2.1", f"{proto}/443")
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived[:4] == ("host1", "10.0.1.21", 8443, NEAR)
    assert [rule.target for rule in verdict.path[0].translated_by] == ["DNAT", "MASQUERADE"]


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_turned_round_without_source_nat_the_answer_goes_astray(lab_of: LabOf, proto: str) -> None:
    dnat = f"-A PREROUTING -d 10.0.2.1 -p {proto} --dport 443 -j DNAT --to-destination 10.0.1.21:8443"
    neighbours = {**NEIGHBOURS, "host1": {**NEIGHBOURS["host1"], "services": [f"{proto}/8443"]}}
    verdict = lab_of(corridor(**neighbours), gateway=table("nat", dnat)).probe("client", "10.0.2.1", f"{proto}/443")
    assert (verdict.allowed, verdict.passed_node) == (False, True), verdict.proof
    assert verdict.kind in (Kind.UNANSWERED, Kind.LOST), verdict.proof


def test_a_network_of_one(lab_of: LabOf) -> None:
    stage = corridor(gateway={"interfaces": {"left": NEAR, "right": "10.0.2.1", "alone": "10.0.8.1"}})
    stage["networks"]["alone"] = "10.0.8.0/24"
    lab = lab_of(stage, gateway=table("filter", "-A INPUT -d 10.0.8.1 -p udp -j DROP"))
    assert lab.probe("client", "10.0.8.1", "tcp/22").allowed
    assert lab.probe("client", "10.0.8.1", "udp/53").kind is Kind.DROPPED
