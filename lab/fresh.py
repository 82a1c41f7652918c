"""Every question as if it were the first: what rules remember of the packets of others is counted, and made fresh in time.

A memory that was spent within its budget treats the next packet as a fresh one would (`lab.ruleset.memory`).  So a question is
asked, what its packets changed is read from their traced paths, and where that is more than the budget, the memories are made
fresh and the question is asked again.  No verdict rests on a guess of what a question needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lab.probe.question import SESSIONS, SOURCE_PORTS, TCP, Crafted, Question, Segment
from lab.record.packet import PROTOCOL_NAMES
from lab.record.path import Path
from lab.record.verdict import Kind, Verdict
from lab.ruleset.hazards import Hazards
from lab.ruleset.held import HeldRule
from lab.ruleset.ledger import Ledger
from lab.ruleset.memories import Flow, Memories
from lab.ruleset.memory import TICK_S, Memory
from lab.ruleset.rule import Ports
from lab.ruleset.whims import is_chance
from lab.site import Site
from lab.sweep.train import SweepQuestion

T = TypeVar("T")
Asked = Question | SweepQuestion
MOST_SPENT = 128  # packets that are sent to use a memory up
Renew = Callable[[Sequence[Memory]], None]


class Fresh:
    """What the rules of a site remember; ``renew`` makes memories of it fresh, and raises LabError where it cannot.

    With ``doubted`` it is not known what came to them before.
    """

    def __init__(self, site: Site, renew: Renew, *, doubted: bool = False) -> None:
        self._site, self._renew = site, renew
        self._begin(doubted=doubted)

    def _begin(self, *, doubted: bool) -> None:
        self._held = self._site.held
        self.ledger = Ledger(self._held.memories.budget_of)
        if doubted:
            self.ledger.doubt(self._held.memories.all)

    def doubt(self) -> None:
        """Take it that others asked meanwhile."""
        self._begin(doubted=True)

    @property
    def memories(self) -> Memories:
        """What the rules that are in force remember; a load keeps some of what others remembered."""
        if self._held is not self._site.held:
            self.doubt()
        return self._held.memories

    def past(self, question: Asked, ports: Ports = (), *, first: bool = False, logs: bool = False) -> Recall:
        """What asks past the memories that may decide of the question's packets, at any of ``ports`` where there are more.

        Of its ``first`` one alone, or also of what is merely logged, with ``logs``.
        """
        memories = self.memories
        if not memories.all:
            return Recall(self, ())
        flow = self._flow(question, ports)
        return Recall(self, memories.in_the_way(flow, first=first, logs=logs), flow)

    def let_by(self, question: Asked) -> None:
        """It is not known what a question's packets came to: not all were traced."""
        if self.memories.all:
            self.ledger.doubt(self.memories.written_by(self._flow(question)))

    def past_by(self, paths: Iterable[Path], wanted: Sequence[Memory]) -> Recall:
        """What asks past those of the memories that one of the packets came to."""
        told = tuple(paths)
        return Recall(self, [memory for memory in wanted if self.memories.reaches(told, (memory,)) is not None])

    def whims(self, question: Asked, ports: Ports = ()) -> tuple[str, ...]:
        """The texts of the rules on the question's way that decide by nothing that is the packet's own."""
        return tuple(rule.text for rule in self.memories.whims(self._flow(question, ports)))

    def hazards_of(self, question: Asked) -> Hazards:
        """What the rules on the question's way may do to a sweep."""
        return self._site.held.hazards_of(self._flow(question), ((SOURCE_PORTS[0], SOURCE_PORTS[-1]),))

    def by_chance(self, question: Asked) -> bool:
        """Whether a rule on the question's way decides by chance."""
        return any(map(is_chance, self.whims(question)))

    def whim_on(self, paths: Iterable[Path]) -> str | None:
        """The rule that decides by chance that one of the packets came to."""
        found = self.memories.chance_on(paths)
        return None if found is None else f"{found[0]} {found[1].table}:{found[1].chain}:{found[1].number} ({found[1].text})"

    def _flow(self, question: Asked, ports: Ports = ()) -> Flow:
        if isinstance(question, SweepQuestion):
            ports, ack, to, sport = question.ports, False, question.destinations, None
            sources = tuple(dict.fromkeys(aim.source for aim in question.aims)) or question.sources or (question.source,)
        else:
            # of the ports of a session's data nothing is known before
            port = question.port
            own: Ports = ((port, port),) if port is not None else ()
            if isinstance(question.sends, SESSIONS):
                own = ((1, 65535),)
            ports, ack, to = ports or own, question.sends.beyond_syn and _begins_nothing(question), (question.destination,)
            sources, sport = (question.source,), question.sport
        ends = question.node, *map(self._site.topology.owner, to)
        destination = to[0] if len(to) == 1 else None
        number = question.proto
        proto = PROTOCOL_NAMES[number] if number in PROTOCOL_NAMES else str(number)
        return Flow(question.family, proto, ports, ends, question.node, sources, destination, ack, sport)

    def renew(self, wanted: Sequence[Memory]) -> None:
        """Make memories fresh; raises LabError."""
        if wanted:
            self._renew(wanted)
            self.ledger.renewed(wanted)


