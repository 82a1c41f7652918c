"""What a program does in its own time: waited for, until it is there or known not to come."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.syscalls import Ready
from lab.probe.question import TCP
from lab.probe.sighting import Sighting
from lab.record.path import End

T = TypeVar("T")
_DEADLINE_S = 60.0  # for a program that has all it needs, however busy the machine is
_LOOK_AGAIN_S = 0.02
_ONGOING = (End.LEFT, End.DELIVERED)


def awaited(
    seen: Sighting, waiting: Callable[[], list[int]], attempt: Callable[[], T | None], overdue: Callable[[], str]
) -> T | None:
    """What ``attempt`` gives, asked anew whenever one of the ``waiting`` sockets tells of something.

    A network at rest does not tell that a program has done all that it will do.  So None means that the trace tells of a
    segment of the session that some node kept, and that what was awaited is not there.
    Raises MeasurementError that begins with what ``overdue`` says when neither comes to be.
    """
    until = monotonic() + _DEADLINE_S
    while (found := attempt()) is None:
        if not Ready(waiting()).within(_LOOK_AGAIN_S):
            seen.stage.network.rest()
            if not Ready(waiting()).now() and _stopped(seen):
                return attempt()
        if monotonic() > until:
            raise MeasurementError(Problem(f"{overdue()} within {_DEADLINE_S:g} s"))
    return found


def _stopped(seen: Sighting) -> bool:
    """Whether the trace tells of a segment that some node kept."""
    seen.read_trace()
    return any(path.entry.proto == TCP and path.end not in _ONGOING for path in seen.paths)
