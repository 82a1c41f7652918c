"""Two measurements of service matrices: who reaches whom now, and did not then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import InputError, Problem
from lab.record.service_matrix import Group, Reached, ServiceMatrix, State, Way
from lab.report.wire.reading import read
from lab.report.wire.service_matrix import Saved, SavedMatrix
from lab.ruleset.addresses import Addresses, address_words, read_addresses, together
from lab.study.classes import Partition

_RANK = {State.LET_THROUGH: 1, State.UNANSWERED: 1, State.REACHES: 2}


class _Piece(NamedTuple):
    """Addresses that are in one group then, and in one now; None where they are in none."""

    addresses: Addresses
    then: str | None
    now: str | None


_Row = tuple[tuple[_Piece, State, State], ...]


def read_saved(file: Path, topology: str) -> tuple[ServiceMatrix, ...]:
    """The matrices that ``lab reach --json`` wrote; InputError when they are none, or of another topology."""
    saved = read(Saved, file, "lab reach --json")
    if saved.interrupted or saved.problems:
        raise InputError(Problem(f"{file} is of matrices that were not finished", mend="measure them anew, with --json"))
    if saved.topology != topology:
        raise InputError(Problem(f"{file} is about topology {saved.topology!r}, not {topology!r}"))
    return tuple(_saved(one, file) for one in saved.matrices)


def _saved(matrix: SavedMatrix, file: Path) -> ServiceMatrix:
    groups = [Group(one.name, tuple(one.addresses), 0, (), 0) for one in matrix.groups]
    for group in groups:
        try:
            read_addresses(group.addresses, matrix.family)
        except ValueError as error:
            raise InputError(Problem(f"{file}: group {group.name!r}: {error}", mend="measure it anew, with --json")) from None
    ways = tuple(Way(one.source, one.destination, one.state) for one in matrix.ways)
    return ServiceMatrix(tuple(matrix.services), matrix.family, tuple(groups), ways)


def compare(
    now: Sequence[ServiceMatrix], then: Sequence[ServiceMatrix]
) -> tuple[tuple[Reached, ...], tuple[Reached, ...], tuple[str, ...]]:
    """What is reached now and was not then, what is not any more, and what cannot be compared, in words.

    What only answers now, or no longer, is a change too.  Of addresses that one side did not ask nothing is said.
    """
    before = {(service, one.family): one for one in then for service in one.services}
    added: list[Reached] = []
    gone: list[Reached] = []
    untold: list[str] = []
    for matrix in now:
        for service in matrix.services:
            earlier = before.pop((service, matrix.family), None)
            if earlier is None:
                untold.append(f"{service} IPv{matrix.family} was not asked before")
                continue
            for changed in _changes(service, matrix, earlier):
                (added if _rank(changed.state) > _rank(changed.before) else gone).append(changed)
    untold += [f"{service} IPv{family} was asked before, and is not now" for service, family in before]
    return tuple(added), tuple(gone), tuple(untold)


def _changes(service: str, now: ServiceMatrix, then: ServiceMatrix) -> Iterator[Reached]:
    """Those with the same destinations and states together."""
    pieces = list(_pieces(now, then))
    states_now, states_then = _states(now), _states(then)
    rows: dict[_Row, list[_Piece]] = {}
    for source in pieces:
        row = tuple(
            (target, state, before)
            for target in pieces
            for state, before in [(_of(states_now, source.now, target.now), _of(states_then, source.then, target.then))]
            if _rank(state) != _rank(before) and State.LOST not in (state, before) and State.NEAR not in (state, before)
        )
        if row:
            rows.setdefault(row, []).append(source)
    rules = {(way.source, way.destination): next((by.rule for by in way.by), None) for way in now.ways}
    for row, sources in rows.items():
        for state, before in dict.fromkeys((state, before) for _, state, before in row):
            targets = [target for target, *states in row if states == [state, before]]
            rule = rules.get((str(sources[0].now), str(targets[0].now)))
            yield Reached(service, now.family, _words(sources, now.family), _words(targets, now.family), state, before, rule)


def _pieces(now: ServiceMatrix, then: ServiceMatrix) -> Iterator[_Piece]:
    """All addresses by the groups that they are in."""
    ours = [(group.name, read_addresses(group.addresses, now.family)) for group in now.groups]
    theirs = [(group.name, read_addresses(group.addresses, now.family)) for group in then.groups]
    for one in Partition(now.family, [addresses for _, addresses in (*ours, *theirs)]).classes:
        inside = [place for place in range(len(ours) + len(theirs)) if one.inside >> place & 1]
        mine = next((ours[place][0] for place in inside if place < len(ours)), None)
        other = next((theirs[place - len(ours)][0] for place in inside if place >= len(ours)), None)
        if mine is not None or other is not None:
            yield _Piece(one.addresses, other, mine)


def _states(matrix: ServiceMatrix) -> Mapping[tuple[str, str], State]:
    found: dict[tuple[str, str], State] = {}
    for way in matrix.ways:
        key = way.source, way.destination
        found[key] = max(found.get(key, way.state), way.state, key=_rank)
    return found


def _rank(state: State) -> int:
    """How far requests come: let in, with an answer."""
    return _RANK.get(state, 0)


def _of(states: Mapping[tuple[str, str], State], source: str | None, target: str | None) -> State:
    """The state between two groups; of addresses that are in no group nothing was asked."""
    return State.NEAR if source is None or target is None else states.get((source, target), State.DENIED)


def _words(pieces: Sequence[_Piece], family: int) -> tuple[str, ...]:
    return address_words(together(span for piece in pieces for span in piece.addresses), family)