class Recall:
    """Asks past the memories ``wanted``, which are the same for all that it asks; false where there are none.

    ``flow`` is what it asks about, where one question is.
    """

    def __init__(self, fresh: Fresh, wanted: Sequence[Memory], flow: Flow | None = None) -> None:
        self.wanted, self._fresh, self._flow = wanted, fresh, flow

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def let_by(self) -> None:
        """Nothing is asked past them, and it is not known what the flow's packets came to: not all were traced."""
        if self._flow is not None:
            self._fresh.ledger.doubt(self._fresh.memories.written_by(self._flow))

    def make_room(self) -> int:
        """Make fresh what has no room for one packet more; how many packets may come to the memory that then has least."""
        ledger = self._fresh.ledger
        self._fresh.renew(ledger.to_renew(self.wanted))
        return ledger.room(self.wanted)

    def attempt(
        self, measure: Callable[[], T], paths: Callable[[T], Iterable[Path] | None], *, many: bool = False, apart: bool = False
    ) -> tuple[T, bool]:
        """What is measured, and whether fresh memories would have given the same.

        ``paths`` are those of every packet that was sent, None where they are not told.  ``many`` and ``apart`` as in
        `lab.ruleset.ledger.Ledger.sound`.
        """
        ledger = self._fresh.ledger
        before = ledger.snapshot()
        try:
            found = measure()
            told = paths(found)
        except BaseException:
            ledger.doubt(self.wanted)
            raise
        if told is None:
            ledger.doubt(self.wanted)
            return found, False
        ledger.spend(self._fresh.memories.touches(told))
        return found, ledger.sound(self.wanted, before, many=many, apart=apart)

    def asked(self, ask: Callable[[], Verdict], *, as_first: bool = True) -> Verdict:
        """The verdict that fresh memories give: asked once more where they were used up on the way, or the measurement failed.

        Without ``as_first`` it is asked once, whatever they remember.
        """
        if not as_first:
            return self._once(ask)[0]
        self.make_room()
        verdict, sound = self._once(ask)
        if not sound:
            self.renew()
            verdict, _ = self._once(ask)
        return verdict

    def _once(self, ask: Callable[[], Verdict]) -> tuple[Verdict, bool]:
        verdict, sound = self.attempt(ask, _paths)
        if verdict.observation.unresolved:
            # the node tells the sender when it gives up on its neighbour: an ICMP error that is behind what was traced
            self._fresh.ledger.doubt(self._fresh.memories.all)
        return verdict, sound

    def beyond(self, first: Verdict, ask: Callable[[], Verdict]) -> Verdict | None:
        """What a packet meets that is asked for by ``ask`` when the memories that the ``first`` one came to are used up.

        None where it fares the same, or where they bear more than `MOST_SPENT` packets.
        """
        met = self._fresh.past_by(_paths(first) or (), self.wanted)
        if not met or met.budget > MOST_SPENT:
            return None
        for _ in range(2 * met.budget + 2):  # it fills again meanwhile
            verdict = met.asked(ask, as_first=False)
            if verdict.kind is not Kind.LOST and _fate(verdict) != _fate(first):
                return verdict
        return None

    def renew(self) -> None:
        """Make all of them fresh."""
        self._fresh.renew(self.wanted)

    def came_to(self, paths: Iterable[Path]) -> bool:
        """Whether one of the packets came to a rule that reads one of them."""
        return self._fresh.memories.reaches(paths, self.wanted) is not None

    def refilled(
        self, passed: Sequence[Verdict], others: Sequence[Verdict], seconds: float, *, but: float = 0.0
    ) -> tuple[int, tuple[str, ...]]:
        """How many packets more than in no time the limits bear in so many seconds at most, and the texts of these limits.

        Where a row knows of seconds in which they recover, ``but`` these it is how many more than in those.

        They are those whose rules some packets met and others did not; where all packets fared alike, the one of all that they
        came to that bears least.
        """
        memories = self._fresh.memories

        def more_in(memory: Memory) -> int:
            known = memories.refilled(memory, but - TICK_S) if but else 0
            return max(memories.refilled(memory, seconds) - known, 0)

        these, those = _met(passed), _met(others)
        reached = self._fresh.past_by([path for verdict in (*passed, *others) for path in _paths(verdict) or ()], self.wanted)
        found = [
            (more_in(memory), rules)
            for memory in reached.wanted
            for rules in [[rule for rule in memories.rules_of(memory) if _key(memory.node, rule) in these ^ those]]
        ]
        if not any(rules for _, rules in found) or not passed or not others:
            found = [(more_in(memory), list(memories.rules_of(memory))) for memory in reached.wanted]
            found = sorted(found, key=lambda one: one[0])[:1]
        telling = [(more, rules) for more, rules in found if rules and more]
        return sum(more for more, _ in telling), tuple(rules[0].text for _, rules in telling)

    @property
    def budget(self) -> int:
        """How many packets may come to the one that bears least."""
        return min(map(self._fresh.memories.budget_of, self.wanted))


def _fate(verdict: Verdict) -> tuple[object, ...]:
    return verdict.kind, verdict.node, verdict.rule and verdict.rule.place


def _met(verdicts: Iterable[Verdict]) -> frozenset[tuple[object, ...]]:
    """The rules that packets met: node, family, table, chain and number of each."""
    rules = (step.rule for verdict in verdicts for path in _paths(verdict) or () for step in path.steps)
    return frozenset((rule.node, rule.family, rule.table, rule.chain, rule.number) for rule in rules if rule is not None)


def _key(node: str, rule: HeldRule) -> tuple[object, ...]:
    return node, rule.family, rule.table, rule.chain, rule.number


def _paths(verdict: Verdict) -> tuple[Path, ...] | None:
    """The paths of all packets that were sent for a verdict; None where the measurement failed."""
    seen = verdict.observation
    return None if verdict.kind is Kind.LOST else (*seen.request, *seen.answer, *seen.others)


def _begins_nothing(question: Question) -> bool:
    """Whether it is a segment that no connection begins with."""
    sends = question.sends
    if isinstance(sends, Crafted):
        return sends.proto == TCP and sends.packet.flags & 0x12 != 0x02
    return isinstance(sends, Segment)
