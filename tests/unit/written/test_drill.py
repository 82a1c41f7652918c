from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.errors import InputError
from lab.written.drill import FAULT_KINDS, Drill
from lab.written.drill_file import drill_files, drill_of, find_drill, read_drill, templates_of
from lab.written.drill_places import place_of
from lab.written.schema import json_schemas
from lab.written.yaml_source import read_yaml
from tests.unit.written.drills import DRILL, project

SCHEMA = json_schemas()["drill"]


def drill_in(file: Path) -> Drill:
    """The drill as it is written, its templates for texts."""
    document, _ = read_drill(file)
    return drill_of(document, {path: "80" if "port" in text else "text" for path, text in templates_of(document).items()} | {
        path: "tcp/80" for path in templates_of(document) if path[-1] == "service"
    })  # fmt: skip


def problems(folder: Path, *changes: tuple[str, str]) -> list[str]:
    with pytest.raises(InputError) as raised:
        drill_in(project(folder, *changes))
    return [str(problem).removeprefix(f"{folder}/drills/") for problem in raised.value.problems]


def test_all_its_parts(tmp_path: Path) -> None:
    drill = drill_in(project(tmp_path))
    assert (drill.drill, drill.level, drill.roles, drill.minutes) == ("no-surfing", 2, ("on-call", "network"), 20)
    assert drill.seeds == (1, 2, 3)
    assert drill.vary["port"] == (80, 443)
    assert [(fault.kind, fault.nodes) for fault in drill.faults] == [("remove-rule", ("gateway",)), ("boot-file", ("gateway",))]
    assert drill.faults[0].said.family == "4"
    assert drill.faults[1].policies == ((("boot-file", "policy"), "edge-old"),)
    assert (drill.answer[0].place, drill.answer[0].kind, drill.answer[0].node) == (
        "gateway filter:FORWARD", "missing-accept", "gateway",
    )  # fmt: skip
    assert [(one.at, one.when, one.if_not) for one in drill.injects] == [
        (600, "contain-is-red", "hint"), (None, "wrong-answer", ""),
    ]  # fmt: skip
    assert [(one.at, one.type[0].split()[0]) for one in drill.typed(drill.fix)] == [("gateway", "iptables")]
    assert [[one.at for one in drill.typed(wrong.steps)] for wrong in drill.wrong] == [["gateway"], ["gateway", "pc"]]
    assert drill.kept == ("edge",)
    assert drill.debrief.failure == "process"
    assert drill.as_written("debrief", "row", "name") == "people surf"
    assert drill.as_written("debrief", "row", "nothing") is None


