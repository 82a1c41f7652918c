"""Rest: the state of the network in which no packet is under way.

A veth hands packets to the other side through the backlog of the sender's processor, first in, first out.  A datagram
that crosses a veth pair of its own queues behind whatever is pending; when it has arrived, every packet that was pending
has crossed one link further.  After enough of these *fences* nothing is under way.  That holds on one processor, so the
thread is pinned, and only while no backlog overflowed, so the kernel's counters are compared.
"""

from __future__ import annotations

import os
import socket as sockets
from functools import cached_property
from types import TracebackType

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.namespace import Home
from lab.kernel.ground.rtnetlink import carry_out
from lab.kernel.ground.syscalls import readable
from lab.kernel.stage import addressing
from lab.kernel.stage.baseline import write_sysctls
from lab.kernel.stage.neighbours import add_permanent, entry
from lab.kernel.stage.node import Node
from lab.kernel.stage.wiring import LinkEnd, Wiring

FENCE_DEADLINE_S = 1.0
_INTERFACE = "fence"
_ONE, _TWO, _PORT = "169.254.7.1", "169.254.7.2", 9
_QUIET = {"net.ipv6.conf.default.disable_ipv6": "1"}
_SOFTNET = "/proc/net/softnet_stat"


class Fence:
    """Sends fences in two hidden nodes of its own; they must be brought up like any other."""

    def __init__(self, home: Home, wiring: Wiring) -> None:
        self.nodes = (Node("fence 1", home), Node("fence 2", home))
        for node in self.nodes:
            write_sysctls(node.name, node.namespace, _QUIET)
        ends = [LinkEnd(node, _INTERFACE, (f"{own}/30",)) for node, own in zip(self.nodes, (_ONE, _TWO), strict=True)]
        wiring.connect(_INTERFACE, ends)
        self._open: list[FenceLane] = []

    def bring_up(self) -> None:
        """Give the links their addresses; each end knows the other's for good, so that no fence waits for an answer."""
        ports = [node.ports[_INTERFACE] for node in self.nodes]
        for node, own, other in zip(self.nodes, ports, reversed(ports), strict=True):
            carry_out(node.name, node.namespace, [*addressing.interfaces(node, {_INTERFACE: [f"{own.addresses[0]}/30"]})])
            add_permanent(node.namespace, own.index, [entry(other.addresses[0], other.mac)])

    def open(self) -> None:
        """Make the sockets; the links must be up."""
        self.pass_by(1)

    @cached_property
    def own(self) -> FenceLane:
        """The fences of the thread that holds the lab."""
        return self._lane()

    @cached_property
    def other(self) -> FenceLane:
        """Those of a thread on another processor: what is under way there only they can push on."""
        return self._lane()

    def _lane(self) -> FenceLane:
        self._open.append(FenceLane(*self.nodes, port=_PORT + len(self._open)))
        return self._open[-1]

    def pass_by(self, crossings: int) -> None:
        """As `FenceLane.pass_by`, from the thread that holds the lab."""
        self.own.pass_by(crossings)

    def close(self) -> None:
        """Close the sockets and let the hidden nodes go."""
        for lane in self._open:
            lane.close()
        for node in self.nodes:
            node.close()


class FenceLane:
    """The sockets between two hidden nodes that one thread sends its fences through."""

    def __init__(self, one: Node, two: Node, port: int) -> None:
        self._receiver = two.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self._receiver.bind((_TWO, port))
        self._sender = one.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
        self._sender.connect((_TWO, port))

    def pass_by(self, crossings: int) -> None:
        """Return when every packet under way has crossed that many links; MeasurementError when a fence is lost."""
        send, receive = self._sender.send, self._receiver.recv
        for _ in range(crossings):
            send(b"|")
            while True:
                try:
                    receive(16)
                    break
                except BlockingIOError:
                    if not readable(self._receiver.fileno(), FENCE_DEADLINE_S):
                        raise MeasurementError(
                            Problem(f"a fence did not arrive within {FENCE_DEADLINE_S:g} s: the network does not rest")
                        ) from None

    def close(self) -> None:
        """Close the sockets."""
        self._receiver.close()
        self._sender.close()


class Pin:
    """``with pin:`` keeps the calling thread on one processor of those it may use.

    Each process takes another one, so that labs beside each other do not share a processor while others idle.
    """

    def __init__(self) -> None:
        self._allowed: set[int] = set()

    @property
    def others(self) -> list[int]:
        """The processors that the calling thread may use too and is kept off."""
        return sorted(self._allowed - os.sched_getaffinity(0))

    def __enter__(self) -> None:
        self._allowed = os.sched_getaffinity(0)
        if len(self._allowed) > 1:
            os.sched_setaffinity(0, {sorted(self._allowed)[os.getpid() % len(self._allowed)]})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.sched_setaffinity(0, self._allowed)


class Backlog:
    """The machine's count of packets that were dropped because a processor's backlog was full (softnet_stat)."""

    def __init__(self) -> None:
        self._descriptor = os.open(_SOFTNET, os.O_RDONLY | os.O_CLOEXEC)

    def dropped(self) -> int:
        """Packets dropped since the machine started, on all processors."""
        lines = os.pread(self._descriptor, 1 << 16, 0).splitlines()
        return sum(int(line.split()[1], 16) for line in lines)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
