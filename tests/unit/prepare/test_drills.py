from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from lab.cli.drill_files import list_drills, new_drill, sheet_of
from lab.errors import InputError
from lab.prepare.checked import check_drill
from lab.prepare.drills import Play, play_of
from lab.report.drill_guide import facilitator_sheet
from lab.report.drill_sheet import injects_sheet, players_sheet
from lab.ruleset.filled import filled
from lab.ruleset.sandbox import Budget
from lab.ruleset.unfilled import Unfilled
from tests.unit.written.drills import project


def refused(folder: Path, *changes: tuple[str, str], seed: int | None = None) -> list[str]:
    with pytest.raises(InputError) as raised:
        play_of(project(folder, *changes), seed, shipped=False)
    return [str(problem).removeprefix(f"{folder}/drills/") for problem in raised.value.problems]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    return play_of(project(tmp_path_factory.mktemp("played")), shipped=False)


def test_a_seed_gives_the_same_values_on_every_machine(tmp_path: Path) -> None:
    file = project(tmp_path)
    chosen = [play_of(file, seed, shipped=False).values for seed in (1, 2, 3, 4)]
    assert [(one["port"], one["who"]) for one in chosen] == VALUES
    assert play_of(file, shipped=False).seed == 1


VALUES = [
    (80, {"name": "Bo", "floor": 2}), (80, {"name": "Ann", "floor": 1}), (443, {"name": "Bo", "floor": 2}),
    (80, {"name": "Ann", "floor": 1}),
]  # fmt: skip


def test_its_texts_its_policies_and_its_cells(play: Play) -> None:
    assert play.drill.page == "Bo of floor 2 cannot surf."
    assert [cell.id for cell in play.cells("symptom").cells] == ["no-surfing.symptom::no surfing[pc->world tcp/80]"]
    assert str(play.cells("symptom").cells[0].where).endswith("no-surfing.yaml:14:5")
    assert [cell.id for cell in play.cells("kept").cells] == ["edge::nobody comes in[world->pc tcp/22]"]
    assert play.cells("check").topology is play.topology
    assert play.cells("debrief", "row").cells[0].row == "people surf"
    assert play.fix[0].at == "gateway"
    assert [about for about, _ in play.wrong] == ["iptables -A FORWARD -j ACCEPT", "of one port alone"]
    (policy,) = play.policies.values()
    assert policy.v4 is not None
    assert "443" not in policy.v4.text
    assert play.boots["gateway"] is play.scene.policies["gateway"]


def test_what_it_boots_into(tmp_path: Path) -> None:
    play = play_of(project(tmp_path, ("vary:", "boot: {gateway: edge-old}\nvary:")), shipped=False)
    assert play.boots["gateway"].v4 != play.scene.policies["gateway"].v4


def test_stages_have_cells_too(tmp_path: Path) -> None:
    stage = (
        "stages:\n  - stage: wider\n    page: Now {{ port }}.\n    check:\n"
        "      - {name: wide, from: pc, to: world, service: tcp/80, expect: allow}\nsteps:"
    )
    play = play_of(project(tmp_path, ("steps:", stage)), shipped=False)
    assert [cell.row for cell in play.cells("stages", 0, "check").cells] == ["wide"]
    assert play.cells("stages", 0, "kept").cells == ()
    assert "Now 80." in facilitator_sheet(play)


