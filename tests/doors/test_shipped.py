"""What is shipped holds: each matrix on its topology and policy, in any order, and against policies that are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing

import jsonschema
import pytest
from ruamel.yaml import YAML

from lab.prepare.plan import Choices
from lab.record.result import Outcome, RunResult
from lab.record.verdict import Kind
from lab.report.detail import explain
from lab.run.runner import Order
from lab.written.schema import json_schemas
from tests.doors.project import LAB, run
from tests.doors.shipped import MATRICES, ROOT, failed, native, only, plan_of, run_plan
from tests.doors.standing import Standing
from tests.doors.wrong_policy import WrongPolicy, wrong_policies

pytestmark = pytest.mark.kernel

ORDERS = range(1, 3)
NATIVE = [matrix for matrix in MATRICES if native(matrix)]
WRONG = [wrong for matrix in MATRICES for wrong in wrong_policies(matrix)]
Seen = Mapping[str, tuple[Outcome, Kind, str, int]]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """What wrong policies are loaded into."""
    with closing(Standing(tmp_path_factory.mktemp("shipped"))) as one:
        yield one


def seen(result: RunResult) -> Seen:
    """What each cell came to: its class, its verdict, the deciding rule, and in how many ways its ports behave."""
    assert not result.problems, result.problems
    return {cell.id: (cell.outcome, cell.verdict.kind, str(cell.verdict.rule), len(cell.groups)) for cell in result.results}


@pytest.mark.parametrize("kind", ["topology", "matrix"])
def test_shipped_files_are_what_the_schemas_say(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(json_schemas()[kind])
    files = sorted((ROOT / {"topology": "topologies", "matrix": "matrices"}[kind]).glob("*.yaml"))
    assert files
    for file in files:
        text = file.read_text()
        validator.validate(YAML(typ="safe", pure=True).load(text))
        assert text.startswith(f"# yaml-language-server: $schema=../schemas/{kind}.schema.json\n")


@pytest.mark.parametrize("matrix", MATRICES)
def test_passes_and_in_every_order(matrix: str) -> None:
    """Whatever a cell left behind would change a later one in some order."""
    plan = plan_of(matrix)
    result = run_plan(plan, Order(strict=True))
    failed = [explain(cell) for cell in result.results if cell.outcome is not Outcome.PASSED]
    assert (result.exit_code, failed) == (0, [])
    assert result.summary.cells == len(plan.cells)
    written = seen(result)
    for seed in ORDERS:
        assert seen(run_plan(plan, Order(shuffle=seed))) == written, f"in the order of seed {seed}"


@pytest.mark.parametrize("matrix", NATIVE)
def test_the_same_policy_in_native_nft_passes(matrix: str) -> None:
    """The matrix is the iptables policy's own: same cells, same deciding rules by name, in both families."""
    plan = plan_of(matrix, native(matrix))
    assert [kind for policy in plan.policies.values() for kind, _ in policy.parts()] == ["nft"]
    assert [cell.id for cell in plan.cells] == [cell.id for cell in plan_of(matrix).cells]
    result = run_plan(plan, Order(strict=True))
    failed = [explain(cell) for cell in result.results if cell.outcome is not Outcome.PASSED]
    assert (result.problems, result.exit_code, failed) == ((), 0, [])
    assert {cell.family for cell in plan.cells} == {4, 6}


def test_in_a_user_namespace_all_is_the_same() -> None:
    """Every matrix on both backends, with the rights of an ordinary user."""
    rootless = ("unshare", "--user", "--map-root-user", "--mount", "--net")
    if run([*rootless, "true"], ROOT).code != 0:
        pytest.skip("this machine lets nobody enter a user namespace")
    done = run([*rootless, LAB, "run", "--strict", "--backend", "both", "-k", "not 1-65535"], ROOT).ended(0)
    assert "nft beside legacy: all" in done.out
    assert "IPv4 beside IPv6: all" in done.out


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_policy_turns_its_rows_red(wrong: WrongPolicy, standing: Standing) -> None:
    red = standing.red(wrong)
    assert set(wrong.rows) == {cell.row for cell in red}, "not every row turned red"
    assert any(wrong.rule in explain(cell) for cell in red), "\n\n".join(map(explain, red))


def test_a_translation_is_no_permission() -> None:
    """The classic mistake of a port forward is told in words that name both rules."""
    choices = Choices(policies={"gateway": "office-nat-gateway-dnat-without-forward"})
    red = failed(run_plan(plan_of("office-nat-gateway", choices)))
    words = [str(hint) for cell in red for hint in cell.hints]
    named = re.compile(r"translated to \S+ by gateway nat:PREROUTING\S* .*, then dropped by gateway filter:")
    assert any(map(named.search, words))
    assert any("(dnat-files), then dropped by" in hint and "(drop-rest)" in hint for hint in words)
    assert {cell.outcome for cell in red} == {Outcome.FAIL_CLOSED}


def test_the_stateless_look_alike_lets_a_bare_ack_in() -> None:
    """By port numbers alone it looks right; only a segment outside any connection tells it from the stateful one."""
    choices = Choices(policies={"gateway": "edge-gateway-stateless"})
    plan = only(plan_of("web-edge-gateway", choices), lambda cell: bool(cell.flags))
    assert plan.cells
    opened = {cell.family for cell in failed(run_plan(plan)) if cell.outcome is Outcome.FAIL_OPEN}
    assert opened == {4, 6}, "in one of the families the look-alike drops every bare ACK"
    stateful = run_plan(only(plan_of("web-edge-gateway"), lambda cell: bool(cell.flags)))
    assert {cell.outcome for cell in stateful.results} == {Outcome.PASSED}
