"""All groups of figures in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.bench.building import building
from lab.bench.changes import changes
from lab.bench.figures import Figures, Found, Size, merged
from lab.bench.growth import growth
from lab.bench.loads import loads
from lab.bench.machine import machine
from lab.bench.probes import probes
from lab.bench.real import real
from lab.bench.runs import runs
from lab.bench.sweeps import sweeps
from lab.errors import InputError, LabError, MachineError, MeasurementError, Problem, interrupted_code
from lab.report.wire.bench import Bench
from lab.report.wire.writing import written
from lab.written.messages import did_you_mean


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are measured together."""

    name: str
    measure: Callable[[Size], Found]


def groups(names: Sequence[str] = (), instead: Sequence[Group] = ()) -> Sequence[Group]:
    """The groups of these names, all without one; InputError for a name that is none.

    ``instead`` are groups that measure others too: they take the place of those of their name, or come before all that
    build.  The largest labs come last: the kernel is at work for seconds after they are gone.
    """
    named = {group.name: group for group in instead}
    own = [Group(work.__name__, work) for work in (machine, probes, sweeps, runs, real, changes, loads, growth, building)]
    every = [named.pop(group.name, group) for group in own]
    every[-3:-3] = named.values()
    known = {group.name for group in every}
    for name in names:
        if name not in known:
            raise InputError(Problem(f"there is no group of figures {name!r}", mend=did_you_mean(name, known, "groups")))
    return [group for group in every if not names or group.name in names]


@dataclass(frozen=True, slots=True)
class Measured:
    """Every key of the schema with its figure, None where not measured; why not; 3 as ``exit_code`` after a failure.

    Of a bench that was interrupted it holds what was measured by then, and the signal's code.
    """

    figures: Figures
    notes: tuple[str, ...]
    exit_code: int


def measure(chosen: Sequence[Group], size: Size, begin: Callable[[str], None]) -> Measured:
    """The figures of the groups, ``begin`` being told each group's name.

    What this machine lacks, or a measurement that fails, costs its group alone, with a note; where every group ended so,
    the first of these errors is raised.  Ctrl-C leaves what was measured by then; before that it is raised.
    """
    figures: Figures = blank()
    notes: list[str] = []
    ended: list[LabError] = []
    measured = 0
    for group in chosen:
        begin(group.name)
        try:
            found = group.measure(size)
        except (MachineError, MeasurementError) as error:
            ended.append(error)
            notes += [f"{group.name}: {problem.what}" for problem in error.problems]
            continue
        except KeyboardInterrupt as error:
            if not measured:
                raise
            notes.append(f"interrupted in the midst of {group.name}: the figures are of what was finished")
            return Measured(figures, tuple(notes), interrupted_code(error))
        measured += 1
        figures = merged(figures, found.figures)
        notes += found.notes
    if len(ended) == len(chosen):
        raise ended[0]
    failed = any(isinstance(error, MeasurementError) for error in ended)
    return Measured(figures, tuple(notes), MeasurementError.exit_code if failed else 0)


def blank() -> Figures:
    """Every key that the schema promises, with nothing measured."""
    return written(Bench, Bench(version=1))
