"""All ports of a host: the lab's sweep beside nmap, on the same network with the same policy."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.bench.figures import Figures, Found, Size, median, seconds
from lab.bench.inputs import policy, topology
from lab.errors import MeasurementError, Problem
from lab.kernel.ground.tools import find, run
from lab.kernel.hold.loading import load
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.lab import Lab
from lab.record.sweep import Gear

_TARGET, _PORTS = "10.2.0.2", "tcp/1-65535"
_TUNED = ("-p-", "-T5", "--min-rate", "100000", "--max-retries", "0")
_ALL = 65_535
_ANSWERING = 460  # ports of the server that two-hundred lets through and that answer with RST


def sweeps(size: Size) -> Found:
    """65,535 ports by the lab in each gear, by nmap as fast as it goes, and nmap's own 1,000 ports at its defaults."""
    own, theirs = _own(size), _nmap(size)
    return Found({**own.figures, "peers": theirs.figures}, (*own.notes, *theirs.notes))


def _own(size: Size) -> Found:
    names = ("sweep_verdict_s", "sweep_rule_s", "sweep_all_accept_s")
    runs = size.few(3)
    with Lab(topology("three"), {"gateway": policy("two-hundred")}) as lab:
        verdict, rule = (median(_sweep(lab, one, _ANSWERING), runs) for one in (Gear.VERDICT, Gear.RULE))
    with Lab(topology("three"), {"gateway": policy("all-accept")}) as lab:
        everything = median(_sweep(lab, Gear.VERDICT, _ALL), runs)
    return Found(dict(zip(names, (verdict, rule, everything), strict=True)))


def _sweep(lab: Lab, gear: Gear, reached: int) -> Callable[[], None]:
    """One sweep in which that many ports must be found to be reached, and none without a proven verdict."""

    def work() -> None:
        sweep = lab.sweep("client", _TARGET, _PORTS, gear=gear)
        found = sum(group.count for group in sweep.open)
        if found != reached or sweep.lost:
            what = f"a sweep found {found:,} ports reached and {sweep.lost:,} lost where {reached:,} are reached"
            raise MeasurementError(Problem(what))

    return work


def _nmap(size: Size) -> Found:
    names = ("nmap_tuned_s", "nmap_default_1000_ports_s")
    if find("nmap") is None:
        return Found(dict.fromkeys(names), ("nmap is not installed",))
    network = Network(topology("three"))
    try:
        load(network.nodes["gateway"], policy("two-hundred"))
        client = network.nodes["client"]
        outputs: list[str] = []
        tuned = median(lambda: outputs.append(_scan(client, *_TUNED)), size.few(3))
        figures: Figures = {"nmap_tuned_s": tuned, "nmap_default_1000_ports_s": None}
        note = f"nmap {' '.join(_TUNED)} saw {answering(outputs[-1]):,} of {_ANSWERING} ports answer"
        if size.quick:
            return Found(figures, (note,))
        return Found({**figures, "nmap_default_1000_ports_s": seconds(lambda: _scan(client))}, (note,))
    finally:
        network.close()


def _scan(client: Node, *options: str) -> str:
    return run(client.namespace, ["nmap", "-sS", "-n", "-Pn", "-v", *options, _TARGET]).out


def answering(output: str) -> int:
    """How many ports nmap's own words call open or closed: those that answered."""
    hidden = sum(int(number) for number in re.findall(r"(\d+) (?:closed|open)\b", output))
    return hidden + len(re.findall(r"^\d+/tcp\s+(?:open|closed)\b", output, re.MULTILINE))
