"""One sweep from its pieces to its ways: by the gear that can prove it, and single probes where a packet proves too little."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace

from lab.kernel.ground.garbage import without_collection
from lab.kernel.watch.paths import Passage
from lab.probe.crossing import unseen_nodes
from lab.probe.follow import follow
from lab.probe.question import TCP, Question
from lab.probe.stage import Stage
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import Path
from lab.record.sweep import DENIED, Arrived, Gear, is_open
from lab.record.verdict import Kind, Verdict
from lab.sweep.arrival import arrival
from lab.sweep.by_rule import sort_by_rule
from lab.sweep.fates import Fate, SweepTally
from lab.sweep.manner import Manner
from lab.sweep.past import Past, Told, settled
from lab.sweep.pieces import Piece, Sweeper
from lab.sweep.train import SYN, SweepQuestion
from lab.verdict.prove import prove
from lab.verdict.swept import agree, counted_out, delivered, eater, nothing_eaten
from lab.verdict.witnesses import contradiction

_ASKED_ONE_BY_ONE = 4096  # keys of one way
_ALL_ASKED = 256  # keys of one fate, up to which each is asked
_UNANSWERED = (Kind.UNANSWERED, Kind.UNROUTED, Kind.CONSUMED)
_PROVEN = (Kind.CLOSED, *DENIED)


class Sweeping:
    """One sweep under way: ``at`` is the node under test, ``ask`` puts a single question.

    ``past`` is what rules on the way remember, of a key's first packet (``first``) or of others; ``whim`` says of paths which
    rule decides by chance that one of them came to, ``chance`` whether some of these rules may be on the way.
    """

    def __init__(
        self, stage: Stage, question: SweepQuestion, at: str | None, ask: Callable[[Question], Verdict],
        past: Past, whim: Callable[[Iterable[Path]], str | None], tally: SweepTally, *, chance: bool = False,
    ) -> None:  # fmt: skip
        self._stage, self._question, self._at, self._ask = stage, question, at, ask
        self._past, self._whim, self._tally, self._chance = past, whim, tally, chance
        self._names: dict[tuple[str, Hashable], int] = {}

    def run(self, manner: Manner, *, processor: int | None) -> None:
        """Send everything, and ask once more where a packet's fate is not proven by itself.

        ``processor`` is one that may help to send.
        """
        start = time.perf_counter()
        keys: Sequence[int] = list(self._question.keys)
        self._tally.sources, self._tally.sent = self._question.sources, len(keys)
        with ExitStack() as undo:
            undo.callback(lambda: setattr(self._tally, "seconds", time.perf_counter() - start))
            undo.enter_context(without_collection())
            with Sweeper(self._stage, self._question, processor, alone=manner.alone) as sweeper:
                if self._past.of_first:
                    self._trace_past(sweeper, keys)
                elif manner.gear is Gear.VERDICT:
                    self._count_hooks(sweeper, keys, by_rule=manner.by_rule)
                elif manner.by_rule:
                    self._count_rules(sweeper, keys)
                else:
                    self._trace(sweeper, keys)
                if self._past.recall and not self._past.of_first:
                    self._ask_answered_again(sweeper)
            self._settle()

    def _count_hooks(self, sweeper: Sweeper, keys: Sequence[int], *, by_rule: bool) -> None:
        with sweeper.counting(Gear.RULE if by_rule else Gear.VERDICT) as counted, sweeper.silence():
            left = [key for piece in counted(keys) for key in self._add_counted(piece)]
        self._tally.traced = len(left)
        self._trace(sweeper, left)

    def _count_rules(self, sweeper: Sweeper, keys: Sequence[int]) -> None:
        found = sort_by_rule(sweeper, keys, self._tally.tell)
        self._tally.repeats += found.repeats
        self._trace(sweeper, found.to_trace)
        left: list[int] = []
        for fate in list(self._tally.fates.values()):
            for key in tuple(fate.keys):
                if fate.verdict.kind in DENIED:
                    fate.keys += found.alike.get(key, ())
                else:
                    # it met something else than when it was counted, so it cannot speak for others
                    left += found.alike.get(key, ())
        self._trace(sweeper, left)

    def _add_counted(self, piece: Piece) -> Sequence[int]:
        """Add a piece that was counted; its keys, if that proves nothing."""
        self._tally.tell(len(piece.keys))
        self._tally.repeats += piece.repeats
        denied = [key for key in piece.keys if key not in piece.arrived]
        # where the rules are not counted none rejects, and nobody may have answered
        node = eater(piece.counts, len(denied), sum(key in piece.refused for key in denied))
        sound = piece.sound and (node is not None and self._at in (None, node) if denied else nothing_eaten(piece.counts))
        if not sound:
            return piece.keys
        silent = [key for key in denied if key not in piece.refused]
        if silent and node is not None:
            self._tally.add(("silent", node), silent, lambda: Fate(counted_out(self._seen(piece, silent[0]), node)))
        if len(silent) < len(piece.keys):
            for key in piece.keys:
                if key in piece.arrived or key in piece.refused:
                    self._add_told(piece, key, node)
        return ()

    def _add_told(self, piece: Piece, key: int, node: str | None) -> None:
        how, told = piece.arrived.get(key), piece.refused.get(key)
        served = key in piece.refused and told is None
        if how is None and node is not None:
            self._tally.add(("told", node, told), [key], lambda: Fate(counted_out(self._seen(piece, key), node)))
        elif how is not None and (at := how.at) is not None and told is not None:
            self._tally.add(("closed", how, told), [key], lambda: Fate(delivered(self._seen(piece, key), at), how))
        else:
            story = "open", how, served, self._question.destination_of(key)
            self._tally.add(story, [key], lambda: self._to_ask(piece, key, each=served))

    def _trace(self, sweeper: Sweeper, keys: Sequence[int]) -> None:
        with self._stage.instrument.everything() if self._chance else nullcontext():  # an answer may meet chance too
            self._add_all((piece, piece.keys) for piece in sweeper.traced(keys))

    def _trace_past(self, sweeper: Sweeper, keys: Sequence[int]) -> None:
        with self._stage.instrument.everything():
            self._add_all(settled(sweeper, keys, self._past.recall, apart=bool(self._question.sources)))

    def _ask_answered_again(self, sweeper: Sweeper) -> None:
        """Send again what was not silently dropped: what answers met on their way had been met by others before."""
        keys = self._tally.take(lambda fate: fate.verdict.kind is not Kind.DROPPED or fate.arrived is not None)
        if keys:
            sweeper.forget()
            self._past.recall.renew()
            self._trace_past(sweeper, keys)

    def _add_all(self, told: Iterable[Told]) -> None:
        for piece, keys in told:
            self._tally.tell(len(keys))
            self._tally.repeats += piece.repeats
            if piece.faults:
                self._add_unsound(piece, keys)
                continue
            for key in keys:
                self._add_traced(piece, key)

    def _add_unsound(self, piece: Piece, keys: Sequence[int]) -> None:
        self._tally.add(("lost", piece.faults), keys, lambda: Fate(self._verdict(piece, keys[0])))

    def _add_traced(self, piece: Piece, key: int) -> None:
        met = tuple((self._name(node, passage.story), _moved(passage)) for node, passage in piece.passages.get(key, ()))
        # a packet to which chance was kind looks like one that never met it
        whim = self._whim(passage.path() for _, passage in piece.passages.get(key, ())) if self._chance else None
        if whim is None and self._chance and (key in piece.arrived or key in piece.refused):
            whim = self._whim(passage.path() for passage in piece.others)  # an answer names no key
        seen = piece.arrived.get(key), piece.refused.get(key), key in piece.refused, key in piece.twice
        # one destination's packets do not speak for another's: what is not proven of them is asked
        story = met, *seen, self._question.destination_of(key), whim
        self._tally.add(story, [key], lambda: self._proven(piece, key, whim))

    def _name(self, node: str, story: Hashable) -> int:
        """A number for what was met at a node: compared ten thousands of times, and told in tens of messages."""
        return self._names.setdefault((node, story), len(self._names))

    def _proven(self, piece: Piece, key: int, whim: str | None) -> Fate:
        """What the packet of ``key`` proves by itself; that which it does not is to be asked."""
        verdict = self._verdict(piece, key)
        whim = whim or self._whim((*verdict.observation.request, *verdict.observation.others))
        if verdict.kind not in _PROVEN or key in piece.twice:
            return replace(self._to_ask(piece, key, each=key in piece.refused and piece.refused[key] is None), unsettled=whim)
        return Fate(verdict, piece.arrived.get(key), whim)

    def _to_ask(self, piece: Piece, key: int, *, each: bool) -> Fate:
        return Fate(self._verdict(piece, key), piece.arrived.get(key), ask=True, each=each)

    def _verdict(self, piece: Piece, key: int) -> Verdict:
        return prove(self._seen(piece, key), self._at)

    def _seen(self, piece: Piece, key: int) -> Observation:
        """All that was seen of one packet."""
        question = self._question
        sent = Packet(
            question.family, question.proto, question.source_of(key), question.sport_of(key),
            question.destination_of(key), question.port_of(key), SYN if question.proto == TCP else 0,
        )  # fmt: skip
        paths = [passage.path() for _, passage in piece.passages.get(key, ())]
        followed = follow(paths, sent, self._stage.next_nodes)
        how = piece.arrived.get(key)
        seen = Observation(
            sent, Milestone.SENT, followed.request, (), followed.others, reached=how.at if how else None,
            refusal=piece.refused.get(key), faults=piece.faults,
        )  # fmt: skip
        # what is counted is not traced
        unseen = () if piece.counts else unseen_nodes(self._stage, question.node, seen)
        return replace(seen, unseen=unseen) if unseen else seen

    def _settle(self) -> None:
        """Ask single probes of each key; where many were delivered and not answered, or got lost alike, of two of them."""
        for fate in [fate for fate in self._tally.fates.values() if fate.ask]:
            if self._question.by_gateway:
                fate.ask = False  # a probe would take the way that its kernel knows
                continue
            if not fate.each and len(fate.keys) > _ALL_ASKED and self._told_by_two(fate):
                continue
            for key in fate.keys[:_ASKED_ONE_BY_ONE]:
                self._add_asked(fate, key, self._probe(key))
            fate.keys, fate.ask = fate.keys[_ASKED_ONE_BY_ONE:], False
            proof = f"a packet of its own proves too little, and more than {_ASKED_ONE_BY_ONE:,} are not asked one by one"
            fate.verdict = replace(fate.verdict, kind=Kind.LOST, proof=proof)

    def _told_by_two(self, fate: Fate) -> bool:
        """Whether the first and the last key agree that no answer came: which rule ate those of the others is not told.

        Or that the instrument is blind to them, as it then is to all that were seen alike.
        """
        verdicts = [self._probe(key) for key in (min(fate.keys), max(fate.keys))]
        blind = all(contradiction(verdict.observation) for verdict in verdicts)
        if not agree(verdicts) or not (verdicts[0].kind in _UNANSWERED or blind):
            return False
        to_nobody = not blind and is_open(verdicts[0]) and verdicts[0].observation.missing is not None
        untold = "" if blind or to_nobody else "; what became of the others' answers is not told"
        # what was let through to nobody had no answer to lose: the rule that let it through is that of all
        rule = fate.verdict.rule if to_nobody else None
        proof = f"{verdicts[0].proof} (asked of the first and the last{untold})"
        fate.verdict, fate.ask = replace(verdicts[0], rule=rule, proof=proof), False
        fate.arrived = fate.arrived or self._arrival(fate.verdict, min(fate.keys))
        return True

    def _add_asked(self, fate: Fate, key: int, verdict: Verdict) -> None:
        story = "asked", id(fate), verdict.kind, verdict.rule and verdict.rule.place, verdict.node
        seen = verdict.observation
        whim = fate.unsettled or self._whim((*seen.request, *seen.answer, *seen.others))
        # by chance the packet that was sent first may have fared otherwise
        arrived = None if whim else fate.arrived
        self._tally.add((*story, whim), [key], lambda: Fate(verdict, arrived or self._arrival(verdict, key), whim))

    def _arrival(self, verdict: Verdict, key: int) -> Arrived | None:
        return arrival(verdict, self._question.port_of(key), self._stage.network.topology.taker)

    def _probe(self, key: int) -> Verdict:
        self._tally.tell()
        return self._ask(self._question.single(key))


def _moved(passage: Passage) -> Hashable:
    """What the node changed of the headers: addresses, and the port, where they are others; None where nothing."""
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
