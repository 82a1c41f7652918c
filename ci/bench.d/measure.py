"""Measure the lab beside what one would use otherwise, in one run, from the fixed inputs in ci/bench.d.

    ci/bench [--json FILE] [--runs N]

Prints a table; the JSON's keys are those of `lab schema bench`.  Needs root (or `lab pytest`'s user namespace for all but the
peers).  Nothing here is a test: no figure fails anything.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from loads import loading, seconds, text_of

from lab.errors import LabError
from lab.kernel.conntrack import ConntrackChannel
from lab.kernel.loading import load
from lab.kernel.network import Network
from lab.kernel.node import Node
from lab.kernel.rest import Pin
from lab.kernel.tools import find, run
from lab.lab import Lab
from lab.probe.question import Question
from lab.record.packet import Packet
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.spec.load import load_topology
from lab.spec.topology import Topology

INPUTS = Path(__file__).resolve().parent
LAB = Path(sys.executable).parent / "lab"
DENY = Question("client", "10.1.0.2", "10.2.0.2", 6, 20_000)
ALLOW = Question("client", "10.1.0.2", "10.2.0.2", 6, 10_200, receivers=(("server", 10_200),))


def policy(name: str) -> Rulesets:
    """A policy of the inputs, rendered."""
    return Rulesets(v4=text_of(f"{name}.rules"))


def topology(name: str) -> Topology:
    """A topology of the inputs."""
    return load_topology(INPUTS / "topologies" / f"{name}.yaml")


def median(work: Callable[[], object], runs: int) -> float:
    """The median of ``runs`` measurements, in seconds."""
    return statistics.median(seconds(work) for _ in range(runs))


def probes(count: int) -> dict[str, float]:
    """A proven deny and an allow with all witnesses, on one processor; a deny whose rule iptables-legacy holds."""
    figures = _asked(Backend.NFT, count, ("deny_us", DENY, "dropped"), ("allow_us", ALLOW, "allowed"))
    if find("iptables-legacy-restore") is not None:
        figures |= _asked(Backend.LEGACY, count, ("deny_legacy_us", DENY, "dropped"), ("allow_legacy_us", ALLOW, "allowed"))
    return figures


def _asked(backend: Backend, count: int, *asked: tuple[str, Question, str]) -> dict[str, float]:
    figures = {}
    with Lab(topology("three"), {"gateway": policy("two-hundred")}, backend=backend) as lab:
        for name, question, kind in asked:
            with lab.batch():
                found = []
                for _ in range(count):
                    start = time.perf_counter()
                    verdict = lab.ask(question, "gateway")
                    found.append((time.perf_counter() - start) * 1e6)
                    if verdict.kind != kind or verdict.rule is None:
                        raise SystemExit(f"bench: {name} gave {verdict}")
            figures[name] = statistics.median(found)
    return figures


class Untraced:
    """The exchange of an allow with nothing traced: handshake, a nonce each way, one conntrack query, server first to close."""

    def __init__(self, network: Network) -> None:
        self._client, server, gateway = (network.nodes[name] for name in ("client", "server", "gateway"))
        self._conntrack = ConntrackChannel("gateway", gateway.namespace)
        self._server, self._network, self._port = server, network, 20_000

    def exchange(self) -> None:
        """Once, from a new port."""
        self._port += 1
        listener = _listening(self._server, 10_200)
        client = self._client.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("10.1.0.2", self._port))
        client.connect_ex(("10.2.0.2", 10_200))
        server, _ = listener.accept()
        for sender, receiver in ((client, server), (server, client)):
            sender.send(b"sixteen byte one")
            receiver.recv(64)
        packet = Packet(4, 6, "10.1.0.2", self._port, "10.2.0.2", 10_200)
        if self._conntrack.find(packet) is None:
            raise SystemExit("bench: the untraced exchange has no conntrack entry")
        server.shutdown(socket.SHUT_WR)
        client.recv(64)
        client.close()
        server.recv(64)
        server.close()
        listener.close()
        self._conntrack.delete(packet)


def _listening(node: Node, port: int) -> socket.socket:
    listener = node.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(8)
    return listener


def untraced(count: int) -> dict[str, float]:
    """The same exchange as an allow's, without the trace."""
    network = Network(topology("three"))
    load(network.nodes["gateway"], policy("two-hundred"))
    measured = Untraced(network)
    with Pin():
        figure = statistics.median(seconds(measured.exchange) for _ in range(count)) * 1e6
    network.close()
    return {"allow_untraced_us": figure}


def whole_runs(runs: int) -> dict[str, float]:
    """`lab run` of 1,000 cells as a process: its time, all included, and its peak memory."""
    times, peaks = [], []
    for _ in range(runs):
        start = time.perf_counter()
        command = [str(LAB), "run", str(INPUTS / "matrices" / "thousand.yaml"), "--json", os.devnull]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        times.append(time.perf_counter() - start)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"bench: the matrix ended with {child.returncode}")
        peaks.append(usage.ru_maxrss * 1024 / 1e6)
    return {"matrix_1000_s": statistics.median(times), "rss_mb": statistics.median(peaks)}


def building(runs: int) -> dict[str, float]:
    """Labs up and down."""
    three, hundred, rules = topology("three"), topology("hundred"), policy("two-hundred")
    return {
        "lab3_policy_ms": median(lambda: Lab(three, {"gateway": rules}).close(), 3 * runs) * 1e3,
        "lab100_s": median(lambda: Network(hundred).close(), runs),
    }


def peers(runs: int) -> dict[str, float | None]:
    """What one would use otherwise, on the same lab; None where it is not installed."""
    network = Network(topology("three"))
    load(network.nodes["gateway"], policy("two-hundred"))
    client = network.nodes["client"]
    try:
        return {
            "nc_deny_us": _netcat(client, runs),
            "scapy_sr1_deny_us": _scapy(client, runs),
            "ip_netns_exec_us": _ip_netns_exec(),
        }
    finally:
        network.close()


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


_IN_A_MOUNT_NAMESPACE = """
import statistics, subprocess, time
ip = ["ip", "netns"]
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
subprocess.run([*ip, "add", "bench"], check=True)
def once():
    start = time.perf_counter()
    subprocess.run([*ip, "exec", "bench", "true"], check=True)
    return time.perf_counter() - start
print(statistics.median(once() for _ in range(20)) * 1e6)
"""


def _ip_netns_exec() -> float | None:
    """The cost of `ip netns exec NAME true`; the name lives in a mount namespace of its own, so that nothing is left."""
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", _IN_A_MOUNT_NAMESPACE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def print_table(figures: Mapping[str, object]) -> None:
    """The figures, one a line."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            print_table({f"{name}.{inner}": figure for inner, figure in value.items()})
        else:
            print(f"{name:28} {'not here' if value is None else f'{value:,.2f}' if isinstance(value, float) else value}")


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--json", type=Path, help="write the figures here")
    options.add_argument("--runs", type=int, default=5, help="measurements of each whole thing (5)")
    options.add_argument("--probes", type=int, default=3000, help="probes of each kind (3000)")
    chosen = options.parse_args()
    try:
        figures = {
            "version": 1,
            **probes(chosen.probes),
            **untraced(chosen.probes),
            **whole_runs(chosen.runs),
            **building(chosen.runs),
            **loading(chosen.runs),
            "peers": peers(3),
        }
    except LabError as error:
        sys.exit(str(error))
    print_table(figures)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
