from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from lab.bench import processes
from lab.bench.figures import Size
from lab.bench.inputs import policy, project_of, text_of, topology
from lab.bench.processes import Ended
from lab.bench.real import real
from lab.prepare.plan import Choices, make_plan
from lab.written.cell import Cell
from lab.written.cells import DEFAULT

LIMITERS = re.compile(r"-m (limit|hashlimit|recent|connlimit)\b|limit rate")


def cells_of(name: str, *, limits: bool = True) -> tuple[Cell, ...]:
    with project_of(name, limits=limits) as matrix:
        return tuple(make_plan(matrix, Choices()).cells)


def rules_of(name: str) -> list[str]:
    rendered = policy(name, limits=True).v4
    assert rendered is not None
    return [line for line in rendered.text.splitlines() if line.startswith("-A ")]


@pytest.mark.parametrize("limits", [True, False])
def test_the_gateway_has_1000_cells_and_a_default_of_both_protocols(limits: bool) -> None:
    cells = cells_of("ufw-docker", limits=limits)
    rest = [cell for cell in cells if cell.row == DEFAULT]
    assert len(cells) - len(rest) == 1_000
    assert {cell.service.proto for cell in rest} == {"tcp", "udp"}
    assert {cell.expect.action for cell in cells} == {"allow", "drop", "reject"}


def test_the_default_of_the_stock_set_is_of_four_pairs() -> None:
    assert [(cell.row, cell.service.ports) for cell in cells_of("openwrt")] == [(DEFAULT, ((1, 1023),))] * 4


@pytest.mark.parametrize(("name", "rules", "networks"), [("branches", 218, 15), ("campus", 5_500, 25)])
def test_rulesets_are_as_large_as_is_said(name: str, rules: int, networks: int) -> None:
    assert len(rules_of(name)) == rules
    assert len(topology(name).networks) == networks


def test_most_rules_of_the_firewall_that_counts_only_count() -> None:
    assert sum(" -j " not in rule for rule in rules_of("counting")) == 500


@pytest.mark.parametrize("file", ["ufw-docker.rules", "branches.rules", "campus.rules", "counting.rules", "openwrt.nft"])
def test_limiters_are_left_out_where_they_are_not_wanted(file: str) -> None:
    assert LIMITERS.search(text_of(file, limits=True).text)
    assert not LIMITERS.search(text_of(file, limits=False).text)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Ended]]:
    """What commands come to, one after the other and from the first again; no lab is built."""
    found: list[Ended] = []
    again = cycle(found)
    monkeypatch.setattr("lab.bench.real.run_lab", lambda *_, **__: next(again))
    monkeypatch.setattr("lab.bench.real._probes", lambda _: {})
    return found  # type: ignore[return-value]


def test_a_figure_stands_beside_that_without_limiters(ended: list[Ended]) -> None:
    ended += [Ended(0, 6.0, 1.0), Ended(0, 2.0, 1.0)]
    found = real(Size(runs=1, quick=True))
    assert found.figures["openwrt_default_s"] == 6.0
    assert found.figures["openwrt_default_ratio"] == 3.0
    assert not found.notes


def test_what_fails_or_takes_too_long_is_told_and_not_measured(ended: list[Ended]) -> None:
    ended += [Ended(1, 6.0, 1.0), Ended(-9, 300.1, 1.0)]
    found = real(Size(runs=1, quick=True))
    assert set(found.figures.values()) == {None}
    assert found.notes == ("`lab run` of openwrt ended with 1", "`lab run` of ufw-docker was not done after 300 s")


def test_without_its_counterpart_a_figure_stands_alone(ended: list[Ended]) -> None:
    ended += [Ended(0, 6.0, 1.0), Ended(3, 2.0, 1.0)]
    found = real(Size(runs=1, quick=True))
    assert found.figures["openwrt_default_s"] == 6.0
    assert found.figures["openwrt_default_ratio"] is None
    assert "`lab run` of openwrt without limiters ended with 3" in found.notes


def test_a_command_is_ended_when_patience_is_at_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LAB", "import signal; signal.pause()")
    assert processes.run_lab(patience_s=0.1).code == -9
    monkeypatch.setattr(processes, "_LAB", f"open({str(tmp_path / 'done')!r}, 'w')")
    assert processes.run_lab(patience_s=60).code == 0
    assert (tmp_path / "done").exists()
