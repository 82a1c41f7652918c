"""The readers of queues of user space that the lab brings: what rules hand over comes here, and gets its verdict at once.

The kernel goes on with a packet before the verdict's system call returns (nf_reinject), so what a reader let by has been told
of when the call is back.  What is held in a queue is in no backlog: fences do not wait for it, and rest is reached only when
all queues are empty.  Numbers are those of linux/netfilter/nfnetlink_queue.h and linux/netfilter.h.
"""

from __future__ import annotations

import errno
import socket as sockets
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from lab.errors import InputError, MachineError, MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.batch_receive import BatchReceiver
from lab.kernel.ground.headers import read_packet
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.watch.paths import Passage
from lab.kernel.watch.tracer import Overrun, grow_buffer
from lab.record.packet import Packet
from lab.record.path import End, Path, Step
from lab.written.queues import Reader

_SUBSYSTEM = 3  # NFNL_SUBSYS_QUEUE
_PACKET, _VERDICT, _CONFIG = _SUBSYSTEM << 8 | 0, _SUBSYSTEM << 8 | 1, _SUBSYSTEM << 8 | 2
_PACKET_HDR, _VERDICT_HDR, _MARK, _PAYLOAD = 1, 2, 3, 10
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN = 1, 2, 3
_BIND, _UNBIND, _COPY_PACKET = 1, 2, 2
_VERDICTS = {"drop": 0, "accept": 1, "repeat": 4}
_COPIED = 96  # bytes of the packet: both headers
_ROOM = 512  # bytes that the kernel sets aside for one message
_LONGEST = 65_536  # packets that one queue may hold; the kernel drops what comes on top
MESSAGE_BYTES = 1300  # of the socket's buffer for one message, with the room that the kernel sets aside
QUEUE = "queue"


class Answered(NamedTuple):
    """A packet as it came to a queue, and what its reader said."""

    packet: Packet
    queue: int
    word: str


