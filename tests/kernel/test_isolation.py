"""No probe sees another: not its flow, not its port, not its entry, in whatever order they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.kernel.stage.node import Node
from lab.lab import Lab
from lab.probe import stage
from lab.probe.question import SOURCE_PORTS, TCP, UDP, Question, to_port
from lab.run.runner import Order
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

NEW = "-A FORWARD -p {proto} --dport {port} -m conntrack --ctstate NEW -m comment --comment new -j ACCEPT"
RULESET = table(
    "nat", f"-A PREROUTING -d {NEAR} -p tcp --dport 80 -j DNAT --to-destination {SERVER}:8443",
    "-A POSTROUTING -o right -p udp -j MASQUERADE",
) + table(
    "filter", ESTABLISHED, NEW.format(proto="tcp", port=443), NEW.format(proto="tcp", port=8443),
    NEW.format(proto="udp", port=53), "-A FORWARD -p tcp --dport 23 -j REJECT", "-A FORWARD -p udp --dport 69 -j REJECT",
    "-A FORWARD -p icmp -m conntrack --ctstate NEW -j ACCEPT", "-A OUTPUT -p icmp --icmp-type 3 -d 10.9.9.9 -j DROP",
    FORWARD="DROP",
)  # fmt: skip


def entries(node: Node) -> int:
    """How many flows the node's conntrack knows."""
    with node.namespace:
        return int(Path("/proc/sys/net/netfilter/nf_conntrack_count").read_text())


def talking(node: Node) -> list[str]:
    """The TCP sockets of the node that could still send something: neither listening nor done (TIME_WAIT)."""
    with node.namespace:
        lines = [line.split() for line in Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]]
    return [f"{local} {remote} {state}" for _, local, remote, state, *_ in lines if state not in ("0A", "06")]


def ask_everything(lab: Lab) -> None:
    for service in ("tcp/443", "udp/53", "icmp/echo-request", "tcp/22", "tcp/23", "udp/69", "udp/70"):
        lab.probe("client", "server", service)
    lab.probe("client", "server", "tcp/443", ack=True)
    lab.probe("client", NEAR, "tcp/80")
    lab.probe("client", "10.0.2.99", "udp/53")
    for proto, port in ((TCP, 443), (UDP, 53)):
        lab.ask(Question("client", CLIENT, SERVER, to_port(proto, port)))


