"""TCP to a program of a node, which answers for itself."""

from __future__ import annotations

import socket as sockets

from lab.kernel.stage.socket_table import tcp_sockets
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.probe.ways.handshake import Connection
from lab.record.observation import Arrival, Milestone


class Client(Connection):
    """A connection of which the lab has the client's end alone; where the other is, the kernel's table of sockets tells."""

    __slots__ = ()

    @property
    def channel(self) -> sockets.socket:
        """The client's socket."""
        return self._client

    def open(self, seen: Sighting) -> bool:
        """The handshake; whether a program of a node has the connection."""
        if not self._is_answered(seen):
            return False
        self._connected, seen.progress, seen.met = True, Milestone.CONNECTED, True
        self.arrival = self._stage.eventually(lambda: _arrival(self._stage, seen))
        return self.arrival is not None

    def closed(self) -> None:
        """The other end has closed it, in order."""
        self._connected = False


def _arrival(stage: Stage, seen: Sighting) -> Arrival | None:
    """The socket of a program whose other end is the connection's client, as its packets bore it on their way."""
    heads = [head for path in seen.read_trace().request for head in (path.entry, path.exit) if head is not None]
    clients = {(head.source, head.sport) for head in (seen.sent, *heads)}
    for name, spec in stage.network.topology.nodes.items():
        node = stage.network.nodes[name]
        for found in tcp_sockets(node) if spec.programs or node.programs else ():
            if (found.peer, found.peer_port) in clients:
                return Arrival(name, found.address, found.port, found.peer, found.peer_port)
    return None
