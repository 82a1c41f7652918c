"""What answers from where: every port of every pair of zones, asked of the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lab.lab import Lab
from lab.record.exposure import Exposure, Pair
from lab.record.sweep import OPEN, Gear, Sweep, SweepGroup
from lab.record.verdict import Kind
from lab.ruleset.ownership import read_ownership
from lab.spec.service import merged, ports_text
from lab.study.alike import Alike, ask_alike
from lab.study.asserted import Assertions

PROTOCOLS = ("tcp", "udp")
_DENIED = (Kind.DROPPED, Kind.REJECTED)


@dataclass(slots=True)
class Survey:
    """Filled while pairs are asked; after an interruption it holds what was finished."""

    exposures: list[Exposure] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    questions: int = 0
    swept: int = 0
    seconds: float = 0.0


def survey(
    lab: Lab, pairs: Sequence[Pair], assertions: Assertions, found: Survey, *, every_port: bool,
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Ask every port of both protocols of all ``pairs``, each by a packet of its own if ``every_port``.

    Otherwise a port may speak for others (`ask_alike`).  ``progress`` is told how many of how many questions are done.
    """
    start = time.perf_counter()
    asked = [(pair, proto) for pair in pairs for proto in PROTOCOLS]
    with lab.batch():
        for number, (pair, proto) in enumerate(asked):
            progress(number, len(asked))
            alike = None if every_port else ask_alike(lab, pair, proto)
            groups = _sweep(lab, pair, proto, found) if alike is None else _of_alike(lab, pair, proto, alike, found)
            found.exposures += (_exposure(pair, proto, group, assertions) for group in groups)
            found.questions += 1
            found.swept += alike is None
            found.seconds = time.perf_counter() - start
    progress(len(asked), len(asked))


def _of_alike(lab: Lab, pair: Pair, proto: str, alike: Sequence[Alike], found: Survey) -> Iterator[SweepGroup]:
    """What is open, with the ports that each open one speaks for."""
    spoken = {one.low: one.high for one in alike if one.verdict.kind not in _DENIED}
    if spoken:
        for group in _ask(lab, pair, f"{proto}/{ports_text([(low, low) for low in spoken])}", Gear.RULE).groups:
            lows = [port for low, high in group.keys for port in range(low, high + 1)]
            whole = replace(group, keys=merged([(low, spoken[low]) for low in lows]))
            _note(pair, proto, whole, found)
            if group.verdict.kind in OPEN:
                yield whole


def _sweep(lab: Lab, pair: Pair, proto: str, found: Survey) -> tuple[SweepGroup, ...]:
    """What is open of all ports; the rules of these alone are asked for."""
    coarse = _ask(lab, pair, f"{proto}/1-65535", Gear.VERDICT)
    for group in coarse.groups:
        _note(pair, proto, group, found)
    if coarse.gear is Gear.RULE or not coarse.open:
        return coarse.open
    ports = ports_text(sorted(part for group in coarse.open for part in group.keys))
    fine = _ask(lab, pair, f"{proto}/{ports}", Gear.RULE)
    for group in fine.groups:
        _note(pair, proto, group, found)  # what was open a moment ago may fail to be proven now
    return fine.open


def _note(pair: Pair, proto: str, group: SweepGroup, found: Survey) -> None:
    """Keep what is not proven, or not for good."""
    what = f"{pair.sender} > {pair.target} ({pair.address}) {proto}/{ports_text(group.keys)}"
    if group.verdict.kind is Kind.LOST:
        found.lost.append(f"{what}: {group.verdict.proof}")
    elif group.unsettled is not None:
        found.unsettled.append(f"{what}: {group.verdict.kind} this time, but {group.unsettled} remembers what it saw")


def _ask(lab: Lab, pair: Pair, service: str, gear: Gear) -> Sweep:
    return lab.sweep(pair.sender, pair.address, service, gear=gear, source=pair.source, family=pair.family)


def _exposure(pair: Pair, proto: str, group: SweepGroup, assertions: Assertions) -> Exposure:
    rule = group.verdict.rule
    owner, ticket, review = read_ownership(rule.comment if rule is not None else None)
    rows, left, exemption = assertions.of(pair, proto, group.keys)
    if exemption is not None:
        owner, ticket, review = owner or exemption.owner, ticket or exemption.ticket, review or exemption.review
    return Exposure(
        pair, proto, group.keys, group.verdict.kind, group.arrived, rule, owner, ticket, review, rows, left, group.unsettled
    )
