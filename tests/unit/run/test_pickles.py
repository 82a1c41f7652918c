"""What is to be done and what came of it go to another process and back: they pickle, and are then equal."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lab.prepare.plan import Choices, Plan, make_plan
from tests.unit.report.make import cell, fail_closed, fail_open, problems, run, split_range

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(ROOT / "matrices/office-nat-gateway.yaml", Choices())


def again(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


def test_a_plan(plan: Plan) -> None:
    same = again(plan)
    assert same == plan
    assert isinstance(same, Plan)
    assert same.matrix.where("topology") == plan.matrix.where("topology"), "its rows still know their lines"


def test_what_it_is_of(plan: Plan) -> None:
    assert again(plan.topology) == plan.topology
    assert again(plan.cells) == plan.cells
    assert again(dict(plan.policies)) == dict(plan.policies)


def test_a_run() -> None:
    cells = cell(), fail_open(), fail_closed(), split_range()
    result = run(cells, problems=problems("one that stopped it"))
    assert result.results == cells
    assert again(result) == result