class Queues:
    """The readers of one node, from `bind` to `unbind` or `close`."""

    def __init__(self, node: Node, readers: Mapping[int, Reader]) -> None:
        self._node, self._readers = node.name, readers
        self._socket = node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self.buffer_bytes = grow_buffer(self._socket)
        self._socket.bind((0, 0))
        self._receiver = BatchReceiver(count=64, size=_ROOM)
        self._answered: list[Answered] = []
        self._lost = False
        try:
            self.bind()
        except BaseException:
            self._socket.close()
            raise

    @property
    def room(self) -> int:
        """How many packets can wait, at least."""
        return min(self.buffer_bytes // MESSAGE_BYTES, _LONGEST)

    def bind(self) -> None:
        """Take the queues; MachineError where the kernel has none, MeasurementError where another process reads one."""
        for number in self._readers:
            try:
                self._configure(number, nl.attribute(_CFG_CMD, struct.pack("!BxH", _BIND, sockets.AF_UNSPEC)))
                self._configure(
                    number,
                    nl.attribute(_CFG_PARAMS, struct.pack("!IB", _COPIED, _COPY_PACKET)),
                    nl.number(_CFG_MAXLEN, _LONGEST),
                )
            except OSError as error:
                what = f"{self._node}: queue {number} cannot be read: {error.strerror}"
                if error.errno in (errno.EBUSY, errno.EPERM):
                    raise MeasurementError(Problem(what, mend="one process alone can read a queue at a time")) from error
                raise MachineError(Problem(what, mend="modprobe nfnetlink_queue")) from error
        self._answered, self._lost = [], False

    def unbind(self) -> None:
        """Let the queues go; what is in them is dropped."""
        for number in self._readers:
            with suppress(OSError):
                self._configure(number, nl.attribute(_CFG_CMD, struct.pack("!BxH", _UNBIND, sockets.AF_UNSPEC)))

    def _configure(self, queue: int, *settings: bytes) -> None:
        self._socket.send(nl.message(_CONFIG, nl.NLM_F_ACK, 0, b"".join(settings), resource=queue))
        for kind, data in nl.messages(self._socket.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                nl.raise_for_error(data)

    def serve(self) -> bool:
        """Give its verdict to each packet that waits; whether there was one.

        Raises InputError for a packet that a reader repeats for ever.
        """
        served = False
        while waiting := self._waiting():
            for data in waiting:
                for kind, message in nl.messages(data):
                    if kind == _PACKET:
                        served = True
                        self._answer(message)
        return served

    def _waiting(self) -> list[bytes]:
        try:
            return self._receiver.receive(self._socket.fileno())
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._lost = True  # the kernel dropped what it could not tell of
            return self._receiver.receive(self._socket.fileno())

    def _answer(self, message: bytes) -> None:
        queue = int.from_bytes(message[nl.HEADER - 2 : nl.HEADER], "big")
        reader = self._readers[queue]
        parts = nl.attributes(message, nl.HEADER)
        if reader.word == "repeat" and int.from_bytes(parts.get(_MARK, b""), "big") == reader.mark:
            what = f"{self._node}: what came to queue {queue} bears the mark {reader.mark:#x} already: it is repeated for ever"
            raise InputError(Problem(what, mend="let the rule in front of the queue pass packets with this mark by"))
        packet = parts.get(_PAYLOAD, b"")
        size = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
        self._answered.append(Answered(read_packet(packet[:size], packet[size:]), queue, reader.word))
        verdict = nl.attribute(_VERDICT_HDR, struct.pack("!I4s", _VERDICTS[reader.word], parts[_PACKET_HDR][:4]))
        mark = b"" if reader.mark is None else nl.number(_MARK, reader.mark)
        self._socket.send(nl.message(_VERDICT, 0, 0, verdict + mark, resource=queue))

    def take(self) -> list[Answered]:
        """What was answered since the last call; raises tracer.Overrun where packets were lost."""
        answered, self._answered = self._answered, []
        if self._lost:
            self._lost = False
            raise Overrun
        return answered

    def close(self) -> None:
        """Let go of the queues; what is in them is dropped."""
        self._socket.close()


class AllQueues:
    """The readers of all nodes of a network; with them there, it is at rest when nothing waits in a queue.

    ``read`` tells whether there are any.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._of: dict[str, Queues] = {}
        try:
            for name, spec in network.topology.nodes.items():
                if spec.queues is not None and spec.queues.readers:
                    self._of[name] = Queues(network.nodes[name], spec.queues.readers)
        except BaseException:
            self.close()
            raise
        self.read = bool(self._of)
        if self.read:
            network.serve = self._serve

    def of(self, node: str) -> Queues | None:
        """Those of a node, if any of its queues is read."""
        return self._of.get(node)

    def _serve(self) -> bool:
        return any(queues.serve() for queues in self._of.values())

    @property
    def room(self) -> int | None:
        """How many packets can wait at one node, at least; None where no queue is read."""
        return min((queues.room for queues in self._of.values()), default=None)

    def told(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Paths with what readers said meanwhile; raises tracer.Overrun where packets were lost."""
        if not self._of:
            return paths
        answered = {name: queues.take() for name, queues in self._of.items()}
        return [with_answers(path, answered.get(path.node, [])) for path in paths]

    def told_of_many(self, passages: Sequence[tuple[str, Passage]]) -> Sequence[tuple[str, Passage]]:
        """The same of many packets: what was said to one is a part of its story."""
        if not self._of:
            return passages
        answered = {name: queues.take() for name, queues in self._of.items()}
        return [(name, _passage(one, answered[name]) if name in answered else one) for name, one in passages]

    def resume(self) -> None:
        """Read the queues that other processes read since `pause`."""
        for queues in self._of.values():
            queues.bind()
        if self._of:
            self._network.serve = self._serve

    def pause(self) -> None:
        """Let other processes read them."""
        for queues in self._of.values():
            queues.unbind()
        if self._of:
            self._network.serve = None

    def close(self) -> None:
        """Read nothing any more; what is in a queue is dropped."""
        if self._of:
            self._network.serve = None
        for queues in self._of.values():
            queues.close()


def _passage(passage: Passage, answered: list[Answered]) -> Passage:
    path = with_answers(passage.path(), answered)
    said = tuple(step.verdict for step in path.steps if step.verdict.startswith(QUEUE))
    return passage._replace(story=(passage.story, said), path=lambda: path) if said else passage


def with_answers(path: Path, answered: list[Answered]) -> Path:
    """The path of a packet with what readers said to it at each queue; what was ``answered`` is taken out of the list."""
    if not answered or not any(step.verdict == QUEUE for step in path.steps):
        return path
    steps: list[Step] = []
    for number, step in enumerate(path.steps):
        said = _said(path.head(number), answered) if step.verdict == QUEUE else None
        if said is not None:
            answered.remove(said)
        steps.append(step if said is None else step._replace(verdict=f"{QUEUE} {said.queue} {said.word}"))
    end = path.end
    if end is End.QUEUED and steps[-1].verdict != QUEUE:
        end = End.DROPPED if steps[-1].verdict.endswith(" drop") else End.VANISHED
    return replace(path, steps=tuple(steps), end=end)


def _said(packet: Packet, answered: list[Answered]) -> Answered | None:
    return next((one for one in answered if one.packet == packet), None)
