"""Which traced nodes a packet must have come through to be where it is known to have come, by the topology alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from itertools import pairwise

from lab.probe.stage import Stage
from lab.record.observation import Observation, came_through
from lab.record.path import End, Path

_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


def unseen_nodes(stage: Stage, sender: str, observation: Observation) -> tuple[str, ...]:
    """The traced nodes that ``observation`` says nothing of, though the request of node ``sender`` must have crossed them.

    Nothing but the links of the topology leads from node to node, and only traced nodes forward or bridge: so there is a way
    over nodes that told of the request, or one that did not tell has let it through.
    """
    if any(path.end is End.STOLEN for path in observation.request):
        # what a rule takes over goes on as another packet, or from under the stack
        return ()
    if observation.to_many:
        # who heard it first is on the sender's own network, and who has no address sends past its own rules
        at = None if observation.arrived is None else observation.arrived.at
        untold = at in stage.instrument.nodes and at not in _told(observation)
        return (at,) if at is not None and untold else ()
    known = [observation.toward or sender, *(path.node for path in observation.request)]
    if (last := _furthest(stage, observation)) is not None:
        known.append(last)
    if len(known) == 1:
        return ()
    watched, links = stage.instrument.nodes, stage.links
    told = _told(observation) if observation.others else {path.node for path in observation.request}
    if silent := tuple(dict.fromkeys(name for name in known if name in watched and name not in told)):
        return silent
    if all(one == other or not links[one].isdisjoint(links[other]) for one, other in pairwise(known)):
        return ()
    return _between(stage, sender, known[-1], told, observation.sent.family)


def _told(observation: Observation) -> set[str]:
    """The nodes whose trace tells of the request, behind a translation too."""
    sent = observation.sent
    alike = (path for path in observation.others if (path.entry.proto, path.entry.flags) == (sent.proto, sent.flags))
    return {path.node for path in (*observation.request, *alike)}


def _furthest(stage: Stage, observation: Observation) -> str | None:
    """The node that the request is known to have come to, where that is beyond the last one whose trace tells of it."""
    if observation.arrived is not None:
        return observation.arrived.at
    if observation.reached is not None:
        return observation.reached
    last = observation.request[-1] if observation.request else None
    if came_through(observation) is None or (last is not None and last.end is not End.LEFT):
        return None
    destination = (observation.sent if last is None else last.exit or last.entry).destination
    owner = stage.network.topology.owner(destination)
    return owner if last is None else _taker(stage, last, destination, owner)


def _taker(stage: Stage, last: Path, destination: str, owner: str | None) -> str | None:
    """Who took a packet in that left for the network of the owner, or for one on which another node stands for the address.

    A node of anyip takes what comes to it, whoever else has a longer prefix of it elsewhere; None where several might have.
    """
    near = stage.next_nodes(last)
    if owner in near:
        return owner
    takers = [name for name in near if stage.network.topology.stands_for(name, ip_address(destination))]
    return owner if not takers else takers[0] if len(takers) == 1 else None


def _between(stage: Stage, sender: str, last: str, told: set[str], family: int) -> tuple[str, ...]:
    """The silent nodes of which one must have let the packet through to ``last``; none where it can be reached without them."""
    watched = stage.instrument.nodes
    routers = {name for name, node in stage.network.nodes.items() if node.sysctls.get(_FORWARDING[family]) == "1"}
    forwards = routers | stage.bridges
    silent = {name for name in forwards if name in watched and name not in told}
    reached = _reached(stage.links, sender, forwards - silent)
    if last in reached:
        return ()
    edge = sorted(silent & reached)
    enough = [name for name in edge if last in _reached(stage.links, sender, forwards - silent | {name})]
    return tuple(enough or edge)


def _reached(links: Mapping[str, Collection[str]], sender: str, through: set[str]) -> set[str]:
    """The nodes that a packet of ``sender`` can come to over nodes of ``through``."""
    on_network: dict[str, set[str]] = {}
    for name, networks in links.items():
        for network in networks:
            on_network.setdefault(network, set()).add(name)
    reached, waiting = {sender}, [sender]
    while waiting:
        for network in links[waiting.pop()]:
            new = on_network[network] - reached
            reached |= new
            waiting += new & through
    return reached
