"""Flows of several steps as a user writes and runs them: what outlives a reload, and what a failure says."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.doors.project import LAB, Nobody, Project, run

pytestmark = pytest.mark.kernel

TOPOLOGY = """
topology: office
networks: {lan: [10.0.1.0/24, "2001:db8:a::/64"], dmz: [10.0.2.0/24, "2001:db8:d::/64"]}
nodes:
  pc: {role: client, interfaces: {lan: [10.0.1.10, "2001:db8:a::10"]}, via: gateway}
  gateway:
    role: gateway
    interfaces: {lan: [10.0.1.1, "2001:db8:a::1"], dmz: [10.0.2.1, "2001:db8:d::1"]}
    forwards: true
    sysctls: {net.netfilter.nf_conntrack_tcp_loose: "LOOSE"}
  web: {role: backend, interfaces: {dmz: [10.0.2.10, "2001:db8:d::10"]}, via: gateway}
"""
HEAD = ":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
ESTABLISHED = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment established -j ACCEPT\n"
NO_SYN = "-A FORWARD -p tcp -m tcp ! --syn -m conntrack --ctstate NEW -m comment --comment new-without-syn -j DROP\n"
INVALID = "-A FORWARD -m conntrack --ctstate INVALID -m comment --comment invalid -j DROP\n"
WEB = "-A FORWARD -i lan -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m comment --comment web -j ACCEPT\n"
OPEN = f"*filter\n{HEAD}{ESTABLISHED}{NO_SYN}{INVALID}{WEB}COMMIT\n"
PICKS_UP = f"*filter\n{HEAD}{ESTABLISHED}{WEB}COMMIT\n"
DENIES = f"*filter\n{HEAD}{ESTABLISHED}-A FORWARD -p tcp -m tcp --dport 443 -m comment --comment closed -j DROP\nCOMMIT\n"
SHUT = f"*filter\n{HEAD}-A FORWARD -m comment --comment shut -j DROP\nCOMMIT\n"
NATIVE = """
table inet edge {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept comment "established"
    tcp flags & (syn | ack) != syn ct state new drop comment "new-without-syn"
    ct state invalid drop comment "invalid"
    RULE
  }
}
"""
NATIVE_WEB = 'iifname "lan" tcp dport 443 ct state new accept comment "web"'
NATIVE_CLOSED = 'tcp dport 443 drop comment "closed"'
MATRIX = """
matrix: sessions
for: gateway
topology: office
policies: {gateway: open}
flows:
  - name: a session outlives the reload, and how it is made to end
    from: pc
    to: web
    service: tcp/443
    steps:
      - open: {expect: allow, rule: web}
      - send: {expect: allow, rule: established, conntrack: {state: ESTABLISHED}}
      - load: {gateway: denies}
      - send: {expect: allow, rule: established}
      - answer: {expect: allow, rule: established}
      - flow: {from: pc, to: web, service: tcp/443, expect: drop, rule: closed}
      - load: {gateway: open}
      - forget: gateway
      - send: AFTER
