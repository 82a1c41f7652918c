"""A run whose instrument fails: repeated once in a new lab, then its cells are lost and it ends with 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.lab import Lab
from lab.record.result import Outcome, RunResult
from lab.record.verdict import Kind
from lab.run.labs import Labs
from lab.run.matrix_run import BATCH, REPEATS
from tests.kernel.conftest import Project
from tests.kernel.scenes import corridor, table
from tests.kernel.test_blinded import drop_early, lose_the_trace_table, starve, take_route_away

pytestmark = pytest.mark.kernel

SHUT = {"gateway": table("filter", FORWARD="DROP")}
OPEN = {"gateway": table("filter")}


def rows(count: int, expect: str) -> list[dict[str, Any]]:
    return [
        {"name": f"row {number}", "from": "client", "to": "server", "service": "udp/443", "expect": expect}
        for number in range(count)
    ]


def blinding(monkeypatch: pytest.MonkeyPatch, blind: Callable[[Lab], None], labs: int) -> list[Lab]:
    """Blind the first ``labs`` labs that a run builds, each once its first batch has begun; returns all that are built."""
    built: list[Lab] = []
    build, ask = Labs.fresh, Lab.ask

    def built_lab(labs: Labs) -> Lab:
        built.append(build(labs))
        return built[-1]

    def asked(lab: Lab, *words: Any, **options: Any) -> Any:
        if lab in built[:labs] and lab not in blinded:
            blinded.append(lab)
            blind(lab)
        return ask(lab, *words, **options)

    blinded: list[Lab] = []
    monkeypatch.setattr(Labs, "fresh", built_lab)
    monkeypatch.setattr(Lab, "ask", asked)
    return built


def outcomes(result: RunResult) -> set[Outcome]:
    return {cell.outcome for cell in result.results}


@pytest.mark.parametrize("blind", [lose_the_trace_table, starve])
def test_blinded_once_it_is_repeated_in_a_new_lab(
    project: Project, monkeypatch: pytest.MonkeyPatch, blind: Callable[[Lab], None]
) -> None:
    built = blinding(monkeypatch, blind, labs=1)
    result = project.run(corridor(), SHUT, rows(3, "drop"))
    assert (outcomes(result), result.exit_code) == ({Outcome.PASSED}, 0)
    assert len(built) == 2
    assert result.summary.repeats >= 1


@pytest.mark.parametrize("expect", ["drop", "allow"])
@pytest.mark.parametrize("blind", [lose_the_trace_table, starve])
def test_blinded_for_good_it_ends_with_three(
    project: Project, monkeypatch: pytest.MonkeyPatch, blind: Callable[[Lab], None], expect: str
) -> None:
    built = blinding(monkeypatch, blind, labs=100)
    result = project.run(corridor(), SHUT, rows(BATCH + 2, expect))
    assert (outcomes(result), result.exit_code) == ({Outcome.ERROR}, 3)
    assert {cell.verdict.kind for cell in result.results} == {Kind.LOST}
    assert (len(result.results), result.summary.errors) == (BATCH + 2, BATCH + 2)
    assert len(built) == REPEATS + 1, "the batches that follow are not tried again"


@pytest.mark.parametrize(("expect", "rulesets"), [("drop", SHUT), ("allow", OPEN)])
def test_an_early_drop_is_never_a_pass(
    project: Project, monkeypatch: pytest.MonkeyPatch, expect: str, rulesets: dict[str, str]
) -> None:
    blinding(monkeypatch, lambda lab: drop_early(lab, "gateway", "left"), labs=100)
    result = project.run(corridor(), rulesets, rows(2, expect))
    assert (outcomes(result), result.exit_code) == ({Outcome.ERROR}, 3)


@pytest.mark.parametrize(("expect", "outcome"), [("drop", Outcome.MISMATCH), ("allow", Outcome.FAIL_CLOSED)])
def test_a_route_taken_away_is_never_a_pass(
    project: Project, monkeypatch: pytest.MonkeyPatch, expect: str, outcome: Outcome
) -> None:
    blinding(monkeypatch, lambda lab: take_route_away(lab, "gateway", "10.0.2.0/24"), labs=100)
    result = project.run(corridor(), OPEN, rows(2, expect))
    assert (outcomes(result), result.exit_code) == ({outcome}, 1)
    assert {cell.verdict.kind for cell in result.results} == {Kind.UNROUTED}