WRONG = [
    ('from: pc, to: world, service: "tcp/{{ port }}", expect: drop', "from: pd, to: world, service: tcp/80, expect: drop",
     "14:30: there is no node or name 'pd'"),
    ("{node: gateway, comment: surf", "{node: gatway, comment: surf",
     "11:25: topology edge has no node 'gatway'\n    did you mean 'gateway'?"),
    ("place: gateway filter", "place: gatway filter", "20:17: there is no node and no network 'gatway'"),
    ("{at: pc, type: id}", "{at: lan, type: id}", "'lan' is a network: nothing is typed there"),
    ("{at: pc, type: id}", "{at: pd, type: id}", "28:95: topology edge has no node 'pd' to type at"),
    ("topology: edge", "topology: egde", "6:11: there is no topology 'egde' in "),
    ("policies: {gateway: edge}", "policies: {gateway: egde}", "7:21: there is no policy 'egde'"),
    ("policies: {gateway: edge}", "policies: {gatway: edge}", "7:12: topology edge has no node 'gatway'"),
    ("policy: edge-old", "policy: edge-odl", "12:70: there is no policy 'edge-odl'"),
    ("kept: [edge]", "kept: [egde]", "19:8: there is no matrix 'egde'"),
    ("remove-rule: {node: gateway, comment: surf, family: 4}", "link: {node: pc, interface: lam}", "pc has no interface 'lam'"),
    ("kept: [edge]", "kept: [{name: a, from: pc, to: world, service: tcp/1, steps: [{load: {gateway: edge}}, {open: allow}]}]",
     "a row of a drill loads no policy: players do"),
    ("{{ who.name }}", "{{ whom.name }}", "9:7: the text names something that is not given: 'whom' is undefined"),
    ("{{ who.name }}", "{{ who }}", "9:7: the text writes a list or a mapping, which has no form"),
    ("{{ who.name }}", "{% if %}", "9:7: the text is not Jinja2"),
    ("{{ who.name }}", "{{ ''.__class__.__mro__ }}", "9:7: the text fails: access to attribute '__class__'"),
    ("{{ who.name }}", "{% include '/etc/passwd' %}", "9:7: a text includes no other"),
    ("{{ who.name }}", "{{ 'x' * 10000000 }}", "9:7: the texts are too long, filled in"),
    ("{{ who.name }}", "{{ 'x' * 100000000 }}", "9:7: the template repeats a value too often"),
    ("{{ who.name }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "9:7: the text nests too deep"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[f"{number}" for number, _ in enumerate(WRONG)])
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = refused(tmp_path, (old, new))
    assert any(said in one for one in told), told


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_a_loop_without_end_is_ended() -> None:
    with pytest.raises(Unfilled, match=r"takes longer than 0\.1 s") as raised:
        filled(["a", ENDLESS], {}, 100, Budget(seconds=0.1))
    assert raised.value.number == 1


def test_what_ends_the_process_is_told_of_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.prepare.templates.SECONDS", 0)
    assert refused(tmp_path, ("{{ who.name }}", ENDLESS)) == [
        "no-surfing.yaml:1:1: the template takes more time than a policy may have\n    make it simpler"
    ]


def test_a_drill_is_checked_with_every_seed(tmp_path: Path) -> None:
    from_who = ("{name: no surfing, from: pc,", '{name: no surfing, from: "{{ who.node }}",')
    file = project(tmp_path, from_who, ("floor: 1}", "floor: 1, node: pd}"), ("floor: 2}", "floor: 2, node: pc}"))
    assert play_of(file, 1, shipped=False).values["who"] == {"name": "Bo", "floor": 2, "node": "pc"}
    with pytest.raises(InputError, match="there is no node or name 'pd'"):
        check_drill(file)


def test_a_drill_that_is_in_order_is_told(tmp_path: Path) -> None:
    checked = check_drill(project(tmp_path))
    assert str(checked).endswith("no-surfing.yaml: 3 seeds, 4 cells, on topology edge: fine")


def test_players_are_told_nothing_of_the_answer(play: Play) -> None:
    sheet = players_sheet(play)
    assert "Bo of floor 2 cannot surf." in sheet
    assert "| gateway | gateway | wan 198.51.100.1; lan 10.20.1.1 |" in sheet
    drill = play.drill
    secrets = [
        *drill.hints, *drill.steps, drill.debrief.cause, *(one.text for one in drill.injects), *play.fix[0].type, "surf,",
        "edge-old", "rules.v4", "process", "no surfing", "remove", "no-surfing.symptom",
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in sheet.replace(drill.page, "")] == []
    assert "`missing-accept`, `wrong-order`" in sheet, "all kinds, and not its own alone"


def test_the_facilitator_is_told_all(play: Play) -> None:
    sheet = facilitator_sheet(play)
    for part in (
        "`gateway filter:FORWARD` `missing-accept`", "The rule is gone.", "1. Look at FORWARD.", "1. Try it.",
        "| 1 | `0:10:00` | contain is red | The director asks. | a time | hint |", "gateway# iptables -A FORWARD -i lan",
        "pc# id", "of one port alone:", "- the matrix `edge`", "- {name: people surf, from: pc, to: world",
        "class of the failure: process", "`{remove-rule: {node: gateway, comment: surf, family: 4}}`",
        "Which step was left out", "| 0:20 | end",
    ):  # fmt: skip
        assert part in sheet, part


def test_injects_as_planners_have_them(play: Play) -> None:
    rows = list(csv.reader(io.StringIO(injects_sheet(play))))
    assert rows == [
        ["number", "time", "or when", "text", "expected", "if not"],
        ["1", "0:10:00", "contain is red", "The director asks.", "a time", "hint"],
        ["2", "", "wrong answer", "'=1+1", "", ""],
    ]


def test_nothing_of_a_drill_is_taken_for_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> [x](http://x) | \\u001b[31m @team"
    told = (("The rule is gone.", f'"{hostile}"'), ("Look at FORWARD.", f'"{hostile}"'), ("The director asks.", f'"{hostile}"'))
    play = play_of(project(tmp_path, ("{{ who.name }} of", hostile + " of"), *told), shipped=False)
    for sheet in (players_sheet(play), facilitator_sheet(play), injects_sheet(play)):
        assert "\x1b" not in sheet
    for sheet in (players_sheet(play), facilitator_sheet(play)):
        assert all("`<script>" in line for line in sheet.splitlines() if "<script>" in line)


def test_a_new_drill_can_be_played_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = new_drill("my-drill")
    assert str(check_drill(file, shipped=True)).endswith("3 seeds, 7 cells, on topology office-nat: fine")
    with pytest.raises(InputError, match=r"my-drill\.yaml is there already"):
        new_drill("my-drill")
    for name in ("../x", "a/b", "", "-x"):
        with pytest.raises(InputError):
            new_drill(name)
    sheet_of("my-drill", 2, Path("out"))
    assert sorted(one.name for one in Path("out").iterdir()) == ["facilitator.md", "injects.csv", "players.md"]
    assert list_drills((), (), Path("list.json"), shipped=False) == 0
    assert json.loads(Path("list.json").read_text())["drills"][0]["minutes"] == 20
    assert "my-drill  1      20 min  on-call  Somebody outside" in capsys.readouterr().out
    assert list_drills((3,), (), None, shipped=False) == 0
    assert "no drill is of this kind" in capsys.readouterr().out


def test_a_file_that_is_wrong_keeps_no_drill_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    (tmp_path / "drills" / "wrong.yaml").write_text('drill: wrong\nlevel: 9\nabout: "\\e[31m"\n')
    monkeypatch.chdir(tmp_path)
    assert list_drills((), ("network",), None, shipped=False) == 2
    out = capsys.readouterr().out
    assert "no-surfing  2" in out
    assert "problem: drills/wrong.yaml:2:8: `level`: 9 is no level: 1, 2 or 3" in out
    assert "\x1b" not in out
