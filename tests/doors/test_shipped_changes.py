"""The changes that are shipped are true: checked, compared, each with the end that a rehearsal of it is to have."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from lab.written.change import ENDS
from lab.written.load import load_change
from lab.written.schema import json_schemas
from tests.doors.project import LAB, run
from tests.doors.shipped import ROOT

pytestmark = pytest.mark.kernel

CHANGES = tuple(sorted((ROOT / "changes").glob("*.yaml")))
ASKED_FOR = CHANGES[:4]
"""The others ask for the same in another window."""
WINDOWS = {
    "CHG-2301": ("restore", "confirmed", False), "CHG-2302": ("flush-first", "confirmed", True),
    "CHG-2303": ("boot", "confirmed", True), "CHG-2304": ("restore", "locked-out", False),
    "CHG-2305": ("restore", "rolled-back", False), "CHG-2306": ("run", "refused", False),
}  # fmt: skip
CLASSES = {"CHG-2304": (2, 2)}
"""How many classes open and close, one in each family; elsewhere two open."""


def test_each_end_of_a_rehearsal_has_a_change() -> None:
    found = {}
    asked = []
    for file in CHANGES:
        change = load_change(file)
        asked.append((change.new, change.intends))
        assert change.window is not None
        assert change.window.admin is not None
        assert (change.change, bool(change.owner), bool(change.review), len(change.holds)) == (file.stem, True, True, 1)
        found[change.change] = (change.window.apply.how, change.window.ends, change.window.opens)
    assert found == WINDOWS
    assert {ends for _, ends, _ in found.values()} == set(ENDS)
    first = asked[: len(ASKED_FOR)]
    assert all(one in first for one in asked)


@pytest.mark.parametrize("file", CHANGES, ids=lambda file: file.stem)
def test_a_change_is_what_the_schema_says(file: Path) -> None:
    jsonschema.Draft202012Validator(json_schemas()["change"]).validate(YAML(typ="safe", pure=True).load(file.read_text()))
    assert file.read_text().startswith("# yaml-language-server: $schema=../schemas/change.schema.json\n")


def test_all_of_them_are_fine() -> None:
    told = run([LAB, "check", "changes"], ROOT).ended(0).out.splitlines()
    assert [line.partition(":")[0] for line in told] == [f"changes/{file.name}" for file in CHANGES]
    assert all(line.endswith(", on topology edge, policy for gateway: fine") for line in told)


@pytest.mark.parametrize("file", ASKED_FOR, ids=lambda file: file.stem)
def test_it_does_what_it_says_and_nothing_beside_it(file: Path, tmp_path: Path) -> None:
    run([LAB, "diff", "--change", str(file), "--json", str(tmp_path / "d.json")], ROOT).ended(0)
    (found,) = json.loads((tmp_path / "d.json").read_text())["diffs"]
    opens, closes = CLASSES.get(file.stem, (2, 0))
    assert found["counts"] == {
        "classes": opens + closes, "opens": opens, "closes": closes, "intended": opens + closes, "collateral": 0,
        "collateral_opens": 0,
    }  # fmt: skip
    assert found["breadth"] <= 1
    assert {one["passed"] for one in (*found["intended"], *found["holds"])} == {True}
