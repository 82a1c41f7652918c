"""The number of files that this process may have open: nodes and sockets are files."""

from __future__ import annotations

import resource
from collections.abc import Collection
from pathlib import Path

from lab.errors import MachineError, Problem
from lab.written.topology import NodeSpec, Topology

SPARE_SOCKETS, SPARE_KINDS = 16, 16  # made ahead for each of the last so many nodes and protocols that sent
FRAME_SOCKETS = 32  # that sweeps send from: two threads, and the last so many interfaces
_ALWAYS = 64  # homes, fences, the machine's counters, one probe's sockets, one tool's files, what a report is written to
_OF_A_NODE = 3  # its namespace, an ear for a sweep, the neighbours that are asked for
_OF_AN_INTERFACE = 1  # what captures there
_OF_A_WATCH = 8  # the trace, its table, canaries of two families and the loopback, conntrack, what a sweep counts by
_OF_RULESETS = 20  # the tools that load and explain them, side by side, each with three files


def descriptors(topology: Topology, ruled: Collection[str]) -> int:
    """How many files a lab of ``topology`` has open at most, ``ruled`` being the nodes that rulesets are loaded into."""
    watched = sum(spec.passes_on or name in ruled for name, spec in topology.nodes.items())
    bridges = len(topology.segments)
    spare = SPARE_SOCKETS * min(SPARE_KINDS, 4 * len(topology.nodes))
    interfaces = [len(spec.devices) for spec in topology.nodes.values()]
    frames = min(FRAME_SOCKETS + 2 * max(interfaces), 2 * sum(interfaces))
    return (
        _ALWAYS + bridges + spare + frames + _OF_A_WATCH * watched + _OF_RULESETS * len(ruled)
        + sum(_OF_A_NODE + _OF_AN_INTERFACE * len(spec.devices) + _services(spec) for spec in topology.nodes.values())
    )  # fmt: skip


def _services(spec: NodeSpec) -> int:
    families = sum(bool(spec.addresses(family)) for family in (4, 6))
    return families * sum(service.port_count for service in spec.services)


def in_use() -> int:
    """How many files this process has open now."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


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
