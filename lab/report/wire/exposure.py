"""What is exposed: what ``lab exposure --json`` and ``--save`` write, and ``--against`` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import (
    Arrived,
    Beyond,
    Count,
    ExitCode,
    Family,
    Many,
    Number,
    ProblemRecord,
    Ranges,
    Rule,
    problem_records,
    texts_of,
)


@dataclass(frozen=True, kw_only=True)
class OfPair:
    """The keys of a pair, in what was found of it."""

    zone: str = key("the network of the node that asks", of="pair.zone")
    sender: str = key("the node that asks", named="from", of="pair.sender")
    source: str = key("its address", of="pair.source")
    into: str = key("the network of the address; beyond: none", of="pair.into")
    to: str = key("what the address is called", of="pair.target")
    address: str = key("that was asked", of="pair.address")
    family: Family = key(of="pair.family")


@dataclass(frozen=True, kw_only=True)
class Exposure(OfPair):
    """Ports of one pair and protocol that are open by one rule."""

    proto: Literal["tcp", "udp"] = key()
    ports: Ranges = key()
    verdict: Kind = key(of="kind")
    arrived: Arrived | None = key("how it was delivered")
    rule: Rule | None = key("the rule that let it in")
    owner: str | None = key("of the rule, by its comment, or of the row's exception")
    ticket: str | None = key("likewise")
    review: str | None = key("likewise: a date", of=lambda one: one.review and one.review.isoformat())
    asserted_by: Many[str] = key("rows that expect it", of="asserted")
    unasserted: Ranges = key()
    unsettled: str | None = key("a rule that decides by chance, in whose way the packets were")
    sources: str | None = key("the prefix that the source speaks for; null: only for itself", of="pair.sources", older=None)
    targets: str | None = key("the prefix that the address speaks for; null: only for itself", of="pair.targets", older=None)
    limit: str | None = key("how much a limiter lets through, in words", older=None)
    beyond: Beyond | None = key("what becomes of more", older=None)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A pair that was asked; every pair in the order of asking."""

    zone: str = key("the network of the node that asks")
    sender: str = key("the node that asks", named="from")
    source: str = key("its address")
    into: str = key("the network of the address; beyond: none")
    to: str = key("what the address is called", of="target")
    address: str = key("that was asked")
    family: Family = key()
    sources: str | None = key("the prefix that the source speaks for; null: only for itself")
    targets: str | None = key("the prefix that the address speaks for; null: only for itself")


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Addresses that a rule names together."""

    family: Family = key()
    end: Literal["source", "destination"] = key("of a packet")
    addresses: Many[str] = key("prefixes, addresses and first-last")


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """A rule that no question met."""

    rule: Rule = key(of=lambda one: one[0])
    why: str = key("why nothing that is asked can meet it; empty where its text does not say", of=lambda one: one[1])


@dataclass(frozen=True, kw_only=True)
class Place:
    """Ports of one pair and protocol."""

    sender: str = key("the node that asks", named="from")
    to: str = key("what the address is called", of="target")
    address: str = key("that was asked")
    family: Family = key()
    proto: Literal["tcp", "udp"] = key()
    ports: Ranges = key()
    sources: str | None = key("the prefix that the source speaks for; null: only for itself", older=None)
    targets: str | None = key("the prefix that the address speaks for; null: only for itself", older=None)


@dataclass(frozen=True, kw_only=True)
class Changed(Place):
    """Ports that became open, or are no longer."""

    source: str | None = key("the address that asks, where one end speaks for others", older=None)


@dataclass(frozen=True, kw_only=True)
class WasOpen(Place):
    """Ports that were open, as a comparison reads them."""

    source: str = key("the address that asked", older="")


@dataclass(frozen=True, kw_only=True)
class Untold:
    """A difference of which it is not known whether it is one."""

    sender: str = key("the node that asks", named="from", of="change.sender")
    to: str = key("what the address is called", of="change.target")
    address: str = key("that was asked", of="change.address")
    family: Family = key(of="change.family")
    proto: Literal["tcp", "udp"] = key(of="change.proto")
    ports: Ranges = key(of="change.ports")
    why: str = key("what was not proven or not settled, and when")


@dataclass(frozen=True, kw_only=True)
class Exposures:
    """All that is open in a topology."""

    version: Literal[1] = key()
    topology: str = key("the topology's name")
    questions: Count = key("pairs and protocols, of 65,535 ports each")
    swept: Count = key("of these, those with a packet for each port")
    seconds: Number = key("wall time of the questions")
    exit_code: ExitCode = key("of `lab exposure`", older=0)
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished", older=False)
    problems: Many[str] = key("what stopped it", of=texts_of, older=())
    problem_records: Many[ProblemRecord] = problem_records()
    exposures: Many[Exposure] = key()
    not_proven: Many[str] = key("questions of which something is not proven", of="lost")
    unsettled: Many[str] = key("questions that a rule decides by chance")
    added: Many[Changed] | None = key("open now and not before; null without --against")
    gone: Many[Changed] | None = key("open before and not now; null without --against")
    untold: Many[Untold] | None = key("neither added nor gone, as one side is not known; null without --against", older=None)
    judged: bool = key("whether a matrix was there to assert anything", older=True)
    notes: Many[str] = key("what else the reader must know")
    not_asked: Many[str] = key("addresses that rules name, from or to which nothing was asked", older=())
    unmet: Many[Unmet] = key(
        "rules that no question met", of=lambda one: tuple(zip(one.unmet, one.why_unmet, strict=True)), older=()
    )
    asked: Many[Asked] | None = key("the pairs that were asked; null: it is not said", older=None)
    constants: Many[Constant] = key("what rules tell addresses apart by", older=())
    partial: Many[Family] = key("families of which not every class of addresses was asked", older=())


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a comparison takes of `Exposures`: a file that has no more, as somebody took out what is new each time, will do."""

    version: Literal[1] = key()
    topology: str = key()
    interrupted: bool = key(older=False)
    problems: Many[str] = key(older=())
    exposures: Many[WasOpen] = key()
    asked: Many[Asked] | None = key(older=None)
    constants: Many[Constant] = key(older=())
    partial: Many[Family] = key(older=())
    not_proven: Many[str] = key(older=())
    unsettled: Many[str] = key(older=())
