"""The live view of a lab that is up, by its name's entry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lab.errors import MachineError, Problem
from lab.keep.entry import Entry
from lab.keep.joined import site_of
from lab.keep.live import Live, Wanted
from lab.keep.turns import bell_of


@contextmanager
def live_view(entry: Entry, wanted: Wanted | None = None) -> Iterator[Live]:
    """What happens in a lab while inside; there is no more news when its keeper has ended.  ``wanted`` is as in `Live`.

    Raises MachineError where it is not up any more, and what `Live` raises.
    """
    with ExitStack() as undo:
        try:
            ended = os.pidfd_open(entry.keeper)
        except ProcessLookupError:
            raise MachineError(Problem(f"{entry.name} is not up any more")) from None
        undo.callback(os.close, ended)
        bell = bell_of(entry)
        undo.callback(bell.close)
        site = undo.enter_context(site_of(entry))
        yield undo.enter_context(
            Live(site, bell, loaded=lambda name: entry.kept().held.get(name), wanted=wanted, ends=[ended])
        )
