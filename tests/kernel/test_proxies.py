"""What rules hand to a proxy on the gateway (REDIRECT, TPROXY), and whether it is for a proxy to take it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.probe.question import Datagram, Handshake, Question, Sends
from lab.record.observation import Arrival
from lab.record.path import End
from lab.record.result import Outcome
from lab.record.verdict import Kind
from lab.ruleset.backend import Backend
from lab.run.after.why import hints
from lab.written.cell import Expectation
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, FAR, NEAR, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

CLIENT_6, SERVER_6, NEAR_6 = "2001:db8:1::10", "2001:db8:2::10", "2001:db8:1::1"
ENDS = {4: (CLIENT, SERVER), 6: (CLIENT_6, SERVER_6)}
SENDS = [Handshake(443), Datagram(443)]
LOCALLY = {"rules": "fwmark 1 lookup 100", "routes": ["local default dev lo table 100", "local ::/0 dev lo table 100"]}
PROXY = (("gateway", 3129),)
EACH = pytest.mark.parametrize(("family", "sends"), [(family, sends) for family in ENDS for sends in SENDS])


def dual(**gateway: Any) -> dict[str, Any]:
    written = corridor(
        client={"interfaces": {"left": [CLIENT, CLIENT_6]}}, server={"interfaces": {"right": [SERVER, SERVER_6]}},
        gateway={"interfaces": {"left": [NEAR, NEAR_6], "right": [FAR, "2001:db8:2::1"]}, **gateway},
    )  # fmt: skip
    return {**written, "networks": {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]}}


def handing(*further: str, to: str = "--on-port 3129") -> str:
    rule = "-A PREROUTING -i left -p {} --dport 443 -m comment --comment to-proxy -j TPROXY {} --tproxy-mark 0x1/0x1"
    return table("mangle", *further, *(rule.format(proto, to) for proto in ("tcp", "udp")))


def to_proxy(family: int, sends: Sends, receivers: tuple[tuple[str, int | None], ...] = PROXY) -> Question:
    return Question("client", *ENDS[family], sends, receivers=receivers)


@EACH
def test_a_transparent_proxy_takes_it_as_it_was_sent(lab_of: LabOf, family: int, sends: Sends) -> None:
    lab = lab_of(dual(**LOCALLY), gateway=rulesets(handing(), v6=handing()))
    for _ in range(2):
        verdict = lab.ask(to_proxy(family, sends), "gateway")
        assert verdict.allowed, verdict.proof
        source, destination = ENDS[family]
        assert verdict.arrived == Arrival("gateway", destination, 3129, source, verdict.observation.sent.sport)
        (path,) = verdict.path
        assert (path.end, path.mark, path.steps[0].rule and path.steps[0].rule.comment) == (End.DELIVERED, 1, "to-proxy")


@EACH
def test_nobody_is_the_proxy_where_nothing_is_to_arrive(lab_of: LabOf, backend: Backend, family: int, sends: Sends) -> None:
    open_always = dual(**LOCALLY, services=["tcp/3129", "udp/3129"])
    lab = lab_of(open_always, gateway=rulesets(handing(), v6=handing()))
    assert lab.ask(to_proxy(family, sends, (("server", 443),)), "gateway").arrived is not None
    verdict = lab.ask(to_proxy(family, sends, ()), "gateway")
    # ip_tables tells a step and no verdict, and so the end of what TPROXY drops
    assert verdict.kind is (Kind.DROPPED if backend is Backend.NFT else Kind.UNROUTED), verdict.proof
    assert not verdict.passed_node


def test_the_packet_s_own_port(lab_of: LabOf) -> None:
    lab = lab_of(dual(**LOCALLY), gateway=handing(to="--on-port 0"))
    verdict = lab.ask(to_proxy(4, Handshake(443), (("gateway", 443),)), "gateway")
    assert verdict.arrived is not None
    assert (verdict.arrived.at, verdict.arrived.address, verdict.arrived.port) == ("gateway", SERVER, 443)


def test_established_packets_are_diverted_by_their_socket(lab_of: LabOf) -> None:
    divert = "-A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1"
    lab = lab_of(dual(**LOCALLY), gateway=handing(divert) + table("filter", FORWARD="DROP"))
    assert lab.ask(to_proxy(4, Handshake(443)), "gateway").allowed
    other = lab.ask(Question("client", CLIENT, SERVER, Handshake(80), receivers=(("server", 80),)), "gateway")
    assert other.kind is Kind.DROPPED


@pytest.mark.parametrize("family", [4, 6])
def test_what_a_socket_has_taken_is_not_forwarded(lab_of: LabOf, family: int) -> None:
    lab = lab_of(dual(), gateway=rulesets(handing(), v6=handing()))
    verdict = lab.ask(to_proxy(family, Handshake(443)), "gateway")
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof
    (hint,) = map(str, hints(lab, verdict, Expectation("allow"), "gateway"))
    assert "with its mark 0x1 the routes of gateway lead it on by right: what a socket has taken is not forwarded" in hint
    assert f"`routes: {'local ::/0' if family == 6 else 'local default'} dev lo table 100`" in hint


@EACH
def test_a_redirect_to_a_proxy(lab_of: LabOf, family: int, sends: Sends) -> None:
    rules = (f"-A PREROUTING -i left -p {proto} --dport 443 -j REDIRECT --to-ports 3129" for proto in ("tcp", "udp"))
    redirect = table("nat", *rules) + table("filter", FORWARD="DROP")
    lab = lab_of(dual(), gateway=rulesets(redirect, v6=redirect))
    verdict = lab.ask(to_proxy(family, sends), "gateway")
    assert verdict.allowed, verdict.proof
    own = NEAR if family == 4 else NEAR_6
    assert verdict.arrived == Arrival("gateway", own, 3129, ENDS[family][0], verdict.observation.sent.sport)


def test_a_row_says_where_the_proxy_is(project: Project) -> None:
    web = {"name": "web", "from": "client", "to": "server", "service": "tcp/443", "family": 4, "expect": "allow"}
    taken = {**web, "arrives": {"at": "gateway", "address": "server", "port": 3129, "from": "kept"}}
    flows = [
        taken,
        {**web, "name": "mail", "service": "tcp/25", "arrives": {"at": "server", "port": 25}},
        {**web, "name": "past it", "sport": 40000, "arrives": {"at": "server"}},
        {**taken, "name": "port", "sport": 40001, "arrives": {"at": "gateway", "address": FAR, "port": 3129}},
    ]
    found = project.run(dual(**LOCALLY), {"gateway": handing()}, flows).results
    assert [cell.outcome for cell in found] == [Outcome.PASSED, Outcome.PASSED, Outcome.FAIL_CLOSED, Outcome.MISMATCH]
    assert found[3].differences == (f"must arrive at address {FAR}, but arrived at address {SERVER}",)
