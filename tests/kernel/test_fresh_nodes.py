"""Rules that remember what they saw: each cell meets them as if it were the first."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.verdict import Kind
from lab.run.matrix_run import MatrixRun
from lab.run.runner import Order
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, corridor, table

pytestmark = pytest.mark.kernel

RECENT = (
    "-A FORWARD -p udp --dport 53 -m recent --name dns --update --seconds 3600 --hitcount 1 -j DROP",
    "-A FORWARD -p udp --dport 53 -m recent --name dns --set -j ACCEPT",
)
LIMIT = ("-A FORWARD -p udp --dport 53 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT",)
PER_HOUR = "--hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name dns"
HASHLIMIT = (f"-A FORWARD -p udp --dport 53 -m hashlimit {PER_HOUR} -j ACCEPT",)
CONNLIMIT = ("-A FORWARD -p udp --dport 53 -m connlimit --connlimit-upto 1 -j ACCEPT",)


def rows(count: int, **keys: Any) -> list[dict[str, Any]]:
    return [{"name": f"row {number}", "from": "client", "to": "server", **keys} for number in range(count)]


@pytest.mark.parametrize("rules", [RECENT, LIMIT, HASHLIMIT, CONNLIMIT], ids=["recent", "limit", "hashlimit", "connlimit"])
def test_every_cell_is_the_first(project: Project, rules: tuple[str, ...]) -> None:
    ruleset = table("filter", ESTABLISHED, *rules, FORWARD="DROP")
    result = project.run(corridor(), {"gateway": ruleset}, rows(4, service="udp/53", expect="allow"))
    assert [str(cell.outcome) for cell in result.results] == ["passed"] * 4


@pytest.mark.parametrize("rules", [RECENT, LIMIT], ids=["recent", "limit"])
def test_every_port_of_a_range_is_the_first(project: Project, rules: tuple[str, ...]) -> None:
    wide = (rule.replace("--dport 53", "--dport 53:56") for rule in rules)
    ruleset = table("filter", ESTABLISHED, *wide, FORWARD="DROP")
    (cell,) = project.run(corridor(), {"gateway": ruleset}, rows(1, service="udp/53-56", expect="allow")).results
    assert (str(cell.outcome), cell.ports, cell.groups) == ("passed", 4, ())


@pytest.mark.parametrize("burst", [1, 7])
def test_a_swept_range_is_the_first_where_a_rule_remembers(project: Project, burst: int) -> None:
    below = "-A FORWARD -p tcp --dport 1:499 -j DROP"
    limit = f"-A FORWARD -p tcp -m tcp --dport 500:999 -m limit --limit 1/hour --limit-burst {burst} -j ACCEPT"
    flows = [
        {"name": ports, "from": "client", "to": "server", "service": f"tcp/{ports}", "expect": "drop"}
        for ports in ("1-502", "1-520", "1-499")
    ]
    ruleset = table("filter", ESTABLISHED, below, limit, FORWARD="DROP")
    few, many, none = project.run(corridor(), {"gateway": ruleset}, flows).results
    told = [[(group.ports, str(group.verdict.kind)) for group in cell.groups] for cell in (few, many)]
    assert told == [[("500-502", "closed"), ("1-499", "dropped")], [("500-520", "closed"), ("1-499", "dropped")]]
    assert (few.warnings, many.warnings, str(none.outcome), none.warnings) == ((), (), "passed", ())


@pytest.mark.parametrize(("mode", "how"), [("nth --every 2 --packet 0", "counting"), ("random --probability 1", "chance")])
def test_a_rule_that_decides_by_no_packet_s_own_is_told(project: Project, mode: str, how: str) -> None:
    whim = f"-A FORWARD -p udp --dport 53 -m statistic --mode {mode} -j DROP"
    flows = [*rows(1, service="udp/53", expect="drop"), {**rows(1, service="udp/54", expect="allow")[0], "name": "other"}]
    denied, other = project.run(corridor(), {"gateway": table("filter", whim)}, flows, Order(strict=True)).results
    assert (str(denied.outcome), str(denied.verdict.kind)) == ("mismatch", "dropped")
    assert f"a rule decides by {how}" in denied.warnings[0]
    assert (str(other.outcome), other.warnings) == ("passed", ())


def test_how_far_a_range_is_that_is_asked_port_by_port(project: Project) -> None:
    told: list[tuple[int, int]] = []
    (plan,) = project.plans(corridor(), {"gateway": table("filter")}, [
        {"name": "wide", "from": "client", "to": "server", "service": "udp/1001-1200", "expect": "allow"}])  # fmt: skip
    run = MatrixRun(plan, heard=lambda _, __, done, of: told.append((done, of)))
    try:
        assert [str(cell.outcome) for cell in run.run(plan.cells)] == ["passed"]
    finally:
        run.close()
    assert told == [(done, 200) for done in range(201)]


def test_what_sprang_a_trap_troubles_no_other_cell(project: Project) -> None:
    trap = "-A FORWARD -p tcp --dport 23 -m recent --name trap --set -j DROP"
    caught = "-A FORWARD -m recent --name trap --rcheck --seconds 3600 -j REJECT"
    ruleset = table("filter", ESTABLISHED, trap, caught, "-A FORWARD -p tcp --dport 443 -j ACCEPT", FORWARD="DROP")
    flows = [
        {"name": "telnet", "from": "client", "to": "server", "service": "tcp/23", "expect": "drop"},
        {"name": "web", "from": "client", "to": "server", "service": "tcp/443", "expect": "allow"},
    ]
    for seed in (None, 1, 2):
        result = project.run(corridor(), {"gateway": ruleset}, [*flows, *rows(2, service="tcp/443", expect="allow")],
                             Order(shuffle=seed))  # fmt: skip
        assert [str(cell.outcome) for cell in result.results] == ["passed"] * 4


def test_a_limited_log_is_written_for_each_cell_that_expects_it(project: Project) -> None:
    log = '-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j LOG --log-prefix "denied "'
    flows = rows(3, service="udp/53", expect="drop", logged="denied ")
    flows.append({**rows(1, service="udp/100-120", expect="drop", logged="denied ")[0], "name": "range"})
    result = project.run(corridor(), {"gateway": table("filter", log, FORWARD="DROP")}, flows)
    assert [(str(cell.outcome), cell.differences) for cell in result.results] == [("passed", ())] * 4


def test_a_limited_log_that_nobody_expects_needs_no_fresh_nodes(project: Project) -> None:
    log = '-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j LOG --log-prefix "denied "'
    flows = rows(3, service="udp/53", expect="drop")
    result = project.run(corridor(), {"gateway": table("filter", log, FORWARD="DROP")}, flows)
    first, *others = [cell.verdict.path[0].steps for cell in result.results]
    assert [len(first), *map(len, others)] == [2, 1, 1], "the limit was used up by the first, so they shared their nodes"


def test_what_a_rule_counts_before_it_asks_the_port_is_counted_of_every_port(project: Project) -> None:
    """A question that the rule is not about is traced by no one, and uses its limit up."""
    rule = "-A FORWARD -p udp -m limit --limit 1/hour --limit-burst 1 -m udp --dport 120 -j REJECT"
    flows = [
        {"name": "other", "from": "client", "to": "server", "service": "udp/53", "expect": "drop"},
        {"name": "own", "from": "client", "to": "server", "service": "udp/120", "expect": "reject"},
    ]
    result = project.run(corridor(), {"gateway": table("filter", rule, FORWARD="DROP")}, flows)
    assert [str(cell.outcome) for cell in result.results] == ["passed"] * 2


def test_the_error_about_a_neighbour_that_is_not_there_is_counted(project: Project) -> None:
    """It comes when the node gives up on its neighbour, which is after the question."""
    told = table("mangle", "-A OUTPUT -m recent --name told --set --rdest")
    caught = "-A FORWARD -m recent --name told --rcheck --seconds 600 -j DROP"
    flows = [
        {"name": "nobody", "from": "client", "to": "10.0.2.99", "service": "udp/53", "expect": "allow"},
        *rows(1, service="udp/53", expect="allow"),
    ]
    result = project.run(corridor(), {"gateway": told + table("filter", caught)}, flows)
    assert [cell.verdict.node for cell in result.results if cell.verdict.kind is Kind.DROPPED] == []
