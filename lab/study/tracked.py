"""A node's table of conntrack while flows are held open, and what any table comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from lab.errors import InputError, MeasurementError, Problem, gravest
from lab.lab import Lab
from lab.probe.conversation import Conversation
from lab.probe.question import Datagram, Echo, Handshake, Question
from lab.record.observation import Observation
from lab.record.packet import PROTOCOL_NAMES, Packet
from lab.record.tracked import ConntrackReport, Counted, HeldFlow, Table, Tracked, tracked
from lab.record.verdict import Kind, Verdict
from lab.run.traced import heard_where_it_arrived
from lab.verdict.prove import prove
from lab.written.seen.live import ICMPS, Line, service_of

MOST_FLOWS = 1_000
"""Held open at a time."""
FLOWS = (Handshake, Datagram, Echo)
"""What a question sends that may be held open."""
MOST_COUNTED = 1_000
"""Sources, or services, that a table tells of."""

_WORDS = ("UNREPLIED", "ASSURED", "OFFLOAD", "HW_OFFLOAD")
_DIGITS = 10


Heard: TypeAlias = Callable[[int, int], None]


def _unheard(_open: int, _of: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Held:
    """One flow to be held open: who asks whom for what, in words, and the question."""

    of: str
    question: Question


class _Counter:
    """Counts entries by what they have in common."""

    def __init__(self) -> None:
        self._all, self._unanswered = Counter[str](), Counter[str]()

    def add(self, what: str, *, answered: bool) -> None:
        """One entry more."""
        self._all[what] += 1
        if not answered:
            self._unanswered[what] += 1

    def counted(self) -> tuple[Counted, ...]:
        """The most frequent first."""
        return tuple(Counted(what, count, self._unanswered[what]) for what, count in self._all.most_common(MOST_COUNTED))

    def __len__(self) -> int:
        return len(self._all)


def table_of(of: str, entries: Iterable[Tracked], first: int | None) -> Table:
    """What a table comes to, with the ``first`` entries, or all; each entry is looked at once, and no other is kept."""
    states, protocols, sources, services, more = (_Counter() for _ in range(5))
    shown: list[Tracked] = []
    count = unanswered = 0
    for count, entry in enumerate(entries, 1):
        if first is None or count <= first:
            shown.append(entry)
        answered = entry.answered
        unanswered += not answered
        name = PROTOCOL_NAMES.get(entry.original.proto, f"proto {entry.original.proto}")
        states.add(f"{name} {entry.state}", answered=answered)
        protocols.add(name, answered=answered)
        sources.add(entry.original.source, answered=answered)
        services.add(_service(entry), answered=answered)
        for word in _more(entry):
            more.add(word, answered=answered)
    return Table(
        of, tuple(shown), count, unanswered, states.counted(), protocols.counted(), sources.counted(), services.counted(),
        more.counted(), len(sources), len(services),
    )  # fmt: skip


def _service(entry: Tracked) -> str:
    original = entry.original
    kind = original.flags if original.proto in ICMPS else original.dport
    return service_of(original.proto, kind, original.code)


def _more(entry: Tracked) -> Iterator[str]:
    """What few entries have."""
    if entry.zone_orig or entry.zone_reply:
        yield f"zone {entry.zone_orig or entry.zone_reply}"
    if entry.mark:
        yield f"mark {entry.mark:#x}"
    if entry.helper:
        yield f"helper {entry.helper}"
    if entry.answered_by:
        yield "translated destination"
    if entry.seen_as:
        yield "translated source"
    if "OFFLOAD" in entry.status:
        yield "offloaded"


def told(lines: Iterable[Line]) -> Iterator[Tracked]:
    """The entries of a table that somebody wrote down."""
    return map(_told, lines)


def _told(line: Line) -> Tracked:
    entry, back, facts = line
    family = 6 if ":" in entry.source else 4
    kind, dport = (entry.port, None) if entry.proto in ICMPS else (0, entry.port)
    original = Packet(family, entry.proto, entry.source, entry.own, entry.destination, dport, kind or 0, entry.code)
    sport, port = (_number(back.get(key)) for key in ("sport", "dport"))
    reply = Packet(
        family, entry.proto, entry.answered_by or entry.destination, sport, entry.answered_to or entry.source, port
    )  # fmt: skip
    both = _number(facts.get("zone")) or 0
    return Tracked(
        facts.get("state") or ("ESTABLISHED" if entry.replied else "NEW"),
        tuple(word for word in _WORDS if word in facts),
        original,
        reply,
        _number(facts.get("timeout")),
        _number(facts.get("mark")) or 0,
        _number(facts.get("zone-orig")) or both,
        _number(facts.get("zone-reply")) or both,
        facts.get("helper"),
        tuple(label for label in facts.get("labels", "").split(",") if label),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def held_open(
    lab: Lab, at: str, wanted: Sequence[Held], first: int | None, *, served: bool = False, heard: Heard = _unheard
) -> ConntrackReport:
    """The table of the node ``at`` while all flows that are ``wanted`` are open, each with what became of it.

    A flow says one word each way.  With ``served`` somebody listens wherever a flow arrives.  ``heard`` is told
    how many are open, and of how many.  Raises InputError for a node whose conntrack is not read, more flows than `MOST_FLOWS`,
    and what is no flow; MeasurementError when the instrument is blind.
    """
    if at not in lab.instrument.nodes:
        watched = ", ".join(lab.instrument.nodes)
        raise InputError(Problem(f"{at} is no node that rules or routes are watched at", mend=f"--at one of {watched}"))
    if len(wanted) > MOST_FLOWS:
        what = f"these are {len(wanted):,} flows, and {MOST_FLOWS:,} can be held open"
        raise InputError(Problem(what, mend="take fewer: -k"))
    flows: list[HeldFlow] = []
    with lab.batch(), ExitStack() as open_:
        for number, one in enumerate(wanted, 1):
            flows.append(_opened(lab, at, one, open_, served=served))
            heard(number, len(wanted))
        lab.network.rest()
        entries = map(tracked, lab.instrument.nodes[at].conntrack.entries())
        table = table_of(at, entries, first)
    return ConntrackReport(table, str(lab.backend), tuple(flows), exit_code=gravest(_code(flow) for flow in flows))


def _code(flow: HeldFlow) -> int:
    return MeasurementError.exit_code if flow.verdict.kind is Kind.LOST else 0


def _opened(lab: Lab, at: str, wanted: Held, open_: ExitStack, *, served: bool) -> HeldFlow:
    """Begin one; it goes on until ``open_`` is closed."""
    with ExitStack() as alone:
        verdict, is_tracked = _spoken(at, alone.enter_context(Conversation(lab.stage, wanted.question)))
        again = None
        if served and verdict.kind is Kind.CLOSED:
            again = heard_where_it_arrived(lab, wanted.question, verdict)
        if again is None:
            open_.push(alone.pop_all())
            return HeldFlow(wanted.of, verdict, tracked=is_tracked)
    verdict, is_tracked = _spoken(at, open_.enter_context(Conversation(lab.stage, again)))
    return HeldFlow(wanted.of, verdict, tracked=is_tracked)


def _spoken(at: str, talk: Conversation) -> tuple[Verdict, bool]:
    """What is proven last of a flow (its handshake, a word there, a word back), and whether the node had an entry of it."""
    verdict, is_tracked = None, False
    for verb in (talk.open, talk.send, talk.answer):
        seen: Observation | None = verb()
        if seen is not None:
            verdict = prove(seen, at)
            is_tracked = is_tracked or any(entry.node == at for entry in seen.conntrack)
            if not verdict.allowed:
                break
    assert verdict is not None, "`send` sends, whatever the protocol"
    return verdict, is_tracked
