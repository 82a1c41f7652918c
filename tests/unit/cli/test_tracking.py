"""What ``lab conntrack`` is asked wrongly, told before anything is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.cli.given import Given, Selection
from lab.cli.tracking import Wanted, _at, _held, _read
from lab.cli.under_way import UnderWay
from lab.errors import InputError
from lab.ruleset.backend import Backend

ONE, BOTH = [Backend.NFT], list(Backend)
FLOW = ("world", "web", "tcp/443")


@pytest.mark.parametrize(("backends", "expression", "words", "told"), [
    (ONE, None, (), "which flows are to be open?"),
    (ONE, None, (*FLOW, "office"), "world web tcp/443 office: a flow is three words"),
    (ONE, "web", FLOW, "-k chooses among a matrix's rows"),
    (BOTH, None, FLOW, "a table is of one backend"),
])  # fmt: skip
def test_flows(backends: list[Backend], expression: str | None, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=told.replace("?", "[?]")):
        _held(Given(), Selection((4, 6), backends, expression), Wanted(words), UnderWay())


def test_the_only_matrix_is_meant_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "matrices").mkdir()
    for name, told in (("one", "one.yaml"), ("two", "which flows are to be open")):
        (tmp_path / "matrices" / f"{name}.yaml").write_text("matrix: [\n")
        with pytest.raises(InputError, match=told):
            _held(Given(), Selection((4, 6), ONE, None), Wanted(()), UnderWay())


@pytest.mark.parametrize(("given", "wanted"), [
    ({"matrices": [Path("m.yaml")]}, {}), ({"topology": "edge"}, {}), ({"policy": ["gateway=p"]}, {}), ({}, {"at": "gateway"}),
    ({}, {"words": FLOW}),
])  # fmt: skip
def test_a_table_that_is_there_needs_no_lab(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--read prints a table that is there"):
        _read(Given(**given), Wanted(**{"words": (), "read": "seen.txt", **wanted}))


def test_whose_table() -> None:
    assert (_at(None, ["gateway"]), _at("web", ["gateway", "second"])) == ("gateway", "web")
    for under_test, told in (([], "no node has rules"), (["gateway", "second"], "gateway, second have rules")):
        with pytest.raises(InputError, match=told):
            _at(None, under_test)
