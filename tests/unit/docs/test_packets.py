"""The page of packets tells of every layer and field that may be written, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.written.packet.error_kinds import ERROR_KINDS
from lab.written.packet.layered import layered
from lab.written.packet.layers import LAYERS, OPTIONS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "packets.md").read_text(encoding="utf-8")
TOLD = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.partition("## Layers and fields\n")[2], re.MULTILINE))


def test_every_layer_has_its_row() -> None:
    assert [*TOLD] == [*LAYERS, *OPTIONS]


@pytest.mark.parametrize("name", [*LAYERS, *OPTIONS])
def test_a_row_is_what_may_be_written(name: str) -> None:
    fields = (LAYERS.get(name) or OPTIONS[name]).fields
    assert TOLD[name] == "; ".join(f"`{field}` {kind.says}" for field, kind in fields.items())


def test_every_kind_of_error_is_told() -> None:
    assert all(f"`{kind}`" in PAGE for kind in ERROR_KINDS)


@pytest.mark.parametrize("text", re.findall(r"packet: (?:'([^'\n]+)'|\"([^\"\n]+)\")", PAGE))
def test_the_packets_that_are_shown_can_be_written(text: tuple[str, str]) -> None:
    assert layered(next(filter(None, text))).families
