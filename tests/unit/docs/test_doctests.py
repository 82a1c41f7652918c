"""The examples in the docstrings of the rooms that need no kernel are true, and each public entry has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.prepare.plan import Choices, Plan, make_plan
from tests.unit.docs.entries import ROOT, docstrings, failures, modules, public_entries, shown

ROOMS = ("lab.ruleset", "lab.verdict", "lab.written", "lab.record", "lab.prepare")
WITH_EXAMPLES = [module for module in modules(*ROOMS) if any(">>>" in text for _, text in docstrings(module))]


@pytest.fixture(scope="module")
def edge() -> Plan:
    return make_plan(ROOT / "matrices" / "web-edge-gateway.yaml", Choices())


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_are_true(module: str, edge: Plan, tmp_path: Path) -> None:
    """``folder`` is a policy's folder with nothing in it, ``topology`` the shipped edge, ``cell`` one of its matrix."""
    folder = tmp_path / "policies"
    folder.mkdir()
    tried, said = failures(module, {"folder": folder, "topology": edge.topology, "cell": edge.cells[0]})
    assert tried, "none of its examples was found"
    assert said == ""


def test_each_public_entry_has_an_example() -> None:
    entries = public_entries("lab.ruleset", "lab.verdict", "lab.lab")
    assert len(entries) > 40
    assert [(module, name) for module, name in entries if name not in shown(module)] == []