"""
ROWS = {"0": "{expect: drop, rule: LOST}", "1": "{expect: allow, rule: web}"}


def written(project: Project, *, loose: str, lost: str = "invalid", native: bool = False) -> None:
    """The matrix and its policies; with ``loose`` conntrack takes up what it knows nothing of."""
    policies = {"open": OPEN if loose == "0" else PICKS_UP, "denies": DENIES, "shut": SHUT}
    project.write("topologies/office.yaml", TOPOLOGY.replace("LOOSE", loose))
    project.write("matrices/sessions.yaml", MATRIX.replace("AFTER", ROWS[loose]).replace("LOST", lost))
    if native:
        project.write("policies/open.nft", NATIVE.replace("RULE", NATIVE_WEB))
        project.write("policies/denies.nft", NATIVE.replace("RULE", NATIVE_CLOSED))
        return
    for name, text in policies.items():
        project.write(f"policies/{name}.rules", text)
        project.write(f"policies/{name}.rules6", text)


@pytest.mark.parametrize("backend", ["nft", "legacy"])
@pytest.mark.parametrize("loose", ["0", "1"])
def test_a_session_outlives_the_reload(project: Project, backend: str, loose: str) -> None:
    written(project, loose=loose)
    done = project.lab("run", "matrices/sessions.yaml", "--backend", backend).ended(0)
    assert "all 1 flows get the same verdict" in done.out, "IPv4 beside IPv6"


def test_native_rules_are_exchanged_under_a_session_too(project: Project) -> None:
    written(project, loose="0", native=True)
    project.lab("run", "matrices/sessions.yaml").ended(0)


def test_one_dialect_is_exchanged_for_the_other(project: Project) -> None:
    written(project, loose="0")
    project.write("policies/native.nft", NATIVE.replace("RULE", NATIVE_CLOSED))
    project.edit("matrices/sessions.yaml", "{gateway: denies}", "{gateway: {nft: native.nft}}")
    project.lab("run", "matrices/sessions.yaml").ended(0)


def failing(project: Project) -> None:
    written(project, loose="0")
    project.edit("matrices/sessions.yaml", "load: {gateway: denies}", "load: {gateway: shut}")
    project.edit("matrices/sessions.yaml", "    service: tcp/443\n    steps", "    service: tcp/443\n    family: 4\n    steps")


def test_a_failure_names_its_step_and_those_before_it(project: Project) -> None:
    failing(project)
    reports = "--json", "r.json", "--junit", "r.xml", "--markdown", "r.md"
    done = project.lab("run", "matrices/sessions.yaml", *reports).ended(1)
    said = " ".join(done.out.split())
    assert "pc 10.0.1.10 -> web 10.0.2.10 tcp/443: expected allow of step 4 (send), is dropped" in said
    assert "steps 1 open: allowed by gateway filter:FORWARD:4 (web)" in said
    assert "3 load gateway: shut 4 send: dropped by gateway filter:FORWARD:1 (shut), and not allow" in said
    assert "5 to 9 were not done" in said
    assert "matrices/sessions.yaml:16:9" in done.out, "the step's own line"
    (cell,) = json.loads(project.read("r.json"))["cells"]
    assert [step["result"] for step in cell["steps"]] == ["passed", "passed", "passed", "fail-closed"]
    _, _, loaded, sent = cell["steps"]
    assert (cell["steps_left"], loaded["verdict"], sent["rule"]) == (5, None, "gateway filter:FORWARD:1 (shut)")
    case = ElementTree.parse(project.folder / "r.xml").getroot().find(".//testcase")
    assert case is not None
    assert case.get("line") == "16"
    assert "4 send: dropped" in "".join(case.itertext())
    assert "4 send: dropped" in project.read("r.md")


def test_pytest_runs_the_same_steps(project: Project) -> None:
    failing(project)
    done = run([LAB, "pytest", "matrices/sessions.yaml", "-q", "-p", "no:cacheprovider"], project.folder)
    assert (done.code, "of step 4 (send), is dropped" in done.out) == (1, True), done.told


def test_steps_are_run_by_an_ordinary_user(nobody: Nobody, open_project: Project) -> None:
    written(open_project, loose="0")
    text = open_project.read("matrices/sessions.yaml")
    more = "      - load: {gateway: shut}\n      - open: {expect: drop}\n        session: b\n      - load: {gateway: open}\n"
    more += "      - open: allow\n        session: b\n      - link: {node: pc, interface: lan, state: down}\n"
    more += "      - link: {node: pc, interface: lan, state: up}\n      - send: allow\n        session: b\n"
    open_project.write("matrices/sessions.yaml", text + more)
    done = nobody.lab("run", "matrices/sessions.yaml")
    assert done.code == 0, done.told


STOPPED = """
import os, signal
from lab.run.steps import registry
done = dict(registry.DONE_BY)
def stop(play, step):
    os.kill(os.getpid(), signal.SIGTERM)
    return done["answer"](play, step)
registry.DONE_BY = {**done, "answer": stop}
from lab.run.ways import sequence
sequence.DONE_BY = registry.DONE_BY
"""


def test_an_interruption_in_the_midst_is_no_result(project: Project) -> None:
    written(project, loose="0")
    before = {path.name for path in Path("/proc/self/ns").iterdir()}
    done = project.lab_with(STOPPED, "run", "matrices/sessions.yaml", "--json", "r.json").ended(143)
    assert (json.loads(project.read("r.json"))["cells"], "interrupted" in done.told) == ([], True)
    assert {path.name for path in Path("/proc/self/ns").iterdir()} == before


def test_a_policy_that_would_be_refused_in_the_midst_is_told_before_anything_is_asked(project: Project) -> None:
    written(project, loose="0")
    project.write("policies/denies.rules", SHUT.replace("-j DROP", "-j NOWHERE"))
    done = project.lab("run", "matrices/sessions.yaml", "-k", "not 6").ended(2)
    assert "policies/denies.rules:5" in done.out
    assert "0 cells: 0 passed" in done.out


def test_the_page_s_own_example_holds_of_the_shipped_edge(project: Project) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "sequences.md").read_text(encoding="utf-8")
    project.write("matrices/edge-sessions.yaml", page.partition("```yaml\n")[2].partition("```")[0])
    done = project.lab("run", "matrices/edge-sessions.yaml", "--shipped")
    assert done.code == 0, done.told
