"""All groups of figures in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from lab.bench.building import building
from lab.bench.figures import Figures, Found, Size, merged
from lab.bench.growth import growth
from lab.bench.loads import loads
from lab.bench.machine import machine
from lab.bench.peers import peers
from lab.bench.probes import probes
from lab.bench.runs import runs
from lab.bench.sweeps import sweeps
from lab.errors import InputError, MachineError, Problem
from lab.report.bench_schema import BENCH_VERSION, bench_schema
from lab.spec.messages import did_you_mean


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are measured together."""

    name: str
    measure: Callable[[Size], Found]


def groups(names: Sequence[str] = ()) -> Sequence[Group]:
    """The groups of these names, all without one; InputError for a name that is none.

    The largest labs come last: the kernel is at work for seconds after they are gone.
    """
    every = [
        Group(work.__name__, work) for work in (machine, probes, sweeps, runs, peers, loads, growth, building)
    ]
    known = {group.name for group in every}
    for name in names:
        if name not in known:
            raise InputError(Problem(f"there is no group of figures {name!r}", mend=did_you_mean(name, known, "groups")))
    return [group for group in every if not names or group.name in names]


def measure(chosen: Sequence[Group], size: Size, begin: Callable[[str], None]) -> Found:
    """The figures of the groups with every key of the schema, None where not measured; ``begin`` is told each group's name.

    What this machine lacks costs its group alone, with a note; where nothing could be measured, the MachineError is raised.
    """
    figures, notes, lacking = blank(), [], []
    for group in chosen:
        begin(group.name)
        try:
            found = group.measure(size)
        except MachineError as error:
            lacking.append(error)
            notes += [f"{group.name}: {problem.what}" for problem in error.problems]
            continue
        figures = merged(figures, found.figures)
        notes += found.notes
    if len(lacking) == len(chosen):
        raise MachineError(chain.from_iterable(error.problems for error in lacking))
    return Found(figures, tuple(notes))


def blank() -> Figures:
    """Every key that the schema promises, with nothing measured."""
    return {**_nothing(bench_schema()), "version": BENCH_VERSION}


def _nothing(schema: Mapping[str, object]) -> Figures:
    properties = schema["properties"]
    assert isinstance(properties, Mapping)
    return {key: _nothing(value) if "properties" in value else None for key, value in properties.items()}
