"""What looks at one node of a lab that is up: its trace, and by which rules that is told, whoever changes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from lab.errors import MeasurementError, Problem
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.stage.rest import Pin
from lab.kernel.watch.arming import arm
from lab.kernel.watch.between import Between
from lab.kernel.watch.lost import messages_lost
from lab.kernel.watch.paths import Passage
from lab.record.path import Rule
from lab.ruleset.backend import Backend

_LOOPBACK_CROSSINGS = 2  # one is enough: a canary crosses the loopback once


class Lately(Between):
    """The rules of ``before`` and of ``now``, where rules were put between others: one that moved is the same one."""

    def numbered(self, family: str, table: str, chain: str, number: int) -> Rule | None:
        """The rule with this handle; where it may be one of two, both are named."""
        now = self._now.numbered(family, table, chain, number)
        before = self._before.numbered(family, table, chain, number)
        if now is not None and before is not None and now.text == before.text:
            return now
        return super().numbered(family, table, chain, number)


class Eye:
    """Looks at ``node``, every packet of which is traced from now until `close`.

    Raises MeasurementError where it is blind, or another process reads the trace: that of ip_tables one alone can.
    """

    def __init__(self, network: Network, node: Node, rules: RuleIndex, backend: Backend) -> None:
        self.node = node
        self._rules, self._by_handle = rules, backend is Backend.NFT
        self._trace = arm(node, rules, backend, bridges=bool(network.topology.nodes[node.name].bridges))
        self._under_way = 0
        self._lost = 0
        self._shut = ExitStack()
        try:
            self._trace.table.trace(everything=True)
            self._require_sight(network)
        except BaseException:
            self.close()
            raise

    def _require_sight(self, network: Network) -> None:
        with Pin():
            self._trace.send_canaries()
            network.fence.pass_by(_LOOPBACK_CROSSINGS)
            trouble = self._trace.canary_trouble()
        if trouble is not None:
            raise MeasurementError(Problem(f"{self.node.name}: {trouble}"))

    @property
    def descriptor(self) -> int:
        """Readable when something is told."""
        return self._trace.descriptor

    @property
    def under_way(self) -> bool:
        """Whether a packet has entered of which no end is told yet."""
        return self._under_way > 0

    def passages(self, *, past_fence: bool = False) -> list[Passage]:
        """The packets whose way has ended; ``past_fence`` those too that were under way before: more is told of none.

        Raises tracer.Overrun where some were lost.
        """
        over, self._under_way = self._under_way if past_fence else 0, 0
        found, self._under_way = self._trace.so_far(over)
        return found

    def lost(self) -> int:
        """How many messages the kernel had no room for since this was asked last."""
        before, self._lost = self._lost, messages_lost(self.node.namespace, self.descriptor)
        return self._lost - before

    @contextmanager
    def retold(self, rules: RuleIndex) -> Iterator[None]:
        """While inside, what is told is of packets that may have met the rules of before or these; then it is of these.

        A rule of ip_tables has no handle but its number: there it is told by these.
        """
        self._trace.retell(Lately(self._rules, rules) if self._by_handle else rules)
        yield
        self._trace.retell(rules)
        self._rules = rules

    def shut(self) -> None:
        """Trace nothing until `open`; what was told before can still be had."""
        self._shut.enter_context(self._trace.table.silence())

    def pause(self) -> None:
        """Let others ask."""
        self._trace.pause()

    def open(self) -> None:
        """Look again; what was told meanwhile is let go."""
        self._trace.resume()
        self._shut.close()
        self._under_way = 0

    def close(self) -> None:
        """Look no more."""
        for close in self._trace.closers():
            close()
        with suppress(OSError):  # its table is gone: nothing need be put back into it
            self._shut.close()
