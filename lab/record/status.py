"""What is to be seen of a lab that is up, node by node, at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import Problem
from lab.record.path import Rule


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """An interface: its ``state`` in the words of ip (``up``, ``down``, ``lowerlayerdown``), addresses with prefix length."""

    name: str
    state: str
    addresses: tuple[str, ...]
    mtu: int


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What a rule or a policy has counted; ``since`` is how much of that is new since the last look, None on the first."""

    rule: Rule
    packets: int
    since: int | None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node: ``routes`` as ip prints them, and how many flows it ``tracks`` of at most ``most``, None where it does not tell.

    ``trouble`` says why its rules cannot be told.
    """

    name: str
    links: tuple[LinkStatus, ...]
    routes: tuple[str, ...]
    counts: tuple[RuleCount, ...] = ()
    tracks: int | None = None
    most: int | None = None
    by_hand: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class LabStatus:
    """A lab that is up; ``seconds`` is how long ago somebody looked last, None if nobody did."""

    name: str
    topology: str
    seconds: float | None
    nodes: tuple[NodeStatus, ...]
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
