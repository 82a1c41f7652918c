"""All ports of a host by the lab's sweep."""

from __future__ import annotations

from collections.abc import Callable

from lab.bench.figures import Found, Size, median
from lab.bench.inputs import policy, topology
from lab.errors import MeasurementError, Problem
from lab.lab import Lab
from lab.record.sweep import Gear

TARGET, _PORTS = "10.2.0.2", "tcp/1-65535"
_ALL = 65_535
ANSWERING = 460  # ports of the server that two-hundred lets through and that answer with RST


def sweeps(size: Size) -> Found:
    """65,535 ports by the lab in each gear, past rules and past none."""
    names = ("sweep_verdict_s", "sweep_rule_s", "sweep_all_accept_s")
    runs = size.few(3)
    with Lab(topology("three"), {"gateway": policy("two-hundred")}) as lab:
        verdict, rule = (median(sweep(lab, one, ANSWERING), runs) for one in (Gear.VERDICT, Gear.RULE))
    with Lab(topology("three"), {"gateway": policy("all-accept")}) as lab:
        everything = median(sweep(lab, Gear.VERDICT, _ALL), runs)
    return Found(dict(zip(names, (verdict, rule, everything), strict=True)))


def sweep(lab: Lab, gear: Gear, reached: int) -> Callable[[], None]:
    """One sweep in which that many ports must be found to be reached, and none without a proven verdict."""

    def work() -> None:
        swept = lab.sweep("client", TARGET, _PORTS, gear=gear)
        found = sum(group.count for group in swept.open)
        if found != reached or swept.lost:
            what = f"a sweep found {found:,} ports reached and {swept.lost:,} lost where {reached:,} are reached"
            raise MeasurementError(Problem(what))

    return work
