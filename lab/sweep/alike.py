"""Ports that no rule on their way can tell from each other, one of which speaks for all.

A packet's trace tells into which chains it came.  By the text of the rules in these chains that may be about it, a port is
either told from another one or not; where it is not, both take the same way, rule by rule.  What that way is, the kernel says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.probe.question import Question, to_port
from lab.record.path import Path
from lab.record.sweep import Gear
from lab.record.verdict import Kind, Verdict
from lab.ruleset.port_cuts import Cuts
from lab.sweep.arrival import Taker, arrival
from lab.sweep.fates import Fate, SweepTally
from lab.sweep.train import SweepQuestion

MOST_ASKED = 512
"""Above that many a sweep is cheaper: a question takes as long as some ten packets of a sweep."""
_ALL_PORTS = (1 << 65_536) - 1


@dataclass(frozen=True)
class Ways:
    """What is known beside the trace: ``ask`` asks one question, with every packet traced.

    ``cuts`` are those of the rules on a path, None where they cannot be told; ``first`` tells it of the request's own.
    ``served`` are the ports of services that listen, ``taker`` tells who takes a packet in, ``whim`` the rule that decides by
    chance that one of some packets came to.
    """

    ask: Callable[[Question], Verdict]
    cuts: Callable[[Path, bool], Cuts | None]
    served: Cuts
    taker: Taker
    whim: Callable[[Sequence[Path]], str | None] = lambda _: None


@dataclass(slots=True)
class _Classes:
    """The ports as bits, by which of some cuts they are in."""

    cuts: Cuts
    masks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.masks = [_mask(ports) for ports in self.cuts]

    def of(self, port: int) -> int:
        """All ports that none of the cuts tells from this one."""
        found = _ALL_PORTS
        for mask in self.masks:
            found &= mask if mask >> port & 1 else ~mask
        return found

    def count(self, asked: int, most: int) -> int:
        """In how many classes the ports that are ``asked`` fall; counting ends behind ``most``."""
        edges = {edge for ports in self.cuts for low, high in ports for edge in (low, high + 1) if edge < 65_536}
        lows = sorted({0, *edges})
        seen: set[tuple[bool, ...]] = set()
        for low, after in zip(lows, [*lows[1:], 65_536], strict=True):
            if asked & ((1 << after) - (1 << low)):
                seen.add(tuple(bool(mask >> low & 1) for mask in self.masks))
                if len(seen) > most:
                    break
        return len(seen)


def ask_alike(question: SweepQuestion, ways: Ways, tally: SweepTally) -> bool:
    """Ask one port of each class of the question's, and fill the tally with what it says of all.

    Where a few ports are left whose rules cannot be told apart by their text, or decide by chance, each is asked, and speaks
    for itself.  False, and nothing in the tally, where that cannot be told, or would take more questions than a sweep is worth.
    """
    start = time.perf_counter()
    left = _mask(question.ports)
    whole = left.bit_count()
    known: dict[Cuts, _Classes] = {}
    while left:
        port = (left & -left).bit_length() - 1
        verdict = ways.ask(Question(question.node, question.source, question.destination, to_port(question.proto, port)))
        cuts = _cuts(ways, verdict)
        room = MOST_ASKED - tally.sent
        if verdict.kind is Kind.LOST or not room or (cuts is None and left.bit_count() > room):
            break
        if cuts is not None and cuts not in known:
            known[cuts] = _Classes(cuts)
            if known[cuts].count(left, room) > room:
                break
        spoken = 1 << port if cuts is None else known[cuts].of(port) & left
        left &= ~spoken
        seen = verdict.observation
        whim = ways.whim((*seen.request, *seen.answer, *seen.others)) if cuts is None else None
        arrived = arrival(verdict, port, ways.taker)
        tally.fates["alike", port] = Fate(verdict, arrived, whim, spans=tuple(_ports(spoken)))
        tally.sent += 1
        tally.tell(spoken.bit_count(), whole)
        tally.seconds = time.perf_counter() - start
    if left:
        tally.fates.clear()
        tally.sent = tally.asked = 0
        return False
    tally.gear = Gear.RULE
    return True


def _cuts(ways: Ways, verdict: Verdict) -> Cuts | None:
    seen = verdict.observation
    found = dict.fromkeys(ways.served)
    for paths, first in ((seen.request, True), ((*seen.answer, *seen.others), False)):
        for path in paths:
            cuts = ways.cuts(path, first)
            if cuts is None:
                return None
            found |= dict.fromkeys(cuts)
    return tuple(found)


def _mask(ports: Sequence[tuple[int, int]]) -> int:
    found = 0
    for low, high in ports:
        found |= (1 << (min(high, 65_535) + 1)) - (1 << min(low, 65_536)) if low <= high else 0
    return found


def _ports(mask: int) -> Iterator[tuple[int, int]]:
    """The ports whose bits are set, in ranges."""
    bits = bin(mask)[:1:-1]
    low = bits.find("1")
    while low >= 0:
        end = bits.find("0", low)
        yield low, (end if end >= 0 else len(bits)) - 1
        low = bits.find("1", end) if end >= 0 else -1
