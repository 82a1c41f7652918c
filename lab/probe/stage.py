"""What every probe needs: the network, its instrument, the receivers, and ports that nobody else uses."""

from __future__ import annotations

import errno
import os
import socket as sockets
from collections.abc import Callable
from ipaddress import ip_address
from itertools import count
from typing import TypeVar

from lab.errors import InputError, Problem
from lab.kernel.ground.limits import SPARE_KINDS, SPARE_SOCKETS
from lab.kernel.ground.user import files_of, set_mark
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.watch.instrument import Instrument
from lab.kernel.watch.routing import Routing
from lab.probe.frames import Frames
from lab.probe.listeners import TRANSPARENT
from lab.probe.question import SOURCE_PORTS, Question
from lab.probe.receivers import Proxied, Receivers
from lab.probe.refusal import RECEIVE_ERRORS
from lab.probe.taps import Taps
from lab.record.path import Path
from lab.written.words import is_loopback

T = TypeVar("T")


class Stage:
    """Holds the `receivers` of a lab and what its probes and sweeps send from, until `close`.

    ``links`` are the segments that each node is on, ``bridges`` the nodes that are bridges.  Where the network is ``shared``
    with other processes the services are opened by who has the turn, and source ports begin anywhere.  ``proxied`` gives the
    ports by node that rules hand packets to as to a transparent proxy, 0 for any.
    """

    def __init__(
        self, network: Network, instrument: Instrument, proxied: Callable[[], Proxied] = dict, *, shared: bool = False
    ) -> None:
        self.network = network
        self.instrument = instrument
        self.links = {
            name: frozenset(one for one, segment in network.topology.segments.items() if name in dict(segment.ends))
            for name in network.nodes
        }
        self.bridges = frozenset(name for name, spec in network.topology.nodes.items() if spec.bridges)
        self._next_port: dict[str, int] = {}
        self._nonces = count(1)
        self._salt = os.urandom(4)
        self._first_port = SOURCE_PORTS[int.from_bytes(self._salt, "big") % len(SOURCE_PORTS) if shared else 0]
        self._spare: dict[tuple[str, int, int], list[sockets.socket]] = {}
        self.frames, self.taps = Frames(), Taps()
        self.routing = Routing(network)
        self.receivers = Receivers(network, proxied)
        if not shared:
            self.receivers.serve()

    def nonce(self) -> bytes:
        """Sixteen bytes that no other probe has."""
        return b"lab:" + self._salt + next(self._nonces).to_bytes(8, "big")

    def source_port(self, address: str) -> int:
        """The next source port of ``address``, one of `SOURCE_PORTS`: each is used once before any is used again.

        A flow that is over can be sent anew: its entries are forgotten, and nothing of it lingers at its ends.
        """
        port = self._next_port.get(address, self._first_port)
        self._next_port[address] = port + 1 if port + 1 < SOURCE_PORTS.stop else SOURCE_PORTS.start
        return port

    def bind(self, channel: sockets.socket, question: Question) -> int:
        """Bind to the question's source address and its port, or the next that no service of the node has; the port.

        Raises InputError when the row's own port is taken, or all of them are.
        """
        for _ in SOURCE_PORTS:
            port = question.sport or self.source_port(question.source)
            try:
                channel.bind(self.own_end(question, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if question.sport:
                    what = f"{question.node} cannot send from port {port}: a service of its own has it"
                    raise InputError(Problem(what, mend="choose another `sport`")) from error
            else:
                return port
        what = f"{question.node} has no port left to send from: services of its own have {SOURCE_PORTS[0]}-{SOURCE_PORTS[-1]}"
        raise InputError(Problem(what, mend="give it fewer `services`"))

    def own_end(self, question: Question, port: int = 0) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address that the question is sent from, as sockets have it: a link-local one with its interface.

        Raises InputError when a link-local source and the destination are not on one network.
        """
        if question.family == 4 or not ip_address(question.source).is_link_local:
            return question.source, port
        network = self.network.topology.network_of(question.destination)
        ports = self.network.nodes[question.node].ports.values()
        index = next((own.index for own in ports if own.network == network), None)
        if index is None:
            what = f"{question.source} reaches its own network alone, and {question.destination} is on none of {question.node}"
            raise InputError(Problem(what, mend="send it to a neighbour"))
        return question.source, port, 0, index

    def sender(self, question: Question, kind: int, protocol: int = 0) -> sockets.socket:
        """A socket that sends from the question's source address, owned by its node or not, and is told of errors."""
        node = self.network.nodes[question.node]
        raw = kind == sockets.SOCK_RAW
        # a raw socket is made anew, as it hears everything from the moment it is there
        family, domain = question.family, question.domain
        if question.uid is not None:
            with files_of(question.uid):
                channel = node.socket(domain, kind, protocol)
        else:
            channel = node.socket(domain, kind, protocol) if raw else self._spare_socket(node, domain, kind)
        channel.setsockopt(*RECEIVE_ERRORS[family], 1)
        if question.mark:
            set_mark(channel, question.mark)
        if question.source not in node.addresses:
            _stand_for(channel, question.source)
        return channel

    def receiver(self, name: str, address: str, domain: int) -> sockets.socket:
        """A socket for a connection that has arrived at an address of a node, its own or not."""
        node = self.network.nodes[name]
        channel = node.socket(domain, sockets.SOCK_STREAM)
        if address not in node.addresses:
            _stand_for(channel, address)
        return channel

    def _spare_socket(self, node: Node, domain: int, kind: int) -> sockets.socket:
        """One of several that were made in one visit to the node, as each visit costs two system calls.

        A node that is asked to send once makes one: each is an open file, and a topology may have a thousand nodes.
        """
        key = node.name, domain, kind
        spare = self._spare.pop(key, None)
        if spare is None:
            while len(self._spare) >= SPARE_KINDS:
                for channel in self._spare.pop(next(iter(self._spare))):
                    channel.close()
            spare = node.sockets(1, domain, kind)
        elif not spare:
            spare = node.sockets(SPARE_SOCKETS, domain, kind)
        self._spare[key] = spare
        return spare.pop()

    def eventually(self, attempt: Callable[[], T | None]) -> T | None:
        """What ``attempt`` gives, now or when the network is at rest; None only if it is at rest and there is nothing."""
        found = attempt()
        if found is None:
            self.network.rest()
            found = attempt()
        return found

    def next_nodes(self, path: Path) -> frozenset[str]:
        """The nodes on the segments that a packet left ``path``'s node for; by a bridge it may leave for any of its ports."""
        if path.out is None:
            return frozenset()
        if path.turned_back:
            return frozenset((path.node,))
        network = self.network.nodes[path.node].ports[path.out].network
        segments = self.network.topology.segments.values()
        ends = (dict(segment.ends) for segment in segments if segment.network == network)
        return frozenset(node for nodes in ends if path.node in nodes for node in nodes) - {path.node}

    def close(self) -> None:
        """Close every service."""
        for spare in self._spare.values():
            for channel in spare:
                channel.close()
        self.frames.close()
        self.taps.close()
        self.receivers.stop_serving()


def _stand_for(channel: sockets.socket, address: str) -> None:
    """Let a socket speak from an address that its node does not have."""
    if not is_loopback(address):
        channel.setsockopt(*TRANSPARENT[6 if ":" in address else 4], 1)
