"""What one would use otherwise to ask a single question, on the same lab; None where it is not installed."""

from __future__ import annotations

import statistics

from programs import python_with, run_apart

from lab.bench.figures import Found, Size, median
from lab.bench.inputs import policy, text_of, topology
from lab.kernel.ground.tools import find, run
from lab.kernel.hold.loading import load
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node

_NSE_PACKETS = 21  # its own waiting for a first sight varies by as much as one packet takes


def peers(size: Size) -> Found:
    """A deny by nc, by scapy and by network-sandbox-engine, and one `ip netns exec`."""
    network = Network(topology("three"))
    load(network.nodes["gateway"], policy("two-hundred"))
    client, runs = network.nodes["client"], size.few(3)
    try:
        netcat, scapy = _netcat(client, runs), _scapy(client, runs)
    finally:
        network.close()
    netns_exec = run_apart("netns_exec")
    nse = _nse(size)
    figures = {
        "nc_deny_us": netcat,
        "scapy_sr1_deny_us": scapy,
        "ip_netns_exec_us": statistics.median(netns_exec.numbers) * 1e6 if netns_exec.numbers else None,
        **nse.figures,
    }
    notes = [netns_exec.note] if netns_exec.note else []
    if netcat is None:
        notes.append("nc is not installed")
    return Found({"peers": figures}, (*notes, *nse.notes))


def _netcat(client: Node, runs: int) -> float | None:
    if find("nc") is None:
        return None
    return median(lambda: run(client.namespace, ["nc", "-z", "-w1", "10.2.0.2", "20000"]), runs) * 1e6


def _scapy(client: Node, runs: int) -> float | None:
    try:
        from scapy.config import conf
        from scapy.layers.inet import IP, TCP
        from scapy.sendrecv import sr1
    except ImportError:
        return None
    with client.namespace:
        conf.ifaces.reload()
        conf.route.resync()
        packet = IP(src="10.1.0.2", dst="10.2.0.2") / TCP(sport=1025, dport=20_000, flags="S")
        return median(lambda: sr1(packet, timeout=1, verbose=False), runs) * 1e6


def _nse(size: Size) -> Found:
    """What one more denied packet costs in its pipeline: building its network is left out, as it is for the lab."""
    python = python_with("nse.core.pipeline")
    if python is None:
        return Found({"nse_deny_us": None}, ("network-sandbox-engine is not installed",))
    given = {"rules": text_of("peer.nft").text, "packets": _NSE_PACKETS}
    found = []
    for _ in range(size.few(2)):
        done = run_apart("by_nse", given, python=python)
        if not done.numbers:
            return Found({"nse_deny_us": None}, (done.note,))
        one, several = done.numbers
        found.append((several - one) / (_NSE_PACKETS - 1) * 1e6)
    return Found({"nse_deny_us": statistics.median(found)})
