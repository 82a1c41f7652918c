"""Which interface leads to the internet, weighed from what rules do there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.twin.evidence import Evidence
from lab.twin.kinds import is_private, leads_inside, leads_outside
from lab.twin.told import Told

_MOST_NETWORKS = 3  # that count against it


class Uplink(NamedTuple):
    """An interface that leads to the internet, the rule that says most of it, and why, as the end of a sentence.

    ``is_made`` where no rule names it.
    """

    name: str
    told: Told | None
    why: str
    is_made: bool = False


def uplinks_of(evidence: Evidence, interfaces: Sequence[str]) -> tuple[Uplink, ...]:
    """The uplinks, the first being the one that the default route takes; none where every interface leads inside."""
    scores = {name: _score(evidence, name) for name in interfaces}
    outer = [name for name in interfaces if not leads_inside(name) or scores[name] > 0]
    if not outer:
        return ()
    first = max(outer, key=lambda name: scores[name])
    others = [name for name in outer if name != first and name in evidence.masqueraded and not leads_inside(name)]
    return tuple(_uplink(evidence, name, alone=len(outer) == 1) for name in (first, *others))


def _score(evidence: Evidence, name: str) -> int:
    networks = evidence.behind.get(name, {})
    private = sum(is_private(network) and (name, network) not in evidence.not_behind for network in networks)
    return (
        10 * (name in evidence.masqueraded)
        + 5 * (name in evidence.published)
        + 4 * (name in evidence.closed)
        + 2 * (name in evidence.outward)
        + 3 * leads_outside(name)
        + 2 * max(-1, min(1, evidence.zones.get(name, 0)))
        + (name not in evidence.masqueraded and any(not is_private(network) for network in networks))
        - 4 * (name in evidence.trusted)
        - 11 * leads_inside(name)
        - 3 * min(private, _MOST_NETWORKS)
    )


def _uplink(evidence: Evidence, name: str, *, alone: bool) -> Uplink:
    for said, why in (
        (evidence.masqueraded, "what leaves there is translated"), (evidence.published, "what comes in there is published"),
        (evidence.closed, "private sources are denied there"),
        (evidence.outward, "a network may leave there to wherever it wants"),
    ):  # fmt: skip
        if name in said:
            return Uplink(name, said[name], why)
    called = leads_outside(name) or evidence.zones.get(name, 0) > 0
    why = "no other could be" if alone else "it is called so" if called else "fewest private networks are there"
    return Uplink(name, evidence.interfaces.get(name), why)

