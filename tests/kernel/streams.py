"""Streams past a gateway, and what is done to its rules meanwhile, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.probe.question import ICMP, Datagram, Echo, Handshake, Question, Sends
from lab.probe.stream.stream import Stream
from lab.probe.stream.streams import Streams
from lab.record.window import Window
from lab.verdict.window import window
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, NEAR, SERVER, table

Work = Callable[[], None]
WEB = "-A FORWARD -p tcp -m tcp --syn --dport 80 -m comment --comment web -j ACCEPT"
DNS = "-A FORWARD -p udp --dport 53 -m comment --comment dns -j ACCEPT"
PING = "-A FORWARD -p icmp -m icmp --icmp-type 8 -m comment --comment ping -j ACCEPT"
RULES = table("filter", ESTABLISHED, WEB, DNS, PING, FORWARD="DROP")
# nf_tables takes a new chain's policy into force after its rules: what only the policy denies may get through meanwhile
STRICT = table("filter", ESTABLISHED, WEB, DNS, PING, "-A FORWARD -m comment --comment rest -j DROP")
SERVES = {"services": ["tcp/80", "udp/53"]}


def to_server(sends: Sends, name: str = "") -> Stream:
    """A stream from the client to the server."""
    port = sends.port
    return Stream(name or f"{sends.proto}/{port}", Question("client", CLIENT, SERVER, sends, receivers=(("server", port),)))


ALLOWED = (to_server(Handshake(80), "web"), to_server(Datagram(53), "dns"), to_server(Echo(ICMP), "ping"))
DENIED = (
    to_server(Handshake(22), "ssh"),
    to_server(Datagram(161), "snmp"),
    *(to_server(Handshake(port)) for port in range(8000, 8016)),
)
HELD = (to_server(Handshake(80), "session"),)


def tool(lab: Lab, *argv: str, stdin: str = "", node: str = "gateway") -> None:
    """Run a tool in a node until it ends, as somebody at work there would."""
    done = run(lab.network.nodes[node].namespace, argv, stdin)
    assert done.code == 0, done.err


def iptables(lab: Lab, *words: str) -> None:
    """``iptables`` of the lab's backend."""
    tool(lab, f"iptables-{lab.backend}", *words)


def restore(lab: Lab, rules: str = RULES) -> None:
    """``iptables-restore`` of the lab's backend."""
    tool(lab, f"iptables-{lab.backend}-restore", stdin=rules)


def flush_first(lab: Lab, rules: str = RULES) -> tuple[Work, ...]:
    """The rules exchanged as many scripts do it: all is open until they are there again."""
    return (
        lambda: iptables(lab, "-P", "FORWARD", "ACCEPT"), lambda: iptables(lab, "-F"), lambda: restore(lab, rules)
    )  # fmt: skip


def measured(
    lab: Lab, *works: Work, streams: Sequence[Stream] = (*ALLOWED, *DENIED), flows: Sequence[Stream] = HELD
) -> Window:
    """The window in which one of ``works`` is done after the other; there is a pulse between two of them."""
    with Streams(lab.stage, "gateway", streams, flows) as running:
        running.mark("apply")
        for work in works:
            running.during(work)
        return window(running.end())


def to_gateway(sends: Sends, name: str) -> Stream:
    """A stream from the client to the gateway itself."""
    return Stream(name, Question("client", CLIENT, NEAR, sends, receivers=(("gateway", sends.port),)))


def from_gateway(port: int, name: str) -> Stream:
    """A stream of datagrams from the gateway itself to the server."""
    return Stream(name, Question("gateway", FAR, SERVER, Datagram(port), receivers=(("server", port),)))
