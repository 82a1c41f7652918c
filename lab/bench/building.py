"""Labs up and down, beside the same networks by `ip -batch` and by mininet."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field

from lab.bench.figures import Found, Size, median, seconds
from lab.bench.inputs import policy, topology, topology_of
from lab.bench.ip_batch import down, up
from lab.bench.processes import python_with, run_apart
from lab.kernel.network import Network
from lab.kernel.tools import find
from lab.lab import Lab
from lab.spec.topology import Topology

_SIZES, _QUICK = (3, 30, 300, 1000), 30


@dataclass(slots=True)
class _Times:
    """Seconds as they come in; ``notes`` say what kept some from coming."""

    seconds: list[float] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)

    def of_peer(self, program: str, given: object, python: str | None) -> None:
        """Once more by a program of another's, whose printed seconds are added up."""
        if python is None:
            self.notes.add(f"{program.removeprefix('by_')} is not installed")
            return
        done = run_apart(program, given, python=python)
        if done.numbers:
            self.seconds.append(sum(done.numbers))
        else:
            self.notes.add(done.note)

    @property
    def median(self) -> float | None:
        """In seconds."""
        return statistics.median(self.seconds) if self.seconds else None


def building(size: Size) -> Found:
    """Labs of 3 nodes with a policy and without, of 3 to 1,000 nodes; the same by what one would use otherwise."""
    three, rules, hundred = topology("three"), policy("two-hundred"), topology("hundred")
    small = _three(three, size)
    nodes = [_nodes(count, size) for count in size.up_to(_SIZES, _QUICK)]
    by_count = {row["nodes"]: row["lab_s"] for row in nodes}
    return Found(
        {
            "lab3_policy_ms": median(lambda: Lab(three, {"gateway": rules}).close(), 3 * size.runs) * 1e3,
            "lab100_s": median(lambda: Network(hundred).close(), size.runs),
            "lab300_s": by_count.get(300),
            "lab1000_s": by_count.get(1000),
            "growth": {"nodes": nodes},
            **small.figures,
        },
        small.notes,
    )


def _three(three: Topology, size: Size) -> Found:
    """Until the network of three nodes is ready, one way after the other in each run."""
    lab, batch, mininet = _Times(), _Times(), _Times()
    python = python_with("mininet.net") if find("mnexec") else None
    for _ in range(size.runs):
        lab.seconds.append(_until_ready(three))
        batch.of_peer("commands", [up(three)], sys.executable)
        mininet.of_peer("by_mininet", 1, python)
    peers = {"ip_batch_lab3_ms": _ms(batch.median), "mininet_lab3_ms": _ms(mininet.median)}
    return Found({"lab3_ms": _ms(lab.median), "peers": peers}, tuple(batch.notes | mininet.notes))


def _until_ready(three: Topology) -> float:
    labs: list[Lab] = []
    took = seconds(lambda: labs.append(Lab(three, {})))
    labs[0].close()
    return took


def _nodes(count: int, size: Size) -> dict[str, float | None]:
    """Up and down; the large ones once, as they take seconds."""
    many = topology("three") if count == 3 else topology_of(count)
    lab, batch = _Times(), _Times()
    for _ in range(size.runs if count < 100 else 1):
        lab.seconds.append(seconds(lambda: Network(many).close()))
        batch.of_peer("commands", [up(many), down(many)], sys.executable)
    return {"nodes": count, "lab_s": lab.median, "ip_batch_s": batch.median}


def _ms(figure: float | None) -> float | None:
    return None if figure is None else figure * 1e3
