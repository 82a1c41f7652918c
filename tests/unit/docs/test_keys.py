"""The pages tell of the keys that a row can expect with: of each of them, and of no other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.written.expect.key import About, Key
from lab.written.expect.keys import KEYS
from lab.written.matrix import Row

DOCS = Path(__file__).resolve().parents[3] / "docs"
FORMATS = (DOCS / "formats.md").read_text(encoding="utf-8")
FIRST = {1: "first", 2: "first two", 3: "first three", 4: "first four", 5: "first five"}


def rows_of(table: str) -> dict[str, str]:
    """The first cell of each row of a Markdown table, without its ticks, and the rest of the row."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))


def table() -> tuple[str, dict[str, str]]:
    """The heading of the keys in the table of a row, and the rows behind it."""
    found = re.search(r"^\| \| \*(what else must hold[^|]*)\* \|\n((?:\|.*\n)+)", FORMATS, re.MULTILINE)
    assert found is not None, "the table of a row has lost its heading `what else must hold`"
    return found[1], rows_of(found[2])


def parts(key: Key[Any]) -> Sequence[str]:
    """What may be written inside the mapping that stands after a key."""
    schema = Row.model_json_schema(by_alias=True)
    models = [one["$ref"].rpartition("/")[2] for one in schema["properties"][key.name].get("anyOf", ()) if "$ref" in one]
    return [name for model in models for name in schema["$defs"][model]["properties"]]


def test_each_key_has_its_row() -> None:
    _, told = table()
    assert sorted(told) == sorted(key.name for key in KEYS)


@pytest.mark.parametrize("key", [pytest.param(key, id=key.name) for key in KEYS])
def test_a_row_names_what_may_be_written(key: Key[Any]) -> None:
    _, told = table()
    words = re.findall(r"[\w]+", " ".join(re.findall(r"`([^`]+)`", told[key.name])))
    assert set(parts(key)) <= set(words)


def test_those_of_a_flow_that_passes_come_first() -> None:
    heading, told = table()
    passing = [key.name for key in KEYS if key.about is About.PASSING]
    assert sorted([*told][: len(passing)]) == sorted(passing)
    assert f"the {FIRST[len(passing)]} with `allow` only" in heading


def test_the_default_has_those_that_it_may() -> None:
    told = FORMATS.partition("### default\n")[2].partition("\n\n")[0]
    wanted = re.search(r"and if wanted (.*?) \(with `expect`, (.*?)\)", told, re.DOTALL)
    assert wanted is not None
    of_default = [key.name for key in KEYS if key.in_default]
    assert re.findall(r"\w+", wanted[2]) == of_default
    assert re.findall(r"\w+", wanted[1]) == [*of_default, "at", "family", "v4", "v6"]


def test_the_further_expectations_are_those_that_are_held_against_what_was_seen() -> None:
    told = re.search(r"Further expectations are (.*?)\n?\(\[formats", (DOCS / "verdicts.md").read_text(), re.DOTALL)
    assert told is not None
    assert sorted(re.findall(r"`(\w+)`", told[1])) == sorted(key.name for key in KEYS if key.witnessed is not None)
