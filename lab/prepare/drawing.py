"""The drawing of a topology, or of a lab that was made of it and is up."""

from __future__ import annotations

from ipaddress import ip_interface

from lab.record.drawing import Drawing, DrawnNode, Plug
from lab.record.status import LabStatus, LinkStatus
from lab.written.topology import Topology

_GONE = LinkStatus("", "gone", (), 0)


def drawing_of(topology: Topology, status: LabStatus | None = None) -> Drawing:
    """What is to be drawn; addresses and states of a lab that is up are those of ``status``, whatever was changed there."""
    links = {} if status is None else {node.name: {link.name: link for link in node.links} for node in status.nodes}
    nodes = []
    for name, spec in topology.nodes.items():
        plugs = []
        for interface, on in spec.interfaces.items():
            if status is None:
                plugs.append(Plug(on.network, interface, tuple(map(str, on.addresses))))
            else:
                link = links.get(name, {}).get(interface, _GONE)
                plugs.append(Plug(on.network, interface, _own(link), link.state))
        nodes.append(DrawnNode(name, spec.role, spec.passes_on, tuple(plugs)))
    networks = tuple((name, tuple(map(str, prefixes))) for name, prefixes in topology.networks.items())
    return Drawing(topology.topology, networks, tuple(nodes), "" if status is None else status.name)


def _own(link: LinkStatus) -> tuple[str, ...]:
    """Without the link-local ones, which every interface has."""
    return tuple(address for address in link.addresses if not ip_interface(address).is_link_local)
