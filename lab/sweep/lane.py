"""How a sweep's packets go out: from one processor, or from two at once, each with fences of its own."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.batch_send import BatchSender
from lab.kernel.ground.families import ADDRESS_FAMILIES, ETHERTYPES
from lab.kernel.stage.rest import FenceLane
from lab.probe.first_hop import HDRINCL, first_hop
from lab.probe.stage import Stage
from lab.sweep.train import SweepQuestion, Train

BURST = 256  # packets between two fences: a processor's backlog holds 1,000 or more (net.core.netdev_max_backlog)
_WORTH_TWO = 4 * BURST  # packets from which on a second processor is asked to help


class _Way(NamedTuple):
    """A socket, the link header that it needs, and where it has to be connected to first; None where it needs neither."""

    channel: sockets.socket
    link: bytes
    to: str | None


class Lane:
    """Sends one question's packets from the thread that calls, the first or the second, until `close`."""

    def __init__(self, stage: Stage, question: SweepQuestion, mark: int, fence: FenceLane, thread: int) -> None:
        self._fence, self._fences, self._links = fence, stage.network.fences_to_rest, stage.network.diameter
        self._question, self._mark = question, mark
        self._loads: dict[bytes, tuple[Train, BatchSender]] = {}  # by the link header
        with ExitStack() as undo:
            out = _Out(stage, question, thread, undo)
            self._ways = {destination: out.way(destination) for destination in question.destinations}
            if not question.aims:
                _connect(self._ways[question.destination], question)
            self._undo = undo.pop_all()

    def send(self, keys: Sequence[int]) -> None:
        """Send a packet for each key; what this processor has under way is at rest then.

        Of many destinations one may have no way there: its packets are seen nowhere, and single probes say why.
        """
        for way, part in self._by_way(keys):
            if self._question.aims:
                try:
                    _connect(way, self._question)
                except MeasurementError:
                    continue
            self._send(way, part)
        self._fence.pass_by(self._fences)

    def _by_way(self, keys: Sequence[int]) -> Iterable[tuple[_Way, Sequence[int]]]:
        if not self._question.aims:
            return [(self._ways[self._question.destination], keys)]
        found: dict[_Way, list[int]] = {}
        for key in keys:
            found.setdefault(self._ways[self._question.destination_of(key)], []).append(key)
        return found.items()

    def _send(self, way: _Way, keys: Sequence[int]) -> None:
        if way.link not in self._loads:
            made = Train(self._question, self._mark, way.link, BURST)
            self._loads[way.link] = made, BatchSender(made.buffer, made.size)
        train, sender = self._loads[way.link]
        for start in range(0, len(keys), BURST):
            part = keys[start : start + BURST]
            train.load(part)
            first = 0
            while (first := sender.send(way.channel.fileno(), first, len(part))) < len(part):
                self._fence.pass_by(1)
            self._fence.pass_by(self._links)

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


class _Out:
    """The ways out of a question's sender for one ``thread``; ``undo`` closes what of them is not kept.

    Frames go past the sender's own rules, which a node that is watched has: there the packets take the whole way.
    """

    def __init__(self, stage: Stage, question: SweepQuestion, thread: int, undo: ExitStack) -> None:
        self._stage, self._family, self._thread, self._undo = stage, question.family, thread, undo
        self._by_gateway = question.by_gateway
        self._node = stage.network.nodes[question.node]

    def way(self, destination: str) -> _Way:
        """The way to one destination."""
        watched = self._node.name in self._stage.instrument.nodes
        to = None if self._by_gateway else destination
        hop = None if watched else first_hop(self._stage, self._node, to, self._family)
        if hop is None:
            return _Way(self._raw, b"", destination)
        own, other = hop
        channel = self._stage.frames.of(self._node, own, self._thread)
        return _Way(channel, other.mac + own.mac + ETHERTYPES[self._family], None)

    @cached_property
    def _raw(self) -> sockets.socket:
        channel = self._node.socket(ADDRESS_FAMILIES[self._family], sockets.SOCK_RAW, sockets.IPPROTO_RAW)
        self._undo.callback(channel.close)
        channel.setsockopt(*HDRINCL[self._family], 1)
        return channel


def _connect(way: _Way, question: SweepQuestion) -> None:
    """MeasurementError where the sender has no way there."""
    if way.to is not None:
        try:
            way.channel.connect((way.to, 0))
        except OSError as error:
            what = f"{question.node} cannot send to {way.to}: {error.strerror}"
            raise MeasurementError(Problem(what, mend="probe one port to see why")) from error
