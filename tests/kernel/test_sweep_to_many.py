"""One train to many destinations and ports says of each what a single probe of it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lab.lab import Lab
from lab.probe.question import NUMBERS, Question, to_port
from lab.record.sweep import Arrived, Gear, Sweep
from lab.record.verdict import Kind
from lab.sweep.train import Aim, SweepQuestion
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, SERVER, corridor, rulesets, table
from tests.kernel.sweeps import said
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

BOTH = pytest.mark.parametrize("proto", ["tcp", "udp"])
GEARS = pytest.mark.parametrize("gear", list(Gear))
NEIGHBOUR, OTHER, NOBODY, BEYOND = "10.0.1.21", "10.0.2.20", "10.0.2.99", "203.0.113.9"
PORTS = (22, 80, 443, *range(1000, 1080))


def stage(*, other: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The corridor with one node more on each side."""
    more: dict[str, Any] = {
        "neighbour": {"role": "client", "interfaces": {"left": NEIGHBOUR}, "via": "gateway"},
        "other": {"role": "backend", "interfaces": {"right": OTHER}, "via": "gateway", "services": ["tcp/80", "udp/80"]},
    }
    more["other"] |= other or {}
    return corridor(gateway={"routes": [f"blackhole {BEYOND}/32"]}, **more, **changes)


def aims_at(*destinations: str, source: str = CLIENT, ports: Sequence[int] = PORTS) -> list[Aim]:
    return [Aim(source, destination, port) for destination in destinations for port in ports]


def swept(lab: Lab, proto: str, aims: Sequence[Aim], gear: Gear, at: str | None = "gateway") -> Sweep:
    question = SweepQuestion.to_many("client", NUMBERS[proto], lab.source_port(aims[0].source), aims)
    return lab.ask_all(question, gear, at)


def assert_each(lab: Lab, proto: str, aims: Sequence[Aim], gear: Gear, at: str | None = "gateway") -> Sweep:
    """Every aim has the verdict of a single probe, of the first ports of each destination."""
    sweep = swept(lab, proto, aims, gear, at)
    assert sweep.count == len(aims)
    with lab.batch():
        for key, aim in enumerate(aims):
            if aim.port in (*PORTS[:5], PORTS[-1]):
                one = lab.ask(Question("client", aim.source, aim.destination, to_port(NUMBERS[proto], aim.port)), at)
                named = sweep.gear is Gear.RULE
                assert said(sweep.of(key).verdict, rule=named) == said(one, rule=named), aim
    return sweep


def filtered(proto: str) -> str:
    rules = (
        ESTABLISHED,
        f"-A FORWARD -p {proto} -d {SERVER} --dport 80 -j ACCEPT",
        f"-A FORWARD -p {proto} -d {OTHER} --dport 1000:1040 -j REJECT",
        f"-A FORWARD -d {OTHER} -j ACCEPT",
        f"-A FORWARD -d {NOBODY} -p {proto} --dport 443 -j ACCEPT",
    )
    return table("filter", *rules, f"-A INPUT -p {proto} --dport 443 -j DROP", FORWARD="DROP")


@GEARS
@BOTH
def test_through_a_gateway_to_itself_to_a_neighbour_and_to_nobody(lab_of: LabOf, proto: str, gear: Gear) -> None:
    lab = lab_of(stage(), gateway=filtered(proto))
    aims = aims_at(SERVER, OTHER, FAR, NOBODY, BEYOND)
    sweep = assert_each(lab, proto, aims, gear)
    of = {aim: sweep.of(key) for key, aim in enumerate(aims)}
    assert of[Aim(CLIENT, SERVER, 80)].arrived == Arrived("server")
    assert of[Aim(CLIENT, OTHER, 80)].verdict.kind is Kind.ALLOWED
    assert of[Aim(CLIENT, NOBODY, 443)].verdict.observation.missing == NOBODY
    assert {of[Aim(CLIENT, BEYOND, port)].verdict.kind for port in PORTS} == {Kind.UNROUTED}


