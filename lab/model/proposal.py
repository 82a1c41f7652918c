"""What a model says of two rulesets: flows that they may treat differently, each with its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.record.difference import Aspect, Flow, FlowClass


@dataclass(frozen=True, slots=True)
class Decision:
    """What a model believes of one side, in words for who looks for its fault: ``outcome`` (``accept``, ``drop``, ``reject
    tcp-reset``) and the ``rule`` by its place (``filter:FORWARD:3``).
    """

    outcome: str
    rule: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A flow that the two sides may treat differently; ``rests_on`` are the conditions that no model reads, on either side."""

    flow: Flow
    of: FlowClass
    aspect: Aspect
    old: Decision
    new: Decision
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """All proposals; ``but_for`` has kinds of condition that no model reads, with the number of rules, ``unsendable`` what the
    lab cannot send, with the number of classes that need it.
    """

    proposals: tuple[Proposal, ...]
    but_for: Mapping[str, int] = field(default_factory=dict)
    unsendable: Mapping[str, int] = field(default_factory=dict)
