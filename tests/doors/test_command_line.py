"""``lab run`` and its options, as a user's shell sees them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.doors.project import Nobody, Project
from tests.doors.test_exit_codes import NOTHING_IS_BUILT

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
CELLS = [
    "small::public web[world->web-vip tcp/443]",
    "small::no shell[world->web-vip tcp/22]",
    "small::no echo[world->web-vip icmp/echo-request]",
    "small::nothing else[world->web-vip tcp/80]",
    "small::nothing else[world->web-vip udp/53]",
    "small::nothing else[world->web tcp/80]",
    "small::nothing else[world->web udp/53]",
]


@pytest.fixture
def wrong(project: Project) -> Project:
    """The small project with its web server open to everybody and its shell silently dropped."""
    project.edit(POLICY, "-m conntrack --ctstate DNAT -m comment", "-m comment")
    project.edit(POLICY, "--dport 8443 -m comment", "-m multiport --dports 80,8443 -m comment")
    project.edit(POLICY, "REJECT --reject-with tcp-reset", "DROP")
    return project


def ids(results: dict[str, Any]) -> list[str]:
    return [cell["id"] for cell in results["cells"]]


def failed(results: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: cell["result"] for cell in results["cells"] if cell["result"] != "passed"}


def valid(project: Project, results: dict[str, Any]) -> dict[str, Any]:
    """The results, once they are what ``lab schema result`` says."""
    schema = json.loads(project.lab("schema", "result").ended(0).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(results)
    return results


def test_json_is_what_its_schema_says(project: Project) -> None:
    results = valid(project, project.results())
    assert ids(results) == CELLS
    web = results["cells"][0]
    assert (web["expected"], web["verdict"], web["result"]) == ("allow", "allowed", "passed")
    assert web["rule"]["comment"] == "publish-web"
    assert (web["rule"]["chain"], web["rule"]["number"], web["rule"]["source"]) == ("FORWARD", 2, f"{POLICY}:11")
    assert (web["arrived"]["at"], web["arrived"]["port"], web["arrived"]["from"]) == ("web", 8443, "198.51.100.254")
    assert (web["conntrack"]["state"], web["conntrack"]["assured"]) == ("ESTABLISHED", True)
    assert [step["comment"] for step in web["path"]] == ["dnat-web", "publish-web"]


def test_json_of_failures_adds_up(wrong: Project) -> None:
    results = valid(wrong, wrong.results())
    assert failed(results) == {CELLS[1]: "mismatch", CELLS[5]: "fail-open"}
    summary = results["summary"]
    classes = [summary[name] for name in ("passed", "fail_open", "fail_closed", "mismatch", "errors")]
    assert classes == [5, 1, 0, 1, 0]
    assert summary["cells"] == 7


def test_json_of_a_stopped_matrix_is_valid(project: Project) -> None:
    project.edit(POLICY, "-j REJECT --reject-with tcp-reset", "-j NOWHERE")
    results = valid(project, project.results())
    assert results["cells"] == []
    assert f"{POLICY}:12" in results["problems"][0]


def test_the_machine_is_told(project: Project) -> None:
    machine = project.results("-k", "icmp")["machine"]
    assert machine["kernel"]
    assert machine["backend"] == "nft"
    assert machine["matrices"]["small"]["rulesets"]["gateway"].startswith("sha256:")
    assert machine["matrices"]["small"]["sysctls"]["gateway"]


def test_junit(wrong: Project) -> None:
    wrong.lab("run", "--junit", "out/lab.xml").ended(1)
    suite = ElementTree.parse(wrong.folder / "out" / "lab.xml").getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("small", "7", "2", "0")
    properties = {item.get("name"): item.get("value") for item in suite.find("properties") or ()}
    assert properties["lab.exit"] == "1"
    assert "machine.kernel" in properties
    cases = {f"{case.get('classname')}::{case.get('name')}": case for case in suite.iter("testcase")}
    assert list(cases) == CELLS
    failures = {name: case.find("failure") for name, case in cases.items() if case.find("failure") is not None}
    assert list(failures) == [CELLS[1], CELLS[5]]
    told = failures[CELLS[5]]
    assert told is not None
    assert told.text is not None
    assert f"{POLICY}:11" in told.text


def test_markdown(wrong: Project) -> None:
    wrong.lab("run", "--markdown", "lab.md").ended(1)
    text = wrong.read("lab.md")
    assert text.startswith("## Firewall matrices: not as expected\n")
    told = [line for line in text.splitlines() if line.startswith("- **")]
    assert [line.partition(" world")[0] for line in told] == ["- **fail-open**", "- **mismatch**"]
    assert f"`[{POLICY}:11]`" in text


def test_annotations_stand_at_the_templates_line(wrong: Project) -> None:
    wrong.lab("run", "--annotations", "annotations.txt").ended(1)
    lines = wrong.read("annotations.txt").splitlines()
    assert [line.partition(",title=")[0] for line in lines] == [
        f"::error file={POLICY},line=11",
        f"::error file={POLICY},line=12",
    ]
    row, _, flow = CELLS[5].removeprefix("small::").partition("[")
    assert f"FAIL-OPEN {row}  [{MATRIX}:" in lines[0]
    assert flow.partition("->")[0] in lines[0]


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("tcp/22", CELLS[1:2]),
        ("web-vip and not tcp", [CELLS[2], CELLS[4]]),
        ("udp or (icmp and NO)", [CELLS[2], CELLS[4], CELLS[6]]),
    ],
)
def test_k_selects(project: Project, expression: str, chosen: Sequence[str]) -> None:
    assert ids(project.results("-k", expression)) == chosen


def test_another_policy(project: Project) -> None:
    text = project.read(POLICY).replace("publish-web", "opened")
    project.write("policies/candidate.rules.j2", text)
    results = project.results("--policy", "gateway=policies/candidate.rules.j2")
    assert failed(results) == {CELLS[0]: "mismatch"}
    assert results["cells"][0]["rule"]["source"] == "policies/candidate.rules.j2:11"


def test_another_topology(project: Project) -> None:
    results = project.results("--topology", "small-elsewhere")
    assert failed(results) == {}
    assert [name for name in ids(results) if name not in CELLS] == [
        "small::nothing else[world->spare tcp/80]",
        "small::nothing else[world->spare udp/53]",
    ]


def test_strict_fails_what_is_suspect(project: Project) -> None:
    project.edit(POLICY, "-A FORWARD -m conntrack --ctstate ESTABLISHED",
                 "-A FORWARD -m conntrack --ctstate NEW -p udp -m comment --comment stray -j DROP\n"
                 "-A FORWARD -m conntrack --ctstate ESTABLISHED")  # fmt: skip
    project.edit(POLICY, "*nat\n", "*raw\n-A PREROUTING -p tcp --dport 80 -m comment --comment early -j DROP\nCOMMIT\n*nat\n")
    assert project.results()["summary"]["suspect"] == 2
    done = project.lab("run", "--strict").ended(1)
    assert "denied for the wrong reason? decided by gateway raw:PREROUTING:1 (early)" in done.out
    assert done.out.splitlines()[-1].startswith("7 cells: 5 passed, 2 mismatch; 2 suspect; ")


def test_shuffled_results_are_told_in_the_matrix_order(project: Project) -> None:
    shuffled = project.results("--shuffle", "7")
    assert ids(shuffled) == CELLS
    assert failed(shuffled) == {}


def test_pcap_holds_the_probe(wrong: Project) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.utils import rdpcap

    done = wrong.lab("run", "--pcap", "captures").ended(1)
    folders = sorted(path.name for path in (wrong.folder / "captures").iterdir())
    assert folders == ["small_no_shell_world-_web-vip_tcp_22_", "small_nothing_else_world-_web_tcp_80_"]
    opened, dropped = (wrong.folder / "captures" / name for name in reversed(folders))
    assert "captured in captures/small_nothing_else_world-_web_tcp_80_" in done.out
    for capture in ("gateway-wan.pcap", "gateway-dmz.pcap", "web-dmz.pcap"):
        flags = [str(packet[TCP].flags) for packet in rdpcap(str(opened / capture)) if TCP in packet]
        assert flags[:2] == ["S", "RA"], capture
    seen = rdpcap(str(dropped / "gateway-wan.pcap"))
    assert [(packet[IP].src, packet[IP].dst, packet[TCP].dport) for packet in seen] == [("198.51.100.254", "198.51.100.1", 22)]
    assert not (dropped / "gateway-dmz.pcap").exists()


def test_collect_lists_the_cells_and_builds_nothing(project: Project) -> None:
    assert project.lab_with(NOTHING_IS_BUILT, "run", "--collect").ended(0).out.splitlines() == CELLS
    assert project.lab_with(NOTHING_IS_BUILT, "run", "--collect", "-k", "udp").ended(0).out.splitlines() == CELLS[4::2]


def test_a_folder_stands_for_its_matrices(project: Project) -> None:
    project.write("more/second.yaml", project.read(MATRIX).replace("matrix: small", "matrix: second"))
    matrices = [name.partition("::")[0] for name in ids(project.results("more", MATRIX, "-k", "echo"))]
    assert matrices == ["second", "small"]


def test_a_user_who_is_not_root_sees_the_same(open_project: Project, nobody: Nobody) -> None:
    as_root = {cell["id"]: (cell["verdict"], cell["rule"]) for cell in open_project.results()["cells"]}
    (open_project.folder / "results.json").unlink()
    nobody.lab("run", "--json", "results.json").ended(0)
    results = json.loads(open_project.read("results.json"))
    assert {cell["id"]: (cell["verdict"], cell["rule"]) for cell in results["cells"]} == as_root
    assert results["machine"]["rootless"] is True