@GEARS
@BOTH
def test_a_neighbour_s_packets_take_no_way_over_the_gateway(lab_of: LabOf, proto: str, gear: Gear) -> None:
    lab = lab_of(stage(), gateway=filtered(proto))
    sweep = swept(lab, proto, aims_at(SERVER, NEIGHBOUR, ports=PORTS[:20]), gear, at=None)
    beside = [sweep.of(key) for key in range(20, 40)]
    found = {(group.verdict.kind, group.verdict.path, group.arrived) for group in beside}
    assert found == {(Kind.CLOSED, (), Arrived("neighbour"))}


@GEARS
def test_from_many_sources(lab_of: LabOf, gear: Gear) -> None:
    shut = table("filter", "-A FORWARD -s 10.0.1.77 -p tcp -j DROP", f"-A FORWARD -s 10.0.1.78 -d {OTHER} -p tcp -j DROP")
    aims = [aim for source in (CLIENT, "10.0.1.77", "10.0.1.78") for aim in aims_at(SERVER, OTHER, source=source)]
    sweep = assert_each(lab_of(stage(), gateway=shut), "tcp", aims, gear)
    denied = {(aim.source[-2:], aim.destination) for key, aim in enumerate(aims) if sweep.of(key).verdict.denied}
    assert denied == {("77", SERVER), ("77", OTHER), ("78", OTHER)}


@GEARS
def test_past_the_sender_s_own_rules_and_where_it_has_no_route(lab_of: LabOf, gear: Gear) -> None:
    written = stage(client={"routes": ["unreachable 198.51.100.0/24"]})
    own = table("filter", f"-A OUTPUT -d {OTHER} -p tcp -j DROP")
    lab = lab_of(written, client=own, gateway=filtered("tcp"))
    sweep = assert_each(lab, "tcp", aims_at(OTHER, SERVER, "198.51.100.7"), gear, at=None)
    assert sweep.of(2 * len(PORTS)).verdict.kind is Kind.UNROUTED


@GEARS
def test_many_destinations_led_onto_one_do_not_meet_each_other_s_flows(lab_of: LabOf, gear: Gear) -> None:
    """Each packet has a source port of its own then."""
    lab = lab_of(stage(), gateway=table("nat", f"-A PREROUTING -p tcp --dport 22 -j DNAT --to-destination {SERVER}:443"))
    aims = aims_at(SERVER, OTHER, FAR, *(f"203.0.113.{host}" for host in range(20, 160)), ports=(22, 80))
    sweep = swept(lab, "tcp", aims, gear)
    assert {sweep.of(key).verdict.kind for key, aim in enumerate(aims) if aim.port == 22} == {Kind.CLOSED}
    assert sweep.of(aims.index(Aim(CLIENT, FAR, 22))).arrived == Arrived("server", SERVER, 443)
    assert sweep.of(aims.index(Aim(CLIENT, OTHER, 80))).verdict.kind is Kind.ALLOWED


@GEARS
def test_what_two_keys_say_of_one_destination_they_do_not_say_of_another(lab_of: LabOf, gear: Gear) -> None:
    """Packets that left the gateway alike, and of which nobody heard: one host is missing, another takes no such source."""
    martian = {"sysctls": {"net.ipv4.conf.all.rp_filter": "1"}, "routes": ["blackhole 10.0.1.0/24"], "services": []}
    lab = lab_of(stage(other=martian), gateway=table("filter"))
    ports = [range(1, 140), range(1, 140), range(140, 280)]
    aims = [aim for to, asked in zip((NOBODY, OTHER, NOBODY), ports, strict=True) for aim in aims_at(to, ports=asked)]
    sweep = swept(lab, "udp", aims, gear)
    missing = {(aim.destination, sweep.of(key).verdict.observation.missing) for key, aim in enumerate(aims)}
    assert missing == {(NOBODY, NOBODY), (OTHER, None)}


@GEARS
@BOTH
def test_in_ipv6(lab_of: LabOf, proto: str, gear: Gear) -> None:
    rules = ("-A FORWARD -p ipv6-icmp -j ACCEPT", f"-A FORWARD -p {proto} --dport 1000:1040 -j DROP")
    lab = lab_of(dual_corridor(), gateway=rulesets(v6=table("filter", *rules)))
    client, gateway, server = (lab.topology.addresses(name, 6) for name in ("client", "gateway", "server"))
    assert_each(lab, proto, aims_at(server[0], *gateway, source=client[0]), gear)
