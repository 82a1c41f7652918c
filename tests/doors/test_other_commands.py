"""``lab check``, ``trace``, ``init``, ``schema``, ``doctor`` and the words that lead to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from lab.cli.app import commands_there
from lab.report.wire.schema import own_schemas
from tests.doors.project import LAB, Project, run
from tests.doors.shipped import MATRICES, ROOT

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"

WITHOUT_IPTABLES = """
from lab.kernel.ground import tools
find = tools.find
tools.find = lambda tool: None if tool.startswith("iptables") else find(tool)
"""


def test_check_needs_no_kernel(project: Project, barred: Sequence[str]) -> None:
    done = project.lab("check", before=barred).ended(0)
    assert done.out == f"{MATRIX}: 7 cells on topology small, policy for gateway: fine\n"


def test_check_tells_what_is_wrong(project: Project, barred: Sequence[str]) -> None:
    project.edit(POLICY, "{{ web }}:8443", "{{ wbe }}:8443")
    done = project.lab("check", before=barred).ended(2)
    assert f"{POLICY}:4" in done.err
    assert "wbe" in done.err


def test_check_takes_the_choices_of_run(project: Project) -> None:
    done = project.lab("check", MATRIX, "--topology", "small-elsewhere", "--policy", f"gateway={POLICY}").ended(0)
    assert "9 cells on topology small-elsewhere" in done.out


def test_trace_is_read_hook_by_hook(project: Project) -> None:
    lines = project.lab("trace", "world", "web-vip", "tcp/443").ended(0).out.splitlines()
    assert lines[0].split() == ["verdict", "allowed"]
    shown = "\n".join(lines[lines.index("  path") :])
    places = [
        "gateway: in tcp 198.51.100.254:32768 > 198.51.100.1:443",
        'nat PREROUTING:1 "dnat-web" DNAT',
        f"[{POLICY}:4]",
        'filter FORWARD:2 "publish-web" accept',
        f"[{POLICY}:11]",
        'destination 198.51.100.1:443 -> 10.0.2.10:8443 by nat:PREROUTING:1 "dnat-web"',
        "gateway: out tcp 198.51.100.254:32768 > 10.0.2.10:8443 via dmz",
    ]
    found = [shown.find(place) for place in places]
    assert found == sorted(found), shown
    assert -1 not in found, shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["world", "gateway", "tcp/22"], ("rejected with tcp-reset", "filter:INPUT:1 (refuse-ssh)", f"{POLICY}:12")),
        (["internet", "web", "udp/53"], ("dropped", "filter:FORWARD policy")),
        (["web", "world", "icmp/echo-request"], ("dropped", "filter:FORWARD policy")),
        (["world", "web", "tcp/8443", "--ack", "--sport", "4000"], ("dropped", "198.51.100.254:4000 > 10.0.2.10:8443")),
        (["world", "web-vip", "tcp/443", "--source", "192.0.2.7"], ("allowed", "from 192.0.2.7:")),
        (["gateway", "127.0.0.1", "tcp/22"], ("rejected with tcp-reset", "out tcp 127.0.0.1:32768 > 127.0.0.1:22 via lo")),
        (["gateway", "gateway", "udp/53"], ("dropped", "198.51.100.1:32768 > 198.51.100.1:53", "filter:INPUT policy")),
        (["world", "web-vip", "tcp/443", "--flags", "rst"], ("dropped", "198.51.100.1:443", "filter:INPUT policy")),
        (["gateway", "web", "udp/53", "--mark", "0x7", "--uid", "0"], ("arrived     at web", "filter:OUTPUT policy")),
        (["world", "255.255.255.255", "udp/67", "--source", "0.0.0.0", "--sport", "68"],
         ("dropped", "udp 0.0.0.0:68 > 255.255.255.255:67", "filter:INPUT policy")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_trace_of_every_kind(project: Project, arguments: Sequence[str], words: Sequence[str]) -> None:
    told = project.lab("trace", *arguments).ended(0).out
    assert [word for word in words if word not in told] == [], told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "web", "tcp/22"], ("'nowhere'", "gateway, web, web-vip, world")),
        (["world", "nowhere", "tcp/22"], ("'nowhere'",)),
        (["world", "web@wan", "tcp/22"], ("'wan'", "dmz")),
        (["world", "web", "tcp/22-23"], ("'tcp/22-23'", "one port at a time")),
        (["world", "web", "tpc/22"], ("tpc/22",)),
        (["world", "web", "tcp/22", "--topology", "large"], ("'large'", "small")),
        (["world", "web", "tcp/22", "--topology", "small", "--policy", "gatway=x"], ("gatway",)),
        (["world", "web", "tcp/22", "--matrix", "none.yaml"], ("none.yaml",)),
        (["world", "300.1.2.3", "tcp/22"], ("300.1.2.3",)),
        (["world", "web", "tcp/22", "--source", "x"], ("'x'",)),
        (["world", "web", "tcp/22", "--sport", "70000"], ("70000",)),
        (["world", "web", "tcp/22", "--flags", "syn"], ("'syn' alone is how a handshake begins",)),
        (["world", "web", "tcp/22", "--flags", "ece"], ("'ece'", "none, fin, syn, rst, psh, ack, urg")),
        (["world", "web", "tcp/22", "--mark", "blue"], ("'blue' is not a mark",)),
        (["world", "web@lo", "tcp/22"], ("reached by web alone",)),
        (["world", "web", "udp/67", "--source", "0.0.0.0"], ("say to: 255.255.255.255",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_trace_of_what_is_not_there(project: Project, arguments: Sequence[str], words: Sequence[str]) -> None:
    told = project.lab("trace", *arguments).ended(2).err
    assert [word for word in words if word not in told] == [], told


def test_init_lays_out_a_project_that_runs(tmp_path: Path) -> None:
    first = run([LAB, "init"], tmp_path).ended(0)
    assert f"files laid out in {tmp_path}" in first.out
    assert sorted(path.stem for path in (tmp_path / "matrices").iterdir()) == list(MATRICES)
    checked = run([LAB, "check"], tmp_path).ended(0).out
    told = [line.partition(":")[0] for line in checked.splitlines() if not line.startswith("  note")]
    changes = [f"changes/{path.name}" for path in sorted((ROOT / "changes").glob("*.yaml"))]
    assert changes
    assert told == [*(f"matrices/{name}.yaml" for name in MATRICES), *changes]
    last = run([LAB, "run", "-k", "bare or partner and not nothing"], tmp_path).ended(0).out.splitlines()[-1]
    assert " passed; " in last
    assert "suspect" not in last


def test_init_leaves_alone_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "matrices").mkdir()
    own = tmp_path / "matrices" / "mail-gateway.yaml"
    own.write_text("mine\n")
    assert "1 that were there left alone" in run([LAB, "init", str(tmp_path)], Path("/")).ended(0).out
    assert own.read_text() == "mine\n"


def test_schemas_are_named_printed_and_written(project: Project) -> None:
    names = project.lab("schema").ended(0).out.split()
    assert names == ["topology", "matrix", "change", "drill", *own_schemas()]
    project.lab("schema", "--write", "schemas").ended(0)
    for name in names:
        jsonschema.Draft202012Validator.check_schema(json.loads(project.read(f"schemas/{name}.schema.json")))
    for name in ("topology", names[-1]):
        schema = json.loads(project.lab("schema", name).ended(0).out)
        assert json.loads(project.read(f"schemas/{name}.schema.json")) == schema
    assert "topology, matrix, change, drill, result, bench" in project.lab("schema", "policy").ended(2).err


def test_bench_measures_one_group_and_leaves_the_rest_null(project: Project) -> None:
    done = project.lab("bench", "--only", "probes", "--probes", "3", "--json", "b.json", "--svg", "b.svg").ended(0)
    assert "a proven deny with its rule" in done.out
    assert done.err == "measuring probes\n"
    schema = json.loads(project.lab("schema", "bench").ended(0).out)
    figures = json.loads(project.read("b.json"))
    jsonschema.Draft202012Validator(schema).validate(figures)
    assert figures["deny_us"] > 0
    assert figures["matrix_1000_s"] is None
    assert project.read("b.svg").startswith("<svg ")


def test_bench_is_told_what_is_wrong_before_it_measures(project: Project) -> None:
    assert "did you mean 'probes'" in project.lab("bench", "--only", "probe").ended(2).err
    done = project.lab("bench", "--only", "probes", "--json", "matrices/small.yaml/b.json").ended(2)
    assert "cannot be written" in done.err
    assert "measuring" not in done.err


@pytest.mark.parametrize(("name", "file"), [("topology", "topologies/small.yaml"), ("matrix", MATRIX)])
def test_schemas_agree_with_what_is_loaded(project: Project, name: str, file: str) -> None:
    schema = json.loads(project.lab("schema", name).ended(0).out)
    written = YAML(typ="safe", pure=True).load(project.read(file))
    jsonschema.Draft202012Validator(schema).validate(written)
    written["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(written)


def test_doctor_finds_this_machine_well(project: Project) -> None:
    lines = project.lab("doctor").ended(0).out.splitlines()
    checks = {line[9:].partition(":")[0]: line.split()[0] for line in lines if not line.startswith(" ")}
    for needed in ("kernel", "privileges", "iptables-nft-restore", "sysctls", "tracing", "conntrack"):
        assert checks[needed] in ("OK", "LIMITED")
    mends = [number for number, line in enumerate(lines) if line.startswith("LIMITED")]
    assert all(lines[number + 1].startswith("         mend: ") for number in mends)


def test_doctor_names_what_is_missing(project: Project) -> None:
    done = project.lab_with(WITHOUT_IPTABLES, "doctor").ended(4)
    assert "MISSING  iptables-nft-restore: not on this machine\n         mend: apt-get install iptables" in done.out


def test_doctor_without_permission(project: Project, barred: Sequence[str]) -> None:
    assert "user.max_user_namespaces" in project.lab("doctor", before=barred).ended(4).told


def test_without_a_command_the_commands_are_listed(project: Project) -> None:
    told = run([LAB, "--help"], project.folder).ended(0).out
    for command in commands_there():
        assert f"  {command} " in told
    assert (len(told.splitlines()) <= 48, max(map(len, told.splitlines())) <= 80) == (True, True), told
    assert run([LAB], project.folder).ended(2).told == told
