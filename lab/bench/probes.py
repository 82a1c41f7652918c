"""The cost of a question: deny, allow, and the exchange of an allow with nothing traced."""

from __future__ import annotations

import socket
import statistics
import time

from lab.bench.figures import Found, Size, seconds
from lab.bench.inputs import policy, topology
from lab.errors import MeasurementError, Problem
from lab.kernel.ground.tools import find
from lab.kernel.hold.loading import load
from lab.kernel.stage.network import Network
from lab.kernel.stage.node import Node
from lab.kernel.stage.rest import Pin
from lab.kernel.watch.conntrack import ConntrackChannel
from lab.lab import Lab
from lab.probe.question import Handshake, Question
from lab.record.packet import Packet
from lab.ruleset.backend import Backend

DENY = Question("client", "10.1.0.2", "10.2.0.2", Handshake(20_000))
ALLOW = Question("client", "10.1.0.2", "10.2.0.2", Handshake(10_200), receivers=(("server", 10_200),))


def probes(size: Size) -> Found:
    """A proven deny and an allow with all witnesses, on one processor; the same held by iptables-legacy; an allow untraced."""
    count = size.probes
    figures: dict[str, float] = _asked(Backend.NFT, count, ("deny_us", DENY, "dropped"), ("allow_us", ALLOW, "allowed"))
    if find("iptables-legacy-restore") is not None:
        legacy = (("deny_legacy_us", DENY, "dropped"), ("allow_legacy_us", ALLOW, "allowed"))
        return Found({**figures, **_asked(Backend.LEGACY, count, *legacy), **_untraced(count)})
    return Found({**figures, **_untraced(count)}, ("iptables-legacy is not installed",))


def _asked(backend: Backend, count: int, *asked: tuple[str, Question, str]) -> dict[str, float]:
    figures = {}
    with Lab(topology("three"), {"gateway": policy("two-hundred")}, backend=backend) as lab:
        for name, question, kind in asked:
            figures[name] = ask(lab, question, kind, count)
    return figures


def ask(lab: Lab, question: Question, kind: str, count: int, at: str = "gateway") -> float:
    """The median of ``count`` probes at a node, in microseconds.

    Raises MeasurementError when one does not end as ``kind`` with its rule.
    """
    found = []
    with lab.batch():
        for _ in range(count):
            start = time.perf_counter()
            verdict = lab.ask(question, at)
            found.append((time.perf_counter() - start) * 1e6)
            if verdict.kind != kind or verdict.rule is None:
                raise MeasurementError(Problem(f"a probe that must be {kind} was {verdict.kind}: {verdict.proof}"))
    return statistics.median(found)


class _Untraced:
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
            raise MeasurementError(Problem("the untraced exchange has no conntrack entry"))
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


def _untraced(count: int) -> dict[str, float]:
    """The same exchange as an allow's, without the trace."""
    network = Network(topology("three"))
    load(network.nodes["gateway"], policy("two-hundred"))
    measured = _Untraced(network)
    with Pin():
        figure = statistics.median(seconds(measured.exchange) for _ in range(count)) * 1e6
    network.close()
    return {"allow_untraced_us": figure}
