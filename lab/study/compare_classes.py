"""What became open from or to a class of addresses since an earlier report, and what is open no more.

A class that was not asked then is compared with the one that held its addresses: by the earlier report's constants its rules
could not tell them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError, Problem
from lab.record.exposure import Change, Constant, Exposure, Pair
from lab.record.sweep import Ranges
from lab.report.wire.exposure import Saved
from lab.ruleset.addresses import Addresses, read_addresses
from lab.ruleset.rule import overlap
from lab.study.classes import Partition
from lab.study.ends import Geography
from lab.study.survey import question_text
from lab.written.service import merged, without
from lab.written.topology import Topology

_MOST_AGAIN = 4_000  # pairs of a file that are asked once more
_Key = tuple[str, str, str, int]  # sender, source, address, family
_NOT_TOLD = "open now, and the earlier report does not tell whether it was then"
_NOT_AGAIN = "open in the earlier report, and not asked again"


def _key(pair: Pair) -> _Key:
    return pair.sender, pair.source, pair.address, pair.family


class ClassChanges(NamedTuple):
    """What was added and is gone, and what cannot be told, in words."""

    added: tuple[Change, ...]
    gone: tuple[Change, ...]
    untold: tuple[str, ...]


class ThenClasses:
    """What an earlier report has asked, and what it knew addresses by; ``asked`` is None in one that does not say it."""

    def __init__(
        self, asked: Sequence[Pair] | None, constants: Sequence[Constant], partial: Collection[int],
        was_open: Mapping[tuple[_Key, str], Ranges],
    ) -> None:  # fmt: skip
        self.asked, self.constants, self.partial, self.was_open = asked, tuple(constants), frozenset(partial), was_open

    @cached_property
    def _of_classes(self) -> list[Pair]:
        return [pair for pair in self.asked or () if pair.speaks_for_others]

    def again(self, topology: Topology, under_test: Collection[str]) -> list[Pair]:
        """The pairs of classes that can be asked once more, so that what is not open any more is known to be gone."""
        found = []
        for pair in self._of_classes[:_MOST_AGAIN]:
            node = topology.nodes.get(pair.sender)
            if node is None or pair.sender in under_test or not topology.can_send(pair.source):
                continue
            if any(port.network == pair.zone for port in node.interfaces.values()):
                found.append(pair)
        return found

    def places(self) -> list[tuple[Pair, str, Ranges]]:
        """What was open of classes: the pair, the protocol, the ports."""
        return [
            (pair, proto, self.was_open[_key(pair), proto])
            for pair in self._of_classes
            for proto in ("tcp", "udp")
            if (_key(pair), proto) in self.was_open
        ]

    def answers(self, pair: Pair, proto: str, geography: Geography) -> list[Ranges]:
        """What was open to the pairs that spoke for this one; none where that is not told.

        Where no rule told it from the usual addresses, one of those with a usual end spoke for it, and it is not said which.
        """
        asked = {_key(one): one for one in self.asked or () if one.family == pair.family}
        exact = asked.get(_key(pair))
        if exact is not None:
            return [self.was_open.get((_key(exact), proto), ())]
        if pair.family in self.partial:
            return []
        to = geography.place(pair.address)
        near = [one for one in asked.values() if one.zone == pair.zone and geography.place(one.address) == to]
        source, target = self._class(pair, "source", pair.source), self._class(pair, "destination", pair.address)
        fitting: list[list[Pair]] = [[], []]
        for one in near:
            same = (
                self._class(one, "source", one.source) == source, self._class(one, "destination", one.address) == target
            )
            if all(same):
                fitting[0].append(one)
            elif (same[0] or one.sources is None) and (same[1] or one.targets is None):
                fitting[1].append(one)
        chosen = fitting[0] or fitting[1]
        return [self.was_open.get((_key(one), proto), ()) for one in chosen]

    def _class(self, pair: Pair, end: str, address: str) -> int:
        return self._partitions[pair.family, end].at(int(ip_address(address)))

    @cached_property
    def _partitions(self) -> dict[tuple[int, str], Partition]:
        sets: dict[tuple[int, str], list[Addresses]] = {
            (family, end): [] for family in (4, 6) for end in ("source", "destination")
        }
        for one in self.constants:
            sets[one.family, one.end].append(read_addresses(one.addresses, one.family))
        return {(family, end): Partition(family, found) for (family, end), found in sets.items()}


def classes_of(saved: Saved, file: Path) -> ThenClasses:
    """What a report says of classes; InputError for an address that is none."""
    asked = None if saved.asked is None else [
        Pair(one.zone, one.sender, one.source, one.into, one.to, one.address, one.family, one.sources, one.targets)
        for one in saved.asked
    ]
    constants = [Constant(one.family, one.end, one.addresses) for one in saved.constants]
    try:
        for pair in asked or ():
            if any(ip_address(text).version != pair.family for text in (pair.source, pair.address)):
                raise ValueError(f"{pair.source} or {pair.address} is no IPv{pair.family} address")
        for constant in constants:
            read_addresses(constant.addresses, constant.family)
    except ValueError as error:
        raise InputError(Problem(f"{file}: {error}", mend="measure it anew, with --save")) from None
    known = {(pair.sender, pair.target, pair.address, pair.family): pair for pair in asked or () if not pair.speaks_for_others}
    found: dict[tuple[_Key, str], list[tuple[int, int]]] = {}
    for place in saved.exposures:
        usual = known.get((place.sender, place.to, place.address, place.family))
        source = place.source or (usual.source if usual is not None else "")
        found.setdefault(((place.sender, source, place.address, place.family), place.proto), []).extend(place.ports)
    return ThenClasses(asked, constants, saved.partial, {key: merged(ports) for key, ports in found.items()})


def compare_classes(
    topology: Topology, under_test: Collection[str], exposures: Iterable[Exposure], asked: Collection[Pair], then: ThenClasses,
    families: Collection[int],
) -> ClassChanges:  # fmt: skip
    """What changed of the pairs of these exposures that speak for others, all that was ``asked`` being known."""
    geographies = {family: Geography(topology, tuple(under_test), family) for family in families}
    now: dict[tuple[Pair, str], Ranges] = {}
    for one in exposures:
        if one.pair.speaks_for_others:
            now[one.pair, one.proto] = merged([*now.get((one.pair, one.proto), ()), *one.ports])
    added, gone, untold = list[Change](), list[Change](), list[str]()
    for (pair, proto), ports in now.items():
        answers = then.answers(pair, proto, geographies[pair.family])
        new = without(ports, merged([span for one in answers for span in one])) if answers else ()
        certain = answers[0] if answers else ()
        for more in answers[1:]:
            certain = overlap(certain, more)
        doubtful = without(without(ports, certain), new)
        added += [_change(pair, proto, new)] if new else []
        untold += [f"{question_text(pair, proto, doubtful)}: {_NOT_TOLD}"] if doubtful else []
    by_key = {(_key(pair), proto): ports for (pair, proto), ports in now.items()}
    again = {_key(pair) for pair in asked}
    for pair, proto, ports in then.places():
        left = without(ports, by_key.get((_key(pair), proto), ()))
        if left and _key(pair) in again:
            gone.append(_change(pair, proto, left))
        elif left and pair.family in families and pair.sender in topology.nodes:
            untold.append(f"{question_text(pair, proto, left)}: {_NOT_AGAIN}")
    return ClassChanges(tuple(added), tuple(gone), tuple(untold))


def _change(pair: Pair, proto: str, ports: Ranges) -> Change:
    return Change(
        pair.sender, pair.target, pair.address, pair.family, proto, tuple(ports), pair.source, pair.sources, pair.targets
    )
