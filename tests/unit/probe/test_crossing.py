"""Which traced nodes must have seen a packet, by the topology, and did not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.probe.crossing import unseen_nodes
from lab.record.observation import Arrival, Milestone, Observation, Refusal
from lab.record.packet import Packet
from lab.record.path import End, Path

SYN = Packet(4, 6, "10.0.1.10", 40000, "10.0.2.10", 443, 0x02)
ELSE = SYN._replace(destination="10.0.9.9")
# client - left - (one | two) - middle - three - right - server
LINKS = {
    "client": ("left",), "neighbour": ("left",), "one": ("left", "middle"), "two": ("left", "middle"),
    "three": ("middle", "right"), "server": ("right",),
}  # fmt: skip
ROUTERS = ("one", "two", "three")
RESET = Refusal("tcp-reset", None)


def stage(
    watched: tuple[str, ...] = ROUTERS, bridges: tuple[str, ...] = (), standing: str | None = None
) -> Any:
    """``standing`` is a node of anyip that stands for every address, too."""

    def node(name: str) -> SimpleNamespace:
        return SimpleNamespace(sysctls={"net.ipv4.ip_forward": str(int(name in ROUTERS))})

    def near(path: Path) -> frozenset[str]:
        return frozenset(name for name in LINKS if name != path.node and not links[name].isdisjoint(links[path.node]))

    owner = {"10.0.2.10": "server", "10.0.1.20": "neighbour"}.get
    topology = SimpleNamespace(owner=owner, stands_for=lambda name, _: name == standing)
    network = SimpleNamespace(nodes={name: node(name) for name in LINKS}, topology=topology)
    links = {name: frozenset(networks) for name, networks in LINKS.items()}
    instrument = SimpleNamespace(nodes=dict.fromkeys(watched))
    return SimpleNamespace(
        network=network, instrument=instrument, links=links, next_nodes=near, bridges=frozenset(bridges)
    )


def way(node: str, entry: Packet = SYN, end: End = End.LEFT, leaving: Packet | None = None) -> Path:
    return Path(node, entry, (), end, (leaving or entry) if end in (End.LEFT, End.DELIVERED) else None)


def arrived(at: str = "server") -> dict[str, Any]:
    return {"arrived": Arrival(at, "10.0.2.10", 443, "10.0.1.10", 40000)}


def unseen(*request: Path, watched: tuple[str, ...] = ROUTERS, sender: str = "client", **seen: Any) -> tuple[str, ...]:
    observation = Observation(seen.pop("sent", SYN), seen.pop("stage", Milestone.SENT), request, **seen)
    return unseen_nodes(stage(watched), sender, observation)


@pytest.mark.parametrize("seen", [{}, arrived(), {"stage": Milestone.ANSWERED}, {"refusal": RESET}, {"reached": "server"}])
def test_every_node_of_the_way_told(seen: dict[str, Any]) -> None:
    assert unseen(way("one"), way("three"), **seen) == ()


@pytest.mark.parametrize("seen", [arrived(), {"stage": Milestone.ANSWERED}, {"refusal": RESET}, {"reached": "server"}])
def test_none_of_them_told(seen: dict[str, Any]) -> None:
    assert unseen(**seen) == ("one", "two")


def test_one_of_them_did_not() -> None:
    assert unseen(way("one"), **arrived()) == ("three",)
    assert unseen(way("three", end=End.DROPPED)) == ("one", "two")


def test_who_stands_for_the_address_on_the_network_that_it_left_for_took_it_in() -> None:
    refused = Observation(SYN, Milestone.SENT, (way("one"),), refusal=RESET)
    assert unseen_nodes(stage(), "client", refused) == ("three",), "only the owner can have told it"
    assert unseen_nodes(stage(standing="neighbour"), "client", refused) == ()


def test_one_of_two_is_enough() -> None:
    assert unseen(way("two"), way("three"), **arrived()) == ()


def test_where_nothing_arrived_nothing_must_have_been_crossed() -> None:
    assert unseen() == unseen(refusal=Refusal("icmp-host-unreachable", "10.0.1.1")) == ()


def test_on_one_network_nobody_is_crossed() -> None:
    assert unseen(sent=SYN._replace(destination="10.0.1.20"), **arrived("neighbour")) == ()


def test_an_end_that_is_traced_tells_too() -> None:
    watched = (*ROUTERS, "client", "server")
    assert unseen(way("one"), way("three"), watched=watched, **arrived()) == ("client", "server")
    whole = (way("client"), way("one"), way("three"), way("server", end=End.DELIVERED))
    assert unseen(*whole, watched=watched, **arrived()) == ()


def test_behind_a_translation_that_was_not_followed_it_told_all_the_same() -> None:
    assert unseen(way("one"), others=(way("three", ELSE),), **arrived()) == ()
    assert unseen(way("one"), others=(way("three", ELSE._replace(flags=0x14)),), **arrived()) == ("three",)


def test_what_a_rule_takes_over_goes_on_unseen() -> None:
    assert unseen(way("one", end=End.STOLEN), **arrived()) == ()


def test_a_bridge_between_two_segments_must_have_told() -> None:
    observation = Observation(SYN._replace(destination="10.0.1.20"), Milestone.SENT, (), **arrived("neighbour"))
    behind = stage(("one",), bridges=("one",))
    behind.links |= {"client": frozenset(("port1",)), "one": frozenset(("port1", "port2")), "neighbour": frozenset(("port2",))}
    assert unseen_nodes(behind, "client", observation) == ("one",)
    assert unseen_nodes(behind, "client", replace(observation, request=(way("one", observation.sent),))) == ()


def test_a_node_that_forwards_and_is_not_traced_may_be_crossed() -> None:
    assert unseen(way("one"), watched=("one",), **arrived()) == ()
