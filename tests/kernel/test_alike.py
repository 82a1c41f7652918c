"""Where one port speaks for others, a packet for each of them says the same."""

from __future__ import annotations

from typing import Any

import pytest

from lab.lab import Lab
from lab.record.exposure import Pair
from lab.record.sweep import Gear, Sweep
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.generated import groups
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel

TO_SERVER = Pair("left", "client", CLIENT, "right", "server", SERVER, 4)
TO_GATEWAY = Pair("left", "client", CLIENT, "left", "gateway", NEAR, 4)
SUBCHAINS = (
    "-N web", "-N odd", "-A FORWARD -p tcp -m tcp --dport 1000:60000 -j web",
    "-A FORWARD -p tcp -m tcp ! --dport 7000:7100 -g odd",
    "-A web -p tcp -m multiport --dports 2000,3000:3010 -j ACCEPT", "-A web -p tcp -m tcp --dport 4000:5000 -j RETURN",
    "-A web -p tcp -m tcp --dport 6000 -j REJECT --reject-with tcp-reset", "-A odd -p tcp -m tcp --dport 1:1023 -j DROP",
    "-A odd -p tcp -m tcp --dport 4500:65535 -j ACCEPT",
)  # fmt: skip


def spoken(lab: Lab, pair: Pair, service: str = "tcp/1-65535") -> Sweep:
    """The sweep in which one port may speak for others."""
    return lab.sweep(pair.sender, pair.address, service, gear=Gear.VERDICT, source=pair.source, family=pair.family)


def assert_as_if_each_were_sent(lab: Lab, pair: Pair, service: str = "tcp/1-65535") -> Sweep:
    """Both sweeps have the same groups: ports, verdict, rule and how they arrived; the one in which few ports are sent."""
    few = spoken(lab, pair, service)
    assert 0 < few.sent < few.count
    every = lab.sweep(
        pair.sender, pair.address, service, gear=Gear.RULE, source=pair.source, family=pair.family, every_port=True
    )
    assert every.sent == every.count == few.count
    assert groups(few) == groups(every)
    return few


def filtered(*rules: str) -> str:
    own = {rule.split()[1]: "-" for rule in rules if rule.startswith("-N ")}
    written = [rule for rule in rules if not rule.startswith("-N ")]
    return table("filter", ESTABLISHED, *written, FORWARD="DROP", INPUT="DROP", **own)


@pytest.mark.parametrize(
    ("ruleset", "pair", "services"),
    [
        (filtered(), TO_SERVER, ()),
        (filtered("-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT"), TO_SERVER, ("tcp/443",)),
        (filtered("-A FORWARD -p tcp -j ACCEPT"), TO_SERVER, ("tcp/22", "tcp/8000-8010")),
        (filtered(*SUBCHAINS), TO_SERVER, ()),
        (filtered("-A INPUT -p tcp -m multiport ! --dports 1:21,23:65535 -j ACCEPT"), TO_GATEWAY, ()),
        (
            table("nat", f"-A PREROUTING -p tcp -m tcp --dport 80:90 -j DNAT --to-destination {SERVER}:8080")
            + filtered("-A FORWARD -p tcp -m tcp --dport 8080 -m conntrack --ctstate DNAT -j ACCEPT"),
            TO_GATEWAY, (),
        ),
        (
            table("mangle", "-A PREROUTING -p tcp -m tcp --dport 500:600 -j MARK --set-mark 1")
            + filtered("-A FORWARD -m mark --mark 1 -j ACCEPT"),
            TO_SERVER, (),
        ),
    ],
)  # fmt: skip
def test_each_range_is_what_a_packet_for_every_port_finds(
    lab_of: LabOf, ruleset: str, pair: Pair, services: tuple[str, ...]
) -> None:
    server: dict[str, Any] = {"services": list(services)}
    lab = lab_of(corridor(server=server), gateway=ruleset)
    assert_as_if_each_were_sent(lab, pair)


def test_an_answer_that_a_rule_tells_by_its_port(lab_of: LabOf) -> None:
    """The reset of the server is traced too, and its source port is the one that was asked for."""
    answers = "-N est", "-A FORWARD -m conntrack --ctstate ESTABLISHED -j est", "-A est -p tcp -m tcp --sport 5000:6000 -j DROP"
    lab = lab_of(corridor(), gateway=filtered(*answers, "-A FORWARD -p tcp -j ACCEPT").replace(ESTABLISHED + "\n", ""))
    # of more than some hundred a sweep asks the first and the last alone, and names no rule
    found = assert_as_if_each_were_sent(lab, TO_SERVER, "tcp/4900-5100,5999-6100")
    assert found.of(5050).verdict.kind is Kind.UNANSWERED


@pytest.mark.parametrize(
    "rule", ["-A FORWARD -p tcp -m u32 --u32 0x0=0x0 -j ACCEPT", "-A FORWARD -p tcp -m tcp --sport 1024:40000 -j ACCEPT"]
)
def test_what_cannot_be_read_is_not_told(lab_of: LabOf, rule: str) -> None:
    assert spoken(lab_of(corridor(), gateway=filtered(rule)), TO_SERVER, "tcp/1-99").sent == 99


def test_a_rule_that_is_not_on_the_way_does_not_matter(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=filtered("-N web", "-A FORWARD -p udp -j web", "-A web -m u32 --u32 0x0=0x0 -j ACCEPT"))
    found = spoken(lab, TO_SERVER)
    assert [(one.keys, one.verdict.kind) for one in found.groups] == [(((1, 65535),), Kind.DROPPED)]
    assert found.sent == 1
    assert spoken(lab, TO_SERVER, "udp/1-99").sent == 99


def test_a_rule_for_another_address_does_not_matter(lab_of: LabOf) -> None:
    others = (f"-A FORWARD -d 10.0.2.{host} -p tcp -m tcp --dport {4000 + host} -j ACCEPT" for host in range(20, 60))
    lab = lab_of(corridor(), gateway=filtered(*others, f"-A FORWARD -d {SERVER} -p tcp -m tcp --dport 443 -j ACCEPT"))
    assert assert_as_if_each_were_sent(lab, TO_SERVER).sent == 2


def test_a_port_that_answers_is_open_where_a_later_packet_of_its_flow_is_dropped(lab_of: LabOf) -> None:
    rule = f"-A FORWARD -s {CLIENT} -m conntrack --ctstate ESTABLISHED -p tcp -m tcp --dport 100:200 -j DROP"
    lab = lab_of(corridor(server={"services": ["tcp/150-160"]}), gateway=table("filter", rule))
    found = assert_as_if_each_were_sent(lab, TO_SERVER, "tcp/90-250")
    answering = found.of(155)
    assert (answering.verdict.kind, answering.open, found.sent) == (Kind.DROPPED, True, 2)
    assert answering.arrived is not None
    assert answering.arrived.at == "server"
