"""Of what a measurement could not say whether it is open: it is neither new nor gone, whichever side did not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.record.exposure import Change, Untold
from lab.record.sweep import Ranges
from lab.ruleset.rule import overlap
from lab.written.service import parse_ports, without

Place = tuple[str, str, str, int, str]  # sender, target, address, family, protocol
Unknown = Mapping[Place, Sequence[tuple[Ranges, str]]]
"""Ports of which nothing is known, and why, by place."""

_ALL = ((1, 65_535),)
_TOLD = re.compile(
    r"(?P<sender>.+?) > (?P<target>.+?) \((?P<address>[\d.]+|[\da-f:.]*:[\da-f:.]*)\) (?P<proto>tcp|udp)/(?P<ports>[\d,-]+)"
    r"(?P<more> and \d+ more ranges)?: (?P<why>.*)",
    re.DOTALL,
)


def unknown_places(told: Iterable[str]) -> Unknown:
    """What sentences of a survey say, of this lab or an earlier one: ``world > web-vip (198.51.100.2) tcp/22,80: why``.

    Where a sentence names not all of the ports, all of its place are meant.  Raises ValueError with one of another form.
    """
    found: dict[Place, list[tuple[Ranges, str]]] = {}
    for text in told:
        said = _TOLD.fullmatch(text)
        if said is None:
            raise ValueError(text)
        family = 6 if ":" in said["address"] else 4
        ports = _ALL if said["more"] else parse_ports(said["ports"])
        place = said["sender"], said["target"], said["address"], family, said["proto"]
        found.setdefault(place, []).append((ports, said["why"]))
    return found


class Sorted(NamedTuple):
    """Changes that are known to be some, and those that may be none."""

    known: tuple[Change, ...]
    untold: tuple[Untold, ...]


def sort_out(changes: Iterable[Change], now: Unknown, then: Unknown, what: str) -> Sorted:
    """Take out of the changes what one of both sides does not know; ``what`` says of these what is known."""
    known: list[Change] = []
    untold: list[Untold] = []
    for change in changes:
        left = change.ports
        for when, unknown in (("now", now), ("before", then)):
            for ports, why in unknown.get((change.sender, change.target, change.address, change.family, change.proto), ()):
                held = overlap(left, ports)
                if held:
                    untold.append(Untold(_of(change, held), f"{what}, and not told {when}: {why}"))
                    left = without(left, held)
        if left:
            known.append(_of(change, left))
    return Sorted(tuple(known), tuple(untold))


def _of(change: Change, ports: Ranges) -> Change:
    return replace(change, ports=tuple(ports))
