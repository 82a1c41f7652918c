"""Ports that no rule on their way can tell from each other, one of which speaks for all.

A packet's trace tells into which chains it came.  By the text of the rules in these chains a port is either told from the next
one or not; where it is not, both take the same way, rule by rule.  What that way is, the kernel says.
"""

from __future__ import annotations

from typing import NamedTuple

from lab.lab import Lab
from lab.probe.question import NUMBERS, Question, to_port
from lab.record.exposure import Pair
from lab.record.verdict import Kind, Verdict
from lab.ruleset.port_cuts import cuts_of

_LAST = 65_535
_MOST_ASKED = 512  # above that many a sweep is cheaper


class Alike(NamedTuple):
    """Ports from ``low`` to ``high`` that take the way of ``low``, whose verdict this is."""

    low: int
    high: int
    verdict: Verdict


def ask_alike(lab: Lab, pair: Pair, proto: str) -> list[Alike] | None:
    """All ports, in ranges that are alike; None where that cannot be told, and each has to be asked."""
    own = _cuts_of_services(lab, proto)
    found: list[Alike] = []
    low = 1
    while low <= _LAST:
        if len(found) == _MOST_ASKED:
            return None
        verdict = lab.ask(Question(pair.sender, pair.source, pair.address, to_port(NUMBERS[proto], low)))
        cuts = _cuts(lab, verdict, pair.family, proto)
        if cuts is None or verdict.kind is Kind.LOST:
            return None
        high = min((cut - 1 for cut in cuts | own if cut > low), default=_LAST)
        found.append(Alike(low, high, verdict))
        low = high + 1
    return found


def _cuts_of_services(lab: Lab, proto: str) -> frozenset[int]:
    """Where a service that listens makes a difference."""
    return frozenset(
        edge
        for node in lab.topology.nodes.values()
        for service in node.services
        if service.proto == proto
        for low, high in service.ports
        for edge in (low, high + 1)
    )


def _cuts(lab: Lab, verdict: Verdict, family: int, proto: str) -> frozenset[int] | None:
    seen = verdict.observation
    found: frozenset[int] = frozenset()
    for path in (*seen.request, *seen.answer, *seen.others):
        if path.node in lab.policies:
            cuts = cuts_of(lab.policies[path.node].entered(path.chains, family), proto)
            if cuts is None:
                return None
            found |= cuts
    return found
