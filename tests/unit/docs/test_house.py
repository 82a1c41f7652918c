"""The page of the house is true: its picture is the contract of the layers, each room has a row, each file is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
Layers = Sequence[frozenset[str]]
OPTIONAL = re.compile(r"\(.*\)")
SAID = re.compile(r"`((?:lab|tests|policies|topologies|matrices|ci|pyproject)[\w./-]*)`")
BARE = re.compile(r"`([\w/]+\.py)`")  # of a row that has named its folder


def contract(name: str) -> Mapping[str, Sequence[str]]:
    found: Mapping[str, Sequence[str]] = next(one for one in CONTRACTS if one["id"] == name)
    return found


def layers(name: str) -> Layers:
    """The layers of a contract, top to bottom; one that is optional, and not there, is none."""
    rows = []
    for row in contract(name)["layers"]:
        rooms = frozenset(room.strip().strip("()").removeprefix("lab.") for room in re.split(r"[|:]", row))
        if not OPTIONAL.fullmatch(row) or any(is_there(room) for room in rooms):
            rows.append(rooms)
    return rows


def is_there(room: str) -> bool:
    path = ROOT / "lab" / room
    return path.is_dir() or path.with_suffix(".py").is_file()


def drawn() -> list[tuple[str, frozenset[str]]]:
    """The rows of the picture's house, each with the blanks before its first room."""
    house = re.findall(r"^ \| ( *)(\w+(?: \| \w+)*) +\|", PAGE.partition("```text\n")[2].partition("```")[0], re.MULTILINE)
    return [(indent, frozenset(rooms.split(" | "))) for indent, rooms in house]


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows_of(text: str) -> Iterator[str]:
    """The rows of all tables, without heads."""
    for head in re.split(r"^\| --- .*\n", text, flags=re.MULTILINE)[1:]:
        yield from re.match(r"(?:\|.*\n)*", head)[0].splitlines()  # type: ignore[index]


def files_in(row: str) -> Iterator[str]:
    """The files and folders that a row names; one without a folder lies in the one that its cell has named."""
    for cell in row.split(" | "):
        folder = ""
        for said in re.findall(r"`([^` ]+)`", cell):
            if SAID.fullmatch(f"`{said}`"):
                folder = said if said.endswith("/") else f"{Path(said).parent}/"
                yield said
            elif BARE.fullmatch(f"`{said}`"):
                yield f"{folder}{said}"


def test_the_picture_is_the_contract() -> None:
    assert [rooms for indent, rooms in drawn() if not indent] == layers("rooms")
    assert [rooms for indent, rooms in drawn() if indent] == layers("kernel-rooms")


def test_each_room_is_in_the_contract_and_has_a_row() -> None:
    inside = [*(ROOT / "lab").glob("*.py"), *(file.parent for file in (ROOT / "lab").glob("*/__init__.py"))]
    rooms = {path.stem for path in inside} - {"__init__"}
    assert rooms <= {room for row in layers("rooms") for room in row}
    trades = re.findall(r"^\| `lab/(\w+)(?:/|\.py)` \| \S", section("The rooms"), re.MULTILINE)
    assert sorted(trades) == sorted({room for _, row in drawn() for room in row if not _} | rooms)


@pytest.mark.parametrize("heading", ["The rooms", "Where does it go?", "The words"])
def test_every_file_that_is_named_is_there(heading: str) -> None:
    named = [path for row in rows_of(section(heading)) for path in files_in(row)]
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_word_says_where_it_lives() -> None:
    rows = [row for row in rows_of(section("The words")) if row]
    assert [row for row in rows if not re.fullmatch(r"\| [^|]+ \| [^|]+ \| `[\w./]+` \|", row)] == []
    words = [word for row in rows for word in re.split(r", ", row.split(" | ")[0].removeprefix("| "))]
    twice = {word for word in words if words.count(word) > 1}
    assert twice == set()
