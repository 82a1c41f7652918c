"""``lab rehearse`` of changes of one's own: what ends with 1 and why, what is refused before anything is built."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from lab.report.wire.schema import rehearse_schema
from tests.doors.project import Ended, Project
from tests.doors.test_twin import DUMP

pytestmark = pytest.mark.kernel

FILE = "changes/CHG-7.yaml"
CHANGE = """\
change: CHG-7
topology: small
old: {gateway: small-gateway}
new: {gateway: next}
holds: [small]
window:
  apply: restore
  admin: {from: world, to: web-vip, service: tcp/443}
  rollback-after: 5m
"""
POLICY_ALONE = ("restore", "restore\n  opens: true")
"""What a chain's policy alone denies may get through while iptables-nft loads: docs/reload.md."""
LOCKS_OUT = ("-m conntrack --ctstate DNAT -m comment --comment", "-s 192.0.2.0/24 -m comment --comment")
WINDOW = CHANGE[CHANGE.index("window:") :]
NOT_ALLOWED = "changes/CHG-7.yaml:7:10: the change runs the command 'sh', which was not allowed"
TWIN = "twin: box.rules\nnew: {box: box-next}\n"
NATIVE = """\
table ip filter {
  chain input {
    type filter hook input priority 0; policy drop;
    tcp dport 22 reject with tcp reset comment "refuse-ssh"
    icmp type echo-request drop comment "drop-icmp"
    drop comment "drop-rest"
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept comment "established"
    ip daddr 10.0.2.10 tcp dport 8443 ct status dnat accept comment "publish-web"
    drop comment "drop-rest"
  }
  chain prerouting {
    type nat hook prerouting priority -100;
    ip daddr 198.51.100.1 tcp dport 443 dnat to 10.0.2.10:8443 comment "dnat-web"
  }
}
"""


def rehearsed(
    project: Project, code: int, window: tuple[str, str] = ("", ""), policy: tuple[str, str] = ("", ""), *more: str
) -> tuple[Ended, dict[str, Any]]:
    """How the rehearsal of the change ended, and what it says of it."""
    project.write(FILE, CHANGE.replace(*window))
    if not (project.folder / "policies/next.nft").exists():
        project.write("policies/next.rules.j2", project.read("policies/small-gateway.rules.j2").replace(*policy))
    done = project.lab("rehearse", FILE, "--no-trials", "--json", "r.json", *more).ended(code)
    document: dict[str, Any] = json.loads(project.read("r.json"))
    assert document["exit_code"] == code
    jsonschema.validate(document, rehearse_schema())
    return done, document


def test_who_is_locked_out_of_a_change_that_is_to_be_confirmed(project: Project) -> None:
    done, document = rehearsed(project, 1, POLICY_ALONE, LOCKS_OUT)
    (found,) = document["rehearsals"]
    words = "you would be locked out from 198.51.100.254 > 198.51.100.1 tcp/443 by gateway filter:FORWARD policy"
    assert found["end"] == "locked-out"
    assert found["locked_out"].startswith(words)
    assert found["faults"][:2] == ["it ended locked-out, and the change says confirmed", found["locked_out"]]
    assert [words.partition(": ")[0] for words in found["faults"][2:]] == ["small::public web[world->web-vip tcp/443]"]
    lines = done.out.splitlines()
    assert "  FAIL it ended locked-out, and the change says confirmed" in lines
    assert f"  FAIL {found['locked_out']}" in lines
    assert found["left"] == []
    *_, state, matrices = found["events"]
    assert state["what"] == "the timer of 300 s put the rules of before back: the node is as before"
    assert (matrices["what"], matrices["good"]) == ("7 of 7 cells of the matrices hold, as before", True)


def test_a_window_that_opens_though_the_change_does_not_say_so(project: Project) -> None:
    window = ("restore", "flush-first")
    done, document = rehearsed(project, 1, window)
    (found,) = document["rehearsals"]
    assert found["end"] == "confirmed"
    opened = found["window"]["opened"]["packets"]
    assert opened > 0
    silent = f"{opened:,} packets got through meanwhile that should not, and the change does not say `opens: true`"
    assert silent in found["faults"]
    assert f"  FAIL {silent}" in done.out.splitlines()


