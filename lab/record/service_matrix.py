"""Who reaches whom by one service: groups of addresses that fare alike, asking and asked, and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.errors import Problem
from lab.record.path import Rule


class State(StrEnum):
    """What becomes of a request from one address to another, and of its answer.

    ``reaches``: it arrived, and an answer came back: of a service, or of a kernel where nothing listens.  ``unanswered``: it
    arrived, and no answer came back.  ``let through``: the firewalls let it through, and no node of the topology has the
    address.  ``denied``: a rule dropped or rejected it.  ``no way``: it got lost by no rule, as where there is no route.
    ``lost``: what became of it is not proven.  ``near``: it is not asked, as no firewall comes to see it.
    """

    REACHES = "reaches"
    UNANSWERED = "unanswered"
    LET_THROUGH = "let through"
    DENIED = "denied"
    NO_WAY = "no way"
    LOST = "lost"
    NEAR = "near"

    @property
    def lets_in(self) -> bool:
        """Whether no rule kept the request from its end."""
        return self in (State.REACHES, State.UNANSWERED, State.LET_THROUGH)


class By(NamedTuple):
    """One rule that let requests in, and of how many pairs of classes; None where no rule decides.

    ``arrived`` are the addresses that these requests came to, where they were sent to others.
    """

    rule: Rule | None
    cells: int
    arrived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Addresses with the same row and the same column in the matrix.

    ``addresses`` are words (prefixes, addresses and ``first-last``), ``count`` how many they are, ``places`` the networks that
    they lie in, or ``beyond NETWORK``, or the node under test that has them; ``asked`` how many classes of them were asked.

    ``sends`` tells whether anybody sent from them, ``own`` is the node under test whose own they are.
    """

    name: str
    addresses: tuple[str, ...]
    count: int
    places: tuple[str, ...]
    asked: int
    sends: bool = True
    own: str | None = None


class Example(NamedTuple):
    """One question of a way, as it was asked: `lab trace NODE DESTINATION SERVICE --source SOURCE`."""

    node: str
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Way:
    """What the addresses of one group come to at those of another, by name.

    ``within``: some of it stays in one network: there it is what the firewall does with a packet that is sent to it, and hosts
    reach each other without it; ``all_within``: all of it does.  ``only_from`` are the places of the senders, where not all
    who can send from these addresses fare so.  ``example`` is one of its questions that no gateway turned round.
    """

    source: str
    destination: str
    state: State
    by: tuple[By, ...] = ()
    within: bool = False
    all_within: bool = False
    only_from: tuple[str, ...] = ()
    example: Example | None = None


@dataclass(frozen=True, slots=True)
class ServiceMatrix:
    """The matrix of some services of one family that all have the same.

    ``classes`` are the classes of addresses at each end that were asked, ``questions`` the packets of each service.
    """

    services: tuple[str, ...]
    family: int
    groups: tuple[Group, ...]
    ways: tuple[Way, ...]
    classes: tuple[int, int] = (0, 0)
    questions: int = 0


@dataclass(frozen=True, slots=True)
class Reached:
    """Addresses that reach others by a service, and did not, or did and do so no more."""

    service: str
    family: int
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    state: State
    before: State
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class ServiceMatrixReport:
    """All matrices of a topology.

    ``every_class`` tells that addresses were told apart by all rules, and not only by those that may be about the service.
    ``lost`` and ``unsettled`` are questions without a proven or a settled answer, ``not_asked`` what was not asked, all in
    words.  ``given`` are addresses that a node was given so that somebody answers for its class.  ``added`` and ``gone``
    compare with an earlier report.
    """

    topology: str
    matrices: tuple[ServiceMatrix, ...]
    seconds: float = 0.0
    every_class: bool = False
    lost: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()
    given: int = 0
    notes: tuple[str, ...] = ()
    added: tuple[Reached, ...] | None = None
    gone: tuple[Reached, ...] | None = None
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0

    @property
    def finished(self) -> bool:
        """Whether all was asked."""
        return not self.interrupted and not self.problems
