"""How a sweep's packets go out: from one processor, or from two at once, each with fences of its own."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.batch_send import BatchSender
from lab.kernel.ground.families import ADDRESS_FAMILIES, ETHERTYPES
from lab.kernel.stage.node import Port
from lab.kernel.stage.rest import FenceLane
from lab.probe.stage import Stage
from lab.sweep.train import SweepQuestion, Train

BURST = 256  # packets between two fences: a processor's backlog holds 1,000 or more (net.core.netdev_max_backlog)
_WORTH_TWO = 4 * BURST  # packets from which on a second processor is asked to help
_HDRINCL = {4: (sockets.IPPROTO_IP, 3), 6: (sockets.IPPROTO_IPV6, 36)}


class Lane:
    """Sends one question's packets from the thread that calls, the first or the second, until `close`."""

    def __init__(self, stage: Stage, question: SweepQuestion, mark: int, fence: FenceLane, thread: int) -> None:
        self._fence, self._fences, self._links = fence, stage.network.fences_to_rest, stage.network.diameter
        with ExitStack() as undo:
            channel, link = _way_out(stage, question, thread, undo)
            self._train = Train(question, mark, link, BURST)
            self._sender = BatchSender(channel.fileno(), self._train.buffer, self._train.size)
            self._undo = undo.pop_all()

    def send(self, keys: Sequence[int]) -> None:
        """Send a packet for each key; what this processor has under way is at rest then."""
        for start in range(0, len(keys), BURST):
            part = keys[start : start + BURST]
            self._train.load(part)
            first = 0
            while (first := self._sender.send(first, len(part))) < len(part):
                self._fence.pass_by(1)
            self._fence.pass_by(self._links)
        self._fence.pass_by(self._fences)

    def close(self) -> None:
        """Close what is not kept."""
        self._undo.close()


class Lanes:
    """One lane, or two where ``processor`` names one that may help and is worth it, until `close`."""

    def __init__(self, stage: Stage, question: SweepQuestion, mark: int, processor: int | None) -> None:
        self._stage, self._question, self._mark, self._processor = stage, question, mark, processor
        self._other: tuple[Lane, ThreadPoolExecutor] | None = None
        self._undo = ExitStack()
        self._own = Lane(stage, question, mark, stage.network.fence.own, 0)
        self._undo.callback(self._own.close)

    def _open_other(self, processor: int) -> tuple[Lane, ThreadPoolExecutor]:
        lane = Lane(self._stage, self._question, self._mark, self._stage.network.fence.other, 1)
        self._undo.callback(lane.close)
        pool = ThreadPoolExecutor(1, initializer=os.sched_setaffinity, initargs=(0, {processor}))
        self._undo.callback(pool.shutdown)
        return lane, pool

    def send(self, keys: Sequence[int]) -> None:
        """Send a packet for each key, and return when the network is at rest."""
        if self._processor is None or len(keys) < _WORTH_TWO:
            self._own.send(keys)
            return
        self._other = lane, pool = self._other or self._open_other(self._processor)
        half = len(keys) // 2
        helping = pool.submit(lane.send, keys[half:])
        try:
            self._own.send(keys[:half])
        finally:
            helping.result()
        # a packet that waited for a neighbour may have gone over to this processor
        self._stage.network.rest()

    def close(self) -> None:
        """Close the sockets; a thread that helps ends first."""
        self._undo.close()


def _way_out(stage: Stage, question: SweepQuestion, thread: int, undo: ExitStack) -> tuple[sockets.socket, bytes]:
    """A socket for a ``thread`` to send from, and the link header that it needs; ``undo`` closes what is not kept.

    Frames go past the sender's own rules, which a node that is watched has: there the packets take the whole way.
    """
    node = stage.network.nodes[question.node]
    hop = None if node.name in stage.instrument.nodes else _first_hop(stage, question)
    if hop is not None:
        own, other = hop
        return stage.frames.of(node, own, thread), other.mac + own.mac + ETHERTYPES[question.family]
    channel = node.socket(ADDRESS_FAMILIES[question.family], sockets.SOCK_RAW, sockets.IPPROTO_RAW)
    undo.callback(channel.close)
    channel.setsockopt(*_HDRINCL[question.family], 1)
    try:
        channel.connect((question.destination, 0))
    except OSError as error:
        what = f"{question.node} cannot send to {question.destination}: {error.strerror}"
        raise MeasurementError(Problem(what, mend="probe one port to see why")) from error
    return channel, b""


def _first_hop(stage: Stage, question: SweepQuestion) -> tuple[Port, Port] | None:
    """The sender's interface and its neighbour's on the way; None where the sender's kernel has to find it itself."""
    topology, nodes = stage.network.topology, stage.network.nodes
    node = nodes[question.node]
    spec = topology.nodes[node.name]
    if spec.routes or spec.rules or question.family == 6:
        # an IPv6 neighbour has to be asked for, which a policy may not let through
        return None
    for near in (question.destination, topology.next_hop(node.name, question.family)):
        network = topology.network_of(near) if near else None
        own = next((port for port in node.ports.values() if port.network == network), None)
        if near and own is not None:
            ports = (port for other in nodes.values() for port in other.ports.values() if port.network == network)
            neighbour = next((port for port in ports if near in port.addresses and port is not own), None)
            return None if neighbour is None else (own, neighbour)
    return None
