"""The example of docs/rehearse.md is true: laid out as a project, it is rehearsed to what the page shows of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.doors.project import LAB, Ended, run
from tests.doors.shipped import ROOT

pytestmark = pytest.mark.kernel

PAGE = (ROOT / "docs" / "rehearse.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS = {"topology": "topologies", "matrix": "matrices", "change": "changes"}
CHANGE = "changes/CHG-8.yaml"
MEASURED = re.compile(r"[\d,.]+ (?=packets|ms|times|s$|more \()", re.MULTILINE)
FIRST = re.compile(r"got through first: .*")
BLANKS = re.compile(r" +")  # as wide as the longest phase
TRIALS = re.compile(r"^  after  ok  the rollback was tried .*\n", re.MULTILINE)


@pytest.fixture
def depot(tmp_path: Path) -> Path:
    """The page's project."""
    for block in FENCE.finditer(PAGE):
        key, _, name = block["text"].partition("\n")[0].partition(": ")
        if block["info"] == "yaml":
            file = tmp_path / FOLDERS[key] / f"{name}.yaml"
        elif block["info"].startswith("text policies/"):
            file = tmp_path / block["info"].split()[1]
        else:
            continue
        file.parent.mkdir(exist_ok=True)
        file.write_text(block["text"])
    return tmp_path


def shown(info: str) -> str:
    """What the page shows of one way to apply."""
    (found,) = (block["text"] for block in FENCE.finditer(PAGE) if block["info"] == f"text {info}")
    return str(found)


def unmeasured(text: str) -> str:
    """The text without what differs from one time to the next: numbers of packets and times, and who was first."""
    return BLANKS.sub(" ", FIRST.sub("got through first", MEASURED.sub("N ", TRIALS.sub("", text))))


def rehearsed(depot: Path, way: str) -> tuple[Ended, dict[str, Any]]:
    file = depot / CHANGE
    file.write_text(file.read_text().replace("apply: flush-first", f"apply: {way}"))
    ended = run([LAB, "rehearse", CHANGE, "--no-trials", "--json", "told.json"], depot)
    (told,) = json.loads((depot / "told.json").read_text())["rehearsals"]
    return ended, told


def test_flush_first_is_open_meanwhile_though_nothing_differs_otherwise(depot: Path) -> None:
    run([LAB, "diff", "--change", CHANGE], depot).ended(0)
    ended, told = rehearsed(depot, "flush-first")
    assert unmeasured(ended.ended(1).out) == unmeasured(shown("flush-first"))
    assert (told["end"], told["opens"], told["window"]["refused"]["packets"]) == ("confirmed", False, 0)
    assert told["window"]["opened"]["packets"] > 0
    assert told["window"]["opened"]["first"]["name"].partition("[")[0] in {
        "depot::nothing else is", "depot::the gateway is the desk's",
    }  # fmt: skip


def test_restore_opens_nothing(depot: Path) -> None:
    ended, told = rehearsed(depot, "restore")
    assert unmeasured(ended.ended(0).out) == unmeasured(shown("restore"))
    assert (told["end"], told["window"]["opened"]["packets"], told["faults"]) == ("confirmed", 0, [])
    assert told["window"]["packets"] > 0
