"""Where packets come in and go out at a node, as a topology tells."""

from __future__ import annotations

from ipaddress import ip_address

from lab.model.diagrams import DESTINATION, ENTERED, LEFT, SOURCE, Space
from lab.model.now import NEW, Now
from lab.model.propose import propose
from lab.model.routes import Routes
from lab.model.stage import Stage, stage_of
from lab.ruleset.addresses import holds
from lab.ruleset.held_save import chains_of_save
from lab.ruleset.save import read_save
from lab.written.topology import Topology
from tests.unit.model.made import SITE

_DUAL = Topology.model_validate({
    "topology": "dual",
    "networks": {"in": ["10.0.1.0/24", "2001:db8:1::/64"], "out": ["10.0.2.0/24", "2001:db8:2::/64"], "far": ["10.0.3.0/24"]},
    "nodes": {
        "client": {"role": "client", "interfaces": {"in": ["10.0.1.10", "2001:db8:1::10"]}, "via": "fw"},
        "fw": {
            "role": "gateway", "forwards": True, "interfaces": {
                "in": ["10.0.1.1", "2001:db8:1::1"], "out": ["10.0.2.1", "2001:db8:2::1"],
            }, "routes": ["10.0.3.0/24 via 10.0.2.10", "blackhole 10.0.9.0/24"],
        },
        "router": {
            "role": "router", "forwards": True, "interfaces": {"out": ["10.0.2.10", "2001:db8:2::10"], "far": "10.0.3.1"},
            "via": "fw",
        },
        "end": {"role": "backend", "interfaces": {"far": "10.0.3.7"}, "via": "router"},
    },
})  # fmt: skip


def _senders(stage: Stage, source: str) -> set[tuple[str, str]]:
    number = int(ip_address(source))
    return {(one.sender, one.interface) for one in stage.entrances if holds(one.sources, number)}


def test_who_sends_from_an_address() -> None:
    stage = stage_of(SITE, "fw", 4)
    assert _senders(stage, "10.20.0.10") == {("desk", "lan0")}
    assert _senders(stage, "10.20.0.99") == {("desk", "lan0")}, "spoofed, by who is on its network"
    assert _senders(stage, "192.0.2.77") == {("world-a", "wan0")}, "who stands for all that lies beyond"
    assert _senders(stage, "10.20.0.1") == set(), "the node's own"
    assert _senders(stage, "10.20.0.255") == set(), "many's"


def test_who_sends_from_behind_a_router() -> None:
    assert _senders(stage_of(_DUAL, "fw", 4), "10.0.3.7") == {("end", "out")}


def _ways(stage: Stage, destination: str, mark: int = 0) -> set[str]:
    space = Space(stage.family, stage.own)
    flows = Routes(space, stage).ways(Now(NEW, mark=mark)) & space.number(DESTINATION, int(ip_address(destination)))
    return {name for name in space.interfaces if (flows & space.interface(LEFT, name)) != space.none}


def test_the_longest_prefix_leads_and_a_mark_by_its_table() -> None:
    stage = stage_of(SITE, "fw", 4)
    assert (_ways(stage, "10.20.9.3"), _ways(stage, "192.0.2.1")) == ({"dmz0"}, {"wan0"})
    assert _ways(stage, "192.0.2.1", mark=2) == {"wan1"}
    assert _ways(stage, "192.0.2.1", mark=3) == {"wan0"}
    dual = stage_of(_DUAL, "fw", 4)
    assert (_ways(dual, "10.0.3.7"), _ways(dual, "10.0.9.9"), _ways(dual, "192.0.2.1")) == ({"out"}, set(), set())


def test_a_reverse_path_is_the_interface_that_leads_back() -> None:
    stage = stage_of(SITE, "fw", 4)
    space = Space(4, stage.own)
    right = Routes(space, stage).reverse_path() & space.number(SOURCE, int(ip_address("10.20.0.10")))
    entered = [name for name in space.interfaces if (right & space.interface(ENTERED, name)) != space.none]
    assert entered == ["", "lan0"]


def test_a_family_of_its_own() -> None:
    text = "*filter\n:FORWARD DROP [0:0]\n{}COMMIT\n"
    rule = "-A FORWARD -s 2001:db8:1::/64 -d 2001:db8:2::/126 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT\n"
    old, new = (chains_of_save("ip6", read_save(text.format(some))) for some in ("", rule))
    (found,) = propose(old, new, stage_of(_DUAL, "fw", 6), old_texts={}, new_texts={}, family=6).proposals
    assert str(found.flow) == "2001:db8:1::10 > 2001:db8:2::2 icmpv6/echo-request"
    assert (found.of.services, found.of.whole) == (("icmpv6/echo-request",), True)
    assert found.of.size == (2**64 - 1) * 3  # all of the network but the node's own; of four addresses one is its own
    assert propose(old, new, stage_of(_DUAL, "fw", 4), old_texts={}, new_texts={}, family=4).proposals == ()
