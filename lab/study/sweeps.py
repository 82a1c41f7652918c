"""The sweeps that a command was asked for: what is swept, from which sources, one after the other in one lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import InputError, Problem
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.record.sweep import AskedSweep, Gear, Sweep
from lab.ruleset.backend import Backend
from lab.study.sources import constants, read_prefixes, with_edges
from lab.sweep.fates import SweepTally

ALL_PORTS = "1-65535"
CONSTANTS = "constants"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, whatever the backend: ``sources`` is a file of prefixes, or ``constants`` for those of the rulesets."""

    sender: str
    target: str
    services: Sequence[str]
    families: Sequence[int | None]
    gear: Gear = Gear.RULE
    source: str | None = None
    sources: str | None = None
    every_port: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of the notes on all sweeps, and of each sweep under its title as soon as it is done.

    The notes are told before the first one; of a twin, where there are many, behind the last.

    ``under_way`` is told the title of the one that is, how many were asked, and of how many.
    """

    note: Callable[[str], None]
    sweep: Callable[[str, Sweep], None]
    under_way: Callable[[str, int, int], None]


def services_of(service: str | None, *, tcp: bool, udp: bool, both: bool, of_sources: bool) -> list[str]:
    """The services that are swept; InputError where one is said in two ways, or none where it must be."""
    if service is not None:
        if udp or both:
            raise InputError(Problem("a service and --udp or --both: one of them says what is swept"))
        return [service]
    if of_sources:
        raise InputError(Problem("which service is asked from all sources?", mend="lab sweep FROM TO tcp/443 --sources FILE"))
    wanted = (("tcp", tcp or both or not udp), ("udp", udp or both))
    return [f"{proto}/{ALL_PORTS}" for proto, is_wanted in wanted if is_wanted]


def sweeps(scene: Scene, backend: Backend, asked: Asked, told: Told, on: Lab | None = None) -> Iterator[AskedSweep]:
    """Each sweep, in one lab of this backend; Ctrl-C tells what was finished of the one under way, and is raised.

    ``on`` is a lab that stands already, and stays.
    """
    words = scene.words(asked.sender, asked.target)
    asked = replace(asked, sender=words[0], target=words[1])
    with Lab(scene.topology, scene.policies, backend=backend) if on is None else nullcontext(on) as lab:
        families = {
            family or _family(lab, asked, service) for family in asked.families for service in asked.services
        }
        notes = scene.notes(sorted(families))
        for note in notes if scene.twin is None else ():
            told.note(note)
        guesses = tuple(f"guessed: {guess}" for guess in scene.guesses)
        for family in asked.families:
            for service in asked.services:
                title = f"{asked.sender} > {asked.target} {service}{f' IPv{family}' if family else ''}"
                result = _swept(lab, scene, asked, service, family, title, told)
                yield AskedSweep(title, str(backend), replace(result, notes=(*result.notes, *notes, *guesses)))
        for note in () if scene.twin is None else (*notes, *guesses):
            told.note(note)


def _swept(lab: Lab, scene: Scene, asked: Asked, service: str, family: int | None, title: str, told: Told) -> Sweep:
    tally = SweepTally(heard=lambda done, of: told.under_way(title, done, of))
    try:
        lab.sweep(
            asked.sender, asked.target, service, gear=asked.gear, source=asked.source,
            sources=_prefixes(scene, asked.sources, family or _family(lab, asked, service)), family=family,
            every_port=asked.every_port, tally=tally,
        )  # fmt: skip
    except KeyboardInterrupt:
        told.sweep(f"{title} (interrupted: only what was finished)", tally.result())
        raise
    told.sweep(title, tally.result())
    return tally.result()


def _family(lab: Lab, asked: Asked, service: str) -> int:
    return lab.asked(asked.sender, asked.target, service, source=asked.source).family


def _prefixes(scene: Scene, sources: str | None, family: int) -> tuple[str, ...]:
    if sources is None:
        return ()
    named = constants(scene.policies.values()) if sources == CONSTANTS else read_prefixes(Path(sources))
    return with_edges(named, family, scene.topology)
