"""A sweep: one packet for each of many keys, sent in pieces, each piece brought to rest and read before the next.

A piece is what surely finds room in every buffer that has to tell of it.  Whatever overflows is detected, and the piece is sent
again in smaller ones; what stays unsound is said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lab.kernel.watch.paths import Passage
from lab.kernel.watch.tracer import Overrun
from lab.probe.stage import Stage
from lab.record.observation import Refusal
from lab.record.sweep import Arrived, Counts, Gear
from lab.sweep.catch import Catch
from lab.sweep.lane import Lanes
from lab.sweep.train import DISTINCT, MARK_AT, SweepQuestion, key_of

REPEATS = 3  # of one piece, each in halves of the one before
PIECE = 8192
_MESSAGES = 16  # of the trace, that a packet is taken to cause until it is known
_LEAST = 6
_FLOWS = 16_384  # packets after which conntrack's entries are let go


@dataclass(slots=True)
class Piece:
    """What was seen of the packets of ``keys``, once all of them were at rest.

    ``passages`` are their ways through the traced nodes, ``others`` those of packets that are none of theirs, as an answer is;
    ``counts`` what each node's rules ate: whichever was measured.  ``lost`` tells that conntrack refused some.  ``faults`` say
    why nothing of it is sound.
    """

    keys: Sequence[int]
    arrived: Mapping[int, Arrived] = field(default_factory=dict)
    refused: Mapping[int, Refusal | None] = field(default_factory=dict)
    twice: frozenset[int] = frozenset()
    passages: Mapping[int, list[tuple[str, Passage]]] = field(default_factory=dict)
    others: Sequence[Passage] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)
    lost: bool = False
    repeats: int = 0
    faults: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether counting can prove anything of it."""
        return not (self.faults or self.lost or self.twice)


