"""What a packet needed on its way and the topology lacks."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from lab.record.observation import Observation, Unresolved
from lab.record.path import End
from lab.written.topology import Topology
from lab.written.words import is_loopback


def missing_address(
    topology: Topology, sender: str, seen: Observation, unresolved: Sequence[Unresolved]
) -> str | None:
    """The address that the request's first packet was on its way to and no node of the topology has; None if there is none.

    ``unresolved`` are the neighbours that did not answer.  One of them that was asked for by the node that the
    packet was at last is a router on its way, or its destination.
    """
    last = seen.request[-1] if seen.request else None
    if seen.arrived or seen.refusal or seen.reached or (last is not None and last.end not in (End.LEFT, End.VANISHED)):
        return None
    node, header = (sender, seen.sent) if last is None else (last.node, last.exit or last.entry)
    asked = [one.address for one in unresolved if one.node == node]
    return next((address for address in (*asked, header.destination) if _nobody(topology, address)), None)


def _nobody(topology: Topology, text: str) -> bool:
    """Link-local and loopback addresses, those of groups and of everybody are nobody's in a topology, and yet heard."""
    address = ip_address(text)
    heard = address.is_link_local or is_loopback(str(address)) or not topology.can_send(text)
    return not (heard or topology.owners(text))
