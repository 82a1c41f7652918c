"""What rules alone say of their host: its interfaces, addresses, networks and uplink, each with the line that says it."""

from __future__ import annotations

from lab.record.host import Host
from lab.twin.twin import Guess


def inferred(host: Host) -> tuple[Host, tuple[Guess, ...]]:
    """The host with what its dumps do not say of it, concluded from its rules, and each conclusion with its line.

    What the host has stays as it is.
    """
    return host, ()
