"""Who is outside, what is to be looked at again, and what a run says that is given as evidence."""

from __future__ import annotations

import datetime
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.errors import InputError
from lab.lab import Lab
from lab.prepare.plan import Plan
from lab.record.audit import Exemption
from lab.record.exposure import Exposure, Pair
from lab.record.verdict import Kind, Verdict
from lab.report.run_json import json_text
from lab.study import audit
from lab.study.survey import Survey
from lab.written.cell import Cell
from lab.written.expect.exception import ExceptionSpec
from lab.written.topology import Topology
from tests.unit.report import make
from tests.unit.report.wire.documents import run_json
from tests.unit.verdict.made import cell, verdict

DAY = datetime.date(2026, 6, 1)
NODES: dict[str, Any] = {
    "gateway": {"role": "gateway", "anyip": ["203.0.113.0/24"], "interfaces": {"wan": "198.51.100.1", "lan": "10.0.1.1"}},
    "pc": {"role": "client", "interfaces": {"lan": "10.0.1.10"}},
}
WORLD = {"role": "internet", "interfaces": {"wan": "198.51.100.254"}}
CLOUD = {"role": "cloud", "anyip": ["192.0.2.0/24"], "interfaces": {"lan": "10.0.1.20"}}


def topology(**more: Any) -> Topology:
    networks = {"wan": "198.51.100.0/24", "lan": "10.0.1.0/24"}
    return Topology.model_validate({"topology": "made", "networks": networks, "nodes": NODES | more})


@pytest.mark.parametrize(
    ("nodes", "named", "outside"),
    [
        ({"world": WORLD}, (), ("wan",)),
        ({"cloud": CLOUD}, (), ("lan",)),
        ({"world": WORLD, "cloud": CLOUD}, (), ("wan",)),
        ({"world": WORLD}, ("lan", "pc"), ("lan", "pc")),
    ],
)
def test_outside_is_the_internet_or_who_is_named(
    nodes: dict[str, Any], named: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assert audit.outside_of(topology(**nodes), named, ["gateway"]) == outside


def test_a_node_under_test_is_never_outside() -> None:
    with pytest.raises(InputError, match="who is outside") as told:
        audit.outside_of(topology(), (), ["gateway"])
    assert "--from WORD names a network or a node: wan, lan" in str(told.value)


def test_rows_and_comments_say_what_is_to_be_looked_at_again() -> None:
    due = ExceptionSpec.model_validate({"owner": "net-sec", "ticket": "CHG-7", "review": "2026-05-31"})
    cells: tuple[Cell, ...] = (cell(exception=due), cell(exception=due), cell())
    rows = set(audit._of_rows([cast("Plan", SimpleNamespace(cells=cells))], DAY))
    assert rows == {Exemption("made: row", "matrices/made.yaml:7", due.review, True, "net-sec", "CHG-7")}  # noqa: FBT003
    first = replace(make.PUBLISH, comment="publish owner=ops review=2026-06-01", further_comments=("CHG-9 review=2026-01-01",))
    found = list(audit._of_rules([first, make.POLICY, replace(make.PUBLISH, comment="review=soon")], DAY))
    assert [(one.review.isoformat(), one.overdue, one.owner, one.ticket, one.where) for one in found] == [
        ("2026-06-01", False, "ops", None, first.source), ("2026-01-01", True, None, "CHG-9", first.source),
    ]  # fmt: skip


def asked(answers: dict[str, Verdict], *exposures: Exposure, pairs: tuple[Pair, ...]) -> Any:
    """What is found of a lab that answers each address so."""
    lab = SimpleNamespace(policies={"gateway": None}, topology=topology(), batch=nullcontext)
    found = audit._Found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "_asked", lambda _lab, pair, service: answers[f"{pair.address} {service}"])
        audit._ask_denied(cast("Lab", lab), Survey(asked=list(pairs), exposures=list(exposures)), found)
    return found


PC = Pair("wan", "world", "198.51.100.254", "lan", "pc", "10.0.1.10", 4)
OWN = PC._replace(target="gateway@lan", address="10.0.1.1")
DENIED, LOST = verdict(Kind.DROPPED), verdict(Kind.LOST)


def test_a_node_under_test_and_what_is_behind_it_are_asked_apart() -> None:
    found = asked({f"{one.address} {proto}/1": DENIED for one in (PC, OWN) for proto in ("tcp", "udp")}, pairs=(PC, OWN))
    assert [(one.pair.target, one.service) for one in found.denied] == [
        ("pc", "tcp/1"), ("pc", "udp/1"), ("gateway@lan", "tcp/1"), ("gateway@lan", "udp/1")
    ]  # fmt: skip
    assert (found.lost, found.not_denied) == ([], [])


def test_a_port_that_is_not_open_is_asked() -> None:
    open_ = Exposure(PC, "tcp", ((1, 21), (23, 80)), Kind.CLOSED, None, None)
    every = Exposure(PC, "udp", ((1, 65_535),), Kind.CLOSED, None, None)
    found = asked({"10.0.1.10 tcp/22": DENIED}, open_, every, pairs=(PC,))
    assert [one.service for one in found.denied] == ["tcp/22"]
    assert found.not_denied == ["wan -> lan udp IPv4"]


def test_what_is_not_proven_is_told_unless_another_address_is() -> None:
    other = PC._replace(address="10.0.1.11")
    answers = {"10.0.1.10 tcp/1": LOST, "10.0.1.11 tcp/1": DENIED, "10.0.1.10 udp/1": LOST, "10.0.1.11 udp/1": LOST}
    found = asked(answers, pairs=(PC, other))
    assert [one.pair.address for one in found.denied] == ["10.0.1.11"]
    assert [text.partition(": ")[0] for text in found.lost] == ["wan -> lan udp IPv4"] * 2
    assert found.not_denied == []


def test_a_run_is_evidence(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(json_text(run_json()))
    found = audit.read_evidence(file)
    assert (found.cells, found.passed, found.finished, found.matrices, found.kernel) == (5, 1, False, ("web-edge",), "6.18.0")
    file.write_text("{}")
    with pytest.raises(InputError, match="this is no report of `lab run --json`"):
        audit.read_evidence(file)
