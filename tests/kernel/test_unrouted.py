"""It entered a node, did not leave it, and no rule dropped it; or nobody has the address that it was sent to."""

from __future__ import annotations

from typing import Any

import pytest

from lab.kernel.watch.drop_reason import DropReasons
from lab.record.verdict import Kind, Verdict
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import FAR, SERVER, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

SERVICES = ["tcp/443", "udp/443", "icmp/echo-request"]


def stopped_at_the_gateway(verdict: Verdict) -> None:
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", False), verdict.proof
    assert verdict.path[-1].dropped_by is None


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "routes", [["blackhole 192.0.2.0/24"], ["unreachable 192.0.2.0/24"], ["prohibit 192.0.2.0/24"], []]
)
def test_no_route_at_the_gateway(lab_of: LabOf, service: str, routes: list[str]) -> None:
    lab = lab_of(corridor(gateway={"routes": routes}), gateway=table("filter"))
    stopped_at_the_gateway(lab.probe("client", "192.0.2.7", service))


@pytest.mark.parametrize("service", SERVICES)
def test_no_route_at_the_sender(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(client={"via": []}), gateway=table("filter"))
    verdict = lab.probe("client", "server", service)
    assert (verdict.kind, verdict.passed_node, verdict.path) == (Kind.UNROUTED, False, ()), verdict.proof
    assert "Network is unreachable" in verdict.proof


@pytest.mark.parametrize("service", SERVICES)
def test_reverse_path(lab_of: LabOf, service: str, kernel_tells: bool) -> None:
    strict = {"sysctls": {"net.ipv4.conf.all.rp_filter": 1}}
    lab = lab_of(corridor(gateway=strict), gateway=table("filter"))
    verdict = lab.probe("client", "server", service, source="10.0.2.77")
    stopped_at_the_gateway(verdict)
    if kernel_tells:
        assert verdict.observation.reasons == ("IP_RPFILTER",)
    assert lab.probe("client", "server", service).allowed, "its own source passes"


def test_a_source_that_is_the_gateway_s_own(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    stopped_at_the_gateway(lab.probe("client", "server", "udp/443", source=FAR))


def test_a_port_forward_that_leads_back_to_the_sender(lab_of: LabOf) -> None:
    """The server asks the public address of itself: nobody translates its source, and it refuses a packet from itself."""
    forward = f"-A PREROUTING -d {FAR} -p tcp --dport 443 -j DNAT --to-destination {SERVER}"
    lab = lab_of(corridor(), gateway=table("nat", forward))
    verdict = lab.probe("server", FAR, "tcp/443")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, True), verdict.proof
    assert "IP_LOCAL_SOURCE" in verdict.proof


@pytest.mark.parametrize("service", SERVICES)
def test_time_to_live(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("mangle", "-A PREROUTING -j TTL --ttl-set 1"))
    verdict = lab.probe("client", "server", service)
    stopped_at_the_gateway(verdict)
    assert verdict.observation.refusal is None or verdict.observation.refusal.kind == "icmp 11/0"


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_does_not_forward(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(gateway={"forwards": False}), gateway=table("filter"))
    stopped_at_the_gateway(lab.probe("client", "server", service))


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_has_the_address(lab_of: LabOf, service: str) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    for _ in range(2):
        verdict = lab.probe("client", "10.0.2.99", service)
        assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", True), verdict.proof
        assert "10.0.2.99" in verdict.proof


def test_an_unanswered_neighbour_troubles_no_later_probe(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=table("filter"))
    with lab.batch():
        assert lab.probe("client", "10.0.2.99", "udp/443").kind is Kind.UNROUTED
        assert lab.network.unresolved_neighbours() == ()
        assert lab.probe("client", "server", "udp/443").allowed


@pytest.mark.parametrize("service", SERVICES)
def test_one_address_of_a_bridge_that_nobody_has(lab_of: LabOf, service: str) -> None:
    more: dict[str, Any] = {"second": {"role": "backend", "interfaces": {"right": "10.0.2.11"}, "via": "gateway"}}
    lab = lab_of(corridor(**more), gateway=table("filter"))
    verdict = lab.probe("client", "10.0.2.99", service)
    assert (verdict.kind, verdict.node) == (Kind.UNROUTED, "gateway"), verdict.proof


def test_the_kernel_is_asked_for_its_reasons_by_one_event_of_a_lab(
    lab_of: LabOf, kernel_tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[DropReasons | None] = []
    before = DropReasons.open

    def open_() -> DropReasons | None:
        opened.append(before())
        return opened[-1]

    monkeypatch.setattr(DropReasons, "open", open_)
    strict = {"sysctls": {"net.ipv4.conf.all.rp_filter": 1}}
    lab = lab_of(corridor(gateway=strict), gateway=table("filter"))
    for _ in range(3):
        verdict = lab.probe("client", "server", "udp/443", source="10.0.2.77")
        assert verdict.kind is Kind.UNROUTED
        assert verdict.observation.reasons == (("IP_RPFILTER",) if kernel_tells else ())
    assert len(opened) == 1 or not kernel_tells
