"""What is let through to an address that no node of the topology has is open, whoever has it in life."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.record.exposure import ExposureReport
from lab.record.result import Outcome
from lab.record.sweep import Arrived, Gear
from lab.record.verdict import Kind
from lab.report.exposure import exposure_json, exposure_lines
from lab.report.exposure_markdown import exposure_markdown
from lab.study.compare_exposures import read_saved
from lab.study.exposure import measure
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import CLIENT, ESTABLISHED, NEAR, SERVER, corridor, rulesets, table

pytestmark = pytest.mark.kernel

GONE, BEYOND, ROUTER = "10.0.2.88", "10.0.77.5", "10.0.2.3"
ROUTED: dict[str, Any] = {"gateway": {"routes": [f"10.0.77.0/24 via {ROUTER}"], "via": "client"}}
STANDS_FOR_ALL = {**ROUTED, "client": {"anyip": True}}
TRANSLATED = "-A FORWARD -m conntrack --ctstate DNAT -m comment --comment translated -j ACCEPT"


def forward(ports: str, to: str) -> str:
    return f"-A PREROUTING -i left -d {NEAR} -p tcp -m tcp --dport {ports} -j DNAT --to-destination {to}"


def published(*forwards: str) -> str:
    return table("nat", *forwards) + table("filter", ESTABLISHED, TRANSLATED, INPUT="DROP", FORWARD="DROP")


def row(service: str, expect: str) -> dict[str, Any]:
    return {"name": service, "from": "client", "to": NEAR, "service": service, "expect": expect}


def exposed(project: Project, changes: dict[str, Any], *forwards: str, file: Path | None = None) -> ExposureReport:
    plans = project.plans(corridor(**changes), {"gateway": published(*forwards)}, [row("tcp/1", "drop")])
    then = read_saved(file, "corridor") if file is not None else None
    return measure(plans, (4,), ["client"], ["gateway"], every_port=False, then=then, progress=lambda *_: None)


@pytest.mark.parametrize(
    ("to", "arrived"),
    [
        (f"{GONE}:8080", Arrived(None, GONE, 8080, None, GONE)),
        (GONE, Arrived(None, GONE, None, None, GONE)),
        (f"{BEYOND}:8080", Arrived(None, BEYOND, 8080, None, ROUTER)),
    ],
)
def test_an_exposure_lists_it(project: Project, tmp_path: Path, to: str, arrived: Arrived) -> None:
    file = tmp_path / "before.json"
    shut = exposed(project, STANDS_FOR_ALL)
    assert shut.exposures == ()
    file.write_text(json.dumps(exposure_json(shut)))
    report = exposed(project, STANDS_FOR_ALL, forward("4443", to), file=file)
    (one,) = report.exposures
    assert (one.kind, one.ports, one.arrived) == (Kind.UNROUTED, ((4443, 4443),), arrived)
    assert one.rule is not None
    assert one.rule.comment == "translated"
    assert [change.ports for change in report.added or ()] == [((4443, 4443),)]
    assert report.lost == ()
    words = f"{arrived.address}:{arrived.port or 4443}"
    assert any(words in line and "no node of the topology" in line for line in exposure_lines(report))
    assert f"`{arrived.address}:" in exposure_markdown(report)


def test_behind_a_host_that_does_not_forward(project: Project) -> None:
    """The way out leads to a host that takes in nothing of it, and the topology has no node with the address."""
    (one,) = exposed(project, ROUTED, forward("4443", "192.0.2.9:443")).exposures
    assert (one.kind, one.arrived) == (Kind.UNROUTED, Arrived(None, "192.0.2.9", 443, None, "192.0.2.9"))


def test_to_where_the_gateway_has_no_route_is_not_proven(project: Project) -> None:
    """The packet ends before FORWARD is asked, so neither open nor shut is known."""
    report = exposed(project, {}, forward("4443", "192.0.2.9:443"))
    assert report.exposures == ()
    assert len(report.lost) == 1
    assert "tcp/4443" in report.lost[0]
    assert "has no route to there" in report.lost[0]


@pytest.mark.parametrize("gear", list(Gear))
def test_a_sweep_names_rule_and_address(lab_of: LabOf, gear: Gear) -> None:
    lab = lab_of(corridor(**ROUTED), gateway=published(forward("1000:1399", GONE), forward("2000", f"{BEYOND}:80")))
    sweep = lab.sweep("client", NEAR, "tcp/900-2100", gear=gear)
    assert [(group.keys, group.arrived) for group in sweep.open] == [
        (((1000, 1399),), Arrived(None, GONE, None, None, GONE)),
        (((2000, 2000),), Arrived(None, BEYOND, 80, None, ROUTER)),
    ]
    assert [group.verdict.rule and group.verdict.rule.comment for group in sweep.open] == ["translated"] * 2
    assert (sweep.lost, sweep.of(950).verdict.kind) == (0, Kind.DROPPED)


@pytest.mark.parametrize("service", ["tcp/443", "udp/443", "icmp/echo-request"])
@pytest.mark.parametrize("address", [GONE, BEYOND, "192.0.2.9"])
def test_the_verdict_says_that_the_topology_lacks_it(lab_of: LabOf, service: str, address: str) -> None:
    lab = lab_of(corridor(**ROUTED), gateway=table("filter", "-A FORWARD -m comment --comment out -j ACCEPT"))
    verdict = lab.probe("server" if address == "192.0.2.9" else "client", address, service)
    assert (verdict.kind, verdict.node, verdict.passed_node) == (Kind.UNROUTED, "gateway", True), verdict.proof
    assert f"passed gateway by filter:FORWARD:1 (out), on its way to {address}" in verdict.proof
    assert "the topology has no node with this address" in verdict.proof


def test_over_ipv6(lab_of: LabOf) -> None:
    stage = corridor()
    stage["networks"] = {"left": ["10.0.1.0/24", "2001:db8:a::/64"], "right": ["10.0.2.0/24", "2001:db8:b::/64"]}
    own = {"client": {"left": [CLIENT, "2001:db8:a::10"]}, "server": {"right": [SERVER, "2001:db8:b::10"]},
           "gateway": {"left": [NEAR, "2001:db8:a::1"], "right": ["10.0.2.1", "2001:db8:b::1"]}}  # fmt: skip
    for name, interfaces in own.items():
        stage["nodes"][name]["interfaces"] = interfaces
    to = "-A PREROUTING -d 2001:db8:a::1 -p tcp -m tcp --dport 25 -j DNAT --to-destination [2001:db8:b::77]:2525"
    filtered = table("filter", "-A INPUT -p icmpv6 -j ACCEPT", TRANSLATED, INPUT="DROP", FORWARD="DROP")
    lab = lab_of(stage, gateway=rulesets(v6=table("nat", to) + filtered))
    verdict = lab.probe("client", "2001:db8:a::1", "tcp/25")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, True)
    assert "translated to [2001:db8:b::77]:2525; the topology has no node with this address" in verdict.proof
    (group,) = lab.sweep("client", "2001:db8:a::1", "tcp/20-30").open
    assert (group.keys, group.arrived) == (((25, 25),), Arrived(None, "2001:db8:b::77", 2525, None, "2001:db8:b::77"))


def test_rows_of_a_matrix(project: Project) -> None:
    rows = [row("tcp/1-4442", "drop"), row("tcp/4443", "allow"), row("tcp/4444", "deny")]
    result = project.run(corridor(**ROUTED), {"gateway": published(forward("4442:4444", f"{GONE}:4443"))}, rows)
    assert [cell.outcome for cell in result.results] == [Outcome.FAIL_OPEN, Outcome.FAIL_CLOSED, Outcome.FAIL_OPEN]
    assert all(f"translated to {GONE}:4443; the topology has no node" in cell.verdict.proof for cell in result.results)
