"""Labs up and down, in turn with others that build the same networks."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.bench.figures import Found, Size, median, seconds
from lab.bench.inputs import policy, topology, topology_of
from lab.kernel.stage.network import Network
from lab.lab import Lab
from lab.written.topology import Topology

_SIZES, _QUICK = (3, 30, 300, 1000), 30
_Seconds = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Others:
    """What others take for the same network, in seconds by the keys of the bench's document; None where one cannot."""

    up: Callable[[Topology], _Seconds] = lambda _: {}
    up_and_down: Callable[[Topology], _Seconds] = lambda _: {}


def building(size: Size, others: Others = Others()) -> Found:
    """Labs of 3 nodes with a policy and without, of 3 to 1,000 nodes; the same by ``others``."""
    three, rules, hundred = topology("three"), policy("two-hundred"), topology("hundred")
    small = _three(three, size, others)
    nodes = [_nodes(count, size, others) for count in size.up_to(_SIZES, _QUICK)]
    by_count = {row["nodes"]: row["lab_s"] for row in nodes}
    return Found({
        "lab3_policy_ms": median(lambda: Lab(three, {"gateway": rules}).close(), 3 * size.runs) * 1e3,
        "lab100_s": median(lambda: Network(hundred).close(), size.runs),
        "lab300_s": by_count.get(300),
        "lab1000_s": by_count.get(1000),
        "growth": {"nodes": nodes},
        **small,
    })


def _three(three: Topology, size: Size, others: Others) -> Mapping[str, object]:
    """Until the network of three nodes is ready, one way after the other in each run."""
    lab: list[float] = []
    theirs: list[_Seconds] = []
    for _ in range(size.runs):
        lab.append(_until_ready(three))
        theirs.append(others.up(three))
    peers = {key: None if took is None else took * 1e3 for key, took in _medians(theirs).items()}
    return {"lab3_ms": statistics.median(lab) * 1e3, "peers": peers}


def _until_ready(three: Topology) -> float:
    labs: list[Lab] = []
    took = seconds(lambda: labs.append(Lab(three, {})))
    labs[0].close()
    return took


def _nodes(count: int, size: Size, others: Others) -> dict[str, float | None]:
    """Up and down; the large ones once, as they take seconds."""
    many = topology("three") if count == 3 else topology_of(count)
    lab: list[float] = []
    theirs: list[_Seconds] = []
    for _ in range(size.runs if count < 100 else 1):
        lab.append(seconds(lambda: Network(many).close()))
        theirs.append(others.up_and_down(many))
    return {"nodes": count, "lab_s": statistics.median(lab), "ip_batch_s": None, **_medians(theirs)}


def _medians(runs: Sequence[_Seconds]) -> _Seconds:
    """Of each key the median of the runs that have it; None where none has."""
    found = {key: [took for run in runs if (took := run[key]) is not None] for key in runs[0]}
    return {key: statistics.median(taken) if taken else None for key, taken in found.items()}