class Sweeper:
    """Sends one question's packets, with the help of another ``processor`` if one is named; to be used in ``with``.

    ``alone`` sends each packet only when the one before is at rest, and its flow forgotten.
    """

    def __init__(self, stage: Stage, question: SweepQuestion, processor: int | None, *, alone: bool = False) -> None:
        self._stage, self._question, self._alone = stage, question, alone
        self._mark = int.from_bytes(stage.nonce()[-2:], "big") % 0xFFFE + 1
        aims = (end for aim in question.aims for end in (aim.source, aim.destination))
        stage.network.take_on((question.source, question.destination, *question.sources, *aims))
        with ExitStack() as undo:
            self._lanes = Lanes(stage, question, self._mark, processor)
            undo.callback(self._lanes.close)
            self._catch = Catch(dict(stage.network.nodes), question, self._mark)
            undo.callback(self._catch.close)
            self._undo = undo.pop_all()
        self._messages = float(_MESSAGES)
        self._flows = 0
        self._turn = 0

    def traced(self, keys: Sequence[int]) -> Iterator[Piece]:
        """The keys in pieces, every packet traced."""
        start = 0
        while start < len(keys):
            part = self._part(keys, start, int(self._stage.instrument.room * 0.8 / self._messages))
            start += len(part)
            yield from self._until_sound(part, self._trace)

    def _part(self, keys: Sequence[int], start: int, room: int = PIECE) -> Sequence[int]:
        """The next keys that surely find room, and of which no two have the same source port."""
        most = 1 if self._alone else max(1, min(PIECE, room, self._catch.room))
        part = keys[start : start + most]
        if self._question.varied:
            turn = keys[start] // DISTINCT
            part = [key for key in part if key // DISTINCT == turn]
            if turn != self._turn:
                self.forget()  # the source ports begin anew
                self._turn = turn
        return part

    @contextmanager
    def counting(self, gear: Gear) -> Iterator[Callable[[Sequence[int]], Iterator[Piece]]]:
        """What sends keys in pieces that are counted, in the rule gear rule by rule, and not traced."""
        instrument, proto = self._stage.instrument, self._question.proto
        with instrument.counting(proto, MARK_AT[proto], self._mark) as read:

            def counted(keys: Sequence[int]) -> Iterator[Piece]:
                start = 0
                while start < len(keys):
                    part = self._part(keys, start)
                    start += len(part)
                    yield from self._until_sound(part, lambda part: self._count(part, read, gear))

            yield counted
        self.forget()

    def silence(self) -> AbstractContextManager[None]:
        """Trace nothing while inside."""
        return self._stage.instrument.silence()

    def _until_sound(self, keys: Sequence[int], measure: Callable[[Sequence[int]], Piece], repeat: int = 0) -> Iterator[Piece]:
        piece = measure(keys)
        self._forget(piece)
        if not piece.faults or repeat == REPEATS:
            piece.repeats = repeat
            yield piece
            return
        half = (len(keys) + 1) // 2
        for part in (keys[:half], keys[half:]):
            if part:
                yield from self._until_sound(part, measure, repeat + 1)

    def _trace(self, keys: Sequence[int]) -> Piece:
        instrument = self._stage.instrument
        faults: list[str] = []
        found: dict[int, list[tuple[str, Passage]]] = {}
        others: list[Passage] = []
        self._send(keys)
        try:
            passages = instrument.passages()
            self._messages = max(_LEAST, 1.5 * instrument.told / len(keys))
            for node, passage in passages:
                key = key_of(passage.entry[1], self._question.proto, self._mark)
                if key is None:
                    others.append(passage)
                else:
                    found.setdefault(key, []).append((node, passage))
        except Overrun:
            faults.append("the trace buffer overflowed")
            self._drain()
            self._messages *= 2
        return self._read(keys, faults, passages=found, others=others)

    def _drain(self) -> None:
        """Read what other nodes' traces still hold: it is of a piece that is sent again."""
        while True:
            try:
                self._stage.instrument.passages()
            except Overrun:
                continue
            return

    def _count(self, keys: Sequence[int], read: Callable[[Gear], Mapping[str, Counts]], gear: Gear) -> Piece:
        before, refused = read(gear), self._stage.instrument.losses()
        self._send(keys)
        counts = {node: now.since(before[node]) for node, now in read(gear).items()}
        lost = any(
            value != refused[place]
            for place, value in self._stage.instrument.losses().items()
            if place[1] not in ("insert", "invalid")
        )
        return self._read(keys, [], counts=counts, lost=lost)

    def _send(self, keys: Sequence[int]) -> None:
        """Send a packet for each key, and return when the network is at rest."""
        self._catch.clear()
        self._stage.instrument.backlog_overflowed()
        self._lanes.send(keys)

    def _read(
        self, keys: Sequence[int], faults: list[str], *, passages: Mapping[int, list[tuple[str, Passage]]] | None = None,
        others: Sequence[Passage] = (), counts: Mapping[str, Counts] | None = None, lost: bool = False,
    ) -> Piece:  # fmt: skip
        self._catch.listen()
        if self._catch.overflowed():
            faults.append("a receiver's buffer overflowed")
        if self._stage.instrument.backlog_overflowed():
            faults.append("a processor's backlog overflowed")
        return Piece(
            keys, self._catch.arrived, self._catch.refused, frozenset(self._catch.twice), passages or {}, others, counts or {},
            lost, faults=tuple(faults),
        )  # fmt: skip

    def _forget(self, piece: Piece) -> None:
        """Let conntrack forget the flows before its table is full, or a repeat would meet them.

        What was denied counts too: a node before the one that denied it knows of the flow.
        """
        self._flows += len(piece.keys)
        if self._flows > _FLOWS or self._alone or piece.faults:
            self.forget()

    def forget(self) -> None:
        """Let conntrack of every node forget all flows: to be called before keys are sent once more, or they meet their own."""
        self._stage.instrument.forget_all_flows()
        self._flows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let conntrack forget what is left, and close everything."""
        self._stage.instrument.forget_all_flows()
        self._undo.close()
