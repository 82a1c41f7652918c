"""A plan is run as a value: it and its result go to another process and back, and nothing of another plan is in them."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lab.prepare.plan import Choices, Plan
from lab.prepare.plans import make_plans
from lab.record.result import CellResult, PlanResult
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from lab.run.runner import Order, run, run_plan
from tests.kernel.conftest import Project, Silent
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, table

pytestmark = pytest.mark.kernel

WEB = "-A FORWARD -p tcp --dport 443 -m comment --comment web -j ACCEPT"
ROW = {"from": "client", "to": "server"}
FLOWS = [
    {**ROW, "name": "web", "service": "tcp/443", "expect": "allow", "rule": "web"},
    {**ROW, "name": "rest", "service": "tcp/1-200", "expect": "drop"},
]


@pytest.fixture
def plans(project: Project, tmp_path: Path) -> list[Plan]:
    """One matrix by both backends."""
    project.plans(corridor(), {"gateway": table("filter", ESTABLISHED, WEB, FORWARD="DROP")}, FLOWS)
    return make_plans([tmp_path / "matrices" / "made.yaml"], Choices(), tuple(Backend))


def told(result: CellResult) -> tuple[object, ...]:
    """What of a result does not depend on when it was measured."""
    return result.id, result.way, result.outcome, result.ports, str(result.verdict), result.verdict.proof


def test_plans_run_in_other_processes_as_in_this_one(plans: list[Plan]) -> None:
    here = [run_plan(plan, Order(strict=True), Silent()) for plan in plans]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = list(pool.map(run_plan, plans, [Order(strict=True)] * 2, [Silent()] * 2))
    for one, other in zip(here, there, strict=True):
        assert [told(result) for result in one.results] == [told(result) for result in other.results]
        assert (one.name, one.loaded, one.notes) == (other.name, other.loaded, other.notes)
    assert [one.name for one in there] == ["made", "made@legacy"]
    assert [(result.id, result.way.backend) for one in there for result in one.results] == [
        (f"made::{row}[client->server tcp/{ports}]{mark}", backend)
        for mark, backend in (("", "nft"), ("@legacy", "legacy")) for row, ports in (("web", "443"), ("rest", "1-200"))
    ]  # fmt: skip
    assert {result.way.policies for one in there for result in one.results} == {(("gateway", "gateway"),)}


def test_a_plan_and_its_result_are_the_same_once_pickled(plans: list[Plan]) -> None:
    plan = plans[1]
    assert pickle.loads(pickle.dumps(plan)) == plan
    done = run_plan(plan, Order(), Silent())
    assert {str(result.outcome) for result in done.results} == {"passed"}
    assert pickle.loads(pickle.dumps(done)) == done


def test_one_policy_beside_another_by_each_backend(plans: list[Plan]) -> None:
    new = Rulesets(v4=rendered(table("filter", ESTABLISHED, FORWARD="DROP"), "new.rules"))
    changed = [
        replace(plan.in_way(replace(plan.way, revision="new"), "@new"), policies={"gateway": new}) for plan in plans
    ]
    result = run([*plans, *changed], Order(), Silent())
    web = "made::web[client->server tcp/443]"
    told = [(one.left, one.right, one.flows, [of.flow for of in one.contrasts]) for one in result.comparisons]
    assert told == [("nft", "legacy", 4, []), ("gateway", "gateway (new)", 4, [web, f"{web}@legacy"])]
    assert "allowed by gateway filter:FORWARD:2 (web)" in result.comparisons[1].contrasts[0].left
    assert "dropped by gateway filter:FORWARD policy" in result.comparisons[1].contrasts[0].right
    assert result.provenance is not None
    assert list(result.provenance.matrices) == ["made", "made@legacy", "made@new", "made@legacy@new"]


def test_a_plan_that_cannot_be_run_says_so_in_its_result(project: Project) -> None:
    (plan,) = project.plans(corridor(), {"gateway": table("filter", "-A FORWARD -j NOWHERE")}, FLOWS)
    done: PlanResult = pickle.loads(pickle.dumps(run_plan(plan, Order(), Silent())))
    assert (len(done.results), done.loaded, set(done.codes), done.interrupted) == (0, None, {2}, None)
    (problem,) = done.problems
    assert (problem.matrix, "NOWHERE" in str(problem)) == ("made", True)


class Interrupting(Silent):
    """Ends the run as Ctrl-C does, once the first cell is told."""

    def cell(self, result: CellResult) -> None:  # noqa: ARG002
        """Told a result."""
        raise KeyboardInterrupt


def test_ctrl_c_leaves_what_was_found_in_the_plan_s_result(plans: list[Plan]) -> None:
    done = run_plan(plans[0], Order(), Interrupting())
    assert ([result.row for result in done.results], done.interrupted, done.problems) == (["web"], 130, ())
