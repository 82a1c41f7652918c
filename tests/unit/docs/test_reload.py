"""docs/reload.md is the page that `ci/reload` writes, with each fact by each way, and its sentences hold of its cells."""

from __future__ import annotations

from pathlib import Path

from tests.kernel.reload.facts import FACTS, NONE
from tests.kernel.reload.page import CASES, NO_WINDOW, cell, read, render
from tests.kernel.reload.ways import WAYS
from tests.kernel.reload.window import Windows

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reload.md").read_text(encoding="utf-8")
PAGE = read(TEXT)


def test_the_page_is_the_one_that_is_written() -> None:
    assert render(PAGE) == TEXT, "ci/reload writes it"


def test_no_cell_is_missing() -> None:
    assert PAGE.words.keys() == {(fact.id, way.name) for fact in FACTS for way in WAYS}
    assert PAGE.windows.keys() == {(way.name, number) for way in WAYS for number in range(len(CASES))}
    for fact in FACTS:
        for way in WAYS:
            asked = fact.native if way.is_native else fact.iptables
            assert asked or PAGE.words[fact.id, way.name] == NONE


def test_what_the_sentences_say_of_windows_stands_in_the_cells() -> None:
    one_table, shut = 0, len(CASES) - 1
    for way in WAYS:
        if way.is_script:
            assert "opened" in PAGE.windows[way.name, one_table]
            assert "refused" in PAGE.windows[way.name, shut]
        else:
            assert PAGE.windows[way.name, one_table] == PAGE.windows[way.name, shut] == NO_WINDOW
            assert not any("opened" in PAGE.windows[way.name, number] for number in range(len(CASES)))


def test_a_cell_tells_how_long_and_how_many() -> None:
    assert cell(Windows(5, 1000, 0, 0, ())) == NO_WINDOW
    assert cell(Windows(3, 1000, 1200, 0, (90.4, 3.0, 0.125))) == "3 ms (0.12 to 90): 1,200 opened"
    assert cell(Windows(9, 1000, 1, 2, (5.0,))) == "5 ms (5 to 5) in 1 of 9: 1 opened, 2 refused"
