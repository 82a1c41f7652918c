"""From what dumps say of hosts to a topology that stands for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from lab.errors import InputError, Problem, Where
from lab.record.host import Host
from lab.twin.depends import depends
from lab.twin.devices import Devices, devices_of
from lab.twin.fits import check_interfaces
from lab.twin.named import constants_of
from lab.twin.peers import WHOLE, Beyond, Peer, beyond, needs_of, peer_of
from lab.twin.routing import Routing, routing_of
from lab.twin.settings import forwards, guessed_forwarding, settings_of
from lab.twin.twin import Guess, Twin
from lab.twin.wires import Wire, Wires, a_name, without_taken
from lab.written.policy import ENDINGS, Instead, Piped
from lab.written.routing_checks import check_routes, check_rules
from lab.written.topology import Topology
from lab.written.topology_checks import check_topology
from lab.written.words import Network

HOST, INTERNET, BEHIND = "host", "internet", "behind"
"""The roles of a twin's nodes: a host, who stands for the rest of the world, and who is behind another interface."""


def twin_of(hosts: Sequence[Host], guesses: Sequence[Guess] = ()) -> Twin:
    """The twin of ``hosts``, joined where they share a network; ``guesses`` are those that were made to have them.

    Raises InputError where rules are of another host, or what was dumped cannot be built.
    """
    by_name = _named(hosts)
    warnings = [note for host in by_name.values() if (note := check_interfaces(host)) is not None]
    devices = without_taken({name: devices_of(host) for name, host in by_name.items()})
    for name, found in devices.items():
        if not found.there:
            raise InputError(Problem(f"{name} has no interface that a lab can have", by_name[name].at))
    routings = {name: routing_of(host, devices[name]) for name, host in by_name.items()}
    nodes_of = {host.name: name for host, name in zip(hosts, by_name, strict=True)}
    guessed = [replace(guess, host=nodes_of.get(guess.host, guess.host)) for guess in guesses]
    notes = [*warnings, *(note for host in hosts for note in (*host.notes, *depends(host)))]
    notes += [note for found in devices.values() for note in found.notes]
    notes += [note for found in routings.values() for note in found.notes]
    wires = _wires(devices, routings, notes)
    peers = _peers(by_name, wires, routings)
    nodes = {name: _node(host, devices[name], routings[name], wires, peers, guessed) for name, host in by_name.items()}
    nodes |= {peer.name: _peer_node(peer) for peer in peers.values()}
    topology = _topology("-".join(by_name), by_name, wires, nodes, notes)
    behind = {
        name: {device: peers[wire.name].name for device in devices[name].there if (wire := wires.of(name, device)) is not None}
        for name in by_name
    }
    policies = {name: policies_of(host) for name, host in by_name.items()}
    return Twin(topology, by_name, policies, tuple(guessed), tuple(dict.fromkeys(notes)), behind)


def _named(hosts: Sequence[Host]) -> dict[str, Host]:
    """The hosts by the names that their nodes have: words that a topology can have for a node, each once."""
    found: dict[str, Host] = {}
    for host in hosts:
        name = a_name(host.name, HOST)
        if name in found:
            what = f"two hosts are called {name}"
            raise InputError(Problem(what, host.at, "give each snapshot once; where they are two, rename one"))
        found[name] = replace(host, name=name)
    if not found:
        raise InputError(Problem("there is no host to make a twin of"))
    return found


def _wires(devices: Mapping[str, Devices], routings: Mapping[str, Routing], notes: list[str]) -> Wires:
    needs = {
        (host, device): of
        for host, routing in routings.items()
        for device, of in needs_of(devices[host].there, routing).items()
    }
    return Wires({host: found.there for host, found in devices.items()}, needs, notes)


def _peers(hosts: Mapping[str, Host], wires: Wires, routings: Mapping[str, Routing]) -> dict[str, Peer]:
    """Who is behind each network, by its name."""
    constants = {address for host in hosts.values() for address in constants_of(host)}
    own = {address for wire in wires for family in (4, 6) for address in wire.addresses(family)}
    found = beyond(wires, routings, own)
    preferred = _preferred(wires, routings, found)
    peers: dict[str, Peer] = {}
    names = _peer_names(wires, hosts)
    first = next((preferred[whole] for whole in WHOLE.values() if whole in preferred), None)
    first = first or next((wire.name for wire in wires if found[wire.name].everything), None)
    for number, wire in enumerate(wires):
        same_as = names[first] if first is not None and wire.name != first else None
        interface = next(iter(wire.ends))[1]
        peers[wire.name] = peer_of(
            wire, found[wire.name], interface, name=names[wire.name], constants=constants, preferred=preferred, same_as=same_as,
            number=number,
        )
    return peers


def _peer_names(wires: Wires, hosts: Mapping[str, Host]) -> dict[str, str]:
    """The name of who is behind each network, by its name."""
    found: dict[str, str] = {}
    for wire in wires:
        name = f"{BEHIND}-{wire.name}"
        while name in hosts or name in found.values():
            name += "-"
        found[wire.name] = name
    return found


