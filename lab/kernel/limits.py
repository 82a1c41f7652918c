"""The number of files that this process may have open: nodes and sockets are files."""

from __future__ import annotations

import resource
from collections.abc import Collection

from lab.errors import MachineError, Problem
from lab.spec.topology import Topology


def descriptors(topology: Topology, ruled: Collection[str]) -> int:
    return 64 + 16 * len(topology.nodes)


def raise_file_limit(needed: int) -> None:
    """Raise the soft limit to the hard one; MachineError when that is less than ``needed`` descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < needed:
        raise MachineError(
            Problem(
                f"this topology needs {needed} open files, and the hard limit is {hard}",
                mend=f"ulimit -Hn {needed}   (as root), or raise it in /etc/security/limits.conf",
            )
        )
