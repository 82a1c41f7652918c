"""`lab init --bare` lays out the least that can be run, and it passes."""

from __future__ import annotations

from pathlib import Path

from tests.doors.project import LAB, run


def test_what_is_laid_out_is_checked_and_runs(tmp_path: Path) -> None:
    assert "3 files laid out" in run([LAB, "init", "--bare", "site"], tmp_path).ended(0).out
    site = tmp_path / "site"
    there = sorted(str(path.relative_to(site)) for path in site.rglob("*") if path.is_file())
    assert there == ["matrices/edge.yaml", "policies/edge.rules", "topologies/edge.yaml"]
    assert "15 cells on topology edge, policy for gateway: fine" in run([LAB, "check"], site).ended(0).out
    assert "15 cells: 15 passed" in run([LAB, "run"], site).ended(0).out


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "edge.rules").write_text("# mine\n")
    told = run([LAB, "init", "--bare"], tmp_path).ended(0).out
    assert "2 files laid out" in told
    assert "1 that were there left alone" in told
    assert (tmp_path / "policies" / "edge.rules").read_text() == "# mine\n"
