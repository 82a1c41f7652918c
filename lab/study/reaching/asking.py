"""Every pair of classes asked: trains of packets, one for each node that sends, to all that it may reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.lab import Lab
from lab.probe.question import NUMBERS, Question, to_port
from lab.record.path import End, Rule
from lab.record.service_matrix import State
from lab.record.sweep import Gear, SweepGroup
from lab.record.verdict import Kind, Verdict
from lab.study.reaching.ends import End as Ending
from lab.study.reaching.ends import Ends
from lab.sweep.arrival import first_came_through
from lab.sweep.fates import SweepTally
from lab.sweep.train import Aim, SweepQuestion

MOST_AIMS = 65_536  # of one train: its packets have 16 bits to tell them apart
MOST_CELLS = 2_000_000
Cell = tuple[int, int]
"""The place of an end that asks and of one that is asked."""
_ANSWERED = (Kind.ALLOWED, Kind.CLOSED)


class Fare(NamedTuple):
    """How a packet fared: by which rule, and at which address it came out, where that is another."""

    state: State
    rule: Rule | None = None
    arrived: str | None = None


NEAR = Fare(State.NEAR)


@dataclass(slots=True)
class Found:
    """Filled while it is asked: of each port what each cell came to; ``turned`` are cells within one network."""

    cells: dict[int, dict[Cell, Fare]] = field(default_factory=dict)
    turned: set[Cell] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    questions: int = 0


class _Train(NamedTuple):
    node: str
    turned: bool


def ask(
    lab: Lab, ends: Ends, proto: str, ports: Sequence[int], found: Found, heard: Callable[[int, int], None] = lambda *_: None
) -> None:  # fmt: skip
    """Ask every end of the one side for every end of the other, at each of the ports of ``proto``.

    ``heard`` is told how many packets were asked, of how many.
    """
    trains = _trains(lab, ends, found)
    for port in ports:
        found.cells[port] = {}
    whole = sum(map(len, trains.values())) * len(ports)
    done = 0
    with lab.batch():
        for train, cells in trains.items():
            for port in ports:
                for start in range(0, len(cells), MOST_AIMS):
                    part = cells[start : start + MOST_AIMS]
                    heard(done, whole)
                    _send(lab, ends, proto, port, train, part, found)
                    done += len(part)
                    found.questions += len(part)
    heard(done, whole)


def _trains(lab: Lab, ends: Ends, found: Found) -> Mapping[_Train, list[Cell]]:
    """The cells that each node asks; what its gateway has to turn round in a train of its own."""
    trains: dict[_Train, list[Cell]] = {}
    owners = [lab.topology.owners(target.address) for target in ends.destinations.ends]
    for row, source in enumerate(ends.sources.ends):
        turns = _can_turn(lab, source, ends.family)
        for column, target in enumerate(ends.destinations.ends):
            near = _is_near(source, target, owners[column])
            if near and turns:
                found.turned.add((row, column))
            if (turns or not near) and not (source.own and target.own and source.node == target.node):
                trains.setdefault(_Train(source.node, near), []).append((row, column))
    return trains


def _is_near(source: Ending, target: Ending, owners: Sequence[str]) -> bool:
    """Whether the two are in or behind one network, so that hosts reach each other past the firewall."""
    return not source.own and not target.own and (source.place == target.place or source.node in owners)


def _can_turn(lab: Lab, source: Ending, family: int) -> bool:
    """Whether what a node sends to its gateway surely goes there, whatever its destination."""
    spec = lab.topology.nodes[source.node]
    gateway = lab.topology.next_hop(source.node, family)
    watched = source.node in lab.instrument.nodes
    return gateway is not None and not (spec.routes or spec.rules or watched) and lab.topology.owner(gateway) in lab.policies


def _send(
    lab: Lab, ends: Ends, proto: str, port: int, train: _Train, cells: Sequence[Cell], found: Found
) -> None:  # fmt: skip
    aims = [Aim(ends.sources.ends[row].address, ends.destinations.ends[column].address, port) for row, column in cells]
    sport = lab.source_port(aims[0].source)
    # rules may treat a refusal otherwise than an answer: what nobody answers is asked again, and then somebody listens
    listeners = {end.address: end.node for end in ends.destinations.ends if end.node}
    question = SweepQuestion.to_many(
        train.node, NUMBERS[proto], sport, aims, by_gateway=train.turned, listeners=listeners
    )  # fmt: skip
    sweep = lab.ask_all(question, Gear.RULE, None, SweepTally())
    for group in sweep.groups:
        fare = _fare(group, aims, turned=train.turned)
        for key in _keys(group):
            found.cells[port][cells[key]] = fare
        if fare.state is State.LOST:
            found.lost.append(_said(proto, aims, group, group.verdict.proof))
        elif group.unsettled is not None:
            why = f"{group.verdict.kind} this time, but {group.unsettled} decides by chance"
            found.unsettled.append(_said(proto, aims, group, why))


def _keys(group: SweepGroup) -> Iterator[int]:
    return (key for low, high in group.keys for key in range(low, high + 1))


def _said(proto: str, aims: Sequence[Aim], group: SweepGroup, why: str) -> str:
    first = aims[group.keys[0][0]]
    more = f" and {group.count - 1} more" if group.count > 1 else ""
    return f"{first.source} > {first.destination} {proto}/{first.port}{more}: {why}"


def _fare(group: SweepGroup, aims: Sequence[Aim], *, turned: bool) -> Fare:
    state = state_of(group.verdict)
    path, seen = group.verdict.path, group.verdict.observation
    if turned and state is State.LOST and path and path[-1].end is End.LEFT and not seen.faults and not seen.unseen:
        state = State.LET_THROUGH  # traced to where it left the last firewall; a probe could not be sent there to see more
    arrived = None if group.arrived is None or not state.lets_in else group.arrived.address
    # what left for an address that nobody has left for the one that was asked, unless it was translated
    as_sent = all(aims[key].destination == arrived for key in (group.keys[0][0], group.keys[-1][-1]))
    return Fare(state, group.verdict.rule, None if as_sent else arrived)


def whole(lab: Lab, ends: Ends, proto: str, port: int, cell: Cell) -> Verdict:
    """What becomes of a whole conversation between the two ends of a cell, with somebody who listens."""
    source, target = ends.sources.ends[cell[0]], ends.destinations.ends[cell[1]]
    receivers = ((target.node, port),) if target.node else ()
    question = Question(source.node, source.address, target.address, to_port(NUMBERS[proto], port), receivers=receivers)
    return lab.ask(question)


def state_of(verdict: Verdict) -> State:
    """What a verdict says in the words of a service matrix."""
    if verdict.kind in _ANSWERED:
        return State.REACHES
    if verdict.kind is Kind.UNANSWERED or (verdict.denied and first_came_through(verdict)):
        return State.UNANSWERED
    if verdict.denied:
        return State.DENIED
    if verdict.kind is Kind.LOST:
        return State.LOST
    missing = verdict.kind is Kind.UNROUTED and verdict.observation.missing is not None
    return State.LET_THROUGH if missing and verdict.passed_node else State.NO_WAY
