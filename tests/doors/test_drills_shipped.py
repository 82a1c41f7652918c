"""The shipped drills are what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.report.wire.schema import own_schemas
from lab.written.drill_file import read_drill
from tests.doors.project import LAB, Ended, run
from tests.doors.shipped import ROOT

pytestmark = pytest.mark.kernel

QUICK = {"files-unreachable", "letter-from-a-cert"}
"""What CI proves each time; of all of them `lab drill verify --shipped` takes some minutes."""
FILES = sorted((ROOT / "drills").glob("*.yaml"))
PLAYS = [(file, read_drill(file)[1].seeds[0]) for file in FILES if file.stem in QUICK]
ALWAYS = {"the healthy lab passes", "the fault is there", "the symptom is as told", "the reference mend passes", "wrong mends"}


def proven(done: Ended) -> dict[str, Any]:
    """What was proven of one drill with one seed, once all of it holds."""
    told: dict[str, Any] = json.loads(done.out)
    assert not told["problem"], told["problem"]
    assert not [proof for proof in told["proofs"] if not proof["holds"]]
    assert {proof["name"] for proof in told["proofs"]} >= ALWAYS
    done.ended(0)
    return told


def test_there_are_fourteen() -> None:
    assert len(FILES) == 14


@pytest.mark.parametrize(("file", "seed"), PLAYS, ids=[f"{file.stem}-{seed}" for file, seed in PLAYS])
def test_it_is_what_it_says(file: Path, seed: int) -> None:
    told = proven(run([LAB, "drill", "verify", str(file), "--seed", str(seed), "--json"], ROOT))
    jsonschema.validate(told, own_schemas()["verified"])
    assert (told["drill"], told["seed"]) == (file.stem, seed)
