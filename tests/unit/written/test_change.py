"""Change files: what is read of them, and what is told of one that is wrong, each at its place."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import jsonschema
import pytest

from lab.errors import InputError
from lab.written.change import Apply, Change
from lab.written.intended import admin_cells, intended_cells
from lab.written.load import held_matrices, load_change, load_topology, search_folders
from lab.written.schema import json_schemas
from lab.written.yaml_source import read_yaml
from tests.unit.written.written import MATRIX, TOPOLOGY, assert_told, told

TEXT = """\
change: CHG-7
about: The partner gets a trial of the new site.
owner: net-sec
review: "2027-01-31"
topology: edge
old: {gateway: edge-gateway}
new: {gateway: edge-gateway-next}
intends:
  - {name: the trial, from: partner, to: web-vip, service: tcp/8444, expect: allow}
  - {name: no more trial of the old one, from: partner, to: web-vip, service: tcp/8080, expect: drop, at: gateway}
holds: [web-edge-gateway]
window:
  apply: restore
  admin: {from: office, to: gateway@lan, service: tcp/22}
  rollback-after: 60s
"""
KNOWN = 'known: {until: "2027-01-01", ticket: T-1, why: not yet}'
VALIDATOR = jsonschema.Draft202012Validator(json_schemas()["change"])


def load(folder: Path, text: str) -> Change:
    file = folder / "change.yaml"
    file.write_text(text)
    return load_change(file)


def edited(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def accepts(text: str) -> bool:
    return VALIDATOR.is_valid(json.loads(json.dumps(read_yaml(text, "x", free=("old", "new")).data)))


def test_all_of_it_is_read(tmp_path: Path) -> None:
    change = load(tmp_path, TEXT)
    assert (change.change, change.owner, change.review) == ("CHG-7", "net-sec", datetime.date(2027, 1, 31))
    assert (change.topology, change.twin, change.rev) == ("edge", None, None)
    assert [row.name for row in change.intends] == ["the trial", "no more trial of the old one"]
    assert change.holds == ("web-edge-gateway",)
    window = change.window
    assert window is not None
    assert (window.apply, window.rollback_after) == (Apply("restore"), 60)
    assert accepts(TEXT)


def test_a_node_that_the_old_side_alone_names_keeps_what_it_has(tmp_path: Path) -> None:
    change = load(tmp_path, edited("old: {gateway: edge-gateway}", "old: {gateway: edge-gateway, web: host}"))
    assert {node: spec.name for node, spec in change.policies.items()} == {"gateway": "edge-gateway-next", "web": "host"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("topology: edge", "twin: snapshots/edge.json"),
        ("topology: edge\nold: {gateway: edge-gateway}", "twin: edge.json"),
        ("old: {gateway: edge-gateway}", "rev: origin/main"),
        ("new: {gateway: edge-gateway-next}", "new: {gateway: {v4: a.rules.j2, vars: [{inline: {port: 1.10}}]}}"),
        ("apply: restore", "apply: {run: [./apply.sh, now]}"),
        ("apply: restore", "apply: {run: ./apply.sh}"),
        ("  apply: restore\n", ""),
        ("60s", "5m"),
        ("holds: [web-edge-gateway]", "holds: web-edge-gateway"),
        ("holds: [web-edge-gateway]\n", ""),
    ],
)
def test_what_else_can_be_written(tmp_path: Path, old: str, new: str) -> None:
    assert load(tmp_path, edited(old, new)).change == "CHG-7"
    assert accepts(edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("about: The", "abuot: The", 2, ["unknown key 'abuot'", "did you mean 'about'?"]),
        ("apply: restore", "aply: restore", 13, ["unknown key 'aply'", "did you mean 'apply'?"]),
        ("apply: restore", "apply: restor", 13, ["'restor' is no way to apply rules", "did you mean 'restore'?"]),
        ("apply: restore", "apply: {run: []}", 13, ["`run` names no command"]),
        ("apply: restore", r'apply: {run: [echo, "a\0b"]}', 13, [r"'a\x00b' has a null character"]),
        ("apply: restore", "apply: {command: x}", 13, ["it is written restore, script"]),
        ("apply: restore", "apply: [restore]", 13, ["it is written restore, script"]),
        ("60s", "60", 15, ["60 of what? write 60s"]),
        ("60s", "soon", 15, ["'soon' is not a time"]),
        ("from: office, to: gateway@lan", "frm: office, to: gateway@lan, from: office", 14, ["unknown key 'frm'"]),
        ("2027-01-31", "31.1.", 4, ["is not a date"]),
        ("tcp/8444, expect: allow", "tcp/8444, expect: alow", 9, ["'alow' cannot be expected"]),
        ("tcp/8444, expect: allow", "tcp/8444", 9, ["`expect` is missing in flow 'the trial'"]),
        ("expect: allow", "burst: {send: 2, pass: 1}", 9, ["this row is a burst"]),
        ("tcp/8444, expect: allow", "tcp/8444, expect: allow, steps: []", 9, ["cannot both be said"]),
        ("tcp/8444, expect: allow", "tcp/8444, steps: [open: allow]", 9, ["flows of one packet"]),
        ("tcp/8444, expect: allow", f"tcp/8444, expect: allow, {KNOWN}", 9, ["`known` has no meaning in a row that a change"]),
        ("expect: drop, at", f"expect: drop, v4: {{{KNOWN}}}, at", 10, ["`known` has no meaning in a row that a change"]),
        ("no more trial of the old one", "the trial", 10, ["two rows called 'the trial' (the other in line 9)"]),
        ("topology: edge", "topology: edge\ntwin: a.json", 1, ["`topology` and `twin` are two networks"]),
        ("topology: edge\n", "", 1, ["it says no network", "write topology: NAME"]),
        ("old: {gateway: edge-gateway}\n", "", 1, ["it says no old side"]),
        ("old: {gateway: edge-gateway}", "old: {gateway: edge-gateway}\nrev: main", 1, ["`old` and `rev` both"]),
        ("new: {gateway: edge-gateway-next}", "new: {}", 1, ["`new` gives no node a policy"]),
        ("new: {gateway: edge-gateway-next}\n", "", 1, ["`new` is missing"]),
        ("holds: [web-edge-gateway]", "holds: [web-edge-gateway, web-edge-gateway]", 11, ["is there twice"]),
        ("holds: [web-edge-gateway]", "holds: [../x]", 11, ["leads out of the matrices folder"]),
        ("topology: edge", "twin: ../a.json", 5, ["leads out of the project"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, old: str, new: str, line: int, words: list[str]) -> None:
    assert_told(lambda: load(tmp_path, edited(old, new)), line, *words)


@pytest.mark.parametrize(
    ("old", "new"),
    [("about: The", "abuot: The"), ("apply: restore", "apply: restor"), ("60s", "60"), ("change: CHG-7\n", "")],
)
def test_the_schema_refuses_what_is_refused(old: str, new: str) -> None:
    assert not accepts(edited(old, new))


def test_rows_become_cells_in_both_families_decided_at_the_node_that_changes(tmp_path: Path) -> None:
    cells = intended_cells(load(tmp_path, TEXT), load_topology(TOPOLOGY))
    assert cells[0].id == "CHG-7::the trial[partner->web-vip tcp/8444]"
    assert {cell.at for cell in cells} == {"gateway"}
    assert {cell.where.line for cell in cells} == {9, 10}
    assert intended_cells(load(tmp_path, TEXT.partition("intends:")[0]), load_topology(TOPOLOGY)) == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("from: partner, to: web-vip, service: tcp/8444", "from: partnr, to: web-vip, service: tcp/1", 9, ["'partnr'", "mean"]),
        ("new: {gateway: edge-gateway-next}", "new: {gatewy: x}", 7, ["there is no node 'gatewy'", "did you mean 'gateway'?"]),
        ("old: {gateway: edge-gateway}", "old: {gatewy: x}", 6, ["there is no node 'gatewy'"]),
        ("drop, at: gateway", "drop, at: office", 10, ["'office' is not under test"]),
        ("new: {gateway: edge-gateway-next}", "new: {gateway: a, web: b}", 9, ["does not say which of gateway, web decides"]),
    ],
)  # fmt: skip
def test_words_that_the_topology_does_not_know(tmp_path: Path, old: str, new: str, line: int, words: list[str]) -> None:
    change = load(tmp_path, edited(old, new))
    assert_told(lambda: intended_cells(change, load_topology(TOPOLOGY)), line, *words)


def test_the_flow_that_the_change_is_made_by(tmp_path: Path) -> None:
    cells = admin_cells(load(tmp_path, TEXT), load_topology(TOPOLOGY))
    assert {(cell.sender.node, cell.service.text, cell.expect.action) for cell in cells} == {("office", "tcp/22", "allow")}
    wrong = load(tmp_path, edited("from: office", "from: ofice"))
    assert_told(lambda: admin_cells(wrong, load_topology(TOPOLOGY)), 14, "'ofice'", "did you mean 'office'?")
    assert admin_cells(load(tmp_path, TEXT.partition("window:")[0]), load_topology(TOPOLOGY)) == ()


def test_matrices_that_hold_are_found_in_the_project_of_the_change(tmp_path: Path) -> None:
    for folder in ("changes", "matrices"):
        (tmp_path / folder).mkdir()
    (tmp_path / "matrices" / "web-edge-gateway.yaml").write_text(MATRIX.read_text())
    change = load(tmp_path / "changes", TEXT)
    folders = search_folders(tmp_path / "changes" / "change.yaml")
    (found,) = held_matrices(change, folders)
    assert found.resolve() == (tmp_path / "matrices" / "web-edge-gateway.yaml").resolve()
    wrong = load(tmp_path / "changes", edited("[web-edge-gateway]", "[web-edge, nothing]"))
    assert [line for line, _ in told(lambda: held_matrices(wrong, folders))] == [11, 11]
    assert "did you mean 'web-edge-gateway'?" in told(lambda: held_matrices(wrong, folders))[0][1]


def test_no_link_leads_out_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "changes").mkdir()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text(TEXT)
    (tmp_path / "changes" / "x.yaml").symlink_to(outside)
    with pytest.raises(InputError, match="leads out of"):
        load_change(tmp_path / "changes" / "x.yaml")
