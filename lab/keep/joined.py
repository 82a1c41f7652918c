"""How another process comes to a lab that is up: into the keeper's user namespace, and to its nodes."""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import MachineError, Problem
from lab.keep.entry import Entry
from lab.keep.turns import bell_of, ring_before_turns
from lab.kernel.ground.privileges import settle
from lab.kernel.ground.syscalls import setns
from lab.site import Site


def join(entry: Entry) -> None:
    """Enter the user namespace that a lab is kept in, where that is not this process's own; only with one thread (setns(2))."""
    keeper, user = f"/proc/{entry.keeper}/ns", os.geteuid()
    try:
        if Path(keeper, "user").stat().st_ino == Path("/proc/self/ns/user").stat().st_ino:
            return
        found = [os.open(f"{keeper}/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("user", "net")]
        for descriptor in found:
            setns(descriptor)
            os.close(descriptor)
        settle(user)
    except OSError as error:
        what = f"{entry.name} cannot be entered: {error.strerror}"
        raise MachineError(Problem(what, mend="is it still up, and this the user who brought it up?")) from None


def site_of(entry: Entry) -> Site:
    """What stands, as it is now, whatever was done to its rules; its `close` lets go of it and leaves it up."""
    bell = bell_of(entry)
    join(entry)
    kept = entry.kept()
    site = Site.as_it_is(kept.topology, kept.held, entry.handles, backend=kept.backend)
    ring_before_turns(site, bell)
    return site
