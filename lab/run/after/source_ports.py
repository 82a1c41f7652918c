"""Rules that read source ports: whether from others than the lab's own a packet would fare otherwise, asked of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lab.errors import InputError
from lab.prepare.plan import Plan
from lab.probe.question import SOURCE_PORTS, Question
from lab.record.packet import PROTOCOL_NAMES
from lab.record.sweep import Ranges
from lab.record.verdict import Kind, Verdict
from lab.ruleset.held import HeldRule
from lab.ruleset.rule import Ports, overlap
from lab.ruleset.source_ports import Class, asks, classes, in_line
from lab.run.questions import question_of
from lab.written.cell import Cell
from lab.written.service import merged, ports_text

if TYPE_CHECKING:
    from lab.kernel.hold.held import Held
    from lab.lab import Lab

MOST_ASKED = 32  # ranges of source ports, for one destination port
_MOST_TOLD = 5
_OWN = f"{SOURCE_PORTS[0]}-{SOURCE_PORTS[-1]}"
Ask = Callable[[int, int], Verdict]  # port, source port


def notes_of(plan: Plan) -> Iterator[str]:
    """For each policy the rules that read source ports and may meet a cell: what `from_other_ports` would ask the kernel."""
    for node, rulesets in plan.policies.items():
        told: dict[str, None] = {}
        for kind, text in rulesets.parts():
            families = {"v4": (4,), "v6": (6,), "nft": (4, 6)}.get(kind, ())
            cells = [cell for cell in plan.cells if cell.at == node and cell.family in families and cell.sport is None]
            asked = {proto: [cell.service.ports for cell in cells if cell.service.proto == proto] for proto in ("tcp", "udp")}
            for number, line in enumerate(text.text.split("\n"), 1):
                for proto, services in asked.items():
                    for ports, dports in in_line(kind, line, proto):
                        if services and (dports is None or any(overlap(dports, of) for of in services)):
                            told[f"{text.source(number) or text.file} ({proto} from {ports_text(ports)})"] = None
        if told:
            some, more = list(told)[:_MOST_TOLD], len(told) - _MOST_TOLD
            rules = ", ".join(some) + (f" and {more} more" if more > 0 else "")
            yield f"{node}: rules read source ports: {rules}; probes come from {_OWN}, with `sport:` in a row from another one"


def from_probe(lab: Lab, verdict: Verdict, ask: Callable[[int], Verdict]) -> Iterator[str]:
    """`from_other_ports` of a single probe."""
    sent = verdict.observation.sent
    proto = PROTOCOL_NAMES.get(sent.proto, "")
    if proto in ("tcp", "udp") and sent.dport is not None:
        yield from from_other_ports(lab, proto, ((sent.dport, sent.dport),), verdict, lambda _, sport: ask(sport))


def from_cell(
    lab: Lab, cell: Cell, verdicts: Iterable[tuple[Verdict, Ranges]], ask: Callable[[Question], Verdict]
) -> Iterator[str]:
    """`from_other_ports` of each of a cell's verdicts; nothing where the row says from which port it is sent."""
    if cell.sport is None and cell.service.ports:
        for verdict, ports in verdicts:
            yield from from_other_ports(
                lab, cell.service.proto, ports, verdict, lambda port, sport: ask(question_of(cell, port, sport))
            )


def from_other_ports(lab: Lab, proto: str, ports: Ranges, verdict: Verdict, ask: Ask) -> Iterator[str]:
    """A sentence where packets to ``ports`` get another verdict from other source ports than the one of ``verdict``.

    The text of the rules in the chains on the packet's way says which ranges of source ports they tell apart; one of each is
    asked.  What becomes of it the kernel says.
    """
    own = verdict.observation.sent.sport
    if own is None or verdict.kind is Kind.LOST or not lab.reads_source_ports:
        return
    reading = [one for rule in _on_the_way(lab.policies, verdict) for one in asks(rule, proto)]
    translated = any(path.translated_by for path in verdict.path)
    for port in dict.fromkeys(_told_apart(reading, ports, translated=translated)):
        one = ((port, port),)
        wanted = [sports for sports, dports in reading if translated or dports is None or overlap(dports, one)]
        yield from _compared(port, own, classes(wanted), verdict, ask, alone=ports == one)


def _told_apart(reading: Iterable[tuple[Ports, Ports | None]], ports: Ranges, *, translated: bool) -> Iterator[int]:
    """A destination port for each of the rules: one that it speaks of, or any where a translation may make it one of these."""
    for _, dports in reading:
        fitting = ports if dports is None else overlap(ports, dports) or (ports if translated else ())
        if fitting:
            yield fitting[0][0]


def _compared(port: int, own: int, of: Sequence[Class], verdict: Verdict, ask: Ask, *, alone: bool) -> Iterator[str]:
    like = next(one for one in of if one.low <= own <= one.high)
    answers: dict[str, list[tuple[int, int]]] = {}
    told = [one for one in of if one.rules != like.rules]
    for one in told[:MOST_ASKED]:
        try:
            answer = ask(port, one.low)
        except InputError:
            continue  # a service of the sender's own has that port
        if answer.kind not in (verdict.kind, Kind.LOST):
            answers.setdefault(str(answer), []).append((one.low, one.high))
    if answers:
        others = ", ".join(f"from {ports_text(merged(ranges))} {words}" for words, ranges in answers.items())
        more = f" ({len(told) - MOST_ASKED} more ranges were not asked)" if len(told) > MOST_ASKED else ""
        what = "the source port decides" if alone else f"the source port decides of port {port}"
        asked = f"from {ports_text([(like.low, like.high)])}, as was asked, {verdict.kind}"
        yield f"{what}: {asked}, but {others}{more}; `sport:` in a row asks from another one"


def _on_the_way(policies: Mapping[str, Held], verdict: Verdict) -> Iterator[HeldRule]:
    """Every rule of the chains that the packet came into, and of those that they lead to: another packet may come there."""
    family = verdict.observation.sent.family
    for path in verdict.path:
        if path.node in policies:
            yield from policies[path.node].reached(path.chains, family)
