"""Real firewalls, each held to flows whose verdict and deciding rule were found by reading its dump.

A matrix here names rules by their place alone. The dump that they are places in is read from beside the checkout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

import pytest

from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.result import CellResult, Outcome, RunResult
from lab.record.way import Way
from lab.report.detail import explain
from lab.ruleset.backend import Backend
from lab.ruleset.render import Rendered
from lab.ruleset.rulesets import Rulesets
from lab.run.runner import Order, run
from lab.written.cells import expand
from lab.written.expect.rule import RULE
from lab.written.load import load_matrix, load_topology
from lab.written.policy import PolicySpec
from tests.kernel.conftest import Silent
from tests.kernel.real_rulesets.dumps import DUMPS, HERE, loadable

pytestmark = pytest.mark.kernel

FEWEST = 10  # cells of one dump that name their rule
LOGS = (  # a dump, a probe, and the LOG rule that it meets before it is denied; prefixes are the dump's own text
    ("company_mainfw_2016-01-30", ("world", "line-address", "tcp/4080"), "filter:INPUT:9"),
    ("company_mainfw_2016-01-31", ("world", "line-address", "udp/1195"), "filter:INPUT:10"),
    ("company_mainfw_2016-01-31", ("world", "line-address", "icmp/0.0"), "filter:INPUT:3"),
    ("company_mainfw_2016-01-31", ("world", "line-address", "icmp/timestamp-request"), "filter:INPUT:13"),
    ("majek_vpn", ("world", "server-address", "udp/499"), "filter:INPUT:13"),
    ("shorewall_home_2015-08", ("world", "line-address", "tcp/23"), "filter:INPUT:24"),
    ("shorewall_home_2015-08_antispoof", ("world", "line-address", "tcp/23"), "filter:INPUT:16"),
    ("ufw_server2", ("world", "server-address", "tcp/23"), "filter:ufw-after-logging-input:1"),
    ("ufw_server2", ("world", "inner", "tcp/22"), "filter:ufw-after-logging-forward:1"),
)
PAIRS = (
    ("company_mainfw_2016-01-30", "company_mainfw_2016-01-31"),
    ("shorewall_home_2015-08", "shorewall_home_2015-08_antispoof"),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What became of a dump's flows."""

    plan: Plan
    ruleset: Rendered
    result: RunResult


def plan_of(name: str, backend: Backend = Backend.NFT) -> Plan:
    """The plan of the dump's matrix, with the dump as the policy of the node under test."""
    matrix = load_matrix(HERE / name / "matrix.yaml")
    topology = load_topology(HERE / name / "topology.yaml")
    (node,) = topology.roles()[matrix.role]
    with_dump = matrix.elsewhere(policies={node: PolicySpec(name=name)})
    policies = {node: Rulesets(v4=loadable(name))}
    way = Way(str(backend), ((node, name),))
    return Plan(HERE / name / "matrix.yaml", with_dump, topology, policies, expand(with_dump, topology), way=way)


@pytest.fixture(scope="module", params=product(DUMPS, Backend), ids="-".join)
def held(request: pytest.FixtureRequest) -> Held:
    plan = plan_of(*request.param)
    return Held(plan, loadable(request.param[0]), run([plan], Order(strict=True), Silent()))


def test_every_flow_is_as_the_dump_reads(held: Held) -> None:
    wrong = [explain(result) for result in held.result.results if result.outcome is not Outcome.PASSED]
    assert not wrong, "\n\n".join(wrong)
    assert (held.result.problems, held.result.exit_code) == ((), 0)
    assert len(held.result.results) == len(held.plan.cells)


def test_every_flow_names_its_rule(held: Held) -> None:
    assert all(cell.expect.get(RULE) for cell in held.plan.cells)
    assert len(held.plan.cells) >= FEWEST
    assert len({cell.expect.action for cell in held.plan.cells}) >= 2


def test_the_deciding_rule_knows_its_line(held: Held) -> None:
    for result in held.result.results:
        assert result.verdict.rule is not None, explain(result)
        if result.verdict.rule.number is not None:
            assert result.verdict.rule.source == f"{held.ruleset.file}:{line_of(held.ruleset, result)}", explain(result)


def line_of(ruleset: Rendered, result: CellResult) -> int:
    """The line of the deciding rule, found by counting the lines of its table and chain."""
    rule = result.verdict.rule
    assert rule is not None
    table, found = "", 0
    for number, line in enumerate(ruleset.text.splitlines(), 1):
        if line.startswith("*"):
            table = line[1:].strip()
        elif re.match(rf"-A {re.escape(rule.chain)}(\s|$)", line) and table == rule.table:
            found += 1
            if found == rule.number:
                return number
    raise AssertionError(f"{rule} is not in {ruleset.file}")


@pytest.mark.parametrize(("name", "probe", "place"), LOGS)
def test_a_refusal_is_logged(name: str, probe: tuple[str, str, str], place: str) -> None:
    plan = plan_of(name)
    with Lab(plan.topology, plan.policies) as lab:
        verdict = lab.probe(*probe)
    assert verdict.denied, verdict
    met = {step.rule.place: step.rule.target for path in verdict.path for step in path.steps if step.rule is not None}
    assert met.get(place) == "LOG", met


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_pair_differs_where_the_matrices_say_so(before: str, after: str) -> None:
    """Cells of one sender, target and service that stand in both matrices, and what the two expect of them."""
    old, new = (
        {
            (cell.sender.address, cell.target.address, cell.service.text, cell.sport, cell.flags): cell.expect
            for cell in plan_of(name).cells
        }
        for name in (before, after)
    )
    both = old.keys() & new.keys()
    assert sum(old[flow].action != new[flow].action for flow in both) >= 2
    assert sum(old[flow].get(RULE) != new[flow].get(RULE) for flow in both) >= 2
    assert any((old[flow].action, old[flow].get(RULE)) == (new[flow].action, new[flow].get(RULE)) for flow in both)