WRONG = [
    ("level: 2", "level: 4", "3:8: `level`: 4 is no level: 1, 2 or 3"),
    ("level: 2", 'level: "2"', "3:8: `level`: '2' is no level: 1, 2 or 3"),
    ("minutes: 20", "minutes: 0", "5:10: `minutes`: 0 is no time in minutes: a whole number belongs here"),
    ("steps: [Try it.]", "step: [Try it.]", "29:1: unknown key 'step'\n    did you mean 'steps'?"),
    ("steps: [Try it.]", "steps: [on]", "29:9: on is a boolean to some YAML readers"),
    ("hints: [Look at FORWARD.]", "hints: [1.5]", '21:9: 1.5 is a float to some YAML readers\n    quote it: "1.5"'),
    ("cause: The rule is gone.", "cause: 2026-01-01", "32:10: 2026-01-01 is a date to some YAML readers"),
    ("about: People complain.", "about: 12", '2:8: `about`: 12 is a number to YAML; quote it: "12"'),
    ("kind: missing-accept", "kind: missing-acept",
     "20:47: `kind`: 'missing-acept' is no kind of cause\n    did you mean 'missing-accept'?"),
    ("place: gateway filter:forward", "place: gateway rout",
     "20:17: `place`: 'gateway rout' is no place: 'rout' is nothing that a node has\n    did you mean 'route'?"),
    ("or-when: wrong-answer", "or-when: wrong-anser",
     "24:15: `or-when`: 'wrong-anser' is nothing that happens in a drill\n    did you mean 'wrong-answer'?"),
    ("at: 10m", "at: 10", "23:10: `at`: 10 of what? write 10s, 10m or 10h"),
    ("{or-when: wrong-answer, text", "{text", "24:5: an inject that nothing brings\n    write at: 10m"),
    ("remove-rule", "remove-rules", "11:5: unknown key 'remove-rules'\n    did you mean 'remove-rule'?"),
    ("comment: surf, family: 4}", "comment: surf, family: 5}", "11:57: `family`: 5 is not a family: 4, 6 or both"),
    ("/etc/iptables/rules.v4", "/etc/passwd", "12:38: `path`: '/etc/passwd' is nothing that a node boots from"),
    ("policy: edge-old", "policy: ../edge", "12:70: '../edge' leads out of the policies folder: files are named from there on"),
    ("kept: [edge]", "kept: [../edge]", "19:8: the matrix '../edge' leads out of the matrices folder"),
    ("kept: [edge]", "kept: [{name: a, from: pc, to: world, service: tcp/1}]", "19:8: `expect` is missing in flow 'a'"),
    ("class: process", "class: proces", "31:10: `class`: 'proces' is no class of failures\n    did you mean 'process'?"),
    ("vary: {port: [80, 443], ", "vary: {port: [], ", "8:14: `port`: the list is empty: it selects nothing"),
    ("vary: {port:", "vary: {a b: [1], port:", "8:8: 'a b' cannot be named in a text"),
    ("minutes: 20", "seeds: [1, 1]", "5:8: `seeds`: at most 100 seeds, each once"),
    ("drill: no-surfing", "drill: other", "1:8: this is drill 'other', and its file is called no-surfing.yaml"),
    ('page: "{{ who.name }} of floor {{ who.floor }} cannot surf."', 'page: ""', "1:1: `page` has nothing in it"),
    ("- iptables -A FORWARD -j ACCEPT", '- "a\\nb"', "27:5: 'a\\nb' has a line break or a control character"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[new for _, new, _ in WRONG])
def test_what_is_wrong_is_told_with_its_place_and_what_was_meant(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = problems(tmp_path, (old, new))
    assert any(said in one for one in told), told


def test_a_cause_that_can_be_mended_wants_a_mend(tmp_path: Path) -> None:
    assert "it says nothing that mends it" in problems(tmp_path, ("fix: [", "evidence: ["))[0]
    upstream = ("place: gateway filter:forward, kind: missing-accept", "place: wan, kind: upstream")
    drill = drill_in(project(tmp_path, ("fix: [", "evidence: ["), upstream))
    assert drill.fix == ()


def test_a_fault_is_one_thing(tmp_path: Path) -> None:
    two = ("comment: surf, family: 4}", "comment: surf}\n    link: {node: pc, interface: lan}")
    assert "a fault is one key, not 2" in problems(tmp_path, two)[0]


@pytest.mark.parametrize(
    "fault",
    [
        "move-rule: {node: gateway, comment: surf, to: 1}", 'add-rule: {node: gateway, rule: "-I FORWARD 1 -j ACCEPT"}',
        "load: {gateway: edge-old}", "commands: {node: gateway, run: [ip route del default]}",
        "sysctl: {node: gateway, set: {net.ipv4.conf.all.rp_filter: 1}}", "mtu: {node: gateway, interface: wan, mtu: 1400}",
        "link: {node: pc, interface: lan, state: down}", "fill-conntrack: {node: gateway, entries: 1000}",
    ],
)  # fmt: skip
def test_every_fault_is_read_and_is_in_the_schema(tmp_path: Path, fault: str) -> None:
    file = project(tmp_path, ("remove-rule: {node: gateway, comment: surf, family: 4}", fault))
    assert drill_in(file).faults[0].kind == fault.partition(":")[0]
    assert accepted(file.read_text())


def accepted(text: str) -> bool:
    data: Any = json.loads(json.dumps(read_yaml(text, "drill").data))
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def test_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert accepted(DRILL)
    assert not accepted(DRILL.replace("level: 2", "level: 4"))
    assert not accepted(DRILL.replace("steps:", "step:"))
    assert not accepted(DRILL.replace("kind: missing-accept", "kind: other"))
    properties: Any = SCHEMA["properties"]
    assert all("description" in value for value in properties.values())


def test_places_however_they_are_written() -> None:
    written = ("gw NAT:prerouting", "gw sysctl net.ipv4.conf.all.rp_filter", "gw  route", "wan")
    assert [str(place_of(text)) for text in written] == ["gw nat:PREROUTING", "gw sysctl rp_filter", "gw route", "wan"]


@pytest.mark.parametrize("text", ["", "gw route 1", "gw a:b c", "gw sysctl a b", "gw ; rm"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"place|behind|more than one"):
        place_of(text)


def test_kinds_are_one_list() -> None:
    assert len(set(FAULT_KINDS)) == len(FAULT_KINDS) == 27


def test_drills_are_found_by_name_and_own_ones_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_drill("no-surfing").resolve() == file
    assert find_drill("drills/no-surfing.yaml") == Path("drills/no-surfing.yaml")
    assert list(drill_files(shipped=False)) == ["no-surfing"]
    with pytest.raises(InputError, match=r"there is no drill 'no-surf'\n.*did you mean 'no-surfing'"):
        find_drill("no-surf")


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    file = project(tmp_path / "project")
    (tmp_path / "secret.yaml").write_text("drill: no-surfing\n")
    file.unlink()
    file.symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(InputError, match="leads out"):
        read_drill(file)
