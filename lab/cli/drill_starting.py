"""Starts a drill from the command line, and prints what a team is called with."""

from __future__ import annotations

from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from lab.errors import InputError, Problem
from lab.report.plain import plain
from lab.written.drill_file import drill_files, find_drill, read_drill

if TYPE_CHECKING:
    from lab.drill.played import Played


def start_and_tell(
    drill: str | None, seed: int | None, name: str, *, at_random: bool, level: int | None, role: str | None, shipped: bool
) -> None:
    """Start it; nothing remains where it cannot be started."""
    file = _file(drill, at_random=at_random, level=level, role=role, shipped=shipped)
    if at_random and seed is None:
        seed = SystemRandom().choice(read_drill(file)[1].seeds)
    from lab.drill.start import start_drill
    from lab.prepare.drills import play_of

    found = start_drill(play_of(file, seed), name or ("drill" if at_random else ""))
    _tell(found)


def _file(drill: str | None, *, at_random: bool, level: int | None, role: str | None, shipped: bool) -> Path:
    if at_random:
        return _any(level, role, shipped=shipped)
    if level is not None or role is not None:
        raise InputError(Problem("--level and --role choose among drills", mend="--random --level 2"))
    if drill is None:
        raise InputError(Problem("which drill?", mend="`lab drill list` lists them; --random takes any"))
    return find_drill(drill, shipped=shipped)


def _any(level: int | None, role: str | None, *, shipped: bool) -> Path:
    """Any drill of this level, and for this role."""
    headings = {file: read_drill(file)[1] for file in drill_files(shipped=shipped).values()}
    fitting = [
        file for file, heading in headings.items()
        if level in (None, heading.level) and (role is None or role in heading.roles)
    ]
    if not fitting:
        levels = ", ".join(str(one) for one in sorted({heading.level for heading in headings.values()}))
        roles = ", ".join(sorted({role for heading in headings.values() for role in heading.roles}))
        raise InputError(Problem("no drill is like that", mend=f"there are levels {levels or 'none'}, roles {roles or 'none'}"))
    return SystemRandom().choice(sorted(fitting))


def _tell(found: Played) -> None:
    name, play = found.entry.name, found.play
    print(plain(play.drill.page))
    print()
    print(plain(f"{name} is up: {', '.join(found.entry.nodes)}"))
    node = next(iter(play.scene.policies))
    print(plain(f"  lab shell {name} {node}       look, and mend; any node has a shell"))
    print(plain(f"  lab drill answer {name} {node} filter:FORWARD missing-accept       what is it? --kinds lists the kinds"))
    print(plain(f"  lab drill check {name}       is it mended?   also: hint, status"), flush=True)