def _preferred(wires: Wires, routings: Mapping[str, Routing], found: Mapping[str, Beyond]) -> dict[Network, str]:
    """The network by which the hosts' own routing leads to each prefix that several peers stand for."""
    chosen: dict[Network, str] = {}
    prefixes = {prefix for there in found.values() for prefix in there.prefixes}
    for host, routing in routings.items():
        for family, whole in WHOLE.items():
            asked = [(None, whole), *((prefix, prefix) for prefix in prefixes if prefix.version == family)]
            for asked_for, prefix in asked:
                device = routing.best(asked_for, family)
                wire = None if device is None else wires.of(host, device)
                if wire is not None:
                    chosen.setdefault(prefix, wire.name)
    return chosen


def _node(
    host: Host, devices: Devices, routing: Routing, wires: Wires, peers: Mapping[str, Peer], guesses: list[Guess]
) -> dict[str, Any]:
    interfaces: dict[str, Any] = {}
    for name, device in devices.there.items():
        wire = wires.of(host.name, name)
        assert wire is not None
        interfaces[name] = _interface(wire, [str(one) for one in device.addresses], device.mac, device.mtu)
        local = peers[wire.name].host_link_local
        if local is not None and next(iter(wire.ends)) == (host.name, name):
            interfaces[name]["link-local"] = local
    four, six = forwards(host, 4), forwards(host, 6)
    if four is None and six is None and (guess := guessed_forwarding(host)) is not None:
        guesses.append(guess)
        four = True
    node: dict[str, Any] = {"role": HOST, "interfaces": interfaces, "forwards": bool(four if four is not None else six)}
    settings = dict(settings_of(host, devices))
    if six is not None and six != node["forwards"]:
        settings["net.ipv6.conf.all.forwarding"] = str(int(six))
    return _with(node, routes=list(routing.routes), rules=list(routing.rules), sysctls=settings)


def _interface(wire: Wire, addresses: Sequence[str], mac: str | None, mtu: int | None) -> dict[str, Any]:
    link = "point-to-point" if wire.point_to_point else None
    return _with({"network": wire.name}, address=list(addresses), mac=None if link else mac, mtu=mtu, link=link)


def _peer_node(peer: Peer) -> dict[str, Any]:
    (_, interface), end = next(iter(peer.wire.ends.items()))
    there = _interface(peer.wire, peer.addresses, None, end.mtu)
    there = _with(there, **{"link-local": peer.link_local})
    role = INTERNET if peer.everything else BEHIND
    node = {"role": role, "interfaces": {interface: there}}
    return _with(node, anyip=list(peer.anyip), via=peer.via, routes=list(peer.routes), **{"same-as": peer.same_as})


def _with(node: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The same with those of ``keys`` that say something."""
    return node | {key: value for key, value in keys.items() if value not in (None, [], {})}


def policies_of(host: Host) -> tuple[Instead, ...]:
    """What the node is given for its policy, in the order in which it is loaded."""
    return tuple(Piped(kind, host.rulesets[kind].text, host.rulesets[kind].shown) for kind in ENDINGS if kind in host.rulesets)


def _topology(
    name: str, hosts: Mapping[str, Host], wires: Wires, nodes: Mapping[str, Any], notes: list[str]
) -> Topology:
    """The topology of what a file would say, without the hosts' routes and rules that cannot be on it, which is noted.

    Raises InputError with all else that is wrong in it.
    """
    written: dict[str, Any] = {
        "topology": name,
        "about": f"The twin of {' and '.join(hosts)}, made of what was dumped there.",
        "networks": {wire.name: [str(prefix) for prefix in wire.prefixes] for wire in wires},
        "nodes": dict(nodes),
    }
    at = next(iter(hosts.values())).at
    topology = _validated(written, at)
    for host in hosts:
        node = topology.nodes[host]
        if any((*check_routes(topology, host, node), *check_rules(topology, host, node))):
            written["nodes"][host] = nodes[host] | _that_can_be(topology, host, notes)
    problems = list(check_topology(topology := _validated(written, at)))
    if overlap := next((one for one in problems if " overlaps " in one.what), None):
        what = f"the networks of {' and '.join(hosts)} overlap, and none is a part of the other: {overlap.what}"
        raise InputError(Problem(what, at, "take the dumps of one moment, or leave one of the hosts out"))
    if problems:
        raise InputError([Problem(f"the twin of {name}: {one.what}", at, one.mend) for one in problems])
    return topology


def _validated(written: Mapping[str, Any], at: Where | None) -> Topology:
    try:
        return Topology.model_validate(written)
    except ValidationError as error:
        of = f"the twin of {written['topology']}"
        raise InputError([
            Problem(f"{of}: {'.'.join(map(str, one['loc']))}: {one['msg']}", at) for one in error.errors()
        ]) from None


def _that_can_be(topology: Topology, host: str, notes: list[str]) -> dict[str, Any]:
    """The routes and rules of a host that its node can have."""
    node = topology.nodes[host]
    routes, rules = [], []
    for route in node.routes:
        problem = next(check_routes(topology, host, node.model_copy(update={"routes": (route,)})), None)
        if problem is None:
            routes.append(route)
        else:
            notes.append(f"{host}: not in the lab: {problem.what.removeprefix(f'node {host}: ')}")
    for rule in node.rules:
        problem = next(check_rules(topology, host, node.model_copy(update={"rules": (rule,)})), None)
        if problem is None or (rule.goto is not None and any(other.priority == rule.goto for other in node.rules)):
            rules.append(rule)
        else:
            notes.append(f"{host}: not in the lab: {problem.what.removeprefix(f'node {host}: ')}")
    return {"routes": routes, "rules": rules}
