"""Dumps of hosts as a command line names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.prepare.twins import Dumps


def test_a_report_may_go_over_no_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b").write_text("default via 192.0.2.1 dev eth0\n")
    dumps = Dumps(("-", "fw.rules"), ("addr",), ("DSL=dsl", "main", "a=b"), ("rule", "6=rule6"))
    assert list(map(str, dumps.named())) == ["fw.rules", "addr", "dsl", "main", "a=b", "rule", "rule6"]