def test_after_a_probe_nothing_of_its_flow_is_known(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/8443"]}), gateway=RULESET)
    for service in ("tcp/443", "udp/53", "icmp/echo-request", "tcp/22", "tcp/23", "udp/69"):
        lab.probe("client", "server", service)
        assert entries(lab.network.nodes["gateway"]) == 0, service
    ask_everything(lab)
    assert entries(lab.network.nodes["gateway"]) == 0


@pytest.mark.parametrize("dropped", ["-s 10.0.2.10", f"-s {CLIENT} -m length --length 52", f"-s {CLIENT} -m length --length 68",
                                     f"-s {SERVER} -m length --length 68"])  # fmt: skip
def test_a_connection_that_was_cut_off_says_nothing_more(lab_of: LabOf, dropped: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter", f"-A FORWARD -p tcp {dropped} -j DROP", ESTABLISHED))
    assert not lab.probe("client", "server", "tcp/443").allowed
    assert talking(lab.network.nodes["client"]) == []
    assert entries(lab.network.nodes["gateway"]) == 0


@pytest.mark.parametrize(("service", "sport"), [("tcp/443", 999), ("udp/53", 999), ("icmp/echo-request", 999)])
def test_the_same_tuple_is_new_each_time(lab_of: LabOf, service: str, sport: int) -> None:
    new = "-A FORWARD -m conntrack --ctstate NEW -m comment --comment new -j ACCEPT"
    lab = lab_of(corridor(), gateway=table("filter", ESTABLISHED, new, FORWARD="DROP"))
    with lab.batch():
        verdicts = [lab.probe("client", "server", service, sport=sport) for _ in range(5)]
    assert [(verdict.allowed, verdict.rule and verdict.rule.comment) for verdict in verdicts] == [(True, "new")] * 5


def test_source_ports_are_used_once_before_any_is_used_again(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter", FORWARD="DROP"))
    with lab.batch():
        first = [lab.probe("client", "server", "udp/53").observation.sent.sport for _ in range(300)]
        lab.stage._next_port[CLIENT] = 60998
        last = [lab.probe("client", "server", "udp/53").observation.sent.sport for _ in range(3)]
    assert (first, last) == (list(range(32768, 33068)), [60998, 60999, 32768])


def test_a_port_that_comes_round_again_is_new(lab_of: LabOf) -> None:
    lab = lab_of(corridor(server={"services": ["tcp/8443"]}), gateway=RULESET)
    found: list[list[Any]] = []
    for _ in range(2):
        lab.stage._next_port.clear()
        found.append([lab.probe("client", "server", service) for service in ("tcp/443", "tcp/22", "udp/53", "tcp/23")])
    for first, second in zip(*found, strict=True):
        assert first.observation.sent == second.observation.sent
        assert (first.kind, first.rule) == (second.kind, second.rule)


def test_the_last_port_is_followed_by_the_first_again_and_again(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after 28,232 probes of one source: every tuple of every kind of probe comes back, and is new each time."""
    monkeypatch.setattr(stage, "SOURCE_PORTS", SOURCE_PORTS[-5:])
    services = "tcp/443", "tcp/22", "udp/53", "tcp/23", "udp/69", "icmp/echo-request"
    lab = lab_of(corridor(), gateway=RULESET)
    found: dict[str, set[Any]] = {service: set() for service in services}
    ports: dict[str, list[int | None]] = {service: [] for service in services}
    with lab.batch():
        for number in range(100):
            service = services[number % len(services)]
            verdict = lab.probe("client", "server", service)
            found[service].add((verdict.kind, verdict.rule))
            ports[service].append(verdict.observation.sent.sport)
    assert all(len(seen) == 1 for seen in found.values()), found
    assert all(set(used) == set(SOURCE_PORTS[-5:]) and len(used) > 15 for used in ports.values())


def test_a_sender_whose_services_have_all_ports(lab_of: LabOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SOURCE_PORTS", SOURCE_PORTS[:5])
    lab = lab_of(corridor(client={"services": ["udp/32768-32772"]}), gateway=table("filter"))
    with pytest.raises(InputError, match="client has no port left to send from: services of its own have 32768-32772"):
        lab.probe("client", "server", "udp/53")


def test_the_order_changes_nothing(project: Project) -> None:
    row = {"from": "client", "to": "server"}
    flows: list[dict[str, Any]] = [
        {**row, "name": "web", "service": "tcp/443", "expect": "allow", "rule": "new"},
        {**row, "name": "dns", "service": "udp/53", "expect": "allow", "rule": "new"},
        {**row, "name": "ping", "service": "icmp/echo-request", "expect": "allow"},
        {**row, "name": "telnet", "service": "tcp/23", "expect": "reject"},
        {**row, "name": "rest", "service": "tcp/1-22", "expect": "drop", "rule": "filter:FORWARD policy"},
        {**row, "name": "ack", "service": "tcp/445", "expect": "drop", "flags": "ack"},
        {**row, "name": "published", "to": NEAR, "service": "tcp/80", "expect": "allow",
         "arrives": {"at": "server", "port": 8443}},
        {**row, "name": "back", "from": "server", "to": "client", "service": "udp/54", "expect": "drop"},
    ]  # fmt: skip
    found = []
    for seed in (None, 1, 2, 3, 4):
        result = project.run(corridor(), {"gateway": RULESET}, flows, Order(shuffle=seed))
        found.append([(cell.id, cell.outcome, cell.verdict.kind, cell.verdict.rule) for cell in result.results])
    assert all(results == found[0] for results in found)
    assert {str(outcome) for _, outcome, _, _ in found[0]} == {"passed"}
