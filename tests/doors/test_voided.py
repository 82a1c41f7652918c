"""What voids an answer is said by whoever answers: run, check, trace and sweep, and it is never green without a word."""

from __future__ import annotations

import json

import jsonschema
import pytest

from lab.report.wire.schema import sweep_schema
from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
MATRIX = "matrices/small.yaml"
NO_POLICY = "note: no node has a policy: no rule is loaded, and only routes decide what passes"
ASKED = ("world", "web-vip", "tcp/443")
LACKS = "names interface ppp7, which the node does not have"
BY_MAC = "-A FORWARD -d {{ web }} -p tcp -m mac --mac-source 00:16:3e:0a:0b:0c -m tcp --dport 80 -j ACCEPT\n"
WANT = "for want of a sender with the hardware address 00:16:3e:0a:0b:0c"
NFT = """table inet edge {
\tset guests { type ipv4_addr; }
\tchain pre { type nat hook prerouting priority -100;
\t\tip daddr 198.51.100.1 tcp dport 443 dnat ip to 10.0.2.10:8443 comment "dnat-web"
\t}
\tchain in { type filter hook input priority 0; policy drop; tcp dport 22 reject with tcp reset comment "refuse-ssh"
\t\tmeta l4proto icmp drop comment "drop-icmp"
\t}
\tchain forw {
\t\ttype filter hook forward priority 0; policy drop;
\t\tct state established accept
\t\tip saddr @guests udp dport 53 accept
\t\ttcp dport 8443 accept comment "publish-web"
\t}
}
"""


@pytest.mark.parametrize(
    "command", [("trace", *ASKED), ("sweep", *ASKED), ("run",), ("check",), ("exposure",)], ids=lambda words: words[0]
)
def test_an_interface_that_the_node_lacks(project: Project, command: tuple[str, ...]) -> None:
    project.edit(POLICY, "-A INPUT -p icmp ", "-A INPUT -i ppp7 -p icmp ")
    assert LACKS in project.lab(*command).told


@pytest.mark.parametrize("command", ["trace", "sweep"])
def test_a_topology_alone_has_no_policy(project: Project, command: str) -> None:
    lines = project.lab(command, *ASKED, "--topology", "small").ended(0).out.splitlines()
    assert lines[0] == NO_POLICY
    assert project.lab(command, *ASKED).ended(0).out.splitlines()[0] != NO_POLICY


def test_the_policies_of_a_matrix_hold_on_another_topology(project: Project) -> None:
    told = project.lab("trace", "world", "web", "tcp/22", "--matrix", MATRIX, "--topology", "small-elsewhere").ended(0).out
    assert NO_POLICY not in told
    assert "dropped" in told
    project.write("topologies/other.yaml", project.read("topologies/small.yaml").replace("gateway", "router").replace(
        "topology: small", "topology: other"
    ))  # fmt: skip
    asked = ("world", "web", "tcp/8443", "--matrix", MATRIX, "--topology", "other")
    lines = project.lab("trace", *asked).ended(0).out.splitlines()
    assert "gateway: the policy that matrices/small.yaml gives it is not loaded" in lines[0]
    assert lines[1] == NO_POLICY


def test_the_notes_of_a_sweep_are_in_its_json(project: Project) -> None:
    project.lab("sweep", *ASKED, "--topology", "small", "--json", "s.json").ended(0)
    written = json.loads(project.read("s.json"))
    jsonschema.validate(written, sweep_schema())
    assert NO_POLICY.removeprefix("note: ") in written["sweeps"][0]["notes"]


def test_a_ruleset_without_a_rule_is_told(project: Project) -> None:
    project.write("policies/none.rules", "# to be written\n")
    told = project.lab("check", "--policy", "gateway=policies/none.rules").ended(0).out
    assert "policies/none.rules holds no rule" in told


def test_a_row_that_holds_for_want_of_somebody(project: Project) -> None:
    project.edit(POLICY, "-A INPUT -p tcp", BY_MAC + "-A INPUT -p tcp")
    assert f"gateway: the rule in {POLICY}:12 matches nothing {WANT}" in project.lab("check").ended(0).out
    results = project.results()
    warned = {cell["id"]: cell["warnings"] for cell in results["cells"] if cell["warnings"]}
    assert list(warned) == ["small::nothing else[world->web tcp/80]"]
    ((words,),) = warned.values()
    assert words.startswith(f"gateway filter:FORWARD:3 [{POLICY}:12] was passed over {WANT}")
    assert "6 passed, 1 mismatch" in project.lab("run", "--strict").ended(1).out
    assert f"warning     {words}" in project.lab("trace", "world", "web", "tcp/80").ended(0).out


def test_a_rule_that_would_deny_what_passes(project: Project) -> None:
    drop = '-A FORWARD -p tcp -m string --string "GET /" --algo bm -j DROP\n'
    project.edit(POLICY, "-A FORWARD -m conntrack", drop + "-A FORWARD -m conntrack")
    warned = {cell["id"] for cell in project.results()["cells"] if cell["warnings"]}
    assert warned == {"small::public web[world->web-vip tcp/443]"}


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_an_empty_set_of_ipset(project: Project, backend: str) -> None:
    project.write("policies/small-gateway.ipset", "create guests hash:ip\n")
    rule = "-A FORWARD -p udp -m udp --dport 53 -m set --match-set guests src -j ACCEPT\n"
    project.edit(POLICY, "-A INPUT -p tcp", rule + "-A INPUT -p tcp")
    cells = project.results("--backend", backend)["cells"]
    warned = {cell["id"].removesuffix("@legacy"): cell["warnings"][0] for cell in cells if cell["warnings"]}
    assert list(warned) == ["small::nothing else[world->web udp/53]"]
    assert "an entry in the set guests, which is empty" in warned["small::nothing else[world->web udp/53]"]
    project.write("policies/small-gateway.ipset", "create guests hash:ip\nadd guests 192.0.2.200\n")
    project.lab("run", "--strict", "--backend", backend).ended(0)


def test_an_empty_set_of_nft(project: Project) -> None:
    project.write("policies/edge.nft", NFT)
    results = project.results("--policy", "gateway=edge")
    assert results["summary"]["passed"] == len(results["cells"])
    (warned,) = [cell for cell in results["cells"] if cell["warnings"]]
    assert warned["id"] == "small::nothing else[world->web udp/53]"
    assert "inet edge:forw:2 [policies/edge.nft:12]" in warned["warnings"][0]


def test_nothing_is_said_where_all_is_there(project: Project) -> None:
    assert project.lab("check").ended(0).out.count("\n") == 1
    assert [cell["warnings"] for cell in project.results("--strict")["cells"]] == [[]] * 7
