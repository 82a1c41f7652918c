"""The instrument: the trace and conntrack of every watched node, read together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.closing import side_by_side
from lab.kernel.ground.syscalls import Ready
from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.stage.neighbour_tables import NeighbourTables
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.stage.rest import Backlog, Pin
from lab.kernel.watch.arming import arm
from lab.kernel.watch.between import Between
from lab.kernel.watch.conntrack import ConntrackChannel
from lab.kernel.watch.count_table import CountTable
from lab.kernel.watch.counters import Counted, packets
from lab.kernel.watch.drop_reason import DropReasons
from lab.kernel.watch.legacy_trace import LegacyTrace
from lab.kernel.watch.log_groups import LogGroups
from lab.kernel.watch.nft_trace import NftTrace
from lab.kernel.watch.paths import Passage
from lab.kernel.watch.queues import AllQueues
from lab.kernel.watch.watch import Trace, Watch
from lab.record.path import Path
from lab.record.sweep import Counts, Gear
from lab.ruleset.backend import Backend

_LOOPBACK_CROSSINGS = 2  # one is enough: a canary crosses the loopback once
_CANARY_REPEATS = 3  # at most, as `Network.rest` has it


class Instrument:
    """Watches the nodes that `watch` was called for until `close`; ``nodes`` are these by name.

    ``traces_everything`` tells that every packet is traced at the moment, as `everything` has it, ``reads_counters`` that the
    counters of rules are wanted of each question.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._watches: dict[str, Watch] = {}
        self.nodes: Mapping[str, Watch] = MappingProxyType(self._watches)
        self.traces_everything = False
        self.reads_counters = False
        self._ready: Ready | None = None
        self._backlog = Backlog()
        self._dropped = self._backlog.dropped()
        self._neighbours = NeighbourTables()
        self._queues = AllQueues(network)
        self._reasons: DropReasons | None = None
        self._logs: LogGroups | None = None

    def watch(
        self, node: Node, rules: RuleIndex, backend: Backend = Backend.NFT, *, zoned: bool = False, always: bool = False
    ) -> None:
        """Arm the trace in ``node``, whose conntrack may be ``zoned``; raises MeasurementError when its canary is not seen.

        With ``always`` every packet is traced there from now on, whatever else is asked for.  Raises InputError for a bridge
        whose rules are held by ip_tables: what its log tells of a packet does not say which of several looks it was.
        """
        self.forget(node.name)
        trace = arm(node, rules, backend, bridges=bool(self.network.topology.nodes[node.name].bridges))
        self._ready = None
        trace.queues = self._queues.of(node.name)
        self._watches[node.name] = Watch(trace, ConntrackChannel(node.name, node.namespace, zoned=zoned), rules, always)
        trace.table.trace(everything=always or self.traces_everything)
        self._canary(node.name)

    @contextmanager
    def exchange(self, name: str, *, ingress: bool = False) -> Iterator[None]:
        """While inside, a node's rules are exchanged and `retell` is told the new ones; the trace never stands still.

        ``ingress`` tells that some of them may stand at ingress.  What was told before is named by the rules of before, what
        is told after by those of now.  A packet that another thread or process has under way meanwhile is named too, by both
        rules where it may be one of two (`between.Between`).
        Raises MeasurementError when the network cannot be brought to rest, or the trace is blind afterwards.
        """
        watch = self._watches[name]
        if ingress:
            self._see_ingress(name)
        with Pin():
            self.network.rest()
            watch.trace.settle(going_on=True)
        yield

    def _see_ingress(self, name: str) -> None:
        trace = self._watches[name].trace
        if isinstance(trace, NftTrace):
            trace.table.see_ingress(("lo", *self.network.nodes[name].ports))

    def retell(self, name: str, rules: RuleIndex) -> None:
        """Name what is told from now on by other rules."""
        watch = self._watches[name]
        watch.trace.retell(Between(watch.rules, rules))
        with Pin():
            self.network.rest()
            watch.trace.settle(going_on=False)
        watch.trace.retell(rules)
        watch.rules = rules
        if self._logs is not None:
            self._logs.listen(self.network.nodes[name], rules.logging, watch.trace)
        self._canary(name, keep=True)

    def suit(self, name: str, *, zoned: bool, always: bool, ingress: bool) -> None:
        """Watch a node as its rules need it from now on; see `watch`."""
        if ingress:
            self._see_ingress(name)
        watch, node = self._watches[name], self.network.nodes[name]
        watch.always = always
        watch.trace.table.trace(everything=always or self.traces_everything)
        if zoned != watch.conntrack.zoned:
            watch.conntrack.close()
            watch.conntrack = ConntrackChannel(name, node.namespace, zoned=zoned)

    def forget(self, name: str) -> None:
        """Stop watching a node."""
        watch, self._ready = self._watches.pop(name, None), None
        if watch is not None:
            for close in watch.closers():
                close()

    def canary(self) -> None:
        """Raises MeasurementError when the instrument is blind in a watched node."""
        for name in self._watches:
            self._canary(name)

    def resume(self) -> None:
        """Begin to ask nodes that other processes asked since `pause`."""
        for watch in self._watches.values():
            watch.trace.resume()
        self._queues.resume()

    def pause(self) -> None:
        """Let other processes ask the nodes."""
        for watch in self._watches.values():
            watch.trace.pause()
        self._queues.pause()

    def _canary(self, name: str, *, keep: bool = False) -> None:
        """The canaries of one node, sent once more only if a processor's backlog was full: then they may not have come in.

        One of them takes its way through the backlog of the processor that it was sent on, however long that one is busy
        elsewhere (ksoftirqd).  So the thread stays there, and a fence that queues behind it has to arrive first.
        """
        trace, before = self._watches[name].trace, self._backlog.dropped()
        with Pin():
            for _ in range(_CANARY_REPEATS + 1):
                try:
                    trace.send_canaries()
                except OSError as error:
                    raise _no_loopback(name, error) from error
                self.network.fence.pass_by(_LOOPBACK_CROSSINGS)
                trouble = trace.canary_trouble(keep=keep)
                if trouble is None:
                    return
                now = self._backlog.dropped()
                if now == before:
                    break
                before = now
        raise MeasurementError(Problem(f"{name}: {trouble}: what was measured since the last canary proves nothing"))

    def paths(self) -> Sequence[Path]:
        """The paths of all packets since the last call, node by node; raises tracer.Overrun when some were lost."""
        found: list[Path] = []
        for trace in self._with_something_to_tell():
            found += trace.paths()
        return self._queues.told(found) if self._queues.read else found

    def _with_something_to_tell(self) -> list[Trace]:
        """The traces that have: to read each of many that have nothing takes longer than a probe."""
        traces = [watch.trace for watch in self._watches.values()]
        if len(traces) == 1:
            return traces
        self._ready = self._ready or Ready([trace.descriptor for trace in traces])
        ready = self._ready.now()
        return [trace for trace in traces if trace.keeps or trace.descriptor in ready]

    def passages(self) -> Sequence[tuple[str, Passage]]:
        """The same for many packets that went few ways, each with its node."""
        return self._queues.told_of_many(
            [(name, passage) for name, watch in self._watches.items() for passage in watch.trace.passages()]
        )

    @property
    def room(self) -> int:
        """How many messages of one node can wait, at least."""
        rooms = [watch.trace.room for watch in self._watches.values()]
        return min(rooms if self._queues.room is None else [*rooms, self._queues.room], default=1 << 20)

    @property
    def told(self) -> int:
        """How many messages the last reading gave, of the node that gave most."""
        return max((watch.trace.told for watch in self._watches.values()), default=0)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Trace nothing while inside."""
        with ExitStack() as undo:
            for watch in self._watches.values():
                undo.enter_context(watch.trace.table.silence())
            yield

    @contextmanager
    def counting(self, proto: int, mark_at: int, mark: int) -> Iterator[Callable[[Gear], Mapping[str, Counts]]]:
        """What reads, by watched node, what its rules ate of the packets with a mark, in the rule gear rule by rule."""
        with ExitStack() as undo:
            tables = {}
            for name, watch in self._watches.items():
                watch.counted = tables[name] = watch.counted or CountTable(self.network.nodes[name].namespace)
                undo.callback(tables[name].stop)
                tables[name].start(proto, mark_at, mark)
            yield lambda gear: {
                name: table.every_rule() if gear is Gear.RULE else table.eaten() for name, table in tables.items()
            }

    def forget_all_flows(self) -> None:
        """Delete every entry of conntrack in every watched node."""
        for watch in self._watches.values():
            watch.conntrack.delete_all()

    @contextmanager
    def everything(self) -> Iterator[None]:
        """Trace every packet while inside, not TCP on SYN alone; inside of itself it changes nothing."""
        if self.traces_everything:
            yield
            return
        self.traces_everything = True
        try:
            for watch in self._watches.values():
                watch.trace.table.trace(everything=True)
            yield
        finally:
            self.traces_everything = False
            for watch in self._watches.values():
                watch.trace.table.trace(everything=watch.always)

    @contextmanager
    def drop_reasons(self) -> Iterator[Callable[[], tuple[str, ...]]]:
        """What gives the kernel's own reasons for drops outside the rules; nothing, where it does not tell."""
        collected = self._collected()
        if collected is None:
            yield tuple
            return
        collected.resume()
        try:
            yield collected.read
        finally:
            collected.pause()

    def _collected(self) -> DropReasons | None:
        """What collects reasons for this thread, opened once."""
        if self._reasons is not None and self._reasons.thread != threading.get_native_id():
            self._reasons.close()
            self._reasons = None
        if self._reasons is None:
            self._reasons = DropReasons.open()
        return self._reasons

    @contextmanager
    def log_messages(self) -> Iterator[LogGroups]:
        """What reads the messages of NFLOG in every watched node; inside of itself it is the same one."""
        if self._logs is not None:
            yield self._logs
            return
        self._logs = LogGroups()
        try:
            for name, watch in self._watches.items():
                self._logs.listen(self.network.nodes[name], watch.rules.logging, watch.trace)
            yield self._logs
        finally:
            logs, self._logs = self._logs, None
            logs.close()

    @contextmanager
    def counters(self) -> Iterator[None]:
        """Read the counters of rules before and after each question while inside."""
        before, self.reads_counters = self.reads_counters, True
        try:
            yield
        finally:
            self.reads_counters = before

    def packets(self) -> Counted:
        """What the rules of every watched node counted by now."""
        return Counted({
            name: (watch.rules, packets(
                self.network.nodes[name].namespace, watch.rules, legacy=isinstance(watch.trace, LegacyTrace)
            ))
            for name, watch in self._watches.items()
        })  # fmt: skip

    def losses(self) -> Mapping[tuple[str, str], int]:
        """What conntrack refused so far, by (node, counter)."""
        return {
            (name, counter): value
            for name, watch in self._watches.items()
            for counter, value in watch.conntrack.losses().items()
        }

    def backlog_overflowed(self) -> bool:
        """Whether a processor's backlog dropped packets since the last time this was asked: then rest proves nothing."""
        before, self._dropped = self._dropped, self._backlog.dropped()
        return self._dropped != before

    def neighbours_refused(self, family: int) -> int:
        """How many neighbours the machine's table had no room for so far; 0 where that is not told."""
        return self._neighbours.refused().get(family, 0)

    def close(self, *also: Callable[[], None]) -> None:
        """Take the trace out of every node, and call what is ``also`` to be called.

        The kernel waits some milliseconds for each packet socket and each table that goes, so they go side by side.
        """
        channels = [close for watch in self._watches.values() for close in watch.closers()]
        channels += [] if self._reasons is None else [self._reasons.close]
        self._reasons = None
        self._watches.clear()
        self._queues.close()
        side_by_side(*channels, *also)
        self._backlog.close()
        self._neighbours.close()


def _no_loopback(name: str, error: OSError) -> MeasurementError:
    what = f"{name}: the lab cannot make sure that it sees there: the loopback takes no packet ({error.strerror})"
    return MeasurementError(Problem(what, mend="at that node: ip link set lo up; ip address replace 127.0.0.1/8 dev lo"))
