"""From the pieces of a sweep to its groups: what every packet proves, and what has to be asked once more."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from lab.kernel.paths import Passage
from lab.probe.follow import follow
from lab.probe.question import Question
from lab.probe.stage import Stage
from lab.probe.sweep import Piece, Sweeper
from lab.probe.train import SYN, SweepQuestion
from lab.record.observation import Observation
from lab.record.observation import Stage as Progress
from lab.record.packet import Packet
from lab.record.sweep import Arrived, Gear, Sweep, SweepGroup, ranges_of
from lab.record.verdict import Kind, Verdict
from lab.ruleset.rule import SavedRule
from lab.verdict.prove import prove
from lab.verdict.remembering import met_by
from lab.verdict.swept import agree, counted_out, delivered, eater, nothing_eaten

_ASKED_ONE_BY_ONE = 4096  # keys of one group, when its first and its last do not agree
_PROVEN = (Kind.CLOSED, Kind.DROPPED, Kind.REJECTED)
Remembering = Sequence[tuple[str, SavedRule]]


@dataclass(slots=True)
class _Way:
    """Keys whose packets met the same; ``each`` tells that every one of them is to be asked alone."""

    verdict: Verdict
    arrived: Arrived | None = None
    unsettled: str | None = None
    ask: bool = False
    each: bool = False
    keys: list[int] = field(default_factory=list)


@dataclass(slots=True)
class SweepTally:
    """What a sweep has come to by now; after an interruption, what was finished."""

    ways: dict[Hashable, _Way] = field(default_factory=dict)
    gear: Gear = Gear.RULE
    repeats: int = 0
    traced: int = 0
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    seconds: float = 0.0

    def groups(self) -> list[SweepGroup]:
        """A group for each way that packets went, down to the last rule that they met."""
        return [
            SweepGroup(ranges_of(sorted(way.keys)), way.verdict, way.arrived, way.unsettled)
            for way in self.ways.values()
            if not way.ask and way.keys
        ]

    def result(self) -> Sweep:
        """The sweep, in groups by verdict, rule and translation."""
        merged: dict[Hashable, list[_Way]] = {}
        for way in self.ways.values():
            if not way.ask and way.keys:
                verdict = way.verdict
                rule = verdict.rule and (verdict.rule.node, verdict.rule.place)
                key = (verdict.kind, verdict.node, rule, verdict.reject, verdict.muted, way.arrived, way.unsettled)
                merged.setdefault(key, []).append(way)
        groups = []
        for ways in merged.values():
            first = min(ways, key=lambda way: min(way.keys))
            keys = sorted(key for way in ways for key in way.keys)
            groups.append(SweepGroup(ranges_of(keys), first.verdict, first.arrived, first.unsettled))
        groups.sort(key=lambda group: group.keys[0])
        return Sweep(tuple(groups), self.gear, self.seconds, self.repeats, self.traced, self.sources, self.notes)


class Sweeping:
    """One sweep under way: ``at`` is the node under test, ``remembering`` the rules with a state of their own on its way."""

    def __init__(
        self, stage: Stage, question: SweepQuestion, at: str | None, ask: Callable[[Question], Verdict],
        remembering: Remembering, tally: SweepTally,
    ) -> None:  # fmt: skip
        self._stage, self._question, self._at, self._ask = stage, question, at, ask
        self._remembering, self._tally = remembering, tally
        self._names: dict[tuple[str, Hashable], int] = {}

    def run(self) -> None:
        """Send everything, and ask once more where a packet's fate is not proven by itself."""
        start = time.perf_counter()
        keys = list(self._question.keys)
        tally = self._tally
        tally.sources = self._question.sources
        with ExitStack() as undo:
            sweeper = Sweeper(self._stage, self._question)
            undo.callback(sweeper.close)
            undo.callback(lambda: setattr(tally, "seconds", time.perf_counter() - start))
            if tally.gear is Gear.VERDICT:
                keys = [key for piece in sweeper.counted(keys) for key in self._count(piece)]
                tally.traced = len(keys)
            for piece in sweeper.traced(keys):
                self._trace(piece)
        self._settle()
        tally.seconds = time.perf_counter() - start

    def _count(self, piece: Piece) -> Sequence[int]:
        """Add a piece that was counted; its keys, if that proves nothing."""
        self._tally.repeats += piece.repeats
        if piece.faults or piece.lost or piece.twice or piece.eaten is None:
            return piece.keys
        denied = [key for key in piece.keys if key not in piece.arrived]
        node = eater(piece.eaten, len(denied))
        if denied and (node is None or self._at not in (None, node)):
            return piece.keys
        if not denied and not nothing_eaten(piece.eaten):
            return piece.keys
        silent = [key for key in denied if key not in piece.refused]
        if silent and node is not None:
            self._add_all(("silent", node), silent, lambda key: counted_out(self._seen(piece, key), node))
        if len(silent) < len(piece.keys):
            for key in piece.keys:
                self._count_one(piece, key, node)
        return ()

    def _count_one(self, piece: Piece, key: int, node: str | None) -> None:
        how, told = piece.arrived.get(key), piece.refused.get(key)
        if how is None:
            if key in piece.refused and node is not None:
                self._add(("told", node, told), key, lambda: _Way(counted_out(self._seen(piece, key), node)))
        elif told is None:
            self._add(("open", how, key in piece.refused), key, lambda: self._to_ask(piece, key, each=key in piece.refused))
        else:
            self._add(("closed", how, told), key, lambda: _Way(delivered(self._seen(piece, key), how.at), how))

    def _trace(self, piece: Piece) -> None:
        self._tally.repeats += piece.repeats
        if piece.faults:
            self._add_all(("lost", piece.faults), piece.keys, lambda key: prove(self._seen(piece, key), self._at))
            return
        for key in piece.keys:
            passages = piece.passages.get(key, ())
            met = tuple((self._name(node, passage.story), _moved(passage)) for node, passage in passages)
            how, told = piece.arrived.get(key), piece.refused.get(key)
            story = (met, how, told, key in piece.refused, key in piece.twice)
            self._add(story, key, lambda key=key: self._proven(piece, key))  # type: ignore[misc]

    def _name(self, node: str, story: Hashable) -> int:
        """A number for what was met at a node: compared ten thousands of times, and told in tens of messages."""
        return self._names.setdefault((node, story), len(self._names))

    def _proven(self, piece: Piece, key: int) -> _Way:
        """What the packet of ``key`` proves by itself; that which it does not is to be asked."""
        seen = self._seen(piece, key)
        how = piece.arrived.get(key)
        verdict = prove(seen, self._at)
        rule = met_by(self._remembering, seen.request)
        unsettled = f"{rule[0]} {rule[1].table}:{rule[1].chain}:{rule[1].number} {rule[1].text}" if rule is not None else None
        if unsettled is None and (verdict.kind not in _PROVEN or key in piece.twice):
            return self._to_ask(piece, key, each=key in piece.refused and piece.refused[key] is None)
        return _Way(verdict, how, unsettled)

    def _to_ask(self, piece: Piece, key: int, *, each: bool) -> _Way:
        return _Way(prove(self._seen(piece, key), self._at), piece.arrived.get(key), ask=True, each=each)

    def _seen(self, piece: Piece, key: int) -> Observation:
        """All that was seen of one packet."""
        question = self._question
        sent = Packet(
            question.family, question.proto, question.source_of(key), question.sport, question.destination,
            question.port_of(key), SYN if question.proto == 6 else 0,
        )  # fmt: skip
        paths = [passage.path() for _, passage in piece.passages.get(key, ())]
        followed = follow(paths, sent, self._stage.next_nodes)
        how = piece.arrived.get(key)
        return Observation(
            sent, Progress.SENT, followed.request, (), followed.others, reached=how.at if how else None,
            refusal=piece.refused.get(key), faults=piece.faults,
        )  # fmt: skip

    def _add(self, story: Hashable, key: int, make: Callable[[], _Way]) -> None:
        way = self._tally.ways.get(story)
        if way is None:
            way = self._tally.ways[story] = make()
        way.keys.append(key)

    def _add_all(self, story: Hashable, keys: Sequence[int], prove_one: Callable[[int], Verdict]) -> None:
        way = self._tally.ways.get(story)
        if way is None:
            way = self._tally.ways[story] = _Way(prove_one(keys[0]))
        way.keys += keys

    def _settle(self) -> None:
        """Ask single probes: of an open service for each port, of other ways for the first and the last key."""
        for way in [way for way in self._tally.ways.values() if way.ask]:
            if not way.each:
                verdicts = [self._probe(key) for key in dict.fromkeys((way.keys[0], way.keys[-1]))]
                if agree(verdicts):
                    way.verdict, way.ask = verdicts[0], False
                    continue
            for key in way.keys[:_ASKED_ONE_BY_ONE]:
                verdict = self._probe(key)
                rule = verdict.rule and verdict.rule.place
                self._add(("asked", id(way), verdict.kind, rule, verdict.node), key, lambda: _Way(verdict, way.arrived))  # noqa: B023
            way.keys, way.ask = way.keys[_ASKED_ONE_BY_ONE:], False
            proof = f"the first and the last of them differ, and more than {_ASKED_ONE_BY_ONE} are not asked one by one"
            way.verdict = replace(way.verdict, kind=Kind.LOST, proof=proof)

    def _probe(self, key: int) -> Verdict:
        question = self._question
        return self._ask(
            Question(question.node, question.source_of(key), question.destination, question.proto, question.port_of(key))
        )


def _moved(passage: Passage) -> Hashable:
    """What the node changed of the headers: addresses, and ports where they are others; None where nothing."""
    if passage.exit is None:
        return None
    entry, leaving = passage.entry, passage.exit
    start = 12 if entry[0][0] >> 4 == 4 else 8
    if entry[0][start:] == leaving[0][start:] and entry[1][:4] == leaving[1][:4]:
        return None
    half = (len(entry[0]) - start) // 2
    parts = (slice(start, start + half), slice(start + half, None))
    addresses = [leaving[0][part] if leaving[0][part] != entry[0][part] else None for part in parts]
    return *addresses, leaving[1][2:4] if leaving[1][2:4] != entry[1][2:4] else None
