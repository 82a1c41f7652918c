"""What is sent to all of a network: from which interface, and which of those who hear it a question is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lab.written.cell import Sender, Service, ToMany
from lab.written.topology import Topology
from lab.written.words import LIMITED_BROADCAST, NO_ADDRESS


def to_many(
    topology: Topology, sender: Sender, source: str | None, destination: str, service: Service, under_test: Collection[str],
    wanted: Sequence[str] = (),
) -> ToMany | None:  # fmt: skip
    """How a datagram goes to all of a network; None for what is sent to one host, or to a network that the sender is not on.

    ``sender`` has its own address, whatever ``source`` is said in its place.  It is about the nodes that are ``wanted``, else
    about those under test that hear it, else about whoever does.  Raises ValueError for what cannot be sent so.
    """
    limited = destination == LIMITED_BROADCAST
    network = topology.broadcasts.get(destination)
    if limited:
        network = topology.network_of(sender.address)
    if source == NO_ADDRESS and not limited:
        what = f"no host sends from {NO_ADDRESS} to {destination}: who has no address yet asks all of a network"
        raise ValueError(f"{what}\nsay to: {LIMITED_BROADCAST}")
    if limited and service.proto != "udp":
        raise ValueError(f"only udp is sent to {LIMITED_BROADCAST}, but {service.text} is {service.proto}")
    if network is None or service.proto != "udp":
        return None
    members = topology.on_network(network)
    device = next((interface for node, interface, _ in members if node == sender.node), None)
    if device is None:
        return None
    others = dict.fromkeys(node for node, _, _ in members if node != sender.node)
    if not others:
        raise ValueError(f"nobody but {sender.node} is on network {network}, so nobody hears what is sent to {destination}")
    tested = [node for node in others if node in under_test]
    return ToMany(device, tuple(wanted) or tuple(tested) or tuple(others))
