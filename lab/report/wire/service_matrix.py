"""Service matrices: what ``lab reach --json`` writes, and ``--against`` reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.service_matrix import State
from lab.report.wire.document import key
from lab.report.wire.parts import Count, ExitCode, Family, Many, Number, ProblemRecord, Rule, problem_records, texts_of


@dataclass(frozen=True, kw_only=True)
class Group:
    """Addresses with the same row and the same column."""

    name: str = key("A, B, …: the largest first; the next matrix names its own")
    addresses: Many[str] = key("prefixes, addresses and first-last")
    count: Count = key("how many addresses")
    places: Many[str] = key("the networks that they lie in or behind, or the node under test that has them")
    asked: Count = key("how many classes they are, of which one address each was asked")
    sends: bool = key("whether anybody sent from them; false: they were only asked")
    own: str | None = key("the node under test whose own addresses they are")


@dataclass(frozen=True, kw_only=True)
class By:
    """A rule that let requests in."""

    rule: Rule | None = key("null: no rule decides")
    cells: Count = key("pairs of classes that it let in")
    arrived: Many[str] = key("where they came to, if not where they were sent")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One question of a way, as it was asked."""

    node: str = key("who asked")
    source: str = key("from this address")
    destination: str = key("for this one")


@dataclass(frozen=True, kw_only=True)
class Way:
    """What the addresses of one group come to at those of another; where there is none they are not let in."""

    source: str = key("the group that asks", named="from")
    destination: str = key("the group that is asked", named="to")
    state: State = key()
    by: Many[By] = key("that of the most pairs first")
    within: bool = key("some of it stays in one network: what the firewall does with a packet that is sent to it")
    all_within: bool = key("all of it does")
    only_from: Many[str] = key("the places of the senders, where not all who can send fare so")
    example: Example | None = key("one of its questions; null where all are of one network")


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The matrix of services that all have the same."""

    services: Many[str] = key("tcp/22")
    family: Family = key()
    groups: Many[Group] = key()
    ways: Many[Way] = key()
    asking: Count = key("classes of addresses that were asked from", of="classes[0]")
    asked: Count = key("classes of addresses that were asked", of="classes[1]")
    questions: Count = key("packets of each service")


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Addresses that come to others otherwise than before."""

    service: str = key()
    family: Family = key()
    sources: Many[str] = key(named="from")
    destinations: Many[str] = key(named="to")
    state: State = key("now; denied: not let in")
    before: State = key("then; denied: not let in")
    rule: Rule | None = key("a rule that lets it in now")


@dataclass(frozen=True, kw_only=True)
class ServiceMatrices:
    """Who reaches whom by some services."""

    version: Literal[1] = key()
    topology: str = key("the topology's name")
    seconds: Number = key("wall time of the questions, with building the lab")
    exit_code: ExitCode = key("of `lab reach`")
    interrupted: bool = key("true after Ctrl-C, SIGTERM or SIGHUP: what was finished")
    problems: Many[str] = key("what stopped it", of=texts_of)
    problem_records: Many[ProblemRecord] = problem_records()
    every_class: bool = key("whether rules that cannot be about the service told addresses apart too")
    matrices: Many[Matrix] = key()
    not_proven: Many[str] = key("questions of which something is not proven", of="lost")
    unsettled: Many[str] = key("questions that a rule decides by chance")
    not_asked: Many[str] = key("addresses that nobody asked from or at, and what tells addresses apart unread")
    given: Count = key("addresses that nodes were given so that each class has one")
    notes: Many[str] = key("what else the reader must know")
    added: Many[Reached] | None = key("what is reached now and was not; null without --against")
    gone: Many[Reached] | None = key("what is not reached any more; null without --against")


@dataclass(frozen=True, kw_only=True)
class SavedGroup:
    """What a comparison takes of `Group`."""

    name: str = key()
    addresses: Many[str] = key()


@dataclass(frozen=True, kw_only=True)
class SavedWay:
    """What a comparison takes of `Way`."""

    source: str = key(named="from")
    destination: str = key(named="to")
    state: State = key()


@dataclass(frozen=True, kw_only=True)
class SavedMatrix:
    """What a comparison takes of `Matrix`."""

    services: Many[str] = key()
    family: Family = key()
    groups: Many[SavedGroup] = key()
    ways: Many[SavedWay] = key()


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a comparison takes of `ServiceMatrices`."""

    version: Literal[1] = key()
    topology: str = key()
    interrupted: bool = key(older=False)
    problems: Many[str] = key(older=())
    matrices: Many[SavedMatrix] = key()
