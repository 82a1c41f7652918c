"""Labs up and down, beside the same networks by `ip -batch` and by mininet."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from lab.bench.figures import Found, Size, median, seconds
from lab.bench.inputs import policy, topology, topology_of
from lab.bench.ip_batch import down, up
from lab.bench.processes import Apart, python_with, run_apart
from lab.kernel.ground.tools import find
from lab.kernel.stage.network import Network
from lab.lab import Lab
from lab.written.topology import Topology

_SIZES, _QUICK = (3, 30, 300, 1000), 30


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
    lab: list[float] = []
    batch: list[Apart] = []
    mininet: list[Apart] = []
    python = python_with("mininet.net") if find("mnexec") else None
    for _ in range(size.runs):
        lab.append(_until_ready(three))
        batch.append(run_apart("commands", [up(three)]))
        mininet.append(run_apart("by_mininet", 1, python=python) if python else Apart(note="mininet is not installed"))
    peers = {"ip_batch_lab3_ms": _ms(_median(batch)), "mininet_lab3_ms": _ms(_median(mininet))}
    notes = dict.fromkeys(one.note for one in (*batch, *mininet) if one.note)
    return Found({"lab3_ms": statistics.median(lab) * 1e3, "peers": peers}, tuple(notes))


def _until_ready(three: Topology) -> float:
    labs: list[Lab] = []
    took = seconds(lambda: labs.append(Lab(three, {})))
    labs[0].close()
    return took


def _nodes(count: int, size: Size) -> dict[str, float | None]:
    """Up and down; the large ones once, as they take seconds."""
    many = topology("three") if count == 3 else topology_of(count)
    lab: list[float] = []
    batch: list[Apart] = []
    for _ in range(size.runs if count < 100 else 1):
        lab.append(seconds(lambda: Network(many).close()))
        batch.append(run_apart("commands", [up(many), down(many)]))
    return {"nodes": count, "lab_s": statistics.median(lab), "ip_batch_s": _median(batch)}


def _median(runs: Sequence[Apart]) -> float | None:
    """In seconds, each run being all that its program printed; None when none printed anything."""
    sums = [sum(one.numbers) for one in runs if one.numbers]
    return statistics.median(sums) if sums else None


def _ms(figure: float | None) -> float | None:
    return None if figure is None else figure * 1e3
