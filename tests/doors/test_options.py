"""What options do that commands share, and those that choose, stop and shorten a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from lab import __version__
from lab.report.wire.schema import result_schema, sweep_schema, trace_schema
from tests.doors.project import LAB, Project, run
from tests.doors.test_exit_codes import BLIND

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
SHELL = "small::no shell[world->web-vip tcp/22]"
WEB = "small::public web[world->web-vip tcp/443]"
ASKED = ("trace", "world", "web-vip", "tcp/443")


@pytest.fixture
def wrong(project: Project) -> Project:
    """The small project with its shell silently dropped: the second of its seven cells fails."""
    project.edit(POLICY, "REJECT --reject-with tcp-reset", "DROP")
    return project


def test_quiet_prints_failures_and_the_last_line(wrong: Project) -> None:
    told = wrong.lab("run", "-q").ended(1).out
    assert told.startswith("MISMATCH no shell  [matrices/small.yaml:")
    assert told.splitlines()[-1].startswith("7 cells: 6 passed, 1 mismatch; ")
    assert "from -> to" not in told
    assert "to probe" not in told
    assert len(wrong.lab("run", "--quiet", "-k", "public").ended(0).out.splitlines()) == 1


def test_quiet_still_tells_what_stopped_it(project: Project) -> None:
    project.edit(POLICY, "-j REJECT --reject-with tcp-reset", "-j NOWHERE")
    assert "problem: " in project.lab("run", "-q").ended(2).out


def test_x_stops_at_the_first_failure(wrong: Project) -> None:
    wrong.write("matrices/second.yaml", wrong.read(MATRIX).replace("matrix: small", "matrix: twin"))
    done = wrong.lab("run", "-x", MATRIX, "matrices/second.yaml", "--json", "r.json").ended(1)
    said = json.loads(wrong.read("r.json"))
    jsonschema.Draft202012Validator(result_schema()).validate(said)
    assert [(cell["id"], cell["result"]) for cell in said["cells"]] == [(WEB, "passed"), (SHELL, "mismatch")]
    assert "-x: stopped at the first failure, after 2 of 14 cells" in done.out
    assert "stopped" not in wrong.lab("run", "-x", "-k", "public").ended(0).out


def test_x_stops_at_what_stops_a_matrix(project: Project) -> None:
    project.write("policies/other.rules", "*filter\n-A INPUT -j NOWHERE\nCOMMIT\n")
    text = project.read(MATRIX).replace("matrix: small", "matrix: first")
    project.write("matrices/first.yaml", text.replace("gateway: small-gateway", "gateway: other"))
    assert "0 cells: " in project.lab("run", "-x").ended(2).out


def test_lf_runs_what_failed(wrong: Project) -> None:
    assert not (wrong.folder / ".netfilter-lab").exists()
    wrong.lab("run").ended(1)
    done = wrong.lab("run", "--lf").ended(1)
    assert done.out.splitlines()[-1].startswith("1 cell: 0 passed, 1 mismatch; ")
    assert "note: --lf: 1 of 7 cells" in done.out
    assert wrong.lab("run", "--lf", "--collect").ended(0).out == f"{SHELL}\n"
    wrong.edit(POLICY, '"refuse-ssh" -j DROP', '"refuse-ssh" -j REJECT --reject-with tcp-reset')
    wrong.lab("run", "-k", "public").ended(0)
    assert "1 cell: 1 passed; " in wrong.lab("run", "--lf").ended(0).out
    last = wrong.lab("run", "--lf").ended(0).out
    assert "7 cells: 7 passed; " in last
    assert "--lf: none of these cells failed when it was last run, so all were run" in last


def test_only_a_run_writes_what_failed_and_where_it_cannot_it_is_no_failure(wrong: Project) -> None:
    wrong.lab(*ASKED).ended(0)
    wrong.lab("check").ended(0)
    wrong.lab("run", "--collect").ended(0)
    assert not (wrong.folder / ".netfilter-lab").exists()
    wrong.write(".netfilter-lab", "")
    assert wrong.lab("run", "-q").ended(1).err == ""


def test_durations(project: Project) -> None:
    lines = project.lab("run", "--durations", "2").ended(0).out.splitlines()
    assert lines[-4] == "slowest 2 of 7 cells:"
    first, second = (float(line.split()[0]) for line in lines[-3:-1])
    assert first >= second > 0
    assert all(" s  small::" in line for line in lines[-3:-1])
    assert lines[-1].startswith("7 cells: ")


@pytest.mark.parametrize("command", ["run", "sweep world web-vip tcp/440-445", "trace world web-vip tcp/443"])
def test_json_on_standard_output_is_json_alone(project: Project, command: str) -> None:
    done = project.lab(*command.split(), "--json", "-").ended(0)
    assert done.err == ""
    schema = {"run": result_schema, "sweep": sweep_schema, "trace": trace_schema}[command.split()[0]]()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(done.out))
    assert list(project.folder.glob("-")) == []


def test_what_is_wrong_is_on_standard_output_too(project: Project) -> None:
    wrong = project.lab(*ASKED, "--json", "-", "--topology", "nowhere").ended(2)
    jsonschema.Draft202012Validator(trace_schema()).validate(json.loads(wrong.out))
    assert "there is no topology 'nowhere'" in wrong.err


def test_other_reports_on_standard_output(wrong: Project) -> None:
    assert ElementTree.fromstring(wrong.lab("run", "--junit", "-").ended(1).out).get("failures") == "1"
    assert wrong.lab("run", "--markdown", "-", "--json", "r.json").ended(1).out.startswith("## Firewall matrices: not as")
    assert json.loads(wrong.read("r.json"))["exit_code"] == 1


@pytest.mark.parametrize("arguments", [("run", "--json", "--strict"), ("exposure", "--save", "-v")])
def test_an_option_is_not_taken_for_a_file(project: Project, arguments: Sequence[str]) -> None:
    before = sorted(project.folder.iterdir())
    assert "is no file: FILE, or - for standard output" in project.lab(*arguments, "x", "y", "z").ended(2).err
    assert sorted(project.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("target", "service", "expect", "code", "words"),
    [
        ("web-vip", "tcp/443", "drop", 1, ("allowed, expected drop\n", "by          gateway filter:FORWARD:2 (publish-web)")),
        ("web-vip", "tcp/22", "reject:tcp-reset", 0, ("rejected with tcp-reset, for the SYN, as expected\n",)),
        ("web-vip", "tcp/22", "reject:icmp-port-unreachable", 1, ("but was with tcp-reset",)),
        ("web", "udp/53", "drop", 0, ("filter:FORWARD policy",)),
        ("web", "udp/53", "alow", 2, ("--expect 'alow' cannot be expected", "did you mean 'allow'?")),
    ],
)
def test_trace_of_what_is_expected(
    project: Project, target: str, service: str, expect: str, code: int, words: Sequence[str]
) -> None:
    done = project.lab("trace", "world", target, service, "--expect", expect, "--json", "r.json").ended(code)
    assert [word for word in words if word not in done.told] == [], done.told
    said = json.loads(project.read("r.json"))
    jsonschema.Draft202012Validator(trace_schema()).validate(said)
    assert said["exit_code"] == code
    assert [bool(one["differences"]) for one in said["traces"]] == ([code == 1] if code < 2 else [])


def test_two_reports_do_not_share_standard_output(project: Project) -> None:
    done = project.lab("run", "--json", "-", "--markdown", "-").ended(2)
    assert (done.out, "named for two reports" in done.err) == ("", True)


def test_trace_of_an_expectation_that_is_empty_is_wrong_input(project: Project) -> None:
    assert "--expect" in project.lab(*ASKED, "--expect", "").ended(2).err


def test_trace_of_what_is_not_proven(project: Project) -> None:
    done = project.lab_with(BLIND, *ASKED, "--expect", "allow", "--json", "r.json").ended(3)
    assert "the canary was not seen" in done.err
    assert json.loads(project.read("r.json"))["exit_code"] == 3


def test_trace_on_both_backends_is_two_traces(project: Project) -> None:
    done = project.lab(*ASKED, "--backend", "both", "--family", "4", "--json", "r.json").ended(0)
    assert [line for line in done.out.splitlines() if line.startswith("iptables-")] == ["iptables-nft", "iptables-legacy"]
    said = json.loads(project.read("r.json"))["traces"]
    assert [(one["backend"], one["of"], one["verdict"]) for one in said] == [
        ("nft", "world > web-vip tcp/443 IPv4", "allowed"),
        ("legacy", "world > web-vip tcp/443 IPv4", "allowed"),
    ]


def test_a_matrix_is_named_in_the_same_way_everywhere(project: Project) -> None:
    other = str(project.write("elsewhere/other.yaml", project.read(MATRIX).replace("matrix: small", "matrix: other")))
    assert project.lab("check", "--matrix", MATRIX, "--matrix", other).ended(0).out.count(": fine") == 2
    assert project.lab("run", "--matrix", other, "--collect").ended(0).out.startswith("other::")
    assert "other: public web" in project.lab("exposure", "--matrix", other, "--to", "wan", "--full").ended(0).out
    assert "verdict     allowed" in project.lab(*ASKED, "--matrix", other).ended(0).out


def test_the_version_and_the_completion(tmp_path: Path) -> None:
    assert run([LAB, "--version"], tmp_path).ended(0).out == f"netfilter-lab {__version__}\n"
    for shell in ("bash", "zsh", "fish"):
        assert "_LAB_COMPLETE" in run([LAB, "--completion", shell], tmp_path, {"HOME": str(tmp_path)}).ended(0).out
    assert "csh" in run([LAB, "--completion", "csh"], tmp_path).ended(2).err
    assert list(tmp_path.iterdir()) == []
