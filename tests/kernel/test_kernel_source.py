"""A node with several addresses sends from the one that its own kernel chooses; what asks from another says so."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import CellResult, Outcome
from lab.record.verdict import Kind
from lab.report.detail import explain
from lab.report.markdown import to_markdown
from lab.report.run_json import to_json
from lab.run.runner import Order
from tests.kernel.conftest import LabOf, Project
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel

FIRST, SECOND = ("203.0.113.2", "2001:db8:a::2"), ("198.51.100.2", "2001:db8:b::2")
FAR = {4: "192.0.2.66", 6: "2001:db8:66::66"}


def uplinks(**gateway: Any) -> dict[str, Any]:
    """A gateway with two ways out: its default route leads by the first, one prefix by the second."""
    routes = ["192.0.2.0/24 via 198.51.100.9", "2001:db8:66::/64 via 2001:db8:b::9"]
    inner = {"inner": ["10.20.0.1", "2001:db8:c::1"], "first": [*FIRST], "second": [*SECOND]}
    own = {"role": "gateway", "interfaces": inner, "forwards": True, "via": "alpha", "routes": routes}
    nodes = {
        "alpha": {
            "role": "internet", "interfaces": {"first": ["203.0.113.9", "2001:db8:a::9"]}, "via": "gateway", "anyip": True,
        },
        "beta": {
            "role": "partner", "interfaces": {"second": ["198.51.100.9", "2001:db8:b::9"]}, "via": "gateway",
            "anyip": ["192.0.2.0/24", "2001:db8:66::/64"],
        },
        "gateway": {**own, **gateway},
    }  # fmt: skip
    networks = {"inner": ["10.20.0.0/24", "2001:db8:c::/64"], "first": ["203.0.113.0/24", "2001:db8:a::/64"],
                "second": ["198.51.100.0/24", "2001:db8:b::/64"]}  # fmt: skip
    return {"topology": "uplinks", "networks": networks, "nodes": nodes}


def out(*sources: str) -> str:
    allowed = [f"-A OUTPUT -s {source} -m comment --comment from-{source[:3]} -j ACCEPT" for source in sources]
    return table("filter", *allowed, "-A OUTPUT -p icmpv6 -j ACCEPT" if ":" in sources[0] else allowed[0], OUTPUT="DROP")


def ran(project: Project, ruleset: str, *rows: dict[str, Any], strict: bool = False) -> Any:
    return project.run(uplinks(), {"gateway": ruleset}, [{"service": "tcp/25", **row} for row in rows], Order(strict=strict))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("service", ["tcp/443", "udp/53"])
def test_a_probe_and_a_sweep_leave_as_the_route_says(lab_of: LabOf, family: int, service: str) -> None:
    lab = lab_of(uplinks(), gateway=rulesets(out(FIRST[0]), v6=out(FIRST[1])))
    at = 0 if family == 4 else 1
    beyond = {"192.0.2.66": SECOND, "198.51.100.9": SECOND, "203.0.113.9": FIRST, "8.8.8.8": FIRST} if family == 4 else {
        "2001:db8:66::66": SECOND, "2001:db8:b::9": SECOND, "2001:db8:a::9": FIRST, "2620:fe::fe": FIRST,
    }  # fmt: skip
    for address, source in beyond.items():
        verdict = lab.probe("gateway", address, service)
        assert (verdict.observation.sent.source, verdict.allowed) == (source[at], source is FIRST), address
    (group,) = lab.sweep("gateway", FAR[family], "tcp/20-40").groups
    assert (group.verdict.kind, group.verdict.observation.sent.source) == (Kind.DROPPED, SECOND[at])
    assert lab.probe("gateway", FAR[family], service, source=FIRST[at]).allowed, "a source that is said is taken"


def test_a_routing_rule_has_the_say(lab_of: LabOf) -> None:
    """A table of its own leads one prefix out by the second uplink; the guess by networks would be the first."""
    by_rule = {"rules": ["to 100.64.0.0/16 lookup 77 pref 90"], "routes": ["default via 198.51.100.9 table 77"]}
    lab = lab_of(uplinks(**by_rule), gateway=out(FIRST[0]))
    assert lab.probe("gateway", "100.64.7.7", "udp/53").observation.sent.source == SECOND[0]
    assert lab.probe("gateway", "100.65.7.7", "udp/53").observation.sent.source == FIRST[0]


def test_without_a_way_the_kernel_says_so(lab_of: LabOf) -> None:
    lab = lab_of(uplinks(via=[], routes=[]), gateway=table("filter"))
    assert lab.kernel_source("gateway", "192.0.2.66") is None
    verdict = lab.probe("gateway", "192.0.2.66", "udp/53")
    assert (verdict.kind, verdict.passed_node) == (Kind.UNROUTED, False)
    assert "Network is unreachable" in verdict.proof


def test_of_a_node_s_addresses_the_kernel_s_own_is_marked(project: Project) -> None:
    result = ran(project, out("203.0.113.2"), {"name": "mail", "from": "gateway", "to": "192.0.2.66", "expect": "drop"})
    cells: dict[str, CellResult] = {cell.source: cell for cell in result.results}
    assert {source: (cell.outcome, cell.kernel_source, cell.bound) for source, cell in cells.items()} == {
        "10.20.0.1": (Outcome.PASSED, SECOND[0], True), "203.0.113.2": (Outcome.FAIL_OPEN, SECOND[0], True),
        "198.51.100.2": (Outcome.PASSED, SECOND[0], False),
    }  # fmt: skip
    assert all(cell.notes == () for cell in cells.values()), "the row asks the kernel's own choice too"
    assert "198.51.100.2, the kernel's own choice" in explain(cells["198.51.100.2"])
    assert "only a bound socket sends from: the kernel's own choice is 198.51.100.2" in explain(cells["203.0.113.2"])
    told: Any = to_json(result)["cells"]
    assert {(cell["source"], cell["kernel_source"]) for cell in told} == {(source, SECOND[0]) for source in cells}
    assert "`gateway@first` 203.0.113.2 (bound)" in to_markdown(result)


def test_a_deny_that_holds_for_another_source_alone_is_told(project: Project) -> None:
    """The kernel sends from the second uplink, which is open; the row asks of the first alone, and is green."""
    row = {"name": "mail", "from": "gateway@first", "to": "192.0.2.66", "expect": "drop"}
    (cell,) = ran(project, out(SECOND[0]), row).results
    assert cell.outcome is Outcome.PASSED
    (note,) = cell.notes
    assert "only a socket bound to 203.0.113.2 sends so: the kernel of gateway sends to 192.0.2.66 from 198.51.100.2" in note
    (strict,) = ran(project, out(SECOND[0]), row, strict=True).results
    assert (strict.outcome, len(strict.notes)) == (Outcome.PASSED, 1), "a note is no warning"
    (own,) = ran(project, out(FIRST[0]), {**row, "from": "gateway@second"}).results
    assert (own.outcome, own.notes, own.bound) == (Outcome.PASSED, (), False)


def test_a_source_that_the_row_names_and_a_sender_with_one_address_are_not_marked(project: Project) -> None:
    said = {"name": "said", "from": "gateway@second", "source": FIRST[0], "to": "192.0.2.66", "expect": "allow"}
    alone = {"name": "alone", "from": "beta", "to": "203.0.113.9", "expect": "allow"}
    cells = ran(project, out(FIRST[0]), said, alone).results
    assert len(cells) == 2
    for cell in cells:
        assert (cell.outcome, cell.kernel_source, cell.bound, cell.notes) == (Outcome.PASSED, None, False, ())


def test_a_swept_row_is_marked_too(project: Project) -> None:
    row = {"name": "all", "from": "gateway", "to": "192.0.2.66", "service": "tcp/1-200", "expect": "drop", "family": 4}
    found = ran(project, table("filter", OUTPUT="DROP"), row).results
    assert [(cell.outcome, cell.bound) for cell in found] == [(Outcome.PASSED, True)] * 2 + [(Outcome.PASSED, False)]