def test_a_matrix_that_does_not_hold_is_rolled_back(project: Project) -> None:
    otherwise = ("--reject-with tcp-reset", "--reject-with icmp-port-unreachable")
    done, document = rehearsed(project, 1, POLICY_ALONE, otherwise)
    (found,) = document["rehearsals"]
    assert found["end"] == "rolled-back"
    (row,) = (row for row in found["holds"] if not row["passed"])
    assert row["name"] == "small::no shell[world->web-vip tcp/22]"
    assert "T+5    FAIL  6 of 7 cells of the matrices hold; small::no shell[world->web-vip tcp/22]: " in done.out
    told = f"small::no shell[world->web-vip tcp/22]: {row['what']}"
    assert found["faults"] == ["it ended rolled-back, and the change says confirmed", told]
    assert "announced: roll back, as not all holds that should; nobody confirms it" in done.out


def test_rules_that_the_kernel_refuses_leave_those_of_before(project: Project) -> None:
    done, document = rehearsed(project, 0, ("restore", "restore\n  ends: refused"), ("-j DROP", "-j DROPP"))
    (found,) = document["rehearsals"]
    assert found["end"] == "refused"
    assert "put the rules of before back: the node is as before" in done.out


def test_a_policy_in_native_nft_is_loaded_in_one_piece(project: Project) -> None:
    project.write("policies/small-native.nft", NATIVE)
    project.write("policies/next.nft", NATIVE.replace("dport 8443", "dport { 8443, 8444 }"))
    change = CHANGE.replace("restore", "restore\n  breaks: true")  # a packet may be between two chains: docs/reload.md
    _, document = rehearsed(project, 0, (CHANGE, change.replace("small-gateway", "small-native")))
    (found,) = document["rehearsals"]
    assert (found["end"], found["way"], found["faults"]) == ("confirmed", "restore", [])
    assert [found["window"][kind]["packets"] for kind in ("opened", "strayed")] == [0, 0]
    assert [flow["broken"] for flow in found["window"]["flows"]] == [False] * len(found["window"]["flows"])
    assert found["window"]["flows"]


def test_a_change_of_a_twin(project: Project) -> None:
    project.write("box.rules", DUMP)
    project.write("policies/box-next.rules", DUMP.replace("--dport 22", "--dport 2222"))
    change = CHANGE.replace("topology: small\nold: {gateway: small-gateway}\nnew: {gateway: next}\nholds: [small]\n", TWIN)
    change = change.replace(*POLICY_ALONE)
    project.write(FILE, "".join(line for line in change.splitlines(keepends=True) if "admin:" not in line))
    project.lab("rehearse", FILE, "--no-trials", "--json", "r.json").ended(0)
    (found,) = json.loads(project.read("r.json"))["rehearsals"]
    assert (found["end"], found["node"], found["new"], found["faults"]) == ("confirmed", "box", "box-next", [])
    assert "confirmed at the console with the token; stable" in [event["what"] for event in found["events"]]
    assert found["window"]["packets"] > 0
    assert len(found["window"]["streams"]) > 10


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("apply: restore", "apply: {run: [sh, -c, 'touch ran']}"), NOT_ALLOWED),
        ((WINDOW, ""), "changes/CHG-7.yaml:1:1: CHG-7 does not say how it is made\n    window: {apply: "),
        (("  rollback-after: 5m\n", ""), "CHG-7 does not say when the rules of before come back"),
        (("restore", "restore\n  ends: fine"), "changes/CHG-7.yaml:8:9: `ends`: 'fine' is no way in which a rehearsal ends"),
    ],
)
def test_what_cannot_be_rehearsed_is_told_before_anything_is_built(project: Project, edit: tuple[str, str], told: str) -> None:
    project.write(FILE, CHANGE.replace(*edit))
    project.write("policies/next.rules.j2", project.read("policies/small-gateway.rules.j2"))
    done = project.lab("rehearse", FILE, "--json", "r.json").ended(2)
    assert told in done.err
    document = json.loads(project.read("r.json"))
    assert (document["exit_code"], document["rehearsals"]) == (2, [])
    assert not (project.folder / "ran").exists()
