"""What became open since an earlier report, and what is open no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError, Problem
from lab.record.exposure import Change, Exposure
from lab.record.sweep import Ranges
from lab.report.wire.exposure import Saved
from lab.report.wire.reading import read
from lab.study.compare_classes import ThenClasses, classes_of
from lab.study.untold import Place, Unknown, unknown_places
from lab.written.service import merged, without

Open = Mapping[Place, Ranges]


def open_ports(exposures: Iterable[Exposure]) -> Open:
    """The open ports of each place; of pairs that speak for others see `lab.study.compare_classes`."""
    pairs = ((one, one.pair) for one in exposures if not one.pair.speaks_for_others)
    return _by_place(((pair.sender, pair.target, pair.address, pair.family, one.proto), one.ports) for one, pair in pairs)


def _by_place(found: Iterable[tuple[Place, Ranges]]) -> Open:
    together: dict[Place, Ranges] = {}
    for place, ports in found:
        together[place] = merged([*together.get(place, ()), *ports])
    return together


class Then(NamedTuple):
    """What was open when an earlier report was written, of what it could not say so, and what it asked of classes."""

    open: Open
    unknown: Unknown
    classes: ThenClasses


def read_saved(file: Path, topology: str) -> Then:
    """What a report says that ``lab exposure --save`` wrote; InputError when it is none, or one of another topology."""
    saved = read(Saved, file, "lab exposure --save")
    if saved.interrupted or saved.problems:
        raise InputError(Problem(f"{file} is of an exposure that did not finish", mend="measure it anew, with --save"))
    if saved.topology != topology:
        raise InputError(Problem(f"{file} is about topology {saved.topology!r}, not {topology!r}"))
    try:
        unknown = unknown_places((*saved.not_proven, *saved.unsettled))
    except ValueError as error:
        what = f"{file} does not say of which ports this is not known: {str(error)!r}"
        raise InputError(Problem(what, mend="measure it anew, with --save")) from None
    was_open = (
        ((one.sender, one.to, one.address, one.family, one.proto), one.ports)
        for one in saved.exposures
        if one.sources is None and one.targets is None
    )
    return Then(_by_place(was_open), unknown, classes_of(saved, file))


def more(now: Open, then: Open) -> tuple[Change, ...]:
    """What is open ``now`` and was not ``then``."""
    found = []
    for place, ports in now.items():
        new: Sequence[tuple[int, int]] = without(ports, then.get(place, ()))
        if new:
            found.append(Change(*place, tuple(new)))
    return tuple(found)
