"""What answers from where: every port of every pair of zones, asked of the kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lab.lab import Lab
from lab.record.exposure import Exposure, Pair
from lab.record.path import End
from lab.record.sweep import DENIED, Gear, Ranges, Sweep, SweepGroup, is_open
from lab.record.verdict import Kind, Verdict
from lab.ruleset.limited import limit_between
from lab.ruleset.ownership import read_ownership
from lab.study.asserted import Assertions
from lab.study.reach import PROTOCOLS
from lab.study.unmet import RuleKey, met_by
from lab.sweep.fates import SweepTally
from lab.written.service import ports_text

Heard = Callable[[int, int], None]
_MOST_RANGES = 12  # of ports that a sentence names
# in the kernel's own words (skb_drop_reason), or as it tells the sender
_NO_ROUTE = frozenset(("IP_INNOROUTES", "IP_OUTNOROUTES", "icmp-net-unreachable", "icmp-host-unreachable", "icmp6-no-route"))


@dataclass(slots=True)
class Survey:
    """Filled while pairs are asked; after an interruption it holds what was finished.

    ``beside_rules`` are ports that are not open, and that no rule denied.
    """

    exposures: list[Exposure] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    questions: int = 0
    swept: int = 0
    seconds: float = 0.0
    met: set[RuleKey] = field(default_factory=set)
    asked: list[Pair] = field(default_factory=list)
    beside_rules: list[tuple[Pair, str, Ranges, Kind]] = field(default_factory=list)


def survey(
    lab: Lab, pairs: Sequence[Pair], assertions: Assertions, found: Survey, *, every_port: bool,
    progress: Callable[[int, int], None], told: Callable[[Exposure], None] = lambda _: None,
) -> None:  # fmt: skip
    """Ask every port of both protocols of all ``pairs``, each by a packet of its own if ``every_port``.

    Otherwise a port may speak for others (`lab.sweep.alike`).  ``progress`` is told how many of how many questions are done,
    ``told`` each exposure as soon as it is known.
    """
    start = time.perf_counter()
    asked = [(pair, proto) for pair in pairs for proto in PROTOCOLS]
    # an answer's chains count too, and TCP's are not traced otherwise
    with lab.batch(), lab.everything_traced():
        for number, (pair, proto) in enumerate(asked):
            progress(number, len(asked))
            groups = _sweep(lab, pair, proto, found, lambda *_, done=number: progress(done, len(asked)), every_port=every_port)
            for group in groups:
                found.exposures.append(_exposure(pair, proto, group, assertions))
                told(found.exposures[-1])
            found.asked += [] if found.asked[-1:] == [pair] else [pair]
            found.questions += 1
            found.seconds = time.perf_counter() - start
    progress(len(asked), len(asked))


def _sweep(
    lab: Lab, pair: Pair, proto: str, found: Survey, heard: Heard, *, every_port: bool
) -> tuple[SweepGroup, ...]:  # fmt: skip
    """What is open of all ports; the rules of these alone are asked for, where they are not known by then."""
    coarse = _ask(lab, pair, f"{proto}/1-65535", found, Gear.VERDICT, heard, every_port=every_port)
    found.swept += coarse.sent == coarse.count
    _tell(coarse.groups, pair, proto, found)
    _tell_untold(((group.verdict, group.keys) for group in coarse.groups), pair, proto, found)
    found.beside_rules += [
        (pair, proto, group.keys, group.verdict.kind) for group in coarse.groups
        if not group.open and group.verdict.kind not in (*DENIED, Kind.LOST)
    ]  # fmt: skip
    if coarse.gear is Gear.RULE or not coarse.open:
        return coarse.open
    ports = ports_text(sorted(part for group in coarse.open for part in group.keys))
    fine = _ask(lab, pair, f"{proto}/{ports}", found, Gear.RULE, heard, every_port=True)
    _tell(fine.groups, pair, proto, found)
    _tell_closed(fine.groups, pair, proto, found)
    return fine.open


def _tell(groups: Iterable[SweepGroup], pair: Pair, proto: str, found: Survey) -> None:
    """Keep what of a sweep is not proven, or could be otherwise the next time."""
    for group in groups:
        what = question_text(pair, proto, group.keys)
        if group.verdict.kind is Kind.LOST:
            found.lost.append(f"{what}: {group.verdict.proof}")
        elif group.unsettled is not None:
            found.unsettled.append(f"{what}: {group.verdict.kind} this time, but {group.unsettled} decides by chance")


def _tell_closed(groups: Iterable[SweepGroup], pair: Pair, proto: str, found: Survey) -> None:
    """Keep what was open when it was asked first, and is not now: one of both is not so."""
    for group in groups:
        if group.verdict.kind is not Kind.LOST and not group.open and group.unsettled is None:
            what = question_text(pair, proto, group.keys)
            found.lost.append(f"{what}: open to one packet, and {group.verdict.kind} to the next")


def _tell_untold(ones: Iterable[tuple[Verdict, Ranges]], pair: Pair, proto: str, found: Survey) -> None:
    """Keep what is published to where its node has no route: it ends before the rules that would let it through are asked."""
    for verdict, ports in ones:
        last = verdict.path[-1] if verdict.path else None
        told = verdict.observation.refusal
        no_route = _NO_ROUTE.intersection((*verdict.observation.reasons, told.kind if told is not None else ""))
        if verdict.kind is Kind.UNROUTED and last is not None and last.end is End.VANISHED and last.translated_by and no_route:
            by = last.translated_by[-1]
            what = f"translated by {by} ({by.text}), and {last.node} has no route to there in this topology"
            found.lost.append(f"{question_text(pair, proto, ports)}: {what}: no rule was asked whether it passes")


def question_text(pair: Pair, proto: str, ports: Ranges) -> str:
    """``world > web-vip (198.51.100.2) tcp/8443``."""
    more = f" and {len(ports) - _MOST_RANGES} more ranges" if len(ports) > _MOST_RANGES else ""
    return f"{pair.sender} > {pair.target} ({pair.address}) {proto}/{ports_text(ports[:_MOST_RANGES])}{more}"


def _ask(
    lab: Lab, pair: Pair, service: str, found: Survey, gear: Gear, heard: Heard, *, every_port: bool
) -> Sweep:  # fmt: skip
    tally = SweepTally(heard=heard)
    sweep = lab.sweep(
        pair.sender, pair.address, service, gear=gear, source=pair.source, family=pair.family, tally=tally,
        every_port=every_port, beyond=is_open,
    )  # fmt: skip
    for fate in tally.finished:
        for verdict in (fate.verdict, fate.beyond):
            found.met.update(met_by(verdict) if verdict is not None else ())
    return sweep

def _exposure(pair: Pair, proto: str, group: SweepGroup, assertions: Assertions) -> Exposure:
    rule = group.verdict.rule
    owner, ticket, review = read_ownership(rule.comment if rule is not None else None)
    rows, left, exemption = assertions.of(pair, proto, group.keys)
    if exemption is not None:
        owner, ticket, review = owner or exemption.owner, ticket or exemption.ticket, review or exemption.review
    return Exposure(
        pair, proto, group.keys, group.verdict.kind, group.arrived, rule, owner, ticket, review, rows, left, group.unsettled,
        group.beyond, limit_between(group.verdict, group.beyond),
    )  # fmt: skip
