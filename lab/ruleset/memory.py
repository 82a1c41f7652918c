"""What rules remember of packets: which memories there are, and how much one bears before it acts otherwise.

A memory is *fresh* when no packet has come to it yet.  Within its budget it treats a packet as if it were fresh: a limit with
a burst of five lets the fifth packet through as the first.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from lab.ruleset.conditions import Condition

BOUNDLESS = 1 << 30
"""The budget of what no number of probes brings to act otherwise."""
TICK_S = 0.02
"""The kernel counts time in ticks: at 100 Hz, two may lie between what it took for two moments and what they were."""
SMALLEST_PACKET = 28
"""Bytes of the smallest packet that there is, a datagram without any: what is regained in bytes bears no more packets."""


class Kind(StrEnum):
    """What remembers, whichever dialect it is written in.

    ``limit``, ``quota``, ``nth`` (statistic, numgen inc) and ``count`` (connlimit, ct count) stand in one rule.  ``hashlimit``,
    ``recent``, ``set`` (a set of nft or ipset that rules write) and ``object`` (a named limit, quota, …) have a name that
    several rules may use.  ``other`` is what is known to remember and not how (rateest).
    """

    LIMIT = "limit"
    QUOTA = "quota"
    NTH = "nth"
    COUNT = "count"
    HASHLIMIT = "hashlimit"
    RECENT = "recent"
    SET = "set"
    OBJECT = "object"
    OTHER = "other"


class Memory(NamedTuple):
    """One state of a node's rules.

    ``family`` is that of its table in nft's words, as entries of one family are not those of another; ``table`` is empty where
    the name is the whole node's (recent, hashlimit), and both where it is every family's (ipset, rateest).  ``name`` is
    ``INPUT:3`` for what stands in one rule, else what rules call it.

    >>> Memory("gateway", Kind.LIMIT, "ip", "filter", "FORWARD:3").kind
    <Kind.LIMIT: 'limit'>
    """

    node: str
    kind: Kind
    family: str
    table: str
    name: str


class Use(NamedTuple):
    """One part of a rule that has a state, and how it uses it.

    ``name`` is None where the memory is the rule's own.  ``reads``: what the rule does depends on it; ``writes``: a packet that
    comes to it changes it.  ``budget`` is how many packets may have come to it, the one that is asked about among them, before
    it acts otherwise than when it is fresh; of what others write, how many entries it bears.  ``by_source`` tells that packets
    of different sources do not meet in it.  ``gates`` are the conditions that held before the kernel came to this part.
    ``matched_alone``: it writes for a packet that matched the whole rule, and for no other.  ``regains`` is how many packets a
    second it bears again at most, ``fresh_after`` the seconds after which it may be fresh again.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> rule_in_line("v4", "-A INPUT -m recent --name ssh --update --hitcount 6 -j DROP").uses[0].budget
    5
    """

    kind: Kind
    name: str | None
    reads: bool
    writes: bool
    budget: int
    by_source: bool = False
    gates: tuple[Condition, ...] = ()
    matched_alone: bool = False
    regains: float = 0.0
    fresh_after: float = math.inf

    def refilled(self, seconds: float) -> int:
        """How many packets more it bears at most, where those that came to it came in so many seconds."""
        late = seconds + TICK_S
        again = 0 if late < self.fresh_after else int(late / self.fresh_after) * max(self.budget, 1)
        return min(BOUNDLESS, int(min(late * self.regains, BOUNDLESS)) + again)
