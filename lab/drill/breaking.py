"""A healthy lab broken as a drill says, so that nothing in it tells how."""

from __future__ import annotations

from lab.drill.checking import Baseline
from lab.drill.faults import FAULTS
from lab.drill.faults.world import boot_from, keep_boot_files
from lab.drill.fouls import guards_of, opened
from lab.drill.grounds import Grounds
from lab.errors import InputError, Problem
from lab.keep.boot import BOOT_FILES
from lab.prepare.drills import Play


def break_it(grounds: Grounds, play: Play) -> Baseline:
    """Do the faults in their order; what nodes boot into is then what they hold, where the drill says nothing else.

    Raises InputError for a fault that cannot be done, and LabError for what cannot be measured.
    """
    guards = tuple(guard for node, held in grounds.site.held.policies.items() for guard in guards_of(node, held.chains))
    written = {(node, path) for node in play.drill.boot for path in BOOT_FILES.values()}
    for node in play.drill.boot:
        boot_from(grounds, node, play.boots[node])
    for number, fault in enumerate(play.drill.faults, 1):
        try:
            FAULTS[fault.kind](grounds, fault.said)
        except InputError as error:
            told = f"fault {number}, {fault.kind}"
            raise InputError(Problem(f"{told}: {one.what}", one.where, one.mend) for one in error.problems) from error
        if fault.kind == "boot-file":
            written.add((fault.said.node, fault.said.path))
    keep_boot_files(grounds, written)
    return Baseline(guards, opened(guards, grounds))
