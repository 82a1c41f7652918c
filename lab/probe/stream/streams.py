"""Streams: packets of many flows, sent without pause while something else happens in the lab."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self, TypeVar

from lab.errors import MeasurementError, Problem
from lab.kernel.stage.rest import Pin
from lab.kernel.watch.stream_table import Passed, Signature, StreamTable
from lab.probe.question import SOURCE_PORTS
from lab.probe.stage import Stage
from lab.probe.stream.agreement import Captured, disagreements
from lab.probe.stream.arrivals import Arrivals
from lab.probe.stream.ears import Ears, Heard
from lab.probe.stream.flows import Flows
from lab.probe.stream.load import Load, NewFlows, Out, Segments, Ways, send
from lab.probe.stream.signs import MARKS, MOST_STREAMS, Reader, Segment, first_packet, port_of, signature
from lab.probe.stream.stand_ins import StandIns, unreached
from lab.probe.stream.stream import Stream
from lab.record.window import Moment, Streamed, StreamOf

T = TypeVar("T")

AT_REST = 16  # pulses before, and as many afterwards: what rules remember may show in them
_PRIORITY = -20  # the highest (setpriority(2))
_FRAMES = 1 << 13  # of each ring
_PACKETS = 500_000  # that are remembered, each in a quarter of a kilobyte or two
_PACES = ((0.8, 0.05), (0.6, 0.005), (0.3, 0.001))  # once that share of all pulses is used they are so many seconds apart


def _nothing() -> None:
    """What follows where nothing was changed."""


@contextmanager
def _first_in_line() -> Iterator[None]:
    """While inside, the calling thread is not kept waiting by what else runs on its processor, where it may ask for that."""
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    try:
        os.setpriority(os.PRIO_PROCESS, thread, _PRIORITY)
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, thread, before)


class Streams:
    """Sends one packet of each of ``streams`` with each `pulse`, and a segment each way of each of ``flows``, which it opens.

    ``at`` is the node under test.  What is begun here has sent `AT_REST` pulses at rest; `end` sends as many again.  Until then
    the lab's trace is silent, and the thread is kept on one processor: what happens meanwhile is done `during` pulses.
    Raises MeasurementError where the lab cannot send, or what was sent, captured and counted does not agree.

    >>> with Streams(lab.stage, "gateway", streams) as running:
    ...     running.mark("iptables-restore")
    ...     done = running.during(lambda: run(gateway, ["iptables-restore"], rules))
    ...     streamed = running.end()
    """

    def __init__(self, stage: Stage, at: str, streams: Sequence[Stream], flows: Sequence[Stream] = ()) -> None:
        self._stage, self._at = stage, at
        self._mark = MARKS[int.from_bytes(stage.nonce()[-2:], "big") % len(MARKS)]
        self._begun: list[int] = []
        self._moments: list[Moment] = []
        self._pin = Pin()
        self._ended = False
        self._left = {
            stream.name: why for stream in streams if (why := stream.unsent or unreached(stage, stream.question))
        }  # fmt: skip
        sent = [stream for stream in streams if stream.name not in self._left]
        if len({stream.question for stream in sent}) < len(sent):
            raise ValueError("two streams are alike")
        self._sound(len(sent) + 2 * len(flows))
        with ExitStack() as undo:
            undo.enter_context(self._pin)
            self._flows = Flows(stage, flows)
            undo.callback(self._flows.close)
            self._left |= self._flows.left_out
            self._silence = undo.enter_context(ExitStack())
            self._silence.enter_context(stage.instrument.silence())
            self._ways = Ways(stage)
            undo.callback(self._ways.close)
            self._new = self._with_a_way(sent)
            self.streams: tuple[StreamOf, ...] = (*(stream.of() for stream in self._new), *self._flows.of())
            self._stand_ins = StandIns(stage, (stream.question for stream in self._new))
            undo.callback(self._stand_ins.close)
            segments = self._flows.segments
            self._loads = self._make_loads(segments)
            signatures = [signature(stream.question.proto, self._mark, number) for number, stream in enumerate(self._new)]
            signatures += [segment.signature for segment in segments]
            self._ears = self._listen(segments)
            undo.callback(self._ears.close)
            self._tables = self._count(signatures, undo)
            self._arrivals = Arrivals(self._new, segments)
            undo.callback(self._forget)
            self._losses = stage.instrument.losses()
            self._most = min(len(SOURCE_PORTS), _PACKETS // max(1, len(self.streams)))
            self._per_drain = max(1, self._ears.room // (4 * max(1, len(self.streams))))
            stage.instrument.backlog_overflowed()
            self._pulse_at_rest()
            self._undo = undo.pop_all()
        self._first = self._last = len(self._begun)
        self._start = time.time_ns()

    def _sound(self, count: int) -> None:
        network = self._stage.network
        if count >= MOST_STREAMS:
            raise MeasurementError(Problem(f"{count:,} streams are too many", mend=f"name less than {MOST_STREAMS:,}"))
        bridge = next((name for name, spec in network.topology.nodes.items() if spec.bridges), None)
        if bridge is not None:
            what = f"{bridge} is a bridge, whose packets are not counted where those of routers are"
            raise MeasurementError(Problem(what, mend="rehearse without streams"))

    def _with_a_way(self, streams: Sequence[Stream]) -> list[Stream]:
        """Those whose sender has a way to their destination."""
        ends = [end for stream in streams for end in (stream.question.source, stream.question.destination)]
        self._stage.network.take_on(ends)
        found = []
        for stream in streams:
            try:
                self._ways.out(stream.question.node, stream.question.destination)
            except OSError as error:
                self._left[stream.name] = f"{stream.question.node} cannot send it: {error.strerror}"
            else:
                found.append(stream)
        return found

    def _make_loads(self, segments: Sequence[Segment]) -> list[Load]:
        new: dict[tuple[Out, int], list[bytes]] = {}
        for number, stream in enumerate(self._new):
            question = stream.question
            way = self._ways.out(question.node, question.destination)
            new.setdefault((way, question.proto), []).append(first_packet(question, self._mark, number))
        old: dict[Out, list[bytes]] = {}
        for segment, node in zip(segments, self._flows.nodes, strict=True):
            old.setdefault(self._ways.out(node, segment.destination), []).append(segment.packet())
        loads: list[Load] = [NewFlows(way, proto, packets) for (way, proto), packets in new.items()]
        return [*loads, *(Segments(way, packets) for way, packets in old.items())]

    def _listen(self, segments: Sequence[Segment]) -> Ears:
        instrument, nodes = self._stage.instrument, dict(self._stage.network.nodes)
        said = {segment.said: len(self._new) + number for number, segment in enumerate(segments)}
        senders = {stream.node for stream in self.streams} | self._stand_ins.at
        protocols = {(stream.question.family, stream.question.proto) for stream in (*self._new, *self._flows.streams)}
        return Ears(nodes, instrument.nodes, senders, self._mark, Reader(self._mark, said), _FRAMES, protocols)

    def _count(self, signatures: Sequence[Signature], undo: ExitStack) -> dict[str, StreamTable]:
        tables = {}
        for name in self._stage.instrument.nodes:
            tables[name] = StreamTable(self._stage.network.nodes[name].namespace, signatures)
            undo.callback(tables[name].remove)
        return tables

    @property
    def pulses_left(self) -> int:
        """How many there can still be: each takes a source port of its own, and room for what is heard of it."""
        return self._most - len(self._begun)

    def pulse(self) -> None:
        """Send one packet of each stream, as soon as their pace allows."""
        number = len(self._begun)
        if number == self._most:
            what = f"the streams have used up their {number:,} pulses"
            raise MeasurementError(Problem(what, mend="let what happens meanwhile be less, or the streams fewer"))
        pace = next((seconds for share, seconds in _PACES if number >= share * self._most), 0.0)
        if pace:
            time.sleep(max(0.0, pace - (time.time_ns() - self._begun[-1]) / 1e9))
        self._begun.append(time.time_ns())
        port = port_of(number)
        for load in self._loads:
            load.write(number, port)
            send(load, self._stage)
        self._ears.make_room(rings=number % self._per_drain == 0)

    def _pulse_at_rest(self) -> None:
        self._stage.network.rest()
        for _ in range(AT_REST):
            self.pulse()
            self._stage.network.rest()

    def mark(self, label: str, ns: int | None = None) -> None:
        """Name this moment, or the one ``ns`` nanoseconds after the epoch; the first that is named is T+0."""
        now = time.time_ns() if ns is None else ns
        if not self._moments:
            self._start = now
        self._moments.append(Moment(label, now))

    def during(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, done by another thread, on other processors where there are any, while this one pulses.

        The first pulse is sent before it begins and the last when it has ended.  It may `mark` what it does.
        """
        self.pulse()
        own = self._pin.others or os.sched_getaffinity(0)
        with ThreadPoolExecutor(1, initializer=os.sched_setaffinity, initargs=(0, own)) as pool:
            doing = pool.submit(work)
            with _first_in_line():
                while not doing.done():
                    self.pulse()
                self.pulse()
            return doing.result()

    def end(self, follow: Callable[[], None] = _nothing) -> Streamed:
        """What became of every packet, once the network is at rest and has been asked so again.

        ``follow`` is called when the trace speaks again, before the flows that were there are asked whether they go on:
        to read the rules that are in force by then, so that who stops a flow is named.
        """
        self._last = len(self._begun)
        self._pulse_at_rest()
        captured = Captured()
        for told in self._ears.heard():
            self._arrivals.add(told)
            if isinstance(told, Heard):
                captured.add(told, self.streams[told.stream].node)
        sent = [len(self._begun)] * len(self.streams)
        counted = {name: table.read() for name, table in self._tables.items()}
        self._agree(sent, captured, counted)
        packets = self._arrivals.packets(self._begun, len(self.streams))
        self._ended = True
        self._silence.close()
        follow()
        return Streamed(
            self._at, self.streams, packets, self._first, self._last, self._start, tuple(self._begun),
            tuple(self._moments), self._flows.asked_again(), self._left,
        )  # fmt: skip

    def _agree(self, sent: Sequence[int], captured: Captured, counted: dict[str, list[Passed]]) -> None:
        wrong = disagreements(self.streams, sent, captured, counted)
        if wrong and self._stage.instrument.backlog_overflowed():
            wrong.append("a processor's backlog overflowed meanwhile")
        if wrong:
            raise MeasurementError(Problem(f"what was sent and what was counted differ: {'; '.join(wrong)}"))
        full = Counter({
            node: times - self._losses.get((node, counter), 0)
            for (node, counter), times in self._stage.instrument.losses().items() if counter == "drop"
        })  # fmt: skip
        for node, times in full.items():
            if times:
                what = f"{node}: conntrack refused {times:,} packets, as its table was full: no rule did that"
                raise MeasurementError(Problem(what, mend="let less streams run, or for less time"))

    def _forget(self) -> None:
        """Have conntrack forget the flows of the streams, and no others."""
        self._arrivals.forget(self._stage, len(self._begun), told=self._ended)

    def close(self) -> None:
        """Let go of everything; the flows that were opened are cut off."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
