"""A lab that is up, asked in the place of one that a command would build."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.cli.given import Given
from lab.errors import InputError, Problem
from lab.keep.entry import find
from lab.keep.joined import site_of
from lab.kernel.ground.privileges import enter
from lab.lab import Lab
from lab.prepare.plan import Standing
from lab.prepare.scene import Scene
from lab.ruleset.backend import Backend

if TYPE_CHECKING:
    from lab.keep.entry import Entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a single question is asked: ``on`` is a lab that is up, None where one is built."""

    scene: Scene
    backend: Backend
    on: Lab | None = None


def standing(given: Given, backends: Sequence[Backend]) -> Standing:
    """The lab that is up, and what was loaded into it; raises InputError for what would have it be another one."""
    entry = _entry(given, backends)
    kept = entry.kept()
    return Standing(entry.name, kept.topology, kept.policies, kept.backend)


@contextmanager
def standing_lab(given: Given, backends: Sequence[Backend]) -> Iterator[Lab]:
    """The lab that is up, to be asked while inside, as it is now."""
    with site_of(_entry(given, backends)) as site, Lab.on(site) as lab:
        yield lab


def places(given: Given, backends: Sequence[Backend], undo: ExitStack) -> Iterator[Place]:
    """Where a question is asked: of the lab that is up, else on each backend; what is opened is let go of by ``undo``."""
    if given.lab is None:
        for backend in backends:
            scene = given.scene(backend)
            enter()
            yield Place(scene, backend)
        return
    if given.matrices:
        what = f"--matrix and --lab: lab {given.lab} has a network and rules of its own"
        raise InputError(Problem(what, mend=f"`lab run {given.matrices[0]} --lab {given.lab}` asks its rows there"))
    lab = undo.enter_context(standing_lab(given, backends))
    by_hand = [name for name, policy in lab.policies.items() if policy.by_hand]
    notes = [f"{given.lab}: rules were changed by hand at {', '.join(by_hand)}"] if by_hand else []
    policies = {name: policy.told for name, policy in lab.policies.items()}
    yield Place(Scene(lab.topology, policies, {}, tuple(notes)), lab.backend, lab)


def _entry(given: Given, backends: Sequence[Backend]) -> Entry:
    assert given.lab is not None
    beside = {"--topology": given.topology, "--twin": given.dumps, "--policy": given.policy}
    if said := next((option for option, value in beside.items() if value), None):
        mend = f"`lab load {given.lab} NODE FILE` puts other rules into it" if said == "--policy" else "leave one of them out"
        raise InputError(Problem(f"{said} and --lab: lab {given.lab} has a network and rules of its own", mend=mend))
    entry = find(given.lab)
    if tuple(backends) not in ((Backend.NFT,), (entry.backend,)):  # what nobody says is nft
        raise InputError(Problem(f"lab {entry.name} was brought up with --backend {entry.backend}", mend="leave --backend out"))
    return entry
