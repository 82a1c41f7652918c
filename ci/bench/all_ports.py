"""All ports of a host by nmap, on the network and with the policy that the lab sweeps."""

from __future__ import annotations

import re
import statistics

from lab.bench.figures import Figures, Found, Size, seconds
from lab.bench.inputs import policy, topology
from lab.bench.sweeps import ANSWERING, TARGET, sweep
from lab.kernel.ground.tools import find, run
from lab.kernel.hold.loading import load
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.lab import Lab
from lab.record.sweep import Gear

_TUNED = ("-p-", "-T5", "--min-rate", "100000", "--max-retries", "0")


def nmap(size: Size) -> Found:
    """65,535 ports by nmap as fast as it goes, and its own 1,000 ports at its defaults."""
    names = ("nmap_tuned_s", "nmap_tuned_ratio", "nmap_default_1000_ports_s")
    if find("nmap") is None:
        return Found({"peers": dict.fromkeys(names)}, ("nmap is not installed",))
    network = Network(topology("three"))
    try:
        load(network.nodes["gateway"], policy("two-hundred"))
        client = network.nodes["client"]
        outputs, tuned, own = _in_turn(client, size.few(3))
        figures: Figures = {
            "nmap_tuned_s": statistics.median(tuned),
            "nmap_tuned_ratio": min(tuned) / statistics.median(own),
            "nmap_default_1000_ports_s": None,
        }
        note = f"nmap {' '.join(_TUNED)} saw {answering(outputs[-1]):,} of {ANSWERING} ports answer"
        if size.quick:
            return Found({"peers": figures}, (note,))
        return Found({"peers": {**figures, "nmap_default_1000_ports_s": seconds(lambda: _scan(client))}}, (note,))
    finally:
        network.close()


def _in_turn(client: Node, runs: int) -> tuple[list[str], list[float], list[float]]:
    """What nmap said, how long it took each time, and the lab's verdict gear, in seconds, one after the other."""
    outputs: list[str] = []
    tuned: list[float] = []
    own: list[float] = []
    with Lab(topology("three"), {"gateway": policy("two-hundred")}) as lab:
        for _ in range(runs):
            tuned.append(seconds(lambda: outputs.append(_scan(client, *_TUNED))))
            own.append(seconds(sweep(lab, Gear.VERDICT, ANSWERING)))
    return outputs, tuned, own


def _scan(client: Node, *options: str) -> str:
    return run(client.namespace, ["nmap", "-sS", "-n", "-Pn", "-v", *options, TARGET]).out


def answering(output: str) -> int:
    """How many ports nmap's own words call open or closed: those that answered."""
    hidden = sum(int(number) for number in re.findall(r"(\d+) (?:closed|open)\b", output))
    return hidden + len(re.findall(r"^\d+/tcp\s+(?:open|closed)\b", output, re.MULTILINE))
