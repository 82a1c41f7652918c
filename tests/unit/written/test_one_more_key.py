"""A new key of a row is one file and a line in the list: in a copy of the lab that has one more, all of it is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lab

LAB = Path(lab.__file__).parent
TESTS = Path(__file__).resolve().parents[2]
FILE = Path(__file__).parent / "one_more" / "within.py"
RULE, LISTED = "from lab.written.expect.rule import RULE\n", "    RULE,\n"
MATRIX = """\
matrix: m
for: gateway
topology: edge
policies: {gateway: p}
flows:
  - {name: slow, from: world, to: web, service: tcp/1, expect: allow, within: {us: 5}, v6: {within: null}}
default: {expect: drop, between: [net:wan, net:lan], services: tcp/1, within: {us: 9}}
"""
# What a user sees of it: runs in the copy.
SEEN = """
import datetime, json, sys
from pathlib import Path
from lab.errors import InputError
from lab.record.observation import Milestone, Observation
from lab.record.packet import Packet
from lab.record.path import End, Path as Way
from lab.record.verdict import Kind, Verdict
from lab.report.detail import explain
from lab.verdict.cell_result import Tally
from lab.written.cells import expand
from lab.written.load import load_matrix, load_topology
from lab.written.schema import json_schemas

def result(cell):
    tally = Tally(cell, datetime.date(2026, 5, 4))
    sent = Packet(4, 6, cell.sender.address, 40000, cell.target.address, 1, 2)
    way = (Way(cell.at, sent, (), End.LEFT, sent),)
    kind = Kind.ALLOWED if cell.expect.action == "allow" else Kind.DROPPED
    seen = Observation(sent, Milestone.ANSWERED, way, probe_us=7.0)
    tally.add(1, Verdict(kind, "made up", seen, node=cell.at))
    return tally.result()

topology, right, wrong = map(Path, sys.argv[1:])
results = [result(cell) for cell in expand(load_matrix(right), load_topology(topology))]
try:
    load_matrix(wrong)
except InputError as error:
    told = [str(problem) for problem in error.problems]
print(json.dumps({
    "schema": {name: list(model.get("properties", ())) for name, model in json_schemas()["matrix"]["$defs"].items()},
    "told": told,
    "cells": [[one.row, one.family, one.expected, str(one.outcome), one.differences] for one in results],
    "report": explain(results[0]),
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab with one more key."""
    root = tmp_path_factory.mktemp("one-more-key")
    shutil.copytree(LAB, root / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    expect = root / "lab" / "written" / "expect"
    shutil.copy(FILE, expect)
    keys = expect / "keys.py"
    text = keys.read_text()
    assert (text.count(RULE), text.count(LISTED)) == (1, 1)
    text = text.replace(RULE, RULE + "from lab.written.expect.within import WITHIN\n")
    keys.write_text(text.replace(LISTED, LISTED + "    WITHIN,\n"))
    return root


def test_model_schema_difference_and_report_have_it(copy: Path) -> None:
    (copy / "m.yaml").write_text(MATRIX)
    (copy / "wrong.yaml").write_text(MATRIX.replace("{us: 5}", "{us: soon}").replace("{us: 9}", "{ms: 9}"))
    topology = TESTS / "unit" / "written" / "examples" / "topologies" / "edge.yaml"
    command = [sys.executable, "-c", SEEN, str(topology), "m.yaml", "wrong.yaml"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    having = {name for name, properties in seen["schema"].items() if "within" in properties}
    spoken = {"Spoken", "SpokenByOne", "SpokenError", "SpokenPacket", "FlowSpec"}
    assert having == {"Row", "Override", "Default", "DefaultOverride"} | spoken
    assert seen["schema"]["WithinSpec"] == ["us"]
    assert [line.splitlines()[0] for line in seen["told"]] == [
        "wrong.yaml:6:84: `us`: a whole number belongs here, not 'soon'",
        "wrong.yaml:7:79: `us` is missing in 'within'",
        "wrong.yaml:7:80: unknown key 'ms'",
    ]
    slow, six, *defaults = seen["cells"]
    assert slow == ["slow", 4, "allow within 5 us", "mismatch", ["must take at most 5 us, but took 7"]]
    assert six == ["slow", 6, "allow", "passed", []]
    assert {tuple(cell[2:4]) for cell in defaults} == {("drop within 9 us", "passed")}
    assert "differs     must take at most 5 us, but took 7" in seen["report"]


def test_its_examples_are_run(copy: Path) -> None:
    """The tests of all keys, in the copy, are those of the new one too."""
    shutil.copytree(TESTS / "unit" / "verdict", copy / "tests" / "unit" / "verdict", dirs_exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--rootdir", "."]
    command += ["-k", "within", "tests/unit/verdict/test_keys.py"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
