"""What became open since an earlier report, and what is open no more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab.errors import InputError, Problem
from lab.record.exposure import Change, Exposure
from lab.record.sweep import Ranges
from lab.report.exposure import VERSION
from lab.written.service import merged, without

Place = tuple[str, str, str, int, str]  # sender, target, address, family, protocol
Open = Mapping[Place, Ranges]


def open_ports(exposures: Iterable[Exposure]) -> Open:
    """The open ports of each place."""
    found: dict[Place, Ranges] = {}
    for one in exposures:
        place = one.pair.sender, one.pair.target, one.pair.address, one.pair.family, one.proto
        found[place] = merged([*found.get(place, ()), *one.ports])
    return found


def read_saved(file: Path, topology: str) -> Open:
    """The open ports of a report that ``lab exposure --save`` wrote; InputError when it is none, or one of another topology."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        version, of = said["version"], said["topology"]
        finished = not said.get("interrupted") and not said.get("problems")
        found: dict[Place, Ranges] = {}
        for one in said["exposures"] if version == VERSION else ():
            place = str(one["from"]), str(one["to"]), str(one["address"]), int(one["family"]), str(one["proto"])
            ports = [(int(low), int(high)) for low, high in one["ports"]]
            if not all(1 <= low <= high <= 65_535 for low, high in ports):
                raise ValueError(f"{one['ports']} are no ports")
            found[place] = merged([*found.get(place, ()), *ports])
    except OSError as error:
        raise InputError(Problem(f"{file} cannot be read: {error.strerror}")) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(Problem(f"{file} is no report of `lab exposure --save` ({type(error).__name__}: {error})")) from None
    if not finished:
        raise InputError(Problem(f"{file} is of an exposure that did not finish", mend="measure it anew, with --save"))
    if version != VERSION:
        raise InputError(Problem(f"{file} has version {version!r}, and this lab reads version {VERSION}", mend="save it anew"))
    if of != topology:
        raise InputError(Problem(f"{file} is about topology {of!r}, not {topology!r}"))
    return found


def more(now: Open, then: Open) -> tuple[Change, ...]:
    """What is open ``now`` and was not ``then``."""
    found = []
    for place, ports in now.items():
        new: Sequence[tuple[int, int]] = without(ports, then.get(place, ()))
        if new:
            found.append(Change(*place, tuple(new)))
    return tuple(found)
